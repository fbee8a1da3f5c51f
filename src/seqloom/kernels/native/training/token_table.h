// The input of the first layer: one row of pre-activations for each distinct token of a window.
//
// A row is the bias plus the input weights of a one-hot token, or plus the product of the token's embedding with the
// input weights. Each update computes all rows once, so that the cost of the rows and of their gradients depends on the
// number of distinct tokens, not on the length of the window.
#pragma once

#include <vector>

#include "training/gated_layer.h"

namespace seqloom::SEQLOOM_ISA {

class TokenTable {
 public:
  TokenTable(const Parameters& parameters)
      : parameters_(parameters), layer_(parameters.layers[0]), row_of_token_(parameters.setup.vocabulary, -1) {}

  // List the distinct tokens of a window of `count` tokens, and allocate their rows.
  void arrange(const int64_t* tokens, size_t count) {
    for (const int64_t token : distinct_tokens_) row_of_token_[token] = -1;
    distinct_tokens_.clear();
    row_of_position_.resize(count);
    for (size_t i = 0; i < count; ++i) {
      int32_t& row = row_of_token_[tokens[i]];
      if (row < 0) {
        // List the token before it gets a row: if memory runs out, the next call clears the rows of all listed tokens.
        distinct_tokens_.push_back(tokens[i]);
        row = static_cast<int32_t>(distinct_tokens_.size() - 1);
      }
      row_of_position_[i] = row;
    }
    const size_t rows = padded(distinct_tokens_.size());
    if (rows > row_capacity_) {
      rows_.reset(rows * layer_.gate_columns());
      d_rows_.reset(rows * layer_.gate_columns());
      d_elements_.reset(rows * layer_.gate_columns());
      d_panels_.reset(rows * layer_.gate_columns());
      inputs_.reset(rows * layer_.padded_inputs);
      input_columns_.reset(rows * layer_.padded_inputs);
      d_inputs_.reset(rows * layer_.padded_inputs);
      row_capacity_ = rows;
    }
  }

  // Copy the embeddings of the distinct tokens; one-hot inputs have no embeddings.
  void gather_embeddings(const float* arena) {
    if (is_one_hot()) return;
    const size_t width = layer_.padded_inputs, rows = padded(distinct_tokens_.size());
    for (size_t i = 0; i < distinct_tokens_.size(); ++i)
      to_elements(arena + parameters_.embedding.start + distinct_tokens_[i] * width, &inputs_[i * width], width);
    std::memset(&inputs_[distinct_tokens_.size() * width], 0,
                (rows - distinct_tokens_.size()) * width * sizeof(Element));
    transpose_rows(inputs_.data(), width, rows, width, /*first_depth=*/0, input_columns_.data());
  }

  // Compute the rows of pre-activations, bias included: the thread's share of the columns.
  void compute_rows(const float* arena, const GatedLayer& layer, int thread, int threads) {
    const size_t columns = layer_.gate_columns();
    if (!is_one_hot())
      layer.multiply_inputs(inputs_.data(), padded(distinct_tokens_.size()), rows_.data(), thread, threads);
    const float* bias = arena + layer_.bias.start;
    for (size_t i = 0; i < distinct_tokens_.size(); ++i) {
      const float* source =
          is_one_hot() ? arena + layer_.weight_input.start + distinct_tokens_[i] * columns : &rows_[i * columns];
      // The columns that `multiply_inputs` computed on this thread.
      for (size_t c = thread * kGateColumns; c < columns; c += threads * kGateColumns)
        for (size_t v = c; v < c + kGateColumns; v += kWidth)
          store(&rows_[i * columns + v], load(source + v) + load(bias + v));
    }
  }

  // Compute the gradient of each row, the sum over all positions with its token: the thread's share of the columns.
  void sum_gradients(const GatedLayer& layer, int thread, int threads) {
    const size_t columns = layer_.gate_columns(), rows = padded(distinct_tokens_.size());
    const ThreadRange range(columns, kGateColumns, thread, threads);
    for (size_t i = 0; i < rows; ++i)
      std::memset(&d_rows_[i * columns + range.begin], 0, (range.end - range.begin) * sizeof(float));
    layer.sum_gradients_by(row_of_position_.data(), d_rows_.data(), thread, threads);
  }

  // Compute the gradients of embedding, input weights and bias from the gradients of the rows, on one thread.
  void compute_parameter_gradients(const GatedLayer& layer, float* gradients) {
    const size_t columns = layer_.gate_columns(), width = layer_.padded_inputs, rows = padded(distinct_tokens_.size());
    float* d_bias = gradients + layer_.bias.start;
    std::memset(d_bias, 0, columns * sizeof(float));
    for (size_t i = 0; i < distinct_tokens_.size(); ++i)
      for (size_t c = 0; c < columns; c += kWidth)
        store(d_bias + c, load(d_bias + c) + load(&d_rows_[i * columns + c]));
    float* d_weight = gradients + layer_.weight_input.start;
    if (is_one_hot()) {
      std::memset(d_weight, 0, layer_.weight_input.size() * sizeof(float));
      for (size_t i = 0; i < distinct_tokens_.size(); ++i)
        std::memcpy(d_weight + distinct_tokens_[i] * columns, &d_rows_[i * columns], columns * sizeof(float));
      return;
    }
    to_elements(d_rows_.data(), d_elements_.data(), rows * columns);
    pack_rows(d_elements_.data(), columns, rows, columns, /*first_depth=*/0, d_panels_.data(), rows * kColumns);
    compute_matrix_gradient(input_columns_.data(), width, d_panels_.data(), rows, columns, d_weight, /*thread=*/0,
                            /*threads=*/1);
    layer.backward_inputs(d_elements_.data(), rows, d_inputs_.data());
    float* d_embedding = gradients + parameters_.embedding.start;
    std::memset(d_embedding, 0, parameters_.embedding.size() * sizeof(float));
    for (size_t i = 0; i < distinct_tokens_.size(); ++i)
      std::memcpy(d_embedding + distinct_tokens_[i] * width, &d_inputs_[i * width], width * sizeof(float));
  }

  bool is_one_hot() const { return parameters_.setup.embedding == 0; }
  const float* rows() const { return rows_.data(); }
  // The row of each position of the window, [batch_size, time].
  const int32_t* row_of_position() const { return row_of_position_.data(); }

 private:
  const Parameters& parameters_;
  const LayerRegions& layer_;
  // The row of each token of the vocabulary (-1 if the window does not contain it), and of each position of the window.
  std::vector<int32_t> row_of_token_, row_of_position_;
  // The distinct tokens of the window, in the order of their rows.
  std::vector<int64_t> distinct_tokens_;
  size_t row_capacity_ = 0;
  Buffer<float> rows_, d_rows_, d_inputs_;
  Buffer<Element> d_elements_, d_panels_, inputs_, input_columns_;
};

}  // namespace seqloom::SEQLOOM_ISA
