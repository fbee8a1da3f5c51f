// A network: layers and an output layer, with weights in one storage format (`formats.h`).
#pragma once

#include <memory>
#include <vector>

#include "decoding/convolution.h"
#include "decoding/recurrent.h"
#include "decoding/scoring.h"

namespace seqloom::SEQLOOM_ISA::decoding {

// An output layer, which turns the activations of the last layer into logits. The head that
// predicts the next token is an output layer, and each draft head is another one.
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

  size_t padded_width() const { return bias_.size(); }
  size_t bytes() const { return weights_.bytes(); }

  // Compute some blocks of the logits. `input_offset` and `output_offset` are the offsets of activations and logits in
  // a row's memory.
  void advance(const TokenRow* rows, int count, const ThreadRange& blocks, size_t input_offset,
               size_t output_offset) const {
    for (size_t block = blocks.begin; block < blocks.end; ++block)
      in_batches<Format>(count, [&](int first, auto num_rows) {
        advance_rows<num_rows>(rows + first, block, input_offset, output_offset);
      });
  }

 private:
  static constexpr int kVectors = 4;
  static constexpr size_t kColumns = kVectors * kWidth;
  // The logit of padding, so low that its probability is zero. Finite, because infinite logits indicate that training
  // diverged.
  static constexpr float kPaddingLogit = -3.0e38f;

  template <int Rows>
  void advance_rows(const TokenRow* rows, size_t block, size_t input_offset, size_t output_offset) const {
    const std::byte* activations[Rows];
    for (int r = 0; r < Rows; ++r) activations[r] = rows[r].memory + input_offset;
    Vec product[Rows][kVectors];
    weights_.multiply(activations, block, product);
    for (int r = 0; r < Rows; ++r)
      for (int v = 0; v < kVectors; ++v) {
        const size_t column = block * kColumns + v * kWidth;
        Vec logits = product[r][v] + load(bias_.data() + column);
        if (rows[r].logit_bias) logits += load(rows[r].logit_bias + column);
        store(floats_at(rows[r], output_offset) + column, logits);
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
class LayeredNetwork final : public Network {
 public:
  explicit LayeredNetwork(const Model& model)
      : num_layers_(model.num_layers),
        layers_(new std::unique_ptr<Layer>[num_layers_]),
        head_(model.head, model.head_bias, num_outputs_of(model), model.layers[model.num_layers - 1].units) {
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
    points = points_of(model);
    num_outputs = num_outputs_of(model);
    padded_outputs = head_.padded_width();
    add_draft_heads(model, model.layers[model.num_layers - 1].units);
    rows_per_pass = Format::kRows;
    layout_memory();
  }

  void clear(std::byte* memory) const override {
    for (size_t i = 0; i < num_layers_; ++i) layers_[i]->clear(memory);
  }

  void read(const TokenRow* rows, int count, ThreadTeam* team) const override {
    const TileConfig tiles(uses_tiles(count));
    for (size_t i = 0; i < num_layers_; ++i) {
      advance(*layers_[i], rows, count, team);
      layers_[i]->commit(rows, count, blocks_of_thread(layers_[i]->num_blocks, team));
    }
  }

  void predict(const TokenRow* rows, int count, ThreadTeam* team) const override {
    compute_logits(head_, rows, count, logits_offset, team);
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
          layer.inherit_state(*row, blocks_of_thread(layer.num_blocks, team));
          synchronize(team);
        }
        advance(layer, row, 1, team);
      }
    }
    compute_logits(head_, rows, count, logits_offset, team);
    synchronize(team);
  }

  void keep(const TokenRow* rows, int count, ThreadTeam* team) const override {
    for (size_t i = 0; i < num_layers_; ++i)
      layers_[i]->keep(rows, count, blocks_of_thread(layers_[i]->num_blocks, team));
    // Generation continues from the logits of the last row, and the draft heads from the output of its last layer.
    if (count > 1 && (!team || team->thread == 0)) {
      const std::byte* const last = rows[count - 1].memory;
      std::memcpy(rows[0].memory + last_output_offset(), last + last_output_offset(), last_output_bytes());
      std::memcpy(rows[0].memory + logits_offset, last + logits_offset, padded_outputs * sizeof(float));
    }
    synchronize(team);
  }

  void draft(const TokenRow* rows, int count, ThreadTeam* team) const override {
    for (int i = 0; i < num_drafts; ++i)
      compute_logits(draft_heads_[i], rows, count, drafts_offset + i * padded_drafts * sizeof(float), team);
    synchronize(team);
  }

