// The element type of weights and activations: bfloat16 if the processor has a dot product of pairs (SEQLOOM_BFLOAT16),
// else float.
//
// A group is the elements of a column that one lane of the dot product multiplies and sums: two bfloat16, or one float.
// The elements of a group lie side by side in memory, and a `Groups` vector holds kWidth groups.
#pragma once

#include "isa/vector.h"

namespace seqloom::SEQLOOM_ISA {

#if SEQLOOM_BFLOAT16

using Element = uint16_t;
typedef __m512bh Groups;
constexpr int kGroup = 2;

inline Vec load_elements(const Element* source) {
  const __m256i narrow = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(source));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(narrow), 16));
}

inline void store_elements(Element* target, Vec value) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(target), (__m256i)_mm512_cvtneps_pbh(value));
}

inline float to_float(Element value) {
  const uint32_t bits = static_cast<uint32_t>(value) << 16;
  float wide;
  std::memcpy(&wide, &bits, sizeof wide);
  return wide;
}

// Load a vector of groups.
inline Groups load_groups(const Element* source) { return (Groups)_mm512_loadu_si512(source); }

// Fill a vector with one group.
inline Groups broadcast_group(const Element* source) {
  int32_t pair;
  std::memcpy(&pair, source, sizeof pair);
  return (Groups)_mm512_set1_epi32(pair);
}

// Return total[i] + the sum of the products of group i of `a` and group i of `b`.
inline Vec multiply_add(Vec total, Groups a, Groups b) { return _mm512_dpbf16_ps(total, a, b); }

// Interleave kWidth columns of two rows, `row` and `row + stride`, into groups: (0,0) (1,0) (0,1) (1,1) (0,2) (1,2) ...
inline void store_groups(Element* target, const Element* row, size_t stride) {
  const __m256i* first = reinterpret_cast<const __m256i*>(row);
  const __m256i* second = reinterpret_cast<const __m256i*>(row + stride);
  const __m512i low = _mm512_cvtepu16_epi32(_mm256_loadu_si256(first));
  const __m512i high = _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(second)), 16);
  _mm512_storeu_si512(target, _mm512_or_si512(low, high));
}

// Interleave row i with row i + 8, separately in the two 128-bit halves of the registers.
inline void interleave(const __m256i (&source)[16], __m256i (&target)[16]) {
  for (int i = 0; i < 8; ++i) {
    target[2 * i] = _mm256_unpacklo_epi16(source[i], source[i + 8]);
    target[2 * i + 1] = _mm256_unpackhi_epi16(source[i], source[i + 8]);
  }
}

// target[j, i] = source[i, j] for a block of 16 by 16. Four rounds of interleaving transpose its left and its right half
// (16 by 8 each), one in the low and one in the high 128 bits of the registers.
inline void transpose_block(const Element* source, size_t source_stride, Element* target, size_t target_stride) {
  __m256i row[16], next[16];
  for (int i = 0; i < 16; ++i)
    row[i] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(source + i * source_stride));
  interleave(row, next);
  interleave(next, row);
  interleave(row, next);
  interleave(next, row);
  // Registers 2 j and 2 j + 1 now hold rows 0 to 7 and rows 8 to 15 of column j in their low halves, and those of column
  // j + 8 in their high halves.
  for (int j = 0; j < 8; ++j) {
    const __m256i low = _mm256_permute2x128_si256(row[2 * j], row[2 * j + 1], 0x20);
    const __m256i high = _mm256_permute2x128_si256(row[2 * j], row[2 * j + 1], 0x31);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(target + j * target_stride), low);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(target + (j + 8) * target_stride), high);
  }
}

#else

using Element = float;
typedef Vec Groups;
constexpr int kGroup = 1;

inline Vec load_elements(const Element* source) { return load(source); }

inline void store_elements(Element* target, Vec value) { store(target, value); }

inline float to_float(Element value) { return value; }

inline Groups load_groups(const Element* source) { return load(source); }

inline Groups broadcast_group(const Element* source) { return broadcast(*source); }

inline Vec multiply_add(Vec total, Groups a, Groups b) { return total + a * b; }

inline void store_groups(Element* target, const Element* row, size_t) { store(target, load(row)); }

#endif

}  // namespace seqloom::SEQLOOM_ISA
