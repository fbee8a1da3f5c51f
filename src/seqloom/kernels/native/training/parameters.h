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
  bool is_matrix = false;  // not a bias

  size_t size() const { return rows * columns; }
};

// The parameters of one layer.
struct LayerRegions {
  size_t units, inputs;  // units of the layer and width of its input, without padding
  size_t padded_units, padded_inputs;
  Region weight_input, weight_hidden, bias;

  size_t gate_columns() const { return kGates * padded_units; }
};

// All parameters of a model, and where they start in an arena (an array of one float per parameter).
struct Parameters {
  explicit Parameters(const TrainerSetup& setup) : setup(setup) {
    size_t inputs = setup.embedding ? setup.embedding : setup.vocabulary;
    if (setup.embedding) embedding = add_region(padded(setup.vocabulary), padded(setup.embedding), /*is_matrix=*/true);
    for (const int size : setup.sizes) {
      LayerRegions layer{static_cast<size_t>(size), inputs, padded(size), padded(inputs), {}, {}, {}};
      layer.weight_input = add_region(layer.padded_inputs, layer.gate_columns(), /*is_matrix=*/true);
      layer.weight_hidden = add_region(layer.padded_units, layer.gate_columns(), /*is_matrix=*/true);
      layer.bias = add_region(/*rows=*/1, layer.gate_columns(), /*is_matrix=*/false);
      layers.push_back(layer);
      inputs = size;
    }
    for (int head = 0; head < setup.num_heads; ++head) {
      head_weights.push_back(add_region(padded(inputs), padded(setup.vocabulary), /*is_matrix=*/true));
      head_biases.push_back(add_region(/*rows=*/1, padded(setup.vocabulary), /*is_matrix=*/false));
    }
  }

  // Copy a parameter from the model's shape (`values`) into this layout (`arena`), or back.
  void copy_parameter(float* arena, Part part, int index, float* values, bool into_arena) const {
    const auto copy = [into_arena](float& stored, float& model_value) {
      if (into_arena)
        stored = model_value;
      else
        model_value = stored;
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

  // Return the column of a unit's gate, whose index `gate` counts the gates of the model. This layout always has four
  // gates. A GRU has three: its last gate, the candidate, is stored as the third in the recurrent weights, and as the
  // fourth in the input weights and the bias.
  size_t gate_column(Part part, int gate, size_t unit) const {
    if (setup.gru && gate == 2 && part != kWeightHidden) gate = 3;
    return unit / kWidth * kGateColumns + gate * kWidth + unit % kWidth;
  }

  // The number of gates that the model has.
  int num_model_gates() const { return setup.gru ? 3 : 4; }

  // Zero the gates that a GRU does not have: the third of the input part, the fourth of the recurrent part.
  void zero_absent_gates(float* arena) const {
    if (!setup.gru) return;
    for (const LayerRegions& layer : layers) {
      zero_gate(arena, layer.weight_input, /*gate=*/2);
      zero_gate(arena, layer.bias, /*gate=*/2);
      zero_gate(arena, layer.weight_hidden, /*gate=*/3);
    }
  }

  TrainerSetup setup;
  Region embedding;
  std::vector<LayerRegions> layers;
  std::vector<Region> head_weights, head_biases;
  // Every region in order, and the total number of floats.
  std::vector<Region> all_regions;
  size_t num_floats = 0;

 private:
  Region add_region(size_t rows, size_t columns, bool is_matrix) {
    Region region{num_floats, rows, columns, is_matrix};
    num_floats += region.size();
    all_regions.push_back(region);
    return region;
  }

  template <typename Copy>
  void copy_layer(float* arena, Part part, const LayerRegions& layer, float* values, Copy copy) const {
    const Region& region = part == kWeightInput    ? layer.weight_input
                           : part == kWeightHidden ? layer.weight_hidden
                                                   : layer.bias;
    const size_t inputs = part == kWeightInput ? layer.inputs : part == kWeightHidden ? layer.units : 1;
    for (int gate = 0; gate < num_model_gates(); ++gate)
      for (size_t unit = 0; unit < layer.units; ++unit) {
        float* row = values + (gate * layer.units + unit) * inputs;
        const size_t first = region.start + gate_column(part, gate, unit);
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
