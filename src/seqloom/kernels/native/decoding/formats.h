// Storage formats of weights and activations in decoding.
//
// A format defines how `kWidth` columns of a group of `kGroup` depths lie in memory, how a row's activations are
// stored, and how the two are multiplied into a `Total`. `kRows` rows at a time fit into the registers. If `kTileRows`
// is not 0, that many rows are multiplied in tiles; integer sums are the same in any order.
#pragma once

#include <cmath>
#include <cstddef>

#include "isa/vector.h"

namespace seqloom::SEQLOOM_ISA::decoding {

// The nearest bfloat16, ties to even.
inline uint16_t to_bfloat16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

// The common part of formats with sums in single precision.
struct FloatSums {
  using Total = Vec;
  static constexpr int kTileRows = 0;
  static Total start(const std::byte*) { return Vec{}; }
  static Total join(const Total& a, const Total& b) { return a + b; }
};

// Activations in single precision, for formats that compress weights only.
struct FloatActivations : FloatSums {
  static constexpr size_t activation_bytes(size_t count) { return count * sizeof(float); }
  static void store_activations(std::byte* row, size_t at, Vec value) {
    store(reinterpret_cast<float*>(row) + at, value);
  }
};

// Single precision.
struct Float32 : FloatActivations {
  using Weight = float;
  using Columns = Vec;
  using Activations = Vec;
  static constexpr int kGroup = 1, kRows = kWidth == 16 ? 3 : 1;
  static constexpr size_t kHeader = 0;

  static float scale(const float*, size_t) { return 1; }
  static void put(Weight* group, int, float value, float, std::byte*, int) { *group = value; }
  static Columns columns(const Weight* at) { return load(at); }
  static Activations load_activations(const std::byte* row, size_t group) {
    return broadcast(reinterpret_cast<const float*>(row)[group]);
  }
  static void add(Total& total, const Activations& loaded, const Columns& columns) {
    total = fused(total, loaded, columns);
  }
  static Vec finish(const Total& total, const std::byte*) { return total; }
};

#if SEQLOOM_BFLOAT16

// Pairs of bfloat16, multiplied by the processor's dot product.
struct Bfloat16 : FloatSums {
  using Weight = uint16_t;
  using Columns = __m512bh;
  using Activations = __m512bh;
  static constexpr int kGroup = 2, kRows = 3;
  static constexpr size_t kHeader = 0;

  static constexpr size_t activation_bytes(size_t count) { return count * sizeof(uint16_t); }
  static void store_activations(std::byte* row, size_t at, Vec value) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(row + activation_bytes(at)), (__m256i)_mm512_cvtneps_pbh(value));
  }
  static float scale(const float*, size_t) { return 1; }
  static void put(Weight* group, int place, float value, float, std::byte*, int) { group[place] = to_bfloat16(value); }
  static Columns columns(const Weight* at) { return (Columns)_mm512_loadu_si512(at); }
  static Activations load_activations(const std::byte* row, size_t group) {
    int32_t pair;
    std::memcpy(&pair, row + group * sizeof pair, sizeof pair);
    return (Activations)_mm512_set1_epi32(pair);
  }
  static void add(Total& total, const Activations& loaded, const Columns& columns) {
    total = _mm512_dpbf16_ps(total, loaded, columns);
  }
  static Vec finish(const Total& total, const std::byte*) { return total; }
};

// Weights in eight bits with a scale for each column. Activations lie in [-1, 1] and are stored in eight bits too, so
// all sums are exact.
struct Int8 {
  using Weight = int8_t;
  using Total = __m512i;
  using Columns = __m512i;
  using Activations = __m512i;
  static constexpr int kGroup = 4, kRows = 3, kTileRows = SEQLOOM_AMX ? 16 : 0;
  // Scales, then the initial sums, which correct for activations being stored as unsigned numbers, 128 too high.
  static constexpr size_t kHeader = 2 * sizeof(Vec);
  static constexpr float kUnit = 127;

