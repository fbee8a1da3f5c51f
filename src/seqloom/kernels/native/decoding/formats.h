// Storage formats of weights and activations in decoding.
//
// A product multiplies a row of activations by the columns of a weight matrix, and sums over the depth, the inputs of a
// layer. Weights lie in groups of `kGroup` depths of `kWidth` columns, for example with kGroup = 2, as (depth, column):
//
//   (0,0) (1,0) (0,1) (1,1) (0,2) (1,2) ...   first group
//   (2,0) (3,0) (2,1) (3,1) ...               second group
//
// Each format (`Float32`, `Bfloat16`, `Int8`) defines
//
//   Weight                     a stored weight
//   Columns                    the weights of a group, loaded by `columns`
//   Activations                the activations of a group, once for every column, loaded by `load_activations`
//   store_activations          store kWidth activations of a row; `activation_bytes` is the size of stored activations
//   Total                      a sum for each of `kWidth` columns: `start`, `add`, `join`, and `finish` for the result
//   scale, store_weight        compute the scale of a column; store one of its weights, at a depth within its group
//   kHeaderBytes               size of the header that precedes the weights of `kWidth` columns, such as their scales
//   kRows                      number of rows whose sums fit into the registers
//   kTileRows                  number of rows that are multiplied in tile registers; 0 without tiles. Only integers are
//                              multiplied in tiles, because their sums are the same in any order.
#pragma once

#include <cmath>
#include <cstddef>

#include "isa/vector.h"

namespace seqloom::SEQLOOM_ISA::decoding {

// Return the nearest bfloat16, ties to even.
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
  static void store_activations(std::byte* row, size_t index, Vec value) {
    store(reinterpret_cast<float*>(row) + index, value);
  }
};

// Single precision.
struct Float32 : FloatActivations {
  using Weight = float;
  using Columns = Vec;
  using Activations = Vec;
  static constexpr int kGroup = 1, kRows = kWidth == 16 ? 3 : 1;
  static constexpr size_t kHeaderBytes = 0;

  static float scale(const float*, size_t) { return 1; }
  static void store_weight(Weight* group, int /*depth*/, float value, float /*scale*/, std::byte* /*header*/,
                           int /*column*/) {
    *group = value;
  }
  static Columns columns(const Weight* group) { return load(group); }
  static Activations load_activations(const std::byte* row, size_t group) {
    return broadcast(reinterpret_cast<const float*>(row)[group]);
  }
  static void add(Total& total, const Activations& loaded, const Columns& columns) {
    total = add_product(total, loaded, columns);
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
  static constexpr size_t kHeaderBytes = 0;

  static constexpr size_t activation_bytes(size_t count) { return count * sizeof(uint16_t); }
  static void store_activations(std::byte* row, size_t index, Vec value) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(row + activation_bytes(index)), (__m256i)_mm512_cvtneps_pbh(value));
  }
  static float scale(const float*, size_t) { return 1; }
  static void store_weight(Weight* group, int depth, float value, float /*scale*/, std::byte* /*header*/,
                           int /*column*/) {
    group[depth] = to_bfloat16(value);
  }
  static Columns columns(const Weight* group) { return (Columns)_mm512_loadu_si512(group); }
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

// Weights in eight bits with a scale for each column. Activations lie in [-1, 1] and are stored in eight bits too. All
// sums are sums of integers and therefore exact.
struct Int8 {
  using Weight = int8_t;
  using Total = __m512i;
  using Columns = __m512i;
  using Activations = __m512i;
  static constexpr int kGroup = 4, kRows = 3, kTileRows = SEQLOOM_AMX ? 16 : 0;
  // The scales of the columns, then the initial sums. The instruction needs unsigned activations, so they are stored
  // 128 too high; the initial sum of a column subtracts what this adds to the product, 128 times the sum of the
  // weights.
  static constexpr size_t kHeaderBytes = 2 * sizeof(Vec);
  // An activation of 1 as an integer.
  static constexpr float kUnit = 127;

