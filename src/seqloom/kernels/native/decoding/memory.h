// Aligned memory that frees itself.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace seqloom::decoding {

// Frees memory of `new_memory`.
struct Free {
  void operator()(std::byte* memory) const { std::free(memory); }
};

using Memory = std::unique_ptr<std::byte, Free>;

// Allocate zeroed memory; `bytes` must be a multiple of a cache line, 64 bytes.
inline Memory new_memory(size_t bytes) {
  Memory memory(static_cast<std::byte*>(std::aligned_alloc(64, bytes)));
  if (!memory) throw std::bad_alloc();
  std::memset(memory.get(), 0, bytes);
  return memory;
}

}  // namespace seqloom::decoding
