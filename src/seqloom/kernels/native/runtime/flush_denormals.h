// Turns off denormal numbers, which are floats too small for full precision.
#pragma once

#if defined(__SSE__)
#include <immintrin.h>
#endif

namespace seqloom {

// While an object of this class exists, the thread that created it reads and writes denormal numbers (below 1e-38) as
// zero. On most processors, arithmetic with a denormal number takes a hundred times as long.
class FlushDenormals {
 public:
#if defined(__SSE__)
  FlushDenormals() : saved_control_(_mm_getcsr()) { _mm_setcsr(saved_control_ | kFlushToZero | kDenormalsAreZero); }
  ~FlushDenormals() { _mm_setcsr(saved_control_); }
#else
  FlushDenormals() {}
#endif
  FlushDenormals(const FlushDenormals&) = delete;

 private:
  // Bits of the SSE control register: the first one zeroes denormal results, the second one denormal operands.
  static constexpr unsigned kFlushToZero = 0x8000, kDenormalsAreZero = 0x0040;
  [[maybe_unused]] unsigned saved_control_ = 0;
};

}  // namespace seqloom
