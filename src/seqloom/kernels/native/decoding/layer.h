// The interface of a network's layers, and the layout of a stream's memory.
#pragma once

#include "decoding/model.h"
#include "decoding/panels.h"
#include "runtime/threads.h"

namespace seqloom::SEQLOOM_ISA::decoding {

using namespace seqloom::decoding;

constexpr size_t kCacheLine = 64;  // bytes

// Return a size in bytes, rounded up to whole cache lines.
constexpr size_t whole_cache_lines(size_t bytes) { return (bytes + kCacheLine - 1) / kCacheLine * kCacheLine; }

// Assigns offsets in a stream's memory.
struct MemoryLayout {
  size_t size = 0;  // bytes assigned until now
  // Assign the next `bytes` bytes, and return their offset.
  size_t reserve(size_t bytes) {
    const size_t offset = size;
    size += whole_cache_lines(bytes);
    return offset;
  }
};

// Return the floats at an offset, in bytes, in the memory of a row.
inline float* floats_at(const TokenRow& row, size_t offset) { return reinterpret_cast<float*>(row.memory + offset); }

// Where a layer's output lies in a stream's memory. The offsets, in bytes, are those of the output in the format of
// activations, for products (`formats.h`), and of the output as floats (convolution only). `width` is the number of
// units.
struct OutputOffsets {
  size_t activations = 0, float_values = 0, width = 0;
};

// A layer. Its columns are divided into blocks (`panels.h`), and the blocks among the threads of a team.
//
// `advance` computes one phase of a step for some blocks. Within a phase the blocks are independent; after each phase
// all threads synchronize. After the last phase, `commit` makes the new state the current one.
class Layer {
 public:
  virtual ~Layer() = default;
  virtual int num_phases() const { return 1; }
  virtual void advance(int phase, const TokenRow* rows, int count, const ThreadRange& blocks) const = 0;
  virtual void commit(const TokenRow* rows, int count, const ThreadRange& blocks) const = 0;

  // Whether several tokens that a stream reads in one pass must be computed one after another. Before each token but
  // the first, `inherit_state` then copies the state after the preceding row to the memory of this row.
  virtual bool is_sequential() const { return false; }
  virtual void inherit_state(const TokenRow&, const ThreadRange&) const {}
  // Set the stream's state to the state after the first `count` rows of a pass.
  virtual void keep(const TokenRow* rows, int count, const ThreadRange& blocks) const { commit(rows, count, blocks); }
  // Copy a bias [gate_width] to the order of the layer's columns [num_gate_biases].
  virtual void arrange_gate_bias(const float*, float*) const {}

  // Initialise zeroed memory to the state before the first token.
  virtual void clear(std::byte* memory) const = 0;

  // Assign memory to the state and to the output. `below` is the output of the layer below, whose offsets are already
  // assigned.
  virtual void layout_state(MemoryLayout& layout) = 0;
  virtual void layout_output(MemoryLayout& layout, const OutputOffsets& below) = 0;

  // Floats of the layer's gate bias: in the model, gates * units; in the order of the layer's columns, padding
  // included.
  size_t gate_width = 0, num_gate_biases = 0;
  // Index of the layer's first float in `TokenRow::gate_bias`, which holds the biases of all layers.
  size_t gate_biases_offset = 0;
  size_t num_blocks = 0, weight_bytes = 0;  // blocks of columns; bytes of all weights that a step reads
  OutputOffsets output;
};

}  // namespace seqloom::SEQLOOM_ISA::decoding
