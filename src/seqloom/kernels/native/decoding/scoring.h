// The score of a prediction: the actual token's log-probability and rank, and the entropy of the prediction.
//
// With x = logit - peak, where the peak is the largest logit:
//
//   mass     = sum of e^x,   moment = sum of x * e^x
//   log p    = x of the token - log(mass)
//   entropy  = log(mass) - moment / mass
//
// Terms are in single precision, sums in double precision and in a fixed order.
#pragma once

#include <algorithm>
#include <cmath>

#include "decoding/model.h"
#include "isa/vector.h"

namespace seqloom::SEQLOOM_ISA::decoding {

using namespace seqloom::decoding;

class Prediction {
 public:
  // `padded_vocabulary` logits, a whole number of vectors; the padding is far below all other logits.
  Prediction(const float* logits, size_t padded_vocabulary) : logits_(logits), padded_vocabulary_(padded_vocabulary) {}

  // Log-probability and entropy are NaN if any logit is infinite or NaN.
  Score score(int32_t token) const {
    if (!is_finite()) return {NAN, NAN, 0};
    const float peak = peak_logit();
    double mass = 0, moment = 0;
    int64_t likelier = 0;
    for (size_t first = 0; first < padded_vocabulary_; first += kSummedInFloat) {
      Vec masses = {}, moments = {};
      IntVec above = {};
      for (size_t i = first; i < std::min(first + kSummedInFloat, padded_vocabulary_); i += kWidth) {
        const Vec logits = load(logits_ + i), x = lanewise_max(broadcast(kNegligible), logits - peak);
        const Vec exponentials = x > broadcast(kNegligible) ? exponential(x) : Vec{};
        masses += exponentials;
        moments += exponentials * x;
        above += logits > broadcast(logits_[token]);
      }
      mass += sum(masses), moment += sum(moments);
      for (int lane = 0; lane < kWidth; ++lane) likelier -= above[lane];  // a true lane is -1
    }
    const double log_mass = std::log(mass);
    return {static_cast<double>(logits_[token]) - peak - log_mass, log_mass - moment / mass,
            static_cast<int32_t>(likelier)};
  }

 private:
  // Number of terms that are summed in single precision, before the sum is added in double precision.
  static constexpr size_t kSummedInFloat = 16 * kWidth;
  // A token whose logit is this far below the peak counts as having no mass.
  static constexpr float kNegligible = -87;

  bool is_finite() const {
    Vec non_finite = {};
    for (size_t i = 0; i < padded_vocabulary_; i += kWidth) non_finite += load(logits_ + i) - load(logits_ + i);
    return sum(non_finite) == 0;
  }

  float peak_logit() const {
    Vec top = load(logits_);
    for (size_t i = 0; i < padded_vocabulary_; i += kWidth) top = lanewise_max(top, load(logits_ + i));
    return largest_lane(top);
  }

  const float* logits_;
  size_t padded_vocabulary_;
};

}  // namespace seqloom::SEQLOOM_ISA::decoding