  static constexpr size_t activation_bytes(size_t count) { return count; }
  static void store_activations(std::byte* row, size_t index, Vec value) {
    const __m512i integers = _mm512_add_epi32(_mm512_cvtps_epi32(value * kUnit), _mm512_set1_epi32(128));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(row + index), _mm512_cvtepi32_epi8(integers));
  }
  static float scale(const float* column, size_t depth) {
    float largest = 0;
    for (size_t k = 0; k < depth; ++k) largest = std::fabs(column[k]) > largest ? std::fabs(column[k]) : largest;
    return largest > 0 ? largest / 127 : 1;  // the largest weight becomes 127 or -127
  }
  static void store_weight(Weight* group, int depth, float value, float scale, std::byte* header, int column) {
    group[depth] = static_cast<int8_t>(std::lrintf(value / scale));
    reinterpret_cast<float*>(header)[column] = scale / kUnit;
    reinterpret_cast<int32_t*>(header)[kWidth + column] -= 128 * group[depth];
  }
  static Columns columns(const Weight* group) { return _mm512_loadu_si512(group); }
  static Activations load_activations(const std::byte* row, size_t group) {
    int32_t four_bytes;
    std::memcpy(&four_bytes, row + group * sizeof four_bytes, sizeof four_bytes);
    return _mm512_set1_epi32(four_bytes);
  }
  static Total start(const std::byte* header) { return _mm512_loadu_si512(header + sizeof(Vec)); }
  static void add(Total& total, const Activations& loaded, const Columns& columns) {
    total = _mm512_dpbusd_epi32(total, loaded, columns);
  }
  static Total join(const Total& a, const Total& b) { return _mm512_add_epi32(a, b); }
  static Vec finish(const Total& total, const std::byte* header) {
    return rounded_to_float(_mm512_cvtepi32_ps(total) * load(reinterpret_cast<const float*>(header)));
  }
};

#else

typedef uint32_t Bits __attribute__((vector_size(4 * SEQLOOM_WIDTH)));

// Pairs of bfloat16 weights, which are converted to floats: a bfloat16 is a float without its last sixteen bits.
struct Bfloat16 : FloatActivations {
  using Weight = uint16_t;
  struct Columns {
    Vec first, second;
  };
  using Activations = Columns;
  static constexpr int kGroup = 2, kRows = kWidth == 16 ? 2 : 1;
  static constexpr size_t kHeaderBytes = 0;

  static float scale(const float*, size_t) { return 1; }
  static void store_weight(Weight* group, int depth, float value, float /*scale*/, std::byte* /*header*/,
                           int /*column*/) {
    group[depth] = to_bfloat16(value);
  }
  static Columns columns(const Weight* group) {
    Bits pairs;
    std::memcpy(&pairs, group, sizeof pairs);
    return {(Vec)(pairs << 16), (Vec)(pairs & 0xFFFF0000u)};
  }
  static Activations load_activations(const std::byte* row, size_t group) {
    const float* pair = reinterpret_cast<const float*>(row) + 2 * group;
    return {broadcast(pair[0]), broadcast(pair[1])};
  }
  static void add(Total& total, const Activations& loaded, const Columns& columns) {
    total = add_product(add_product(total, loaded.first, columns.first), loaded.second, columns.second);
  }
  static Vec finish(const Total& total, const std::byte*) { return total; }
};

typedef int8_t Bytes __attribute__((vector_size(SEQLOOM_WIDTH)));

// Weights in eight bits with a scale for each column, which are converted to floats.
struct Int8 : FloatActivations {
  using Weight = int8_t;
  using Columns = Vec;
  using Activations = Vec;
  static constexpr int kGroup = 1, kRows = kWidth == 16 ? 3 : 1;
  static constexpr size_t kHeaderBytes = sizeof(Vec);

  static float scale(const float* column, size_t depth) {
    float largest = 0;
    for (size_t k = 0; k < depth; ++k) largest = std::fabs(column[k]) > largest ? std::fabs(column[k]) : largest;
    return largest > 0 ? largest / 127 : 1;  // the largest weight becomes 127 or -127
  }
  static void store_weight(Weight* group, int /*depth*/, float value, float scale, std::byte* header, int column) {
    *group = static_cast<int8_t>(std::lrintf(value / scale));
    reinterpret_cast<float*>(header)[column] = scale;
  }
  static Columns columns(const Weight* group) {
#if defined(__AVX512F__)
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(group))));
#elif defined(__AVX2__)
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(group))));
#else
    Bytes bytes;
    std::memcpy(&bytes, group, sizeof bytes);
    return __builtin_convertvector(bytes, Vec);
#endif
  }
  static Activations load_activations(const std::byte* row, size_t group) {
    return broadcast(reinterpret_cast<const float*>(row)[group]);
  }
  static Total start(const std::byte*) { return Vec{}; }
  static void add(Total& total, const Activations& loaded, const Columns& columns) {
    total = add_product(total, loaded, columns);
  }
  static Vec finish(const Total& total, const std::byte* header) {
    return rounded_to_float(total * load(reinterpret_cast<const float*>(header)));
  }
};

#endif

}  // namespace seqloom::SEQLOOM_ISA::decoding
