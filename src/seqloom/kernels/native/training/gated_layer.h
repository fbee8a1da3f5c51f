// One gated layer over a whole window: forward, backward through time, and the gradients of its weights.
//
// For each time step: pre-activations = input part + recurrent weights * hidden values of the last step + bias. Arrays
// of the window have one row per slot and time step (see `window_layout.h`). Columns are padded units, or the gates of
// padded units in the order of `parameters.h`: the four gates of kWidth units, then those of the next units. In this
// file `units` counts padding too.
#pragma once

#include "isa/cells.h"
#include "runtime/buffer.h"
#include "runtime/threads.h"
#include "training/dropout.h"
#include "training/packing.h"
#include "training/parameters.h"
#include "training/window_layout.h"

namespace seqloom::SEQLOOM_ISA {

// Compute the gradient of a weight matrix, the transposed inputs times the gradients of the products, for the thread's
// share of the columns.
//
// `input_columns` holds the inputs as a blocked transpose [rows / kPadding, units, kPadding] (`gemm.h`);
// `d_product_panels` are the packed gradients.
inline void compute_matrix_gradient(const Element* input_columns, size_t units, const Element* d_product_panels,
                                    size_t rows, size_t out_columns, float* out, int thread, int threads) {
  const ThreadRange range(out_columns, kColumns, thread, threads);
  for (size_t start = 0; start < rows; start += kRowsPerPass) {
    const size_t depth = std::min(kRowsPerPass, rows - start);
    const Rows inputs = Rows{input_columns, kPadding, units * kPadding}.from_element(start);
    for (size_t c = range.begin; c < range.end; c += kColumns) {
      const Element* panel = d_product_panels + c / kColumns * rows * kColumns + start * kColumns;
      multiply<kPlainVectors>(inputs, units, panel, depth, out + c, out_columns, /*add=*/start > 0);
    }
  }
}

// What a layer computes a window from, besides the layer's weights.
struct LayerWindow {
  const uint8_t* resets;          // [batch_size, time], or null
  const Element* below;           // outputs of the layer below; null for the first layer
  const float* table;             // first layer: rows of `TokenTable`, bias included; other layers: one row, the bias
  const int32_t* table_row;       // [batch_size, time]: row of `table`; null for row 0
  const float* condition_biases;  // [conditions, gate columns]: biases added to the pre-activations, or null
  const int32_t* condition;       // [batch_size, time]: row of `condition_biases`
  Dropout output_dropout;
  bool variational;  // one dropout mask serves all time steps
  bool feeds_layer;  // another layer reads the outputs
};

class GatedLayer {
 public:
  GatedLayer(const LayerRegions& regions, bool gru) : regions_(regions), gru_(gru) {
    const size_t units = regions.padded_units, columns = regions.gate_columns();
    recurrent_.reset(units * columns);
    recurrent_back_.reset(units * columns);
    input_.reset(regions.padded_inputs * columns);
    input_back_.reset(regions.padded_inputs * columns);
  }

  // Allocate the buffers for windows of this shape.
  void arrange(const WindowLayout& layout) {
    layout_ = layout;
    const size_t units = regions_.padded_units, rows = layout.rows(), slots = layout.slots();
    hidden_.reset((rows + slots) * units);
    carry_.reset((rows + slots) * units);
    gates_.reset(rows * regions_.gate_columns());
    panels_.reset(rows * regions_.gate_columns());
    hidden_columns_.reset(rows * units);
    d_outputs_.reset(rows * units);
    scratch_.reset(slots * kGateColumns);
    d_hidden_.reset(slots * units);
    d_carry_.reset(slots * units);
    // The state survives if only the window's length changes.
    if (initial_hidden_.size() != slots * units || initial_carry_.size() != slots * units)
      initial_hidden_.reset(slots * units), initial_carry_.reset(slots * units);
    outputs_.reset(0);
    output_columns_.reset(0);
  }

