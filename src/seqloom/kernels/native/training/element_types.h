// The element type of weights and activations: bfloat16 if the processor has a dot product of pairs (SEQLOOM_BFLOAT16),
// else float.
//
// A group is the elements of a column that one instruction multiplies and sums: two bfloat16, or one float. The
// elements of a group lie side by side in memory, and a `Groups` vector holds kWidth groups.
#pragma once

#include "isa/vector.h"

namespace seqloom::SEQLOOM_ISA {

#if SEQLOOM_BFLOAT16

using Element = uint16_t;
typedef __m512bh Groups;
constexpr int kGroup = 2;

inline Vec load_elements(const Element* from) {
  const __m256i narrow = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(narrow), 16));
}

inline void store_elements(Element* to, Vec value) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), (__m256i)_mm512_cvtneps_pbh(value));
}

inline float to_float(Element value) {
  const uint32_t bits = static_cast<uint32_t>(value) << 16;
  float wide;
  std::memcpy(&wide, &bits, sizeof wide);
  return wide;
}

// Load a vector of groups.
inline Groups load_groups(const Element* from) { return (Groups)_mm512_loadu_si512(from); }

// Fill a vector with one group.
inline Groups broadcast_group(const Element* from) {
  int32_t pair;
  std::memcpy(&pair, from, sizeof pair);
  return (Groups)_mm512_set1_epi32(pair);
}

// total[i] += the sum of the products of group i of `a` and group i of `b`.
inline Vec multiply_add(Vec total, Groups a, Groups b) { return _mm512_dpbf16_ps(total, a, b); }

// Interleave kWidth columns of two rows, `row` and `row + stride`, into groups: (0,0) (1,0) (0,1) (1,1) (0,2) (1,2) ...
inline void store_groups(Element* to, const Element* row, size_t stride) {
  const __m256i* first = reinterpret_cast<const __m256i*>(row);
  const __m256i* second = reinterpret_cast<const __m256i*>(row + stride);
  const __m512i low = _mm512_cvtepu16_epi32(_mm256_loadu_si256(first));
  const __m512i high = _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(second)), 16);
  _mm512_storeu_si512(to, _mm512_or_si512(low, high));
}

// Interleave row i with row i + 8, separately in the two 128-bit halves of the registers.
inline void interleave(const __m256i (&from)[16], __m256i (&to)[16]) {
  for (int i = 0; i < 8; ++i) {
    to[2 * i] = _mm256_unpacklo_epi16(from[i], from[i + 8]);
    to[2 * i + 1] = _mm256_unpackhi_epi16(from[i], from[i + 8]);
  }
}

// to[j, i] = from[i, j] for a block of 16 by 16. Four rounds of interleaving transpose the halves of the rows.
inline void transpose_block(const Element* from, size_t from_stride, Element* to, size_t to_stride) {
  __m256i row[16], next[16];
  for (int i = 0; i < 16; ++i) row[i] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i * from_stride));
  interleave(row, next);
  interleave(next, row);
  interleave(row, next);
  interleave(next, row);
  // Each register now holds two whole columns, one in either half: 128 bits are 8 rows of a column.
  for (int j = 0; j < 8; ++j) {
    const __m256i low = _mm256_permute2x128_si256(row[2 * j], row[2 * j + 1], 0x20);
    const __m256i high = _mm256_permute2x128_si256(row[2 * j], row[2 * j + 1], 0x31);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + j * to_stride), low);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + (j + 8) * to_stride), high);
  }
}

#else

using Element = float;
typedef Vec Groups;
constexpr int kGroup = 1;

inline Vec load_elements(const Element* from) { return load(from); }

inline void store_elements(Element* to, Vec value) { store(to, value); }

inline float to_float(Element value) { return value; }

inline Groups load_groups(const Element* from) { return load(from); }

inline Groups broadcast_group(const Element* from) { return broadcast(*from); }

inline Vec multiply_add(Vec total, Groups a, Groups b) { return total + a * b; }

inline void store_groups(Element* to, const Element* row, size_t) { store(to, load(row)); }

#endif

}  // namespace seqloom::SEQLOOM_ISA
