// A network: layers and an output layer, with weights in one storage format (`formats.h`).
#pragma once

#include <memory>
#include <vector>

#include "decoding/convolution.h"
#include "decoding/recurrent.h"
#include "decoding/scoring.h"

namespace seqloom::SEQLOOM_ISA::decoding {

// An output layer, which turns the activations of the last layer into logits; also for a draft head.
template <class Format>
class OutputLayer {
 public:
  OutputLayer(const float* weights, const float* bias, size_t vocabulary, size_t inputs)
      : vocabulary_(vocabulary),
        num_blocks(padded_to(vocabulary_, kColumns) / kColumns),
        weights_(num_blocks, inputs,
                 [&](size_t column) { return column < vocabulary_ ? weights + column * inputs : nullptr; }),
        bias_(num_blocks * kColumns) {
    for (size_t column = 0; column < bias_.size(); ++column)
      bias_[column] = column < vocabulary_ ? bias[column] : kPaddingLogit;
  }

  size_t width() const { return bias_.size(); }
  size_t bytes() const { return weights_.bytes(); }

  // Compute some blocks of the logits. `input` and `output` are the offsets of activations and logits in a row's
  // memory.
  void advance(const TokenRow* rows, int count, const ThreadRange& blocks, size_t input, size_t output) const {
    for (size_t block = blocks.begin; block < blocks.end; ++block)
      in_batches<Format>(count,
                         [&](int first, auto num_rows) { advance_rows<num_rows>(rows + first, block, input, output); });
  }

 private:
  static constexpr int kVectors = 4;
  static constexpr size_t kColumns = kVectors * kWidth;
  // The logit of padding, so low that its probability is zero. Finite, because infinite logits indicate that training
  // diverged.
  static constexpr float kPaddingLogit = -3.0e38f;

  template <int Rows>
  void advance_rows(const TokenRow* rows, size_t block, size_t input, size_t output) const {
    const std::byte* activations[Rows];
    for (int r = 0; r < Rows; ++r) activations[r] = rows[r].memory + input;
    Vec product[Rows][kVectors];
    weights_.multiply(activations, block, product);
    for (int r = 0; r < Rows; ++r)
      for (int v = 0; v < kVectors; ++v) {
        const size_t column = block * kColumns + v * kWidth;
        Vec logits = product[r][v] + load(bias_.data() + column);
        if (rows[r].logit_bias) logits += load(rows[r].logit_bias + column);
        store(floats(rows[r], output) + column, logits);
      }
  }

  size_t vocabulary_;

 public:
  size_t num_blocks;

 private:
  Panels<Format, kVectors, /*Chains=*/2> weights_;
  Buffer<float> bias_;
};

// A network. Its layers run one after another; a team of threads shares the blocks of columns of each.
template <class Format>
class Layers final : public Network {
 public:
  explicit Layers(const Model& model)
      : num_layers_(model.num_layers),
        layers_(new std::unique_ptr<Layer>[num_layers_]),
        head_(model.head, model.head_bias, model.vocabulary, model.layers[model.num_layers - 1].units) {
    for (size_t i = 0; i < num_layers_; ++i) {
      Layer* const layer = new_layer(model, model.layers[i]);
      layers_[i].reset(layer);
      layer->gate_biases_offset = num_gate_biases;
      num_gate_biases += layer->num_gate_biases;
      gate_widths.push_back(layer->gate_width);
      weight_bytes += layer->weight_bytes;
    }
    weight_bytes += head_.bytes();
    vocabulary = model.vocabulary;
    padded_vocabulary = head_.width();
    add_drafts(model, model.layers[model.num_layers - 1].units);
    rows_per_pass = Format::kRows;
    layout_memory();
  }

  void clear(std::byte* memory) const override {
    for (size_t i = 0; i < num_layers_; ++i) layers_[i]->clear(memory);
  }

  void read(const TokenRow* rows, int count, ThreadTeam* team) const override {
    const TileConfig tiles(in_tiles(count));
    for (size_t i = 0; i < num_layers_; ++i) {
      advance(*layers_[i], rows, count, team);
      layers_[i]->commit(rows, count, range(layers_[i]->num_blocks, team));
    }
  }

  void predict(const TokenRow* rows, int count, ThreadTeam* team) const override {
    multiply(head_, rows, count, logits_offset, team);
    synchronize(team);
  }

  void read_many(const TokenRow* rows, int count, ThreadTeam* team) const override {
    for (size_t i = 0; i < num_layers_; ++i) {
      const Layer& layer = *layers_[i];
      if (!layer.is_sequential()) {
        advance(layer, rows, count, team);
        continue;
      }
      for (const TokenRow* row = rows; row < rows + count; ++row) {
        if (row > rows) {
          layer.inherit_state(*row, range(layer.num_blocks, team));
          synchronize(team);
        }
        advance(layer, row, 1, team);
      }
    }
    multiply(head_, rows, count, logits_offset, team);
    synchronize(team);
  }

