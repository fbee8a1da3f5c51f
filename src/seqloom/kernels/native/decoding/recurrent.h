// A recurrent layer: LSTM or GRU.
//
// A block contains two vectors of `kWidth` units with all gates of these units. The cells of a block can therefore be
// computed as soon as its products are known. The columns of an LSTM's block, with gates i, f, g, o:
//
//   [i f g o] of units 0 to kWidth - 1, [i f g o] of the next kWidth units
//
// A stream's state is the hidden vector and the carry, a value that each unit keeps in full precision (`cells.h`).
#pragma once

#include <vector>

#include "decoding/layer.h"
#include "isa/cells.h"

namespace seqloom::SEQLOOM_ISA::decoding {

// The weights of a cell have `kProducts` rows per unit. Product p of the hidden vector is added to gate
// `from_hidden[p]` of `cells.h`, and product p of the input to gate `from_input[p]`. For the GRU's candidate these
// gates differ.
template <class Cell>
struct Gates {
  static constexpr int kProducts = 4;
  static constexpr int from_hidden[] = {0, 1, 2, 3}, from_input[] = {0, 1, 2, 3};
};

template <>
struct Gates<Gru> {
  static constexpr int kProducts = 3;
  static constexpr int from_hidden[] = {0, 1, 2}, from_input[] = {0, 1, 3};
};

// Which rows of the first layer's table belong to a token: `parts` of them, of which some may be -1 for none, or the row
// with the token's number if `rows` is null.
struct TokenRows {
  size_t num_tokens, num_rows;
  int num_parts;
  const int32_t* rows;
};

inline TokenRows token_rows_of(const Model& model) {
  const auto num_tokens = static_cast<size_t>(model.vocabulary);
  if (!model.token_rows) return {num_tokens, num_tokens, 1, nullptr};
  return {num_tokens, static_cast<size_t>(model.num_table_rows), model.num_parts, model.token_rows};
}

template <class Cell, class Format>
class Recurrent final : public Layer {
 public:
  Recurrent(const LayerWeights& weights, const TokenRows& tokens)
      : units_(weights.units), is_upper_(weights.input != nullptr), padded_units_(padded_to(units_, kPad)) {
    num_blocks = padded_units_ / kUnits;
    num_gate_biases = num_blocks * kColumns;
    gate_width = kProducts * units_;
    // Return a function that returns the weights of a column, as `Panels` needs it.
    const auto weights_by_column = [this](const float* matrix, size_t depth) {
      return [this, matrix, depth](size_t column) -> const float* {
        const size_t row = weight_row(column);
        return row == kNoRow ? nullptr : matrix + row * depth;
      };
    };
    hidden_ = Matrix(num_blocks, units_, weights_by_column(weights.hidden, units_));
    if (is_upper_) input_ = Matrix(num_blocks, weights.inputs, weights_by_column(weights.input, weights.inputs));
    const size_t num_gate_rows = is_upper_ ? 1 : tokens.num_rows;
    gate_rows_ = Buffer<float>(num_gate_rows * num_gate_biases);
    for (size_t i = 0; i < num_gate_rows; ++i) {
      const float* values = is_upper_ ? weights.bias : weights.table + i * kProducts * units_;
      arrange_gate_bias(values, gate_rows_.data() + i * num_gate_biases);
    }
    if (!is_upper_ && tokens.rows) {
      num_further_parts_ = tokens.num_parts - 1;
      token_rows_.assign(tokens.rows, tokens.rows + tokens.num_tokens * tokens.num_parts);
    }
    weight_bytes = hidden_.bytes() + input_.bytes();
  }

  void arrange_gate_bias(const float* bias, float* arranged) const override {
    for (size_t column = 0; column < num_gate_biases; ++column)
      arranged[column] = weight_row(column) == kNoRow ? 0 : bias[weight_row(column)];
  }

  void layout_state(MemoryLayout& layout) override {
    hidden_offset_ = layout.reserve(Format::activation_bytes(padded_units_));
    carry_offset_ = layout.reserve(padded_units_ * sizeof(float));
  }

  void layout_output(MemoryLayout& layout, const OutputOffsets& below) override {
    below_ = below;
    output.activations = layout.reserve(Format::activation_bytes(padded_units_));
    output.width = units_;
  }

  void clear(std::byte* memory) const override {
    for (size_t unit = 0; unit < padded_units_; unit += kWidth)
      Format::store_activations(memory + hidden_offset_, unit, Vec{});
  }

  void advance(int, const TokenRow* rows, int count, const ThreadRange& blocks) const override {
    for (size_t block = blocks.begin; block < blocks.end; ++block)
      in_batches<Format>(count, [&](int first, auto num_rows) { advance_rows<num_rows>(rows + first, block); });
  }

  // Only the hidden vector is copied: the cells have already replaced the carry.
  void commit(const TokenRow* rows, int count, const ThreadRange& blocks) const override {
    for (int r = 0; r < count; ++r) store_hidden(rows[r].memory, rows[r].memory, blocks);
  }

  bool is_sequential() const override { return true; }

  void inherit_state(const TokenRow& row, const ThreadRange& blocks) const override {
    const TokenRow& preceding = *(&row - 1);
    store_state(preceding.memory, row.memory, blocks);
  }

  void keep(const TokenRow* rows, int count, const ThreadRange& blocks) const override {
    store_state(rows[count - 1].memory, rows[0].memory, blocks);
  }

