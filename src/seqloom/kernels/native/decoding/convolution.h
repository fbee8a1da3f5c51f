// A layer of causal convolution (van den Oord et al. 2016): a gated unit over a few taps, with a skip connection. The
// taps are the current input and earlier ones, `dilation` steps apart:
//
//   a(t), b(t) = bias + sum over taps k of input_weights[k] * x(t - (taps - 1 - k) * dilation)
//   gated(t)   = tanh(a(t)) * sigmoid(b(t))
//   output(t)  = output_weights * gated(t) + output_bias + skip_weights * x(t)
//
// A layer without skip weights adds x(t) itself. A step has two phases: the gated unit, then the output.
//
// A stream's state is a ring buffer of the newest inputs x, and the index of the oldest. In the first layer the
// inputs are token ids, and tables take the place of input and skip weights; in upper layers the inputs are
// activations.
#pragma once

#include <memory>

#include "decoding/layer.h"

namespace seqloom::SEQLOOM_ISA::decoding {

template <class Format>
class Convolution final : public Layer {
 public:
  Convolution(const LayerWeights& weights, size_t vocabulary)
      : units_(weights.units),
        inputs_(weights.inputs),
        taps_(weights.taps),
        dilation_(weights.dilation),
        is_upper_(weights.input != nullptr),
        padded_units_(padded_to(units_, kPad)) {
    num_blocks = padded_units_ / kUnits;
    num_gate_biases = num_blocks * kGateColumns;
    gate_width = 2 * units_;
    // `gate_weights` and `unit_weights` return a function that returns the weights of a column, as `Panels` needs it.
    const auto gate_weights = [this](const float* matrix) {
      return [this, matrix](size_t column) {
        return weight_row(column) == kNoRow ? nullptr : matrix + weight_row(column) * inputs_;
      };
    };
    bias_ = arrange_rows(weights.bias, /*count=*/1);
    if (is_upper_) {
      inputs_by_tap_.reset(new GateMatrix[taps_]);
      for (size_t tap = 0; tap < taps_; ++tap) {
        inputs_by_tap_[tap] = GateMatrix(num_blocks, inputs_, gate_weights(weights.input + tap * 2 * units_ * inputs_));
        weight_bytes += inputs_by_tap_[tap].bytes();
      }
    } else {
      table_ = arrange_rows(weights.table, taps_ * vocabulary);
    }
    const auto unit_weights = [this](const float* matrix, size_t depth) {
      return [this, matrix, depth](size_t column) { return column < units_ ? matrix + column * depth : nullptr; };
    };
    output_ = Matrix(num_blocks, units_, unit_weights(weights.output, units_));
    output_bias_ = pad_rows(weights.output_bias, /*count=*/1);
    if (is_upper_ && weights.skip) skip_ = Matrix(num_blocks, inputs_, unit_weights(weights.skip, inputs_));
    if (!is_upper_) skip_table_ = pad_rows(weights.skip, vocabulary);
    has_skip_matrix_ = is_upper_ && weights.skip;
    vocabulary_ = vocabulary;
    weight_bytes += output_.bytes() + skip_.bytes();
  }

  int num_phases() const override { return 2; }

  void arrange_gate_bias(const float* bias, float* arranged) const override {
    for (size_t column = 0; column < num_gate_biases; ++column)
      arranged[column] = weight_row(column) == kNoRow ? 0 : bias[weight_row(column)];
  }

  void layout_state(MemoryLayout& layout) override {
    oldest_entry_offset_ = layout.reserve(sizeof(int32_t));
    ring_offset_ = layout.reserve(num_ring_entries() * entry_bytes());
  }

  void layout_output(MemoryLayout& layout, const OutputOffsets& below) override {
    below_ = below;
    gated_offset_ = layout.reserve(Format::activation_bytes(padded_units_));
    output.activations = layout.reserve(Format::activation_bytes(padded_units_));
    output.float_values = layout.reserve(padded_units_ * sizeof(float));
    output.width = units_;
  }

  // Before the first token, the taps of the first layer see id -1, which adds nothing; upper layers see zeros.
  void clear(std::byte* memory) const override {
    int32_t* const ids = reinterpret_cast<int32_t*>(memory + ring_offset_);
    for (size_t i = 0; !is_upper_ && i < num_ring_entries(); ++i) ids[i] = -1;
  }

