// The score of a prediction: the actual token's log-probability, its rank, and the entropy.
//
// Terms are in single precision, sums in double and in a fixed order.
#pragma once

#include <algorithm>
#include <cmath>

#include "decoding/model.h"
#include "isa/vector.h"

namespace seqloom::SEQLOOM_ISA::decoding {

using namespace seqloom::decoding;

class Prediction {
 public:
  // `padded` logits, a whole number of vectors; the padding is far below all other logits.
  Prediction(const float* logits, size_t padded) : logits_(logits), padded_(padded) {}

  // Log-probability and entropy are NaN if any logit is infinite or NaN.
  Score score(int32_t token) const {
    if (!finite()) return {NAN, NAN, 0};
    const float peak = highest();
    double mass = 0, moment = 0;
    int64_t likelier = 0;
    for (size_t from = 0; from < padded_; from += kSummed) {
      Vec masses = {}, moments = {};
      IntVec above = {};
      for (size_t at = from; at < std::min(from + kSummed, padded_); at += kWidth) {
        const Vec logits = load(logits_ + at), below = largest(broadcast(kNothing), logits - peak);
        const Vec part = below > broadcast(kNothing) ? exponential(below) : Vec{};
        masses += part;
        moments += part * below;
        above += logits > broadcast(logits_[token]);
      }
      mass += sum(masses), moment += sum(moments);
      for (int place = 0; place < kWidth; ++place) likelier -= above[place];
    }
    const double log_mass = std::log(mass);
    return {static_cast<double>(logits_[token]) - peak - log_mass, log_mass - moment / mass,
            static_cast<int32_t>(likelier)};
  }

 private:
  // Number of terms summed in single precision.
  static constexpr size_t kSummed = 16 * kWidth;
  // Logits this far below the highest have no mass.
  static constexpr float kNothing = -87;

  bool finite() const {
    Vec non_finite = {};
    for (size_t at = 0; at < padded_; at += kWidth) non_finite += load(logits_ + at) - load(logits_ + at);
    return sum(non_finite) == 0;
  }

  float highest() const {
    Vec top = load(logits_);
    for (size_t at = 0; at < padded_; at += kWidth) top = largest(top, load(logits_ + at));
    return peak(top);
  }

  const float* logits_;
  size_t padded_;
};

}  // namespace seqloom::SEQLOOM_ISA::decoding