 private:
  static constexpr int kProducts = Gates<Cell>::kProducts, kVectors = 2 * kProducts;
  // Units and columns of a block.
  static constexpr size_t kUnits = 2 * kWidth, kColumns = kVectors * kWidth, kNoRow = ~size_t{0};
  using Matrix = Panels<Format, kVectors, /*Chains=*/1>;

  // Store what was computed in the memory of one row, `source`, as the state in the memory of another, `target`.
  void store_state(const std::byte* source, std::byte* target, const ThreadRange& blocks) const {
    store_hidden(source, target, blocks);
    const size_t offset = carry_offset_ + blocks.begin * kUnits * sizeof(float);
    if (source != target)
      std::memcpy(target + offset, source + offset, (blocks.end - blocks.begin) * kUnits * sizeof(float));
  }

  void store_hidden(const std::byte* source, std::byte* target, const ThreadRange& blocks) const {
    const size_t begin = Format::activation_bytes(blocks.begin * kUnits);
    const size_t bytes = Format::activation_bytes(blocks.end * kUnits) - begin;
    std::memcpy(target + hidden_offset_ + begin, source + output.activations + begin, bytes);
  }

  // Return the row of the weights that a column of the blocks contains; kNone for padding.
  size_t weight_row(size_t column) const {
    const size_t unit_vector = column / (kProducts * kWidth), gate = column / kWidth % kProducts;
    const size_t unit = unit_vector * kWidth + column % kWidth;
    return unit < units_ ? gate * units_ + unit : kNoRow;
  }

  template <int Rows>
  void advance_rows(const TokenRow* rows, size_t block) const {
    Vec from_hidden[Rows][kVectors], from_input[Rows][kVectors];
    multiply(hidden_, rows, hidden_offset_, block, from_hidden);
    if (is_upper_) multiply(input_, rows, below_.activations, block, from_input);
    for (int r = 0; r < Rows; ++r) run_cells(rows[r], block, from_hidden[r], is_upper_ ? from_input[r] : nullptr);
  }

  // Multiply the activations at `offset` in the memory of each row.
  template <int Rows>
  static void multiply(const Matrix& matrix, const TokenRow* rows, size_t offset, size_t block,
                       Vec (&product)[Rows][kVectors]) {
    const std::byte* activations[Rows];
    for (int r = 0; r < Rows; ++r) activations[r] = rows[r].memory + offset;
    matrix.multiply(activations, block, product);
  }

  // Run the cells of one block. Not inlined, so that the results are rounded alike for one row and for several rows.
  void run_cells(const TokenRow& row, size_t block, const Vec* from_hidden, const Vec* from_input) const {
    if (token_rows_.empty())
      run_cells_of<false>(row, block, from_hidden, from_input);
    else
      run_cells_of<true>(row, block, from_hidden, from_input);
  }

  // `kHasParts` is whether tokens consist of parts, whose rows are added; a loop without parts would cost time.
  template <bool kHasParts>
  __attribute__((noinline)) void run_cells_of(const TokenRow& row, size_t block, const Vec* from_hidden,
                                              const Vec* from_input) const {
    const size_t first = block * kColumns;
    const int32_t* const rows =
        kHasParts ? token_rows_.data() + static_cast<size_t>(row.token) * (num_further_parts_ + 1) : nullptr;
    const size_t first_row = is_upper_ ? 0 : kHasParts ? rows[0] : row.token;
    const float* gate_row = gate_rows_.data() + first_row * num_gate_biases + first;
    const float* bias = row.gate_bias ? row.gate_bias + gate_biases_offset + first : nullptr;
    for (int unit_vector = 0; unit_vector < 2; ++unit_vector) {
      Vec gate[4] = {};
      for (int p = 0; p < kProducts; ++p) {
        const int vector = unit_vector * kProducts + p;
        Vec input_sum = load(gate_row + vector * kWidth);
        if constexpr (kHasParts)
          for (int part = 1; part <= num_further_parts_; ++part)
            if (rows[part] >= 0)
              input_sum += load(gate_rows_.data() + rows[part] * num_gate_biases + first + vector * kWidth);
        if (bias) input_sum += load(bias + vector * kWidth);
        if (from_input) input_sum += from_input[vector];
        gate[Gates<Cell>::from_input[p]] += input_sum;
        gate[Gates<Cell>::from_hidden[p]] += from_hidden[vector];
      }
      const size_t unit = block * kUnits + unit_vector * kWidth;
      float* const carry = floats_at(row, carry_offset_) + unit;
      Vec carry_after, hidden;
      Cell::forward(gate, load(carry), carry_after, hidden);
      store(carry, carry_after);
      Format::store_activations(row.memory + output.activations, unit, hidden);
    }
  }

  size_t units_;
  bool is_upper_;  // whether the inputs are the outputs of a layer below, not tokens
  size_t padded_units_, hidden_offset_ = 0, carry_offset_ = 0;
  OutputOffsets below_;
  Matrix hidden_, input_;
  // What is added to the gates: in the first layer a row for each token or part of a token, in upper layers one row, the
  // bias.
  Buffer<float> gate_rows_;
  // First layer: the rows of each token if tokens consist of parts, and the number of parts after the first.
  std::vector<int32_t> token_rows_;
  int num_further_parts_ = 0;
};

}  // namespace seqloom::SEQLOOM_ISA::decoding