  // Pack the thread's share of the weights, after `drop_weights`. `arena` holds all parameters. With `is_one_hot`
  // inputs, `TokenTable` reads the input weights from the arena, so that they are not packed.
  void pack(const float* arena, const Dropout& weight_dropout, bool is_one_hot, int thread, int threads) {
    const size_t units = regions_.padded_units, columns = regions_.gate_columns();
    const float* hidden = arena + regions_.weight_hidden.start;
    if (weight_dropout.active()) hidden = masked_.data();
    for (size_t p = thread; p < columns / kGateColumns; p += threads)
      pack_floats<kGates>(hidden, columns, units, p, &recurrent_[p * panel_size<kGates>(units)]);
    for (size_t p = thread; p < units / kColumns; p += threads)
      pack_transposed<kPlainVectors>(hidden, columns, columns, p,
                                     &recurrent_back_[p * panel_size<kPlainVectors>(columns)]);
    if (is_one_hot) return;
    const float* input = arena + regions_.weight_input.start;
    const size_t inputs = regions_.padded_inputs;
    for (size_t p = thread; p < columns / kGateColumns; p += threads)
      pack_floats<kGates>(input, columns, inputs, p, &input_[p * panel_size<kGates>(inputs)]);
    for (size_t p = thread; p < inputs / kColumns; p += threads)
      pack_transposed<kPlainVectors>(input, columns, columns, p, &input_back_[p * panel_size<kPlainVectors>(columns)]);
  }

  // Compute the recurrent weights after weight dropout, for `pack`.
  void drop_weights(const float* arena, const Dropout& weight_dropout) {
    if (!weight_dropout.active()) return;
    if (masked_.size() == 0) masked_.reset(regions_.weight_hidden.size());
    const float* hidden = arena + regions_.weight_hidden.start;
    for_each_mask(weight_dropout,
                  [&](size_t offset, Vec mask) { store(&masked_[offset], load(hidden + offset) * mask); });
  }

  // Allocate an array for the outputs if they are `separate` from the hidden values: because dropout changes them, or
  // because a reset zeroes hidden values in place. Also allocate the transpose that a layer above needs.
  void allocate_outputs(bool separate, bool feeds_layer) {
    has_separate_outputs_ = separate;
    const size_t num_elements = layout_.rows() * regions_.padded_units;
    if (separate && outputs_.size() == 0) outputs_.reset(num_elements);
    if (feeds_layer && output_columns_.size() == 0) output_columns_.reset(num_elements);
  }

  // Run the thread's sequences through the window.
  void forward(const LayerWindow& window, int thread) {
    if (gru_)
      forward_with<Gru>(window, thread);
    else
      forward_with<Lstm>(window, thread);
  }

  // Run the backward pass of the thread's sequences, from the gradients of the outputs to those of the pre-activations.
  void backward(const LayerWindow& window, int thread) {
    if (gru_)
      backward_with<Gru>(window, thread);
    else
      backward_with<Lstm>(window, thread);
  }

  // Multiply rows of inputs with the input weights: the thread's share of the units.
  void multiply_inputs(const Element* inputs, size_t num_rows, float* out, int thread, int threads) const {
    const size_t depth = regions_.padded_inputs, columns = regions_.gate_columns();
    for (size_t p = thread; p < columns / kGateColumns; p += threads)
      multiply<kGates>({inputs, depth}, num_rows, &input_[p * panel_size<kGates>(depth)], depth, out + p * kGateColumns,
                       columns);
  }

  // Compute `num_rows` rows of gradients of the inputs from the gradients of the pre-activations.
  void backward_inputs(const Element* d_gates, size_t num_rows, float* out) const {
    const size_t depth = regions_.gate_columns(), inputs = regions_.padded_inputs;
    for (size_t p = 0; p < inputs / kColumns; ++p)
      multiply<kPlainVectors>({d_gates, depth}, num_rows, &input_back_[p * panel_size<kPlainVectors>(depth)], depth,
                              out + p * kColumns, inputs);
  }

  // Compute the gradient of the recurrent weights: the thread's share of the columns.
  void compute_recurrent_gradient(float* gradients, const Dropout& weight_dropout, int thread, int threads) const {
    const size_t columns = regions_.gate_columns();
    float* out = gradients + regions_.weight_hidden.start;
    compute_matrix_gradient(hidden_columns_.data(), regions_.padded_units, panels_.data(), layout_.rows(), columns, out,
                            thread, threads);
    if (!weight_dropout.active()) return;
    const ThreadRange range(columns, kColumns, thread, threads);
    for_each_mask(weight_dropout, [&](size_t offset, Vec mask) {
      const size_t column = offset % columns;
      if (column >= range.begin && column < range.end) store(out + offset, load(out + offset) * mask);
    });
  }

