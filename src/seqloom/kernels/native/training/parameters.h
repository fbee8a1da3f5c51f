// The layout of the parameters in the arrays of training, and the conversion from and to the model's shapes.
//
// A matrix is stored as [input, output], padded with zeros to whole panels. Gates are interleaved: the four gates of
// kWidth units, then those of the next units.
#pragma once

#include <vector>

#include "runtime/buffer.h"
#include "training/gemm.h"
#include "training/trainer.h"

namespace seqloom::SEQLOOM_ISA {

// One parameter: `rows` by `columns` floats, padding included.
struct Region {
  size_t start = 0, rows = 0, columns = 0;
  bool matrix = false;

  size_t size() const { return rows * columns; }
};

struct LayerRegions {
  size_t units, inputs;  // units of the layer and width of its input, without padding
  size_t padded_units, padded_inputs;
  Region weight_input, weight_hidden, bias;

  size_t gate_columns() const { return kGates * padded_units; }
};

struct Parameters {
  explicit Parameters(const TrainerSetup& setup) : setup(setup) {
    size_t inputs = setup.embedding ? setup.embedding : setup.vocabulary;
    if (setup.embedding) embedding = take(padded(setup.vocabulary), padded(setup.embedding), true);
    for (const int size : setup.sizes) {
      LayerRegions layer{static_cast<size_t>(size), inputs, padded(size), padded(inputs), {}, {}, {}};
      layer.weight_input = take(layer.padded_inputs, layer.gate_columns(), true);
      layer.weight_hidden = take(layer.padded_units, layer.gate_columns(), true);
      layer.bias = take(1, layer.gate_columns(), false);
      layers.push_back(layer);
      inputs = size;
    }
    for (int head = 0; head < setup.num_heads; ++head) {
      head_weights.push_back(take(padded(inputs), padded(setup.vocabulary), true));
      head_biases.push_back(take(1, padded(setup.vocabulary), false));
    }
  }

  // Copy a parameter from the model's shape (`values`) into this layout (`arena`), or back.
  void copy_parameter(float* arena, Part part, int index, float* values, bool into_arena) const {
    const auto copy = [into_arena](float& ours, float& model) {
      if (into_arena)
        ours = model;
      else
        model = ours;
    };
    const size_t vocabulary = setup.vocabulary;
    if (part == kEmbedding) {
      for (size_t token = 0; token < vocabulary; ++token)
        for (int i = 0; i < setup.embedding; ++i)
          copy(arena[embedding.start + token * embedding.columns + i], values[token * setup.embedding + i]);
    } else if (part == kHeadWeight) {
      const Region& region = head_weights[index];
      const size_t inputs = setup.sizes.back();
      for (size_t token = 0; token < vocabulary; ++token)
        for (size_t i = 0; i < inputs; ++i)
          copy(arena[region.start + i * region.columns + token], values[token * inputs + i]);
    } else if (part == kHeadBias) {
      for (size_t token = 0; token < vocabulary; ++token) copy(arena[head_biases[index].start + token], values[token]);
    } else {
      copy_layer(arena, part, layers[index], values, copy);
    }
  }

  // Return the column of a unit's gate. This layout always has four gates. A GRU has three: its last gate, the
  // candidate, is stored as the third in the recurrent weights, and as the fourth in the input weights and the bias.
  size_t column(Part part, int gate, size_t unit) const {
    if (setup.gru && gate == 2 && part != kWeightHidden) gate = 3;
    return unit / kWidth * kGateColumns + gate * kWidth + unit % kWidth;
  }

  int model_gates() const { return setup.gru ? 3 : 4; }

  // Zero the gates that a GRU does not have: the third of the input part, the fourth of the recurrent part.
  void zero_absent_gates(float* arena) const {
    if (!setup.gru) return;
    for (const LayerRegions& layer : layers) {
      zero_gate(arena, layer.weight_input, 2);
      zero_gate(arena, layer.bias, 2);
      zero_gate(arena, layer.weight_hidden, 3);
    }
  }

  TrainerSetup setup;
  Region embedding;
  std::vector<LayerRegions> layers;
  std::vector<Region> head_weights, head_biases;
  // Every region in order, and the total number of floats.
  std::vector<Region> all;
  size_t total = 0;

 private:
  Region take(size_t rows, size_t columns, bool matrix) {
    Region region{total, rows, columns, matrix};
    total += region.size();
    all.push_back(region);
    return region;
  }

  template <typename Copy>
  void copy_layer(float* arena, Part part, const LayerRegions& layer, float* values, Copy copy) const {
    const Region& region = part == kWeightInput    ? layer.weight_input
                           : part == kWeightHidden ? layer.weight_hidden
                                                   : layer.bias;
    const size_t inputs = part == kWeightInput ? layer.inputs : part == kWeightHidden ? layer.units : 1;
    for (int gate = 0; gate < model_gates(); ++gate)
      for (size_t unit = 0; unit < layer.units; ++unit) {
        float* row = values + (gate * layer.units + unit) * inputs;
        const size_t first = region.start + column(part, gate, unit);
        for (size_t i = 0; i < inputs; ++i) copy(arena[first + i * region.columns], row[i]);
      }
  }

  static void zero_gate(float* arena, const Region& region, int gate) {
    for (size_t row = 0; row < region.rows; ++row)
      for (size_t c = gate * kWidth; c < region.columns; c += kGateColumns)
        store(arena + region.start + row * region.columns + c, Vec{});
  }
};

}  // namespace seqloom::SEQLOOM_ISA
