// One update of a region of the parameters (one matrix or bias, or a part of it) by Adam or RMSprop.
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

// Adam with decoupled weight decay (Loshchilov, Hutter 2019), for `count` parameters. `decay` replaces `step.decay`:
// the caller passes 0 for biases, because only matrices have weight decay. As in the paper, m and v are the moments.
inline void adam(const OptimizerStep& step, float decay, size_t count, const float* gradients, float* first_moments,
                 float* second_moments, float* parameters) {
  const float decay_factor = 1.0f - step.rate * decay;
  // The moments start at zero and are therefore biased towards zero. Corrections of this bias: a divisor of the first
  // moment, and a factor of the root of the second.
  const float first_correction = 1.0f - std::pow(static_cast<double>(step.beta1), step.step);
  const float root_correction = 1.0f / std::sqrt(1.0 - std::pow(static_cast<double>(step.beta2), step.step));
  const float rate = step.rate / first_correction;
  for (size_t i = 0; i < count; i += kWidth) {
    const Vec gradient = load(gradients + i) * step.scale;
    const Vec m = load(first_moments + i) * step.beta1 + gradient * (1.0f - step.beta1);
    const Vec v = load(second_moments + i) * step.beta2 + gradient * gradient * (1.0f - step.beta2);
    store(first_moments + i, m);
    store(second_moments + i, v);
    store(parameters + i,
          load(parameters + i) * decay_factor - rate * m / (square_root(v) * root_correction + step.epsilon));
  }
}

// RMSprop (Tieleman, Hinton 2012), for `count` parameters. `beta2` is the decay rate of the mean of squared gradients,
// which is stored as the second moment. As in Keras 3, epsilon is added inside of the root.
inline void rmsprop(const OptimizerStep& step, size_t count, const float* gradients, float* second_moments,
                    float* parameters) {
  for (size_t i = 0; i < count; i += kWidth) {
    const Vec gradient = load(gradients + i) * step.scale;
    const Vec v = load(second_moments + i) * step.beta2 + gradient * gradient * (1.0f - step.beta2);
    store(second_moments + i, v);
    store(parameters + i, load(parameters + i) - step.rate * gradient / square_root(v + step.epsilon));
  }
}

}  // namespace seqloom::SEQLOOM_ISA