  // sums[row_of_position[i]] += the gradients of the pre-activations of position i, for all positions of the window:
  // the thread's share of the columns.
  void sum_gradients_by(const int32_t* row_of_position, float* sums, int thread, int threads) const {
    const size_t columns = regions_.gate_columns();
    const ThreadRange range(columns, kGateColumns, thread, threads);
    for (int step = 0; step < layout_.time; ++step)
      for (int sequence = 0; sequence < layout_.batch_size; ++sequence) {
        const Element* source = &gates_[layout_.row(step, sequence) * columns];
        float* target = sums + row_of_position[sequence * layout_.time + step] * columns;
        for (size_t c = range.begin; c < range.end; c += kWidth)
          store(target + c, load(target + c) + load_elements(source + c));
      }
  }

  // Compute the gradient of the bias, the sum of the gradients of the pre-activations over all tokens: the thread's
  // share of the columns.
  void sum_bias_gradient(float* d_bias, int thread, int threads) const {
    const size_t columns = regions_.gate_columns();
    const ThreadRange range(columns, kGateColumns, thread, threads);
    std::memset(d_bias + range.begin, 0, (range.end - range.begin) * sizeof(float));
    for (size_t row = 0; row < layout_.rows(); ++row)
      for (size_t c = range.begin; c < range.end; c += kWidth)
        store(d_bias + c, load(d_bias + c) + load_elements(&gates_[row * columns + c]));
  }

  const Element* outputs() const {
    return has_separate_outputs_ ? outputs_.data() : hidden_.data() + layout_.slots() * regions_.padded_units;
  }
  // The outputs as a blocked transpose, if the layer feeds another.
  const Element* output_columns() const { return output_columns_.data(); }
  const Element* d_gates() const { return gates_.data(); }
  const Element* d_gates_panels() const { return panels_.data(); }
  Element* d_outputs() { return d_outputs_.data(); }
  size_t padded_units() const { return regions_.padded_units; }
  const LayerRegions& regions() const { return regions_; }

  // Let the next window start from the state at the end of this one.
  void keep_state() {
    const size_t units = regions_.padded_units, last = layout_.time * layout_.slots() * units;
    std::memcpy(initial_hidden_.data(), &hidden_[last], initial_hidden_.size() * sizeof(Element));
    std::memcpy(initial_carry_.data(), &carry_[last], initial_carry_.size() * sizeof(float));
  }

  // Copy the carried state into the layer, or out of it: hidden [batch_size, units], and the LSTM's cell.
  // With `into_layer`, a null `hidden` zeroes the state.
  void copy_state(float* hidden, float* cell, bool into_layer) {
    if (into_layer) initial_hidden_.clear(), initial_carry_.clear();
    if (hidden == nullptr) return;
    for (int sequence = 0; sequence < layout_.batch_size; ++sequence)
      for (size_t unit = 0; unit < regions_.units; unit += kWidth) {
        const size_t offset = layout_.slot(sequence) * regions_.padded_units + unit;
        const size_t count = std::min<size_t>(kWidth, regions_.units - unit);
        float* carry = gru_ ? hidden : cell;  // the carry of a GRU is its hidden value in full precision
        float block[kWidth] = {};
        if (into_layer) {
          std::memcpy(block, hidden + sequence * regions_.units + unit, count * sizeof(float));
          store_elements(&initial_hidden_[offset], load(block));
          std::memcpy(&initial_carry_[offset], carry + sequence * regions_.units + unit, count * sizeof(float));
        } else {
          store(block, load_elements(&initial_hidden_[offset]));
          std::memcpy(hidden + sequence * regions_.units + unit, block, count * sizeof(float));
          std::memcpy(carry + sequence * regions_.units + unit, &initial_carry_[offset], count * sizeof(float));
        }
      }
  }

