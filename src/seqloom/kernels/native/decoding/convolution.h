// A layer of causal convolution (van den Oord et al. 2016): a gated unit over a few taps, with a skip connection.
//
// A stream keeps the newest inputs in a ring buffer: token ids in the first layer, activations in upper layers. A step
// has two phases: the gated unit, then the products of output and skip connection.
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
    const auto gates = [this](const float* matrix) {
      return [this, matrix](size_t column) {
        return gate_row(column) == kNone ? nullptr : matrix + gate_row(column) * inputs_;
      };
    };
    bias_ = arranged(weights.bias, 1);
    if (is_upper_) {
      inputs_by_tap_.reset(new GateMatrix[taps_]);
      for (size_t tap = 0; tap < taps_; ++tap) {
        inputs_by_tap_[tap] = GateMatrix(num_blocks, inputs_, gates(weights.input + tap * 2 * units_ * inputs_));
        weight_bytes += inputs_by_tap_[tap].bytes();
      }
    } else {
      table_ = arranged(weights.table, taps_ * vocabulary);
    }
    const auto plain = [this](const float* matrix, size_t depth) {
      return [this, matrix, depth](size_t column) { return column < units_ ? matrix + column * depth : nullptr; };
    };
    output_ = Matrix(num_blocks, units_, plain(weights.output, units_));
    output_bias_ = padded_rows(weights.output_bias, 1);
    if (is_upper_ && weights.skip) skip_ = Matrix(num_blocks, inputs_, plain(weights.skip, inputs_));
    if (!is_upper_) skip_table_ = padded_rows(weights.skip, vocabulary);
    has_skip_ = is_upper_ && weights.skip;
    vocabulary_ = vocabulary;
    weight_bytes += output_.bytes() + skip_.bytes();
  }

  int num_phases() const override { return 2; }

  void arrange_gate_bias(const float* bias, float* arranged) const override {
    for (size_t column = 0; column < num_gate_biases; ++column)
      arranged[column] = gate_row(column) == kNone ? 0 : bias[gate_row(column)];
  }

  void layout_state(MemoryLayout& layout) override {
    position_at_ = layout.take(sizeof(int32_t));
    ring_at_ = layout.take(ring_size() * entry_bytes());
  }

  void layout_output(MemoryLayout& layout, const Output& below) override {
    below_ = below;
    gated_at_ = layout.take(Format::activation_bytes(padded_units_));
    output.activations = layout.take(Format::activation_bytes(padded_units_));
    output.values = layout.take(padded_units_ * sizeof(float));
    output.width = units_;
  }

  void clear(std::byte* memory) const override {
    int32_t* const ids = reinterpret_cast<int32_t*>(memory + ring_at_);
    for (size_t i = 0; !is_upper_ && i < ring_size(); ++i) ids[i] = -1;
  }

  void advance(int phase, const TokenRow* rows, int count, const ThreadRange& blocks) const override {
    for (size_t block = blocks.begin; block < blocks.end; ++block)
      in_batches<Format>(count, [&](int first, auto taken) {
        if (phase == 0)
          advance_gates<taken>(rows + first, block);
        else
          advance_output<taken>(rows + first, block);
      });
  }

  void commit(const TokenRow* rows, int count, const ThreadRange& blocks) const override {
    if (blocks.begin != 0 || ring_size() == 0) return;
    for (int r = 0; r < count; ++r) {
      int32_t& position = position_of(stream(rows[r]));
      std::byte* const entry = stream(rows[r]).memory + ring_at_ + position * entry_bytes();
      std::memcpy(entry, input(rows[r]), entry_bytes());
      position = position + 1 == static_cast<int32_t>(ring_size()) ? 0 : position + 1;
    }
  }

 private:
  static constexpr size_t kUnits = 2 * kWidth, kGateColumns = 4 * kWidth, kNone = ~size_t{0};
  using GateMatrix = Panels<Format, 4, 2>;
  using Matrix = Panels<Format, 2, 4>;

  size_t ring_size() const { return (taps_ - 1) * dilation_; }

  size_t entry_bytes() const {
    return is_upper_ ? Format::activation_bytes(padded_to(inputs_, kPad)) : sizeof(int32_t);
  }

  int32_t& position_of(const TokenRow& row) const { return *reinterpret_cast<int32_t*>(row.memory + position_at_); }

  static const TokenRow& stream(const TokenRow& row) { return *(&row - row.stream_offset); }

  // The row's input in the form in which the ring buffer stores it.
  const std::byte* input(const TokenRow& row) const {
    return is_upper_ ? row.memory + below_.activations : reinterpret_cast<const std::byte*>(&row.token);
  }

  // The input of a tap: the row's own, that of an earlier row, or one from the ring buffer.
  const std::byte* entry(const TokenRow& row, size_t tap) const {
    size_t back = (taps_ - 1 - tap) * dilation_;
    if (back <= static_cast<size_t>(row.stream_offset)) return input(*(&row - back));
    back -= row.stream_offset;
    const size_t position = position_of(stream(row));
    const size_t at = position >= back ? position - back : position + ring_size() - back;
    return stream(row).memory + ring_at_ + at * entry_bytes();
  }

  // A block of gates holds kWidth channels of the tanh half, the same channels of the sigmoid half, and both halves of
  // the next kWidth channels.
  size_t gate_row(size_t column) const {
    const size_t panel = column / (2 * kWidth), half = column / kWidth % 2, unit = panel * kWidth + column % kWidth;
    return unit < units_ ? half * units_ + unit : kNone;
  }

  Buffer<float> arranged(const float* rows, size_t count) const {
    Buffer<float> to(count * num_gate_biases);
    for (size_t row = 0; row < count; ++row)
      arrange_gate_bias(rows + row * 2 * units_, to.data() + row * num_gate_biases);
    return to;
  }

  Buffer<float> padded_rows(const float* rows, size_t count) const {
    Buffer<float> to(count * padded_units_);
    for (size_t row = 0; row < count; ++row)
      std::memcpy(to.data() + row * padded_units_, rows + row * units_, units_ * sizeof(float));
    return to;
  }

  template <int Rows>
  void advance_gates(const TokenRow* rows, size_t block) const {
    Vec sums[Rows][4];
    for (int r = 0; r < Rows; ++r)
      for (int v = 0; v < 4; ++v) {
        const size_t column = block * kGateColumns + v * kWidth;
        sums[r][v] = load(bias_.data() + column);
        if (rows[r].gate_bias) sums[r][v] += load(rows[r].gate_bias + gate_biases_at + column);
      }
    for (size_t tap = 0; tap < taps_; ++tap) {
      if (!is_upper_) {
        for (int r = 0; r < Rows; ++r) add_token(rows[r], tap, block, sums[r]);
        continue;
      }
      const std::byte* inputs[Rows];
      for (int r = 0; r < Rows; ++r) inputs[r] = entry(rows[r], tap);
      Vec product[Rows][4];
      inputs_by_tap_[tap].multiply(inputs, block, product);
      for (int r = 0; r < Rows; ++r)
        for (int v = 0; v < 4; ++v) sums[r][v] += product[r][v];
    }
    for (int r = 0; r < Rows; ++r)
      for (int panel = 0; panel < 2; ++panel) gate(rows[r], block * 2 + panel, sums[r] + 2 * panel);
  }

  void add_token(const TokenRow& row, size_t tap, size_t block, Vec* sums) const {
    int32_t token;
    std::memcpy(&token, entry(row, tap), sizeof token);
    if (token < 0) return;
    const size_t at = (tap * vocabulary_ + token) * num_blocks + block;
    for (int v = 0; v < 4; ++v) sums[v] += load(table_.data() + at * kGateColumns + v * kWidth);
  }

  // Not inlined, so that one row and several rows are rounded alike.
  __attribute__((noinline)) void gate(const TokenRow& row, size_t panel, const Vec* halves) const {
    const Vec gated = hyperbolic_tangent(halves[0]) * sigmoid(halves[1]);
    Format::store_activations(row.memory + gated_at_, panel * kWidth, gated);
  }

  template <int Rows>
  void advance_output(const TokenRow* rows, size_t block) const {
    const std::byte *gated[Rows], *inputs[Rows];
    for (int r = 0; r < Rows; ++r) {
      gated[r] = rows[r].memory + gated_at_;
      inputs[r] = rows[r].memory + below_.activations;
    }
    Vec out[Rows][2], skipped[Rows][2] = {};
    output_.multiply(gated, block, out);
    if (has_skip_) skip_.multiply(inputs, block, skipped);
    for (int r = 0; r < Rows; ++r)
      for (int v = 0; v < 2; ++v) {
        const size_t unit = block * kUnits + v * kWidth;
        const Vec straight = out[r][v] + load(output_bias_.data() + unit);
        const Vec value = straight + (has_skip_ ? skipped[r][v] : load(residual(rows[r]) + unit));
        store(floats(rows[r], output.values) + unit, value);
        Format::store_activations(rows[r].memory + output.activations, unit, value);
      }
  }

  // The input of an identity skip connection: a token's row, or the output of the layer below.
  const float* residual(const TokenRow& row) const {
    return is_upper_ ? floats(row, below_.values) : skip_table_.data() + row.token * padded_units_;
  }

  size_t units_, inputs_, taps_, dilation_;
  bool is_upper_, has_skip_ = false;
  size_t padded_units_, vocabulary_ = 0, position_at_ = 0, ring_at_ = 0, gated_at_ = 0;
  Output below_;
  Buffer<float> bias_, table_, output_bias_, skip_table_;
  std::unique_ptr<GateMatrix[]> inputs_by_tap_;
  Matrix output_, skip_;
};

}  // namespace seqloom::SEQLOOM_ISA::decoding
