// The input of the first layer: one row of pre-activations for each distinct token of a window, computed once an
// update.
//
// The cost of these rows and of their gradients depends on the number of distinct tokens, not of tokens.
#pragma once

#include <vector>

#include "training/gated_layer.h"

namespace seqloom::SEQLOOM_ISA {

class TokenTable {
 public:
  TokenTable(const Parameters& parameters)
      : parameters_(parameters), layer_(parameters.layers[0]), place_(parameters.setup.vocabulary, -1) {}

  // Find the distinct tokens of a window.
  void arrange(const int64_t* tokens, size_t count) {
    for (const int64_t token : distinct_) place_[token] = -1;
    distinct_.clear();
    index_.resize(count);
    for (size_t i = 0; i < count; ++i) {
      int32_t& place = place_[tokens[i]];
      if (place < 0) {
        distinct_.push_back(tokens[i]);  // first, so that a failure leaves no place without its token
        place = static_cast<int32_t>(distinct_.size() - 1);
      }
      index_[i] = place;
    }
    const size_t rows = padded(distinct_.size());
    if (rows > room_) {
      rows_.reset(rows * layer_.gate_columns());
      d_rows_.reset(rows * layer_.gate_columns());
      d_elements_.reset(rows * layer_.gate_columns());
      d_panels_.reset(rows * layer_.gate_columns());
      inputs_.reset(rows * layer_.padded_inputs);
      input_columns_.reset(rows * layer_.padded_inputs);
      d_inputs_.reset(rows * layer_.padded_inputs);
      room_ = rows;
    }
  }

  // Gather the rows of the embedding; one-hot inputs have none.
  void gather_embeddings(const float* arena) {
    if (one_hot()) return;
    const size_t width = layer_.padded_inputs, rows = padded(distinct_.size());
    for (size_t i = 0; i < distinct_.size(); ++i)
      to_elements(arena + parameters_.embedding.start + distinct_[i] * width, &inputs_[i * width], width);
    std::memset(&inputs_[distinct_.size() * width], 0, (rows - distinct_.size()) * width * sizeof(Element));
    transpose_rows(inputs_.data(), width, rows, width, 0, input_columns_.data());
  }

  // Compute the rows of pre-activations, bias included: the thread's share of the columns.
  void compute_rows(const float* arena, const GatedLayer& layer, int thread, int threads) {
    const size_t columns = layer_.gate_columns();
    if (!one_hot()) layer.drive(inputs_.data(), padded(distinct_.size()), rows_.data(), thread, threads);
    const float* bias = arena + layer_.bias.start;
    for (size_t i = 0; i < distinct_.size(); ++i) {
      const float* from = one_hot() ? arena + layer_.weight_input.start + distinct_[i] * columns : &rows_[i * columns];
      for (size_t c = thread * kGateColumns; c < columns; c += threads * kGateColumns)
        for (size_t v = c; v < c + kGateColumns; v += kWidth)
          store(&rows_[i * columns + v], load(from + v) + load(bias + v));
    }
  }

  // Sum the gradients of each row over its tokens: the thread's share of the columns.
  void sum_gradients(const GatedLayer& layer, int thread, int threads) {
    const size_t columns = layer_.gate_columns(), rows = padded(distinct_.size());
    const ThreadRange range(columns, kGateColumns, thread, threads);
    for (size_t i = 0; i < rows; ++i)
      std::memset(&d_rows_[i * columns + range.begin], 0, (range.end - range.begin) * sizeof(float));
    layer.sum_by(index_.data(), d_rows_.data(), thread, threads);
  }

  // Compute the gradients of embedding, input weights and bias from those of the rows, on one thread.
  void gradients(const GatedLayer& layer, float* gradients) {
    const size_t columns = layer_.gate_columns(), width = layer_.padded_inputs, rows = padded(distinct_.size());
    float* d_bias = gradients + layer_.bias.start;
    std::memset(d_bias, 0, columns * sizeof(float));
    for (size_t i = 0; i < distinct_.size(); ++i)
      for (size_t c = 0; c < columns; c += kWidth)
        store(d_bias + c, load(d_bias + c) + load(&d_rows_[i * columns + c]));
    float* d_weight = gradients + layer_.weight_input.start;
    if (one_hot()) {
      std::memset(d_weight, 0, layer_.weight_input.size() * sizeof(float));
      for (size_t i = 0; i < distinct_.size(); ++i)
        std::memcpy(d_weight + distinct_[i] * columns, &d_rows_[i * columns], columns * sizeof(float));
      return;
    }
    to_elements(d_rows_.data(), d_elements_.data(), rows * columns);
    pack_rows(d_elements_.data(), columns, rows, columns, 0, d_panels_.data(), rows * kColumns);
    weight_gradient(input_columns_.data(), width, d_panels_.data(), rows, columns, d_weight, 0, 1);
    layer.backward_inputs(d_elements_.data(), rows, d_inputs_.data());
    float* d_embedding = gradients + parameters_.embedding.start;
    std::memset(d_embedding, 0, parameters_.embedding.size() * sizeof(float));
    for (size_t i = 0; i < distinct_.size(); ++i)
      std::memcpy(d_embedding + distinct_[i] * width, &d_inputs_[i * width], width * sizeof(float));
  }

  bool one_hot() const { return parameters_.setup.embedding == 0; }
  const float* rows() const { return rows_.data(); }
  const int32_t* index() const { return index_.data(); }

 private:
  const Parameters& parameters_;
  const LayerRegions& layer_;
  std::vector<int32_t> place_, index_;
  std::vector<int64_t> distinct_;
  size_t room_ = 0;
  Buffer<float> rows_, d_rows_, d_inputs_;
  Buffer<Element> d_elements_, d_panels_, inputs_, input_columns_;
};

}  // namespace seqloom::SEQLOOM_ISA