 private:
  template <class Cell>
  void forward_with(const LayerWindow& window, int thread) {
    const size_t units = regions_.padded_units, slots = layout_.slots(), thread_slots = layout_.slots_per_thread();
    const size_t first_slot = thread * thread_slots;
    const int num_sequences = layout_.num_sequences(thread), first_sequence = layout_.first_sequence(thread);
    float* scratch = &scratch_[first_slot * kGateColumns];
    std::memcpy(&hidden_[first_slot * units], &initial_hidden_[first_slot * units],
                thread_slots * units * sizeof(Element));
    std::memcpy(&carry_[first_slot * units], &initial_carry_[first_slot * units], thread_slots * units * sizeof(float));
    for (int step = 0; step < layout_.time; ++step) {
      const size_t row = step * slots + first_slot;
      for (int sequence = 0; sequence < num_sequences; ++sequence)
        if (resets(window, first_sequence + sequence, step))
          std::memset(&hidden_[(row + sequence) * units], 0, units * sizeof(Element));
      const Element* hidden_before = &hidden_[row * units];
      transpose_rows(hidden_before, units, thread_slots, units, row, hidden_columns_.data());
      for (size_t unit = 0; unit < units; unit += kWidth) {
        const size_t panel = unit / kWidth;
        multiply<kGates>({hidden_before, units}, num_sequences, &recurrent_[panel * panel_size<kGates>(units)], units,
                         scratch, kGateColumns);
        if (window.below != nullptr) {
          const size_t inputs = regions_.padded_inputs;
          multiply<kGates>({window.below + row * inputs, inputs}, num_sequences,
                           &input_[panel * panel_size<kGates>(inputs)], inputs, scratch, kGateColumns, /*add=*/true);
        }
        for (int sequence = 0; sequence < num_sequences; ++sequence)
          step_forward<Cell>(window, first_sequence + sequence, step, row + sequence, unit,
                             scratch + sequence * kGateColumns);
      }
      if (window.feeds_layer)
        transpose_rows(outputs() + row * units, units, thread_slots, units, row, output_columns_.data());
    }
  }

  // Compute one step of kWidth units from `products`, the sums of all matrix products for these units.
  template <class Cell>
  inline void step_forward(const LayerWindow& window, int sequence, int step, size_t row, size_t unit,
                           const float* products) {
    const size_t units = regions_.padded_units, columns = regions_.gate_columns(), first_gate = unit * kGates;
    const size_t position = static_cast<size_t>(sequence) * layout_.time + step;
    const float* table = window.table + (window.table_row ? window.table_row[position] * columns : 0) + first_gate;
    Vec gate[kGates];
    for (int g = 0; g < kGates; ++g) gate[g] = load(products + g * kWidth) + load(table + g * kWidth);
    if (window.condition_biases != nullptr) {
      const float* condition = window.condition_biases + window.condition[position] * columns + first_gate;
      for (int g = 0; g < kGates; ++g) gate[g] += load(condition + g * kWidth);
    }
    const Vec carry = resets(window, sequence, step) ? Vec{} : load(&carry_[row * units + unit]);
    Vec carry_after, hidden;
    Cell::forward(gate, carry, carry_after, hidden);
    const size_t offset_after = (row + layout_.slots()) * units + unit;
    store(&carry_[offset_after], carry_after);
    store_elements(&hidden_[offset_after], hidden);
    for (int g = 0; g < kGates; ++g) store_elements(&gates_[row * columns + first_gate + g * kWidth], gate[g]);
    if (!has_separate_outputs_) return;
    if (window.output_dropout.active()) hidden *= mask(window, sequence, step, unit);
    store_elements(&outputs_[row * units + unit], hidden);
  }

  template <class Cell>
  void backward_with(const LayerWindow& window, int thread) {
    const size_t units = regions_.padded_units, columns = regions_.gate_columns(),
                 thread_slots = layout_.slots_per_thread();
    const size_t first_slot = thread * thread_slots;
    const int num_sequences = layout_.num_sequences(thread), first_sequence = layout_.first_sequence(thread);
    float* d_hidden = &d_hidden_[first_slot * units];
    float* d_carry = &d_carry_[first_slot * units];
    std::memset(d_hidden, 0, thread_slots * units * sizeof(float));
    std::memset(d_carry, 0, thread_slots * units * sizeof(float));
    for (int step = layout_.time - 1; step >= 0; --step) {
      const size_t row = step * layout_.slots() + first_slot;
      for (int sequence = 0; sequence < num_sequences; ++sequence)
        step_backward<Cell>(window, first_sequence + sequence, step, row + sequence, d_hidden + sequence * units,
                            d_carry + sequence * units);
      const Element* d_gates = &gates_[row * columns];
      pack_rows(d_gates, columns, thread_slots, columns, row, panels_.data(), layout_.rows() * kColumns);
      if (step == 0) break;  // no gradient flows into the window before
      for (size_t p = 0; p < units / kColumns; ++p)
        multiply<kPlainVectors>({d_gates, columns}, num_sequences,
                                &recurrent_back_[p * panel_size<kPlainVectors>(columns)], columns,
                                d_hidden + p * kColumns, units);
      for (int sequence = 0; sequence < num_sequences; ++sequence) {
        if (!resets(window, first_sequence + sequence, step)) continue;
        std::memset(d_hidden + sequence * units, 0, units * sizeof(float));
        std::memset(d_carry + sequence * units, 0, units * sizeof(float));
      }
    }
  }

