// What the layers of a network have in common.
#pragma once

#include "decoding/model.h"
#include "decoding/panels.h"
#include "runtime/threads.h"

namespace seqloom::SEQLOOM_ISA::decoding {

using namespace seqloom::decoding;

constexpr size_t kLine = 64;

constexpr size_t whole_lines(size_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

// Hands out the parts of a stream's memory.
struct MemoryLayout {
  size_t size = 0;
  size_t take(size_t bytes) {
    const size_t at = size;
    size += whole_lines(bytes);
    return at;
  }
};

inline float* floats(const TokenRow& row, size_t at) { return reinterpret_cast<float*>(row.memory + at); }

// Where a layer's output lies in a stream: as activations for the next product, and (a convolution's) as floats.
struct Output {
  size_t activations = 0, values = 0, width = 0;
};

// A step of a layer has phases: within one, blocks of columns hang on nothing of one another, and after each, all
// threads synchronize. Then `commit` makes the new state the state.
class Layer {
 public:
  virtual ~Layer() = default;
  virtual int num_phases() const { return 1; }
  virtual void advance(int phase, const TokenRow* rows, int count, const ThreadRange& blocks) const = 0;
  virtual void commit(const TokenRow* rows, int count, const ThreadRange& blocks) const = 0;

  // Whether rows that a stream reads at once must be advanced one after another, each after `inherit_state` took over what the
  // row before it remembers; and the first `count` of them become the stream's state.
  virtual bool is_sequential() const { return false; }
  virtual void inherit_state(const TokenRow&, const ThreadRange&) const {}
  virtual void keep(const TokenRow* rows, int count, const ThreadRange& blocks) const { commit(rows, count, blocks); }
  virtual void arrange_gate_bias(const float*, float*) const {}

  // The state before the first token, in memory that is zero.
  virtual void clear(std::byte* memory) const = 0;

  // What the stream remembers, and what is only passed on; the layer below has places already.
  virtual void layout_state(MemoryLayout& layout) = 0;
  virtual void layout_output(MemoryLayout& layout, const Output& below) = 0;

  // The width of the layer's gate bias: gates * units.
  size_t gate_width = 0;
  size_t num_blocks = 0, num_gate_biases = 0, gate_biases_at = 0, weight_bytes = 0;
  Output output;
};

}  // namespace seqloom::SEQLOOM_ISA::decoding
