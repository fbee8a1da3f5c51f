// The optimisers: one pass over all parameters.
#pragma once

#include <cmath>

#include "training/parameters.h"
#include "training/trainer.h"

namespace seqloom::SEQLOOM_ISA {

inline Vec square_root(Vec x) {
#if defined(__AVX512F__)
  return _mm512_sqrt_ps(x);
#elif defined(__AVX2__)
  return _mm256_sqrt_ps(x);
#else
  for (int i = 0; i < kWidth; ++i) x[i] = std::sqrt(x[i]);
  return x;
#endif
}

// Adam with decoupled weight decay (Loshchilov, Hutter 2019), for one region.
inline void adam(const OptimizerStep& step, float decay, size_t count, const float* gradients, float* first,
                 float* second, float* parameters) {
  const float shrink = 1.0f - step.rate * decay;
  const float correction1 = 1.0f - std::pow(static_cast<double>(step.beta1), step.step);
  const float correction2 = 1.0f / std::sqrt(1.0 - std::pow(static_cast<double>(step.beta2), step.step));
  const float rate = step.rate / correction1;
  for (size_t i = 0; i < count; i += kWidth) {
    const Vec gradient = load(gradients + i) * step.scale;
    const Vec m = load(first + i) * step.beta1 + gradient * (1.0f - step.beta1);
    const Vec v = load(second + i) * step.beta2 + gradient * gradient * (1.0f - step.beta2);
    store(first + i, m);
    store(second + i, v);
    store(parameters + i, load(parameters + i) * shrink - rate * m / (square_root(v) * correction2 + step.epsilon));
  }
}

// RMSprop (Tieleman, Hinton 2012); `beta2` is the decay of the squares.
inline void rmsprop(const OptimizerStep& step, size_t count, const float* gradients, float* second, float* parameters) {
  for (size_t i = 0; i < count; i += kWidth) {
    const Vec gradient = load(gradients + i) * step.scale;
    const Vec v = load(second + i) * step.beta2 + gradient * gradient * (1.0f - step.beta2);
    store(second + i, v);
    store(parameters + i, load(parameters + i) - step.rate * gradient / (square_root(v) + step.epsilon));
  }
}

}  // namespace seqloom::SEQLOOM_ISA