  // Replace the gates of one row by the gradients of their pre-activations; update `d_carry` for the step before.
  template <class Cell>
  inline void step_backward(const LayerWindow& window, int sequence, int step, size_t row, const float* d_hidden,
                            float* d_carry) {
    const size_t units = regions_.padded_units, columns = regions_.gate_columns();
    const size_t row_after = row + layout_.slots();
    const bool is_reset = resets(window, sequence, step);
    for (size_t unit = 0; unit < units; unit += kWidth) {
      Element* gates = &gates_[row * columns + unit * kGates];
      Vec gate[kGates];
      for (int g = 0; g < kGates; ++g) gate[g] = load_elements(gates + g * kWidth);
      Vec d_output = load_elements(&d_outputs_[row * units + unit]);
      if (window.output_dropout.active()) d_output *= mask(window, sequence, step, unit);
      const Vec carry = is_reset ? Vec{} : load(&carry_[row * units + unit]);
      Vec d_unit_carry = load(d_carry + unit);
      Cell::backward(gate, carry, load(&carry_[row_after * units + unit]), d_output + load(d_hidden + unit),
                     d_unit_carry);
      store(d_carry + unit, d_unit_carry);
      for (int g = 0; g < kGates; ++g) store_elements(gates + g * kWidth, gate[g]);
    }
  }

  // Return whether the state is zeroed before a token.
  bool resets(const LayerWindow& window, int sequence, int step) const {
    return window.resets != nullptr && window.resets[static_cast<size_t>(sequence) * layout_.time + step];
  }

  Vec mask(const LayerWindow& window, int sequence, int step, size_t unit) const {
    const uint64_t mask_step = window.variational ? 0 : step;
    const Dropout& dropout = window.output_dropout;
    return dropout.mask(dropout.row_key(mask_step << 32 | static_cast<uint32_t>(sequence)), unit);
  }

  // Call `use(offset, mask)` for every vector of the recurrent weights, with the mask of weight dropout.
  template <typename Use>
  void for_each_mask(const Dropout& weight_dropout, Use use) const {
    const size_t columns = regions_.gate_columns();
    for (size_t unit = 0; unit < regions_.padded_units; ++unit) {
      const uint32_t row_key = weight_dropout.row_key(unit);
      for (size_t c = 0; c < columns; c += kWidth) use(unit * columns + c, weight_dropout.mask(row_key, c));
    }
  }

  LayerRegions regions_;
  bool gru_;
  bool has_separate_outputs_ = false;
  WindowLayout layout_;
  // Packed weights: recurrent and input weights, each also transposed.
  Buffer<Element> recurrent_, recurrent_back_, input_, input_back_;
  Buffer<float> masked_;  // the recurrent weights after weight dropout
  // The values before each step and after the last: [time + 1, slots, units]. A reset zeroes the hidden values in
  // place.
  Buffer<Element> hidden_;
  Buffer<float> carry_;
  // [time, slots, gates * units]: the gates; in the backward pass, the gradients of their pre-activations.
  Buffer<Element> gates_;
  // The operands of the weight gradients: the gradients of the pre-activations as panels, and the hidden values before
  // each step as a blocked transpose.
  Buffer<Element> panels_, hidden_columns_;
  Buffer<Element> outputs_, output_columns_, d_outputs_;
  // One row per slot: products of one step; gradients of the values after the step of the backward pass.
  Buffer<float> scratch_, d_hidden_, d_carry_;
  // The state from which the next window starts.
  Buffer<Element> initial_hidden_;
  Buffer<float> initial_carry_;
};

}  // namespace seqloom::SEQLOOM_ISA
