// A recurrent layer: LSTM or GRU.
//
// A block is two panels of kWidth units with all their gates, so that the cell follows the product at once.
#pragma once

#include "decoding/layer.h"
#include "isa/cells.h"

namespace seqloom::SEQLOOM_ISA::decoding {

// The gates (see cells.h) that the products of the hidden vector and of the input are added to.
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

template <class Cell, class Format>
class Recurrent final : public Layer {
 public:
  Recurrent(const LayerWeights& weights, size_t vocabulary)
      : units_(weights.units), is_upper_(weights.input != nullptr), padded_units_(padded_to(units_, kPad)) {
    num_blocks = padded_units_ / kUnits;
    num_gate_biases = num_blocks * kColumns;
    gate_width = kProducts * units_;
    const auto rows_of = [this](const float* matrix, size_t depth) {
      return [this, matrix, depth](size_t column) -> const float* {
        const size_t row = row_of(column);
        return row == kNone ? nullptr : matrix + row * depth;
      };
    };
    hidden_ = Matrix(num_blocks, units_, rows_of(weights.hidden, units_));
    if (is_upper_) input_ = Matrix(num_blocks, weights.inputs, rows_of(weights.input, weights.inputs));
    const size_t num_drives = is_upper_ ? 1 : vocabulary;
    drives_ = Buffer<float>(num_drives * num_gate_biases);
    for (size_t i = 0; i < num_drives; ++i) {
      const float* from = is_upper_ ? weights.bias : weights.table + i * kProducts * units_;
      arrange_gate_bias(from, drives_.data() + i * num_gate_biases);
    }
    weight_bytes = hidden_.bytes() + input_.bytes();
  }

  void arrange_gate_bias(const float* bias, float* arranged) const override {
    for (size_t column = 0; column < num_gate_biases; ++column)
      arranged[column] = row_of(column) == kNone ? 0 : bias[row_of(column)];
  }

  void layout_state(MemoryLayout& layout) override {
    hidden_at_ = layout.take(Format::activation_bytes(padded_units_));
    carry_at_ = layout.take(padded_units_ * sizeof(float));
  }

  void layout_output(MemoryLayout& layout, const Output& below) override {
    below_ = below;
    output.activations = layout.take(Format::activation_bytes(padded_units_));
    output.width = units_;
  }

  void clear(std::byte* memory) const override {
    for (size_t unit = 0; unit < padded_units_; unit += kWidth)
      Format::store_activations(memory + hidden_at_, unit, Vec{});
  }

  void advance(int, const TokenRow* rows, int count, const ThreadRange& blocks) const override {
    for (size_t block = blocks.begin; block < blocks.end; ++block)
      in_batches<Format>(count, [&](int first, auto taken) { advance_rows<taken>(rows + first, block); });
  }

  void commit(const TokenRow* rows, int count, const ThreadRange& blocks) const override {
    for (int r = 0; r < count; ++r) remember_hidden(rows[r].memory, rows[r].memory, blocks);
  }

  bool is_sequential() const override { return true; }

  void inherit_state(const TokenRow& row, const ThreadRange& blocks) const override {
    remember((&row - 1)->memory, row.memory, blocks);
  }

  void keep(const TokenRow* rows, int count, const ThreadRange& blocks) const override {
    remember(rows[count - 1].memory, rows[0].memory, blocks);
  }

 private:
  static constexpr int kProducts = Gates<Cell>::kProducts, kVectors = 2 * kProducts;
  static constexpr size_t kUnits = 2 * kWidth, kColumns = kVectors * kWidth, kNone = ~size_t{0};
  using Matrix = Panels<Format, kVectors, 1>;

  // Store what was computed in one row's memory as the state in another's.
  void remember(const std::byte* from, std::byte* to, const ThreadRange& blocks) const {
    remember_hidden(from, to, blocks);
    const size_t at = carry_at_ + blocks.begin * kUnits * sizeof(float);
    if (from != to) std::memcpy(to + at, from + at, (blocks.end - blocks.begin) * kUnits * sizeof(float));
  }

  void remember_hidden(const std::byte* from, std::byte* to, const ThreadRange& blocks) const {
    const size_t at = Format::activation_bytes(blocks.begin * kUnits);
    const size_t bytes = Format::activation_bytes(blocks.end * kUnits) - at;
    std::memcpy(to + hidden_at_ + at, from + output.activations + at, bytes);
  }

  // Return the row of the weights that a column of the blocks holds; kNone for padding.
  size_t row_of(size_t column) const {
    const size_t panel = column / (kProducts * kWidth), gate = column / kWidth % kProducts;
    const size_t unit = panel * kWidth + column % kWidth;
    return unit < units_ ? gate * units_ + unit : kNone;
  }

  template <int Rows>
  void advance_rows(const TokenRow* rows, size_t block) const {
    Vec from_hidden[Rows][kVectors], from_input[Rows][kVectors];
    multiply(hidden_, rows, hidden_at_, block, from_hidden);
    if (is_upper_) multiply(input_, rows, below_.activations, block, from_input);
    for (int r = 0; r < Rows; ++r) finish(rows[r], block, from_hidden[r], is_upper_ ? from_input[r] : nullptr);
  }

  template <int Rows>
  static void multiply(const Matrix& matrix, const TokenRow* rows, size_t at, size_t block, Vec (&to)[Rows][kVectors]) {
    const std::byte* activations[Rows];
    for (int r = 0; r < Rows; ++r) activations[r] = rows[r].memory + at;
    matrix.multiply(activations, block, to);
  }

  // Run the cells of one block. Not inlined, so that one row and several rows are rounded alike.
  __attribute__((noinline)) void finish(const TokenRow& row, size_t block, const Vec* from_hidden,
                                        const Vec* from_input) const {
    const size_t first = block * kColumns;
    const float* drive = drives_.data() + (is_upper_ ? 0 : row.token * num_gate_biases) + first;
    const float* bias = row.gate_bias ? row.gate_bias + gate_biases_at + first : nullptr;
    for (int panel = 0; panel < 2; ++panel) {
      Vec gate[4] = {};
      for (int p = 0; p < kProducts; ++p) {
        const int place = panel * kProducts + p;
        Vec drives = load(drive + place * kWidth);
        if (bias) drives += load(bias + place * kWidth);
        if (from_input) drives += from_input[place];
        gate[Gates<Cell>::from_input[p]] += drives;
        gate[Gates<Cell>::from_hidden[p]] += from_hidden[place];
      }
      const size_t unit = block * kUnits + panel * kWidth;
      float* const carry = floats(row, carry_at_) + unit;
      Vec after, hidden;
      Cell::forward(gate, load(carry), after, hidden);
      store(carry, after);
      Format::store_activations(row.memory + output.activations, unit, hidden);
    }
  }

  size_t units_;
  bool is_upper_;
  size_t padded_units_, hidden_at_ = 0, carry_at_ = 0;
  Output below_;
  Matrix hidden_, input_;
  // What the tokens (first layer) or the bias (upper layers) add to the gates.
  Buffer<float> drives_;
};

}  // namespace seqloom::SEQLOOM_ISA::decoding
