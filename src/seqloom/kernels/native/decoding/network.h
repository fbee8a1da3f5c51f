// A network of layers with an output layer, in one format.
#pragma once

#include <memory>

#include "convolution.h"
#include "recurrent.h"
#include "scoring.h"

namespace seqloom::SEQLOOM_ISA::decoding {

// From the last layer's activations to the logits.
template <class Format>
class OutputLayer {
 public:
  explicit OutputLayer(const Model& model, size_t inputs)
      : vocabulary_(model.vocabulary),
        num_blocks(padded_to(vocabulary_, kColumns) / kColumns),
        weights_(num_blocks, inputs,
                 [&](size_t column) { return column < vocabulary_ ? model.head + column * inputs : nullptr; }),
        bias_(num_blocks * kColumns) {
    for (size_t column = 0; column < bias_.size(); ++column)
      bias_[column] = column < vocabulary_ ? model.head_bias[column] : kNever;
  }

  size_t width() const { return bias_.size(); }
  size_t bytes() const { return weights_.bytes(); }

  void advance(const Row* rows, int count, const Share& blocks, size_t from, size_t to) const {
    for (size_t block = blocks.begin; block < blocks.end; ++block)
      in_batches<Format>(count, [&](int first, auto taken) { advance_rows<taken>(rows + first, block, from, to); });
  }

 private:
  static constexpr int kVectors = 4;
  static constexpr size_t kColumns = kVectors * kWidth;
  // Finite, so that it is no sign of diverged weights.
  static constexpr float kNever = -3.0e38f;

  template <int Rows>
  void advance_rows(const Row* rows, size_t block, size_t from, size_t to) const {
    const std::byte* activations[Rows];
    for (int r = 0; r < Rows; ++r) activations[r] = rows[r].memory + from;
    Vec product[Rows][kVectors];
    weights_.multiply(activations, block, product);
    for (int r = 0; r < Rows; ++r)
      for (int v = 0; v < kVectors; ++v) {
        const size_t column = block * kColumns + v * kWidth;
        Vec logits = product[r][v] + load(bias_.data() + column);
        if (rows[r].logit_bias) logits += load(rows[r].logit_bias + column);
        store(floats(rows[r], to) + column, logits);
      }
  }

  size_t vocabulary_;

 public:
  size_t num_blocks;

 private:
  Panels<Format, kVectors, 2> weights_;
  Buffer<float> bias_;
};

template <class Format>
class Layers final : public Network {
 public:
  explicit Layers(const Model& model)
      : num_layers_(model.num_layers),
        layers_(new std::unique_ptr<Layer>[num_layers_]),
        head_(model, model.layers[model.num_layers - 1].units) {
    for (size_t i = 0; i < num_layers_; ++i) {
      Layer* const layer = new_layer(model, model.layers[i]);
      layers_[i].reset(layer);
      layer->gate_biases_at = num_gate_biases;
      num_gate_biases += layer->num_gate_biases;
      weight_bytes += layer->weight_bytes;
    }
    weight_bytes += head_.bytes();
    vocabulary = model.vocabulary;
    padded_vocabulary = head_.width();
    place();
  }

  void clear(std::byte* memory) const override {
    for (size_t i = 0; i < num_layers_; ++i) layers_[i]->clear(memory);
  }

  void read(const Row* rows, int count, Team* team) const override {
    const Tiles tiles(in_tiles(count));
    const int thread = team ? team->thread : 0, threads = team ? team->threads : 1;
    for (size_t i = 0; i < num_layers_; ++i) {
      const Layer& layer = *layers_[i];
      const Share blocks(layer.num_blocks, 1, thread, threads);
      for (int phase = 0; phase < layer.num_phases(); ++phase) {
        layer.advance(phase, rows, count, blocks);
        if (team) team->wait();
      }
      layer.settle(rows, count, blocks);
    }
  }

  void predict(const Row* rows, int count, Team* team) const override {
    const Tiles tiles(in_tiles(count));
    const int thread = team ? team->thread : 0, threads = team ? team->threads : 1;
    const Share blocks(head_.num_blocks, 1, thread, threads);
    head_.advance(rows, count, blocks, layers_[num_layers_ - 1]->output.activations, logits_at);
    if (team) team->wait();
  }

  Score score(const Row& row, int32_t token) const override {
    return Prediction(floats(row, logits_at), padded_vocabulary).score(token);
  }

  void arrange_gate_bias(int layer, const float* bias, float* arranged) const override {
    layers_[layer]->arrange_gate_bias(bias, arranged + layers_[layer]->gate_biases_at);
  }

 private:
  // Whether so many rows are multiplied in tiles.
  static constexpr bool in_tiles(int count) { return Format::kTileRows > 0 && count >= Format::kTileRows; }

  static Layer* new_layer(const Model& model, const LayerWeights& weights) {
    if (model.core == Core::kLstm) return new Recurrent<Lstm, Format>(weights, model.vocabulary);
    if (model.core == Core::kGru) return new Recurrent<Gru, Format>(weights, model.vocabulary);
    if constexpr (std::is_same_v<Format, Int8>)
      return nullptr;
    else
      return new Convolution<Format>(weights, model.vocabulary);
  }

  void place() {
    Layout layout;
    for (size_t i = 0; i < num_layers_; ++i) layers_[i]->place_state(layout);
    state_bytes = layout.size;
    for (size_t i = 0; i < num_layers_; ++i)
      layers_[i]->place_output(layout, i ? layers_[i - 1]->output : Output{});
    logits_at = layout.take(padded_vocabulary * sizeof(float));
    // An odd number of lines, so that many lanes do not fall on the same places of a cache.
    lane_bytes = layout.size / kLine % 2 ? layout.size : layout.size + kLine;
  }

  size_t num_layers_;
  std::unique_ptr<std::unique_ptr<Layer>[]> layers_;
  OutputLayer<Format> head_;
};

}  // namespace seqloom::SEQLOOM_ISA::decoding