  Score score(const TokenRow& row, int32_t token) const override {
    const float* const outputs = floats_at(row, logits_offset);
    return points ? score_point(outputs, token) : Prediction(outputs, padded_outputs).score(token);
  }

  void arrange_gate_bias(int layer, const float* bias, float* arranged) const override {
    layers_[layer]->arrange_gate_bias(bias, arranged + layers_[layer]->gate_biases_offset);
  }

 private:
  // Whether this many rows are multiplied in tiles.
  static constexpr bool uses_tiles(int count) { return Format::kTileRows > 0 && count >= Format::kTileRows; }

  static std::optional<PointMixture> points_of(const Model& model) {
    if (model.num_gaussians == 0) return std::nullopt;
    return PointMixture(model.num_gaussians, model.largest_step, model.vocabulary);
  }

  static int num_outputs_of(const Model& model) {
    const std::optional<PointMixture> points = points_of(model);
    return points ? points->num_outputs() : model.vocabulary;
  }

  Score score_point(const float* outputs, int32_t token) const {
    if (!points->is_finite(outputs)) return {NAN, NAN, 0};
    std::vector<double> choices(points->num_choices());
    points->choice_probabilities(outputs, choices.data());
    return {points->log_prob(outputs, token, choices.data(), /*temperature=*/1), 0, 0};
  }

  static Layer* new_layer(const Model& model, const LayerWeights& weights) {
    if (model.core == Core::kLstm) return new Recurrent<Lstm, Format>(weights, token_rows_of(model));
    if (model.core == Core::kGru) return new Recurrent<Gru, Format>(weights, token_rows_of(model));
    if constexpr (std::is_same_v<Format, Int8>)
      return nullptr;  // `factory.h` does not construct such a network
    else
      return new Convolution<Format>(weights, model.vocabulary);
  }

  static void synchronize(ThreadTeam* team) {
    if (team) team->wait();
  }

  static ThreadRange blocks_of_thread(size_t num_blocks, const ThreadTeam* team) {
    return {num_blocks, /*grain=*/1, team ? team->thread : 0, team ? team->threads : 1};
  }

  static void advance(const Layer& layer, const TokenRow* rows, int count, ThreadTeam* team) {
    for (int phase = 0; phase < layer.num_phases(); ++phase) {
      layer.advance(phase, rows, count, blocks_of_thread(layer.num_blocks, team));
      synchronize(team);
    }
  }

  // Offset and size, in bytes, of the last layer's activations.
  size_t last_output_offset() const { return layers_[num_layers_ - 1]->output.activations; }

  size_t last_output_bytes() const {
    return Format::activation_bytes(padded_to(layers_[num_layers_ - 1]->output.width, kPad));
  }

  // Compute the thread's share of the logits of a head, and store them at the offset `output_offset`.
  void compute_logits(const OutputLayer<Format>& head, const TokenRow* rows, int count, size_t output_offset,
                      const ThreadTeam* team) const {
    const TileConfig tiles(uses_tiles(count));
    head.advance(rows, count, blocks_of_thread(head.num_blocks, team), last_output_offset(), output_offset);
  }

  void add_draft_heads(const Model& model, size_t inputs) {
    num_drafts = model.num_drafts;
    draft_tokens.assign(model.draft_tokens, model.draft_tokens + model.draft_vocabulary);
    for (int i = 0; i < num_drafts; ++i) {
      const size_t first = i * draft_tokens.size();
      draft_heads_.emplace_back(model.drafts + first * inputs, model.draft_bias + first, draft_tokens.size(), inputs);
      padded_drafts = draft_heads_[i].padded_width();
    }
  }

  void layout_memory() {
    MemoryLayout layout;
    for (size_t i = 0; i < num_layers_; ++i) layers_[i]->layout_state(layout);
    state_bytes = layout.size;
    for (size_t i = 0; i < num_layers_; ++i)
      layers_[i]->layout_output(layout, i ? layers_[i - 1]->output : OutputOffsets{});
    logits_offset = layout.reserve(padded_outputs * sizeof(float));
    drafts_offset = layout.reserve(num_drafts * padded_drafts * sizeof(float));
    // An odd number of cache lines, so that many streams do not compete for the same cache sets.
    stream_bytes = layout.size / kCacheLine % 2 ? layout.size : layout.size + kCacheLine;
  }

  size_t num_layers_;
  std::unique_ptr<std::unique_ptr<Layer>[]> layers_;
  OutputLayer<Format> head_;
  std::vector<OutputLayer<Format>> draft_heads_;
};

}  // namespace seqloom::SEQLOOM_ISA::decoding
