// Dropout masks as a function of seed and position, so that nothing is stored and any thread can compute its part.
#pragma once

#include "isa/vector.h"

namespace seqloom::SEQLOOM_ISA {

// Mix all bits of a number (the finaliser of SplitMix64, Steele et al. 2014).
inline uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

// Computes masks: 0 with probability `share`, else 1 / (1 - share).
class Dropout {
 public:
  Dropout(float share, uint64_t seed)
      : seed_(seed),
        threshold_(static_cast<uint32_t>(share * 16777216.0f)),
        kept_(1.0f / (1.0f - share)),
        active_(share > 0.0f) {}

  bool active() const { return active_; }

  // Return the key of one row of a mask.
  uint32_t row(uint64_t index) const { return static_cast<uint32_t>(mix(seed_ ^ mix(index))); }

  // Return places `first` to `first + kWidth` of a row.
  Vec mask(uint32_t row, uint32_t first) const {
    typedef uint32_t Words __attribute__((vector_size(4 * SEQLOOM_WIDTH)));
    Words x;
    for (int i = 0; i < kWidth; ++i) x[i] = first + i;
    x = x * 0x9e3779b9u + row;
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    x = (x ^ (x >> 16)) >> 8;
    const IntVec chance = (IntVec)x;
    return chance >= static_cast<int32_t>(threshold_) ? broadcast(kept_) : Vec{};
  }

 private:
  uint64_t seed_;
  uint32_t threshold_;
  float kept_;
  bool active_;
};

}  // namespace seqloom::SEQLOOM_ISA
