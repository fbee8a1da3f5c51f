// Denormal numbers, too small for full precision.
#pragma once

#if defined(__SSE__)
#include <immintrin.h>
#endif

namespace seqloom {

// While it exists, the calling thread reads and writes denormal numbers (below 1e-38) as zero: on most processors each
// of them takes a hundred times as long.
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
