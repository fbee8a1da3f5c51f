// The interface of a network's layers.
#pragma once

#include "decoding/model.h"
#include "decoding/panels.h"
#include "runtime/threads.h"

namespace seqloom::SEQLOOM_ISA::decoding {

using namespace seqloom::decoding;

constexpr size_t kLine = 64;

constexpr size_t whole_lines(size_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

// Assigns the parts of a stream's memory.
struct MemoryLayout {
  size_t size = 0;
  size_t take(size_t bytes) {
    const size_t at = size;
    size += whole_lines(bytes);
    return at;
  }
};

inline float* floats(const TokenRow& row, size_t at) { return reinterpret_cast<float*>(row.memory + at); }

// Where a layer's output lies in a stream: as activations for the next product, and as floats (convolution only).
struct Output {
  size_t activations = 0, values = 0, width = 0;
};

// A layer. A step has phases: within a phase, blocks of columns are independent; after each phase all threads
// synchronize. Finally `commit` stores the new state.
class Layer {
 public:
  virtual ~Layer() = default;
  virtual int num_phases() const { return 1; }
  virtual void advance(int phase, const TokenRow* rows, int count, const ThreadRange& blocks) const = 0;
  virtual void commit(const TokenRow* rows, int count, const ThreadRange& blocks) const = 0;

  // Whether rows read in one pass must be computed in order, each after `inherit_state` has copied the state of the row
  // before. `keep` makes the first `count` rows the stream's state.
  virtual bool is_sequential() const { return false; }
  virtual void inherit_state(const TokenRow&, const ThreadRange&) const {}
  virtual void keep(const TokenRow* rows, int count, const ThreadRange& blocks) const { commit(rows, count, blocks); }
  virtual void arrange_gate_bias(const float*, float*) const {}

  // Initialise zeroed memory to the state before the first token.
  virtual void clear(std::byte* memory) const = 0;

  // Assign memory to the state and to the output; the layer below has been assigned its own.
  virtual void layout_state(MemoryLayout& layout) = 0;
  virtual void layout_output(MemoryLayout& layout, const Output& below) = 0;

  // The width of the layer's gate bias: gates * units.
  size_t gate_width = 0;
  size_t num_blocks = 0, num_gate_biases = 0, gate_biases_at = 0, weight_bytes = 0;
  Output output;
};

}  // namespace seqloom::SEQLOOM_ISA::decoding