  static constexpr size_t activation_bytes(size_t count) { return count; }
  static void store_activations(std::byte* row, size_t at, Vec value) {
    const __m512i whole = _mm512_add_epi32(_mm512_cvtps_epi32(value * kUnit), _mm512_set1_epi32(128));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(row + at), _mm512_cvtepi32_epi8(whole));
  }
  static float scale(const float* column, size_t depth) {
    float most = 0;
    for (size_t k = 0; k < depth; ++k) most = std::fabs(column[k]) > most ? std::fabs(column[k]) : most;
    return most > 0 ? most / 127 : 1;
  }
  static void put(Weight* group, int place, float value, float scale, std::byte* header, int column) {
    group[place] = static_cast<int8_t>(std::lrintf(value / scale));
    reinterpret_cast<float*>(header)[column] = scale / kUnit;
    reinterpret_cast<int32_t*>(header)[kWidth + column] -= 128 * group[place];
  }
  static Columns columns(const Weight* at) { return _mm512_loadu_si512(at); }
  static Activations load_activations(const std::byte* row, size_t group) {
    int32_t four;
    std::memcpy(&four, row + group * sizeof four, sizeof four);
    return _mm512_set1_epi32(four);
  }
  static Total start(const std::byte* header) { return _mm512_loadu_si512(header + sizeof(Vec)); }
  static void add(Total& total, const Activations& loaded, const Columns& columns) {
    total = _mm512_dpbusd_epi32(total, loaded, columns);
  }
  static Total join(const Total& a, const Total& b) { return _mm512_add_epi32(a, b); }
  static Vec finish(const Total& total, const std::byte* header) {
    return rounded(_mm512_cvtepi32_ps(total) * load(reinterpret_cast<const float*>(header)));
  }
};

#else

typedef uint32_t Bits __attribute__((vector_size(4 * SEQLOOM_WIDTH)));

// Weights in bfloat16, in pairs; each is a float without its last sixteen bits.
struct Bfloat16 : FloatActivations {
  using Weight = uint16_t;
  struct Columns {
    Vec first, second;
  };
  using Activations = Columns;
  static constexpr int kGroup = 2, kRows = kWidth == 16 ? 2 : 1;
  static constexpr size_t kHeader = 0;

  static float scale(const float*, size_t) { return 1; }
  static void put(Weight* group, int place, float value, float, std::byte*, int) { group[place] = to_bfloat16(value); }
  static Columns columns(const Weight* at) {
    Bits pairs;
    std::memcpy(&pairs, at, sizeof pairs);
    return {(Vec)(pairs << 16), (Vec)(pairs & 0xFFFF0000u)};
  }
  static Activations load_activations(const std::byte* row, size_t group) {
    const float* pair = reinterpret_cast<const float*>(row) + 2 * group;
    return {broadcast(pair[0]), broadcast(pair[1])};
  }
  static void add(Total& total, const Activations& loaded, const Columns& columns) {
    total = fused(fused(total, loaded.first, columns.first), loaded.second, columns.second);
  }
  static Vec finish(const Total& total, const std::byte*) { return total; }
};

typedef int8_t Bytes __attribute__((vector_size(SEQLOOM_WIDTH)));

// Weights in eight bits with a scale for each column.
struct Int8 : FloatActivations {
  using Weight = int8_t;
  using Columns = Vec;
  using Activations = Vec;
  static constexpr int kGroup = 1, kRows = kWidth == 16 ? 3 : 1;
  static constexpr size_t kHeader = sizeof(Vec);

  static float scale(const float* column, size_t depth) {
    float most = 0;
    for (size_t k = 0; k < depth; ++k) most = std::fabs(column[k]) > most ? std::fabs(column[k]) : most;
    return most > 0 ? most / 127 : 1;
  }
  static void put(Weight* group, int, float value, float scale, std::byte* header, int column) {
    *group = static_cast<int8_t>(std::lrintf(value / scale));
    reinterpret_cast<float*>(header)[column] = scale;
  }
  static Columns columns(const Weight* at) {
#if defined(__AVX512F__)
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))));
#elif defined(__AVX2__)
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(at))));
#else
    Bytes bytes;
    std::memcpy(&bytes, at, sizeof bytes);
    return __builtin_convertvector(bytes, Vec);
#endif
  }
  static Activations load_activations(const std::byte* row, size_t group) {
    return broadcast(reinterpret_cast<const float*>(row)[group]);
  }
  static Total start(const std::byte*) { return Vec{}; }
  static void add(Total& total, const Activations& loaded, const Columns& columns) {
    total = fused(total, loaded, columns);
  }
  static Vec finish(const Total& total, const std::byte* header) {
    return rounded(total * load(reinterpret_cast<const float*>(header)));
  }
};

#endif

}  // namespace seqloom::SEQLOOM_ISA::decoding
