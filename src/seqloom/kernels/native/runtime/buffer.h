// An array whose memory is zeroed and aligned to cache lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace seqloom {

template <typename T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(size_t size) { reset(size); }

  // Allocate `size` values, all zero. On failure the buffer keeps its old memory.
  void reset(size_t size) {
    if (size > (SIZE_MAX - kCacheLine) / sizeof(T)) throw std::bad_alloc();
    // Whole cache lines, and at least one: `aligned_alloc` may return null for 0 bytes.
    const size_t bytes = (size * sizeof(T) + kCacheLine) / kCacheLine * kCacheLine;
    void* memory = std::aligned_alloc(kCacheLine, bytes);
    if (memory == nullptr) throw std::bad_alloc();
    std::memset(memory, 0, bytes);
    memory_.reset(static_cast<T*>(memory));
    size_ = size;
  }
  // Set all values to zero; the size stays.
  void clear() {
    if (size_) std::memset(memory_.get(), 0, size_ * sizeof(T));
  }

  size_t size() const { return size_; }
  T* data() { return memory_.get(); }
  const T* data() const { return memory_.get(); }
  T& operator[](size_t index) { return memory_.get()[index]; }
  const T& operator[](size_t index) const { return memory_.get()[index]; }

 private:
  static constexpr size_t kCacheLine = 64;  // bytes
  struct Free {
    void operator()(T* memory) const { std::free(memory); }
  };
  std::unique_ptr<T, Free> memory_;
  size_t size_ = 0;
};

}  // namespace seqloom
