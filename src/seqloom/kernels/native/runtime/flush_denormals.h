// What becomes of numbers that are too small for full precision.
#pragma once

#if defined(__SSE__)
#include <immintrin.h>
#endif

namespace seqloom {

// While it lives, the calling thread takes numbers below 1e-38 for zero, read and written: each of them takes most
// processors as long as a hundred others.
class FlushDenormals {
 public:
#if defined(__SSE__)
  FlushDenormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040); }
  ~FlushDenormals() { _mm_setcsr(before_); }
#else
  FlushDenormals() {}
#endif
  FlushDenormals(const FlushDenormals&) = delete;

 private:
  [[maybe_unused]] unsigned before_ = 0;
};

}  // namespace seqloom
