// Vectors of floats as wide as the instruction set's registers.
//
// The arithmetic uses the vector extension of GCC and Clang, so that one source serves every instruction set. Each
// isa_*.cpp file defines SEQLOOM_ISA (the namespace) and SEQLOOM_WIDTH (floats in a register) before it includes
// anything.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace seqloom::SEQLOOM_ISA {

constexpr int kWidth = SEQLOOM_WIDTH;

typedef float Vec __attribute__((vector_size(4 * SEQLOOM_WIDTH)));
typedef int32_t IntVec __attribute__((vector_size(4 * SEQLOOM_WIDTH)));

inline Vec load(const float* source) {
  Vec value;
  std::memcpy(&value, source, sizeof value);
  return value;
}

inline void store(float* target, Vec value) { std::memcpy(target, &value, sizeof value); }

// A vector with the same float in every lane. Subtracting zero changes no number, so the compiler leaves it out; adding
// zero would turn -0 into 0.
inline Vec broadcast(float value) { return value - Vec{}; }

// The larger of two floats in each lane; `b` if one of them is NaN.
inline Vec lanewise_max(Vec a, Vec b) { return a > b ? a : b; }

// The smaller of two floats in each lane; `b` if one of them is NaN.
inline Vec lanewise_min(Vec a, Vec b) { return a < b ? a : b; }

// The sum of all lanes.
inline float sum(Vec value) {
#if defined(__AVX512F__)
  return _mm512_reduce_add_ps(value);
#else
  float lanes[kWidth];
  store(lanes, value);
  for (int half = kWidth / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  return lanes[0];
#endif
}

// The largest lane.
inline float largest_lane(Vec value) {
#if defined(__AVX512F__)
  return _mm512_reduce_max_ps(value);
#else
  float lanes[kWidth];
  store(lanes, value);
  float highest = lanes[0];
  for (int i = 1; i < kWidth; ++i) highest = lanes[i] > highest ? lanes[i] : highest;
  return highest;
#endif
}

// 1 / x for x >= 1 to nearly full precision. The result is exact at powers of two, so that units that only pad a layer,
// with tanh(0) = 1 - 2 * 0.5, are exactly 0.
inline Vec reciprocal(Vec x) {
#if defined(__AVX512F__)
  const Vec estimate = _mm512_rcp14_ps(x);
  return estimate * (2.0f - x * estimate);  // one step of Newton's method
#else
  return 1.0f / x;
#endif
}

// a + b * c, rounded once if the processor can do that.
inline Vec add_product(Vec a, Vec b, Vec c) {
#if defined(__AVX512F__)
  return _mm512_fmadd_ps(b, c, a);
#elif defined(__AVX2__)
  return _mm256_fmadd_ps(b, c, a);
#else
  return a + b * c;
#endif
}

// The value itself, but the compiler must round it to a float here and cannot fuse a product with a later addition.
// Otherwise it would fuse products in some places and not in others, and the results of these places would differ.
inline Vec rounded_to_float(Vec value) {
#if defined(__AVX2__)
  asm("" : "+v"(value));
#else
  asm("" : "+m"(value));
#endif
  return value;
}

// e^x = 2^n * e^r, where x = n ln 2 + r and |r| <= ln 2 / 2. A polynomial approximates e^r with an error of at most
// 1e-7. NaN stays NaN.
inline Vec exponential(Vec x) {
  // Limit x so that 2^n is a normal float. The order of the arguments keeps NaN.
  x = lanewise_max(broadcast(-87.0f), lanewise_min(broadcast(88.0f), x));
  const float rounder = 12582912.0f;  // 1.5 * 2^23: adding and subtracting it rounds to integers
  const Vec n = add_product(broadcast(rounder), x, broadcast(1.44269504f)) - rounder;  // x / ln 2, rounded
#if defined(__AVX2__)
  const Vec r = add_product(x, n, broadcast(-0.693147182f));
#else
  const Vec r = (x - n * 0.693145752f) - n * 1.42860677e-6f;  // ln 2 in two parts, for precision without fusing
#endif
  Vec series = broadcast(0.0082903067f);
  series = add_product(broadcast(0.041897975f), series, r);
  series = add_product(broadcast(0.16667637f), series, r);
  series = add_product(broadcast(0.4999915f), series, r);
  series = add_product(broadcast(0.9999997f), series, r);
  series = add_product(broadcast(1.0f), series, r);
#if defined(__AVX512F__)
  return _mm512_scalef_ps(series, n);
#else
  const IntVec power_bits = (__builtin_convertvector(n, IntVec) + 127) << 23;  // the exponent field of the float 2^n
  Vec power;
  std::memcpy(&power, &power_bits, sizeof power);
  return series * power;
#endif
}

inline Vec sigmoid(Vec x) { return reciprocal(1.0f + exponential(-x)); }

inline Vec hyperbolic_tangent(Vec x) { return 1.0f - 2.0f * reciprocal(1.0f + exponential(x + x)); }

}  // namespace seqloom::SEQLOOM_ISA