  void advance(int phase, const TokenRow* rows, int count, const ThreadRange& blocks) const override {
    // `num_rows` is a compile-time constant (`in_batches` in `panels.h`).
    for (size_t block = blocks.begin; block < blocks.end; ++block)
      in_batches<Format>(count, [&](int first, auto num_rows) {
        if (phase == 0)
          advance_gates<num_rows>(rows + first, block);
        else
          advance_output<num_rows>(rows + first, block);
      });
  }

  void commit(const TokenRow* rows, int count, const ThreadRange& blocks) const override {
    if (blocks.begin != 0 || num_ring_entries() == 0) return;  // one thread of a team writes the whole entry
    for (int r = 0; r < count; ++r) {
      int32_t& oldest_entry = oldest_entry_of(first_row(rows[r]));
      std::byte* const entry = first_row(rows[r]).memory + ring_offset_ + oldest_entry * entry_bytes();
      std::memcpy(entry, row_input(rows[r]), entry_bytes());
      oldest_entry = oldest_entry + 1 == static_cast<int32_t>(num_ring_entries()) ? 0 : oldest_entry + 1;
    }
  }

 private:
  // Units of a block, and its columns in the matrix of both gates.
  static constexpr size_t kUnits = 2 * kWidth, kGateColumns = 4 * kWidth, kNoRow = ~size_t{0};
  using GateMatrix = Panels<Format, /*Vectors=*/4, /*Chains=*/2>;
  using Matrix = Panels<Format, /*Vectors=*/2, /*Chains=*/4>;

  // Number of entries of the ring buffer; an entry is one input.
  size_t num_ring_entries() const { return (taps_ - 1) * dilation_; }

  size_t entry_bytes() const {
    return is_upper_ ? Format::activation_bytes(padded_to(inputs_, kPad)) : sizeof(int32_t);
  }

  // The index of the oldest entry of the ring buffer, which is overwritten next.
  int32_t& oldest_entry_of(const TokenRow& row) const {
    return *reinterpret_cast<int32_t*>(row.memory + oldest_entry_offset_);
  }

  // The row of the first token that the stream reads in this pass (several tokens at once); its memory contains the
  // state.
  static const TokenRow& first_row(const TokenRow& row) { return *(&row - row.index_in_pass); }

  // The row's input in the form in which the ring buffer stores it.
  const std::byte* row_input(const TokenRow& row) const {
    return is_upper_ ? row.memory + below_.activations : reinterpret_cast<const std::byte*>(&row.token);
  }

  // The input of a tap: that of the row itself or of an earlier row of this pass, or an entry of the ring buffer.
  const std::byte* tap_input(const TokenRow& row, size_t tap) const {
    size_t steps_back = (taps_ - 1 - tap) * dilation_;
    if (steps_back <= static_cast<size_t>(row.index_in_pass)) return row_input(*(&row - steps_back));
    steps_back -= row.index_in_pass;
    const size_t oldest_entry = oldest_entry_of(first_row(row));
    const size_t entry =
        oldest_entry >= steps_back ? oldest_entry - steps_back : oldest_entry + num_ring_entries() - steps_back;
    return first_row(row).memory + ring_offset_ + entry * entry_bytes();
  }

  // Return the row of the input weights that a column of the blocks contains; kNone for padding. The weights have the
  // rows of a for all units, then those of b. A block contains a for kWidth units, b for the same units, and both for
  // the next kWidth units.
  size_t weight_row(size_t column) const {
    const size_t unit_vector = column / (2 * kWidth), gate = column / kWidth % 2;
    const size_t unit = unit_vector * kWidth + column % kWidth;
    return unit < units_ ? gate * units_ + unit : kNoRow;
  }

  // Copy `count` rows [2 * units], with their numbers in the order of the columns of the blocks.
  Buffer<float> arrange_rows(const float* rows, size_t count) const {
    Buffer<float> copy(count * num_gate_biases);
    for (size_t row = 0; row < count; ++row)
      arrange_gate_bias(rows + row * 2 * units_, copy.data() + row * num_gate_biases);
    return copy;
  }

  // Copy `count` rows [units], and pad them with zeros.
  Buffer<float> pad_rows(const float* rows, size_t count) const {
    Buffer<float> copy(count * padded_units_);
    for (size_t row = 0; row < count; ++row)
      std::memcpy(copy.data() + row * padded_units_, rows + row * units_, units_ * sizeof(float));
    return copy;
  }

