// Dropout masks as a function of seed and position. No mask is stored, and each thread can compute its part.
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

// Computes masks, the factors of dropout: 0 with probability `dropped_share`, else 1 / (1 - dropped_share).
class Dropout {
 public:
  Dropout(float dropped_share, uint64_t seed)
      : seed_(seed),
        threshold_(static_cast<uint32_t>(dropped_share * 16777216.0f)),  // 2^24, because `mask` compares 24 random bits
        kept_factor_(1.0f / (1.0f - dropped_share)),
        active_(dropped_share > 0.0f) {}

  bool active() const { return active_; }

  // Return the key of one row of a mask, from which `mask` computes the row.
  uint32_t row_key(uint64_t row) const { return static_cast<uint32_t>(mix(seed_ ^ mix(row))); }

  // Return kWidth values of a row, from column `first` on: a hash of row and column, compared with the threshold.
  Vec mask(uint32_t row_key, uint32_t first) const {
    typedef uint32_t Words __attribute__((vector_size(4 * SEQLOOM_WIDTH)));
    Words x;
    for (int i = 0; i < kWidth; ++i) x[i] = first + i;
    x = x * 0x9e3779b9u + row_key;
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    x = (x ^ (x >> 16)) >> 8;
    const IntVec random_bits = (IntVec)x;
    return random_bits >= static_cast<int32_t>(threshold_) ? broadcast(kept_factor_) : Vec{};
  }

 private:
  uint64_t seed_;
  uint32_t threshold_;
  float kept_factor_;
  bool active_;
};

}  // namespace seqloom::SEQLOOM_ISA