  void keep(const TokenRow* rows, int count, ThreadTeam* team) const override {
    for (size_t i = 0; i < num_layers_; ++i) layers_[i]->keep(rows, count, range(layers_[i]->num_blocks, team));
    // Generation continues from the last row's logits, and the draft heads from its output.
    if (count > 1 && (!team || team->thread == 0)) {
      const std::byte* const last = rows[count - 1].memory;
      std::memcpy(rows[0].memory + last_output(), last + last_output(), last_output_bytes());
      std::memcpy(rows[0].memory + logits_offset, last + logits_offset, padded_vocabulary * sizeof(float));
    }
    synchronize(team);
  }

  void draft(const TokenRow* rows, int count, ThreadTeam* team) const override {
    for (int i = 0; i < num_drafts; ++i)
      multiply(draft_heads_[i], rows, count, drafts_offset + i * padded_drafts * sizeof(float), team);
    synchronize(team);
  }

  Score score(const TokenRow& row, int32_t token) const override {
    return Prediction(floats(row, logits_offset), padded_vocabulary).score(token);
  }

  void arrange_gate_bias(int layer, const float* bias, float* arranged) const override {
    layers_[layer]->arrange_gate_bias(bias, arranged + layers_[layer]->gate_biases_offset);
  }

 private:
  // Whether this many rows are multiplied in tiles.
  static constexpr bool in_tiles(int count) { return Format::kTileRows > 0 && count >= Format::kTileRows; }

  static Layer* new_layer(const Model& model, const LayerWeights& weights) {
    if (model.core == Core::kLstm) return new Recurrent<Lstm, Format>(weights, model.vocabulary);
    if (model.core == Core::kGru) return new Recurrent<Gru, Format>(weights, model.vocabulary);
    if constexpr (std::is_same_v<Format, Int8>)
      return nullptr;  // `factory.h` does not construct such a network
    else
      return new Convolution<Format>(weights, model.vocabulary);
  }

  static void synchronize(ThreadTeam* team) {
    if (team) team->wait();
  }

  static ThreadRange range(size_t num_blocks, const ThreadTeam* team) {
    return {num_blocks, 1, team ? team->thread : 0, team ? team->threads : 1};
  }

  static void advance(const Layer& layer, const TokenRow* rows, int count, ThreadTeam* team) {
    for (int phase = 0; phase < layer.num_phases(); ++phase) {
      layer.advance(phase, rows, count, range(layer.num_blocks, team));
      synchronize(team);
    }
  }

  // Offset and size of the last layer's activations.
  size_t last_output() const { return layers_[num_layers_ - 1]->output.activations; }

  size_t last_output_bytes() const {
    return Format::activation_bytes(padded_to(layers_[num_layers_ - 1]->output.width, kPad));
  }

  // Compute the thread's share of the logits of a head, and store them at the offset `output`.
  void multiply(const OutputLayer<Format>& head, const TokenRow* rows, int count, size_t output,
                const ThreadTeam* team) const {
    const TileConfig tiles(in_tiles(count));
    head.advance(rows, count, range(head.num_blocks, team), last_output(), output);
  }

  void add_drafts(const Model& model, size_t inputs) {
    num_drafts = model.num_drafts;
    draft_tokens.assign(model.draft_tokens, model.draft_tokens + model.draft_vocabulary);
    for (int i = 0; i < num_drafts; ++i) {
      const size_t first = i * draft_tokens.size();
      draft_heads_.emplace_back(model.drafts + first * inputs, model.draft_bias + first, draft_tokens.size(), inputs);
      padded_drafts = draft_heads_[i].width();
    }
  }

  void layout_memory() {
    MemoryLayout layout;
    for (size_t i = 0; i < num_layers_; ++i) layers_[i]->layout_state(layout);
    state_bytes = layout.size;
    for (size_t i = 0; i < num_layers_; ++i) layers_[i]->layout_output(layout, i ? layers_[i - 1]->output : Output{});
    logits_offset = layout.take(padded_vocabulary * sizeof(float));
    drafts_offset = layout.take(num_drafts * padded_drafts * sizeof(float));
    // An odd number of cache lines, so that many streams do not compete for the same cache sets.
    stream_bytes = layout.size / kCacheLine % 2 ? layout.size : layout.size + kCacheLine;
  }

  size_t num_layers_;
  std::unique_ptr<std::unique_ptr<Layer>[]> layers_;
  OutputLayer<Format> head_;
  std::vector<OutputLayer<Format>> draft_heads_;
};

}  // namespace seqloom::SEQLOOM_ISA::decoding