  // Phase 0: compute the gated units of a block.
  template <int Rows>
  void advance_gates(const TokenRow* rows, size_t block) const {
    Vec sums[Rows][4];
    for (int r = 0; r < Rows; ++r)
      for (int v = 0; v < 4; ++v) {
        const size_t column = block * kGateColumns + v * kWidth;
        sums[r][v] = load(bias_.data() + column);
        if (rows[r].gate_bias) sums[r][v] += load(rows[r].gate_bias + gate_biases_offset + column);
      }
    for (size_t tap = 0; tap < taps_; ++tap) {
      if (!is_upper_) {
        for (int r = 0; r < Rows; ++r) add_token(rows[r], tap, block, sums[r]);
        continue;
      }
      const std::byte* inputs[Rows];
      for (int r = 0; r < Rows; ++r) inputs[r] = tap_input(rows[r], tap);
      Vec product[Rows][4];
      inputs_by_tap_[tap].multiply(inputs, block, product);
      for (int r = 0; r < Rows; ++r)
        for (int v = 0; v < 4; ++v) sums[r][v] += product[r][v];
    }
    for (int r = 0; r < Rows; ++r)
      for (int i = 0; i < 2; ++i) compute_gated_units(rows[r], /*unit_vector=*/block * 2 + i, sums[r] + 2 * i);
  }

  // Add what the token of a tap contributes to the gates of a block (first layer).
  void add_token(const TokenRow& row, size_t tap, size_t block, Vec* sums) const {
    int32_t token;
    std::memcpy(&token, tap_input(row, tap), sizeof token);
    if (token < 0) return;
    const size_t index = (tap * vocabulary_ + token) * num_blocks + block;
    for (int v = 0; v < 4; ++v) sums[v] += load(table_.data() + index * kGateColumns + v * kWidth);
  }

  // Compute the gated units of a vector of units from their sums a and b. Not inlined, so that the results are rounded
  // alike for one row and for several rows.
  __attribute__((noinline)) void compute_gated_units(const TokenRow& row, size_t unit_vector, const Vec* sums) const {
    const Vec gated = hyperbolic_tangent(sums[0]) * sigmoid(sums[1]);
    Format::store_activations(row.memory + gated_offset_, unit_vector * kWidth, gated);
  }

  // Phase 1: compute the output of a block.
  template <int Rows>
  void advance_output(const TokenRow* rows, size_t block) const {
    const std::byte *gated[Rows], *inputs[Rows];
    for (int r = 0; r < Rows; ++r) {
      gated[r] = rows[r].memory + gated_offset_;
      inputs[r] = rows[r].memory + below_.activations;
    }
    Vec out[Rows][2], skipped[Rows][2] = {};
    output_.multiply(gated, block, out);
    if (has_skip_matrix_) skip_.multiply(inputs, block, skipped);
    for (int r = 0; r < Rows; ++r)
      for (int v = 0; v < 2; ++v) {
        const size_t unit = block * kUnits + v * kWidth;
        const Vec without_skip = out[r][v] + load(output_bias_.data() + unit);
        const Vec value = without_skip + (has_skip_matrix_ ? skipped[r][v] : load(residual(rows[r]) + unit));
        store(floats_at(rows[r], output.float_values) + unit, value);
        Format::store_activations(rows[r].memory + output.activations, unit, value);
      }
  }

  // What the skip connection adds without a product: the token's row of the skip table in the first layer, or the
  // output of the layer below.
  const float* residual(const TokenRow& row) const {
    return is_upper_ ? floats_at(row, below_.float_values) : skip_table_.data() + row.token * padded_units_;
  }

  size_t units_, inputs_, taps_, dilation_;
  bool is_upper_;                 // whether the inputs are the outputs of a layer below, not tokens
  bool has_skip_matrix_ = false;  // whether a matrix of skip weights is multiplied (`skip_`)
  size_t padded_units_, vocabulary_ = 0, oldest_entry_offset_ = 0, ring_offset_ = 0, gated_offset_ = 0;
  OutputOffsets below_;
  // First layer: `table_` [taps, vocabulary, gates] and `skip_table_` [vocabulary, units] have a row for each token.
  Buffer<float> bias_, table_, output_bias_, skip_table_;
  std::unique_ptr<GateMatrix[]> inputs_by_tap_;
  Matrix output_, skip_;
};

}  // namespace seqloom::SEQLOOM_ISA::decoding
