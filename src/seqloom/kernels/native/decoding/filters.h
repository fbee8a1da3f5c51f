// Filters of candidate tokens: top-k, top-p, typical, min-p, XTC, Mirostat. Top-k, top-p and typical keep the tokens
// that come first in some order, up to a limit. A token's mass is its unnormalised probability.
#pragma once

#include <algorithm>
#include <cmath>

#include "isa/vector.h"
#include "runtime/buffer.h"

namespace seqloom::SEQLOOM_ISA::decoding {

// Write the selected values to `target`, without gaps. Values behind them, up to a whole vector, may be overwritten.
inline void compress(Vec values, IntVec selected, float* target) {
#if defined(__AVX512F__)
  _mm512_storeu_ps(target, _mm512_maskz_compress_ps(_mm512_movepi32_mask((__m512i)selected), values));
#else
  int count = 0;
  for (int lane = 0; lane < kWidth; ++lane) {
    target[count] = values[lane];
    count -= selected[lane];  // -1 in a selected lane, 0 in others
  }
#endif
}

// Return the number of selected lanes.
inline int count_selected(IntVec selected) {
#if defined(__AVX512F__)
  return __builtin_popcount(_mm512_movepi32_mask((__m512i)selected));
#else
  int count = 0;
  for (int lane = 0; lane < kWidth; ++lane) count -= selected[lane];
  return count;
#endif
}

// Return the same bits as floats. Token ids are then loaded, compressed and stored like masses.
inline Vec as_floats(IntVec value) { return (Vec)value; }

// Candidate tokens in the order of their ids. Each has a mass and a likeliness, a number that is larger for likelier
// tokens. The likeliness distinguishes tokens whose masses are equal in single precision.
class Candidates {
 public:
  explicit Candidates(size_t max_count)
      : mass(max_count + 2 * kWidth),
        token(max_count + 2 * kWidth),
        likeliness_(max_count + 2 * kWidth),
        key_(max_count + kWidth),
        weight_(max_count + kWidth),
        weight_before_(max_count + kWidth),
        order_(max_count) {
    for (int lane = 0; lane < kWidth; ++lane) lanes_[lane] = lane;
  }

  int count = 0;
  Buffer<float> mass;
  Buffer<int32_t> token;

  // Make the tokens whose mass is above `threshold` the candidates. The arrays have `size` elements, a multiple of
  // kWidth.
  void gather(const float* masses, const float* likeliness, size_t size, float threshold) {
    count = 0;
    for (size_t first = 0; first < size; first += kWidth) {
      const Vec values = load(masses + first);
      append(values, load(likeliness + first), as_floats(lanes_ + static_cast<int32_t>(first)),
             values > broadcast(threshold));
    }
    zero_last_vector();
  }

  double total_mass() const {
    double total = 0;
    for (int i = 0; i < count; i += kWidth) total += sum(load(mass.data() + i));
    return total;
  }

  // Keep the `k` most likely tokens (top-k).
  void keep_likeliest(int k) {
    if (k >= count) return;
    for (int i = 0; i < count; ++i) key_[i] = -likeliness_[i], weight_[i] = 1;
    keep_by_weight(k - 0.5);  // fewer than k tokens precede each of the first k
  }

  // Keep as few of the most likely tokens as have this share of the mass `total` together (nucleus sampling, top-p).
  void keep_nucleus(double share, double total) {
    for (int i = 0; i < count; ++i) key_[i] = -likeliness_[i], weight_[i] = mass[i];
    keep_by_weight((share - kTolerance) * total);
  }

  // Keep the tokens whose surprise, -log p, is nearest to the entropy, until their mass reaches this share of the total
  // (locally typical sampling).
  void keep_typical(double share) {
    const double total = total_mass();
    double entropy = 0;
    for (int i = 0; i < count; ++i) {
      key_[i] = static_cast<float>(-std::log(mass[i] / total));
      entropy += mass[i] / total * key_[i];
    }
    for (int i = 0; i < count; ++i) key_[i] = std::fabs(key_[i] - static_cast<float>(entropy)), weight_[i] = mass[i];
    keep_by_weight((share - kTolerance) * total);
  }

  // Keep the tokens whose mass is at least `share` times that of the most likely token (min-p).
  void keep_near_likeliest(double share) {
    Vec highest = {};
    for (int i = 0; i < count; i += kWidth) highest = lanewise_max(highest, load(mass.data() + i));
    const Vec threshold = broadcast(static_cast<float>(share * (1 - kTolerance)) * largest_lane(highest));
    keep([&](int i) { return load(mass.data() + i) >= threshold; });
  }

  // Exclude all tokens with at least this share of the mass, except the least likely of them (XTC).
  void exclude_top_choices(double share) {
    const float threshold = static_cast<float>(share * (1 - kTolerance) * total_mass());
    int num_above = 0, least_likely = 0;
    for (int i = 0; i < count; ++i)
      if (mass[i] >= threshold && (num_above++ == 0 || likeliness_[i] < likeliness_[least_likely])) least_likely = i;
    if (num_above < 2) return;
    keep([&](int i) {
      return (load(mass.data() + i) < broadcast(threshold)) | (lanes_ + i == IntVec{} + least_likely);
    });
  }

  // Keep the tokens with a surprise, -log2 p, of at most `max_surprise`, and the most likely token (Mirostat).
  void keep_unsurprising(double max_surprise) {
    const Vec threshold = broadcast(static_cast<float>(std::exp2(-max_surprise) * (1 - kTolerance) * total_mass()));
    int likeliest = 0;
    for (int i = 0; i < count; ++i)
      if (likeliness_[i] > likeliness_[likeliest]) likeliest = i;
    keep([&](int i) { return (load(mass.data() + i) >= threshold) | (lanes_ + i == IntVec{} + likeliest); });
  }

  // A mass that is below a threshold by at most this share counts as reaching the threshold, since masses are in single
  // precision.
  static constexpr double kTolerance = 1e-6;

 private:
  // Up to this number of candidates, each one is compared with every other, which is fast with vectors. More candidates
  // are sorted.
  static constexpr int kMaxCompared = 96;

  // Order the candidates by ascending `key_`, and equal keys by id. Keep a candidate if the sum of the `weight_` of all
  // candidates before it is less than `limit`; always keep the first.
  void keep_by_weight(double limit) {
    if (count <= kMaxCompared)
      sum_weights_by_comparing();
    else
      sum_weights_by_sorting();
    const Vec limits = broadcast(static_cast<float>(limit));
    keep([&](int i) {
      const Vec weight_before = load(weight_before_.data() + i);
      return (weight_before < limits) | (weight_before == Vec{});
    });
  }

  // Keep the candidates that the mask `selected(i)` selects from the vector of candidates that starts at i.
  template <class Selection>
  void keep(Selection selected) {
    const int old_count = count;
    count = 0;
    for (int i = 0; i < old_count; i += kWidth) {
      const IntVec is_candidate = lanes_ < IntVec{} + (old_count - i);  // the last vector may contain fewer
      const Vec tokens = load(reinterpret_cast<const float*>(token.data() + i));
      append(load(mass.data() + i), load(likeliness_.data() + i), tokens, selected(i) & is_candidate);
    }
    zero_last_vector();
  }

  // Append the selected tokens of a vector.
  void append(Vec masses, Vec likeliness, Vec tokens, IntVec selected) {
    compress(masses, selected, mass.data() + count);
    compress(likeliness, selected, likeliness_.data() + count);
    compress(tokens, selected, reinterpret_cast<float*>(token.data() + count));
    count += count_selected(selected);
  }

  // Zero the masses behind the last candidate, so that sums over whole vectors are right.
  void zero_last_vector() { store(mass.data() + count, Vec{}); }

  // Compute `weight_before_`, the sum of the weights of all candidates that precede each candidate.
  void sum_weights_by_comparing() {
    for (int i = count; i < count + kWidth; ++i) key_[i] = 3.0e38f;  // behind all candidates
    for (int first = 0; first < count; first += kWidth) {
      const Vec keys = load(key_.data() + first);
      Vec sum = {};
      int i = 0;
      // Of equal keys, those with smaller ids precede: all before this vector, none behind it.
      for (; i < first; ++i) sum += broadcast(key_[i]) <= keys ? broadcast(weight_[i]) : Vec{};
      for (int lane = 0; lane < kWidth && i < count; ++lane, ++i) {
        const Vec key = broadcast(key_[i]);
        const IntVec precedes = (key < keys) | ((key == keys) & (lanes_ > lane));
        sum += precedes ? broadcast(weight_[i]) : Vec{};
      }
      for (; i < count; ++i) sum += broadcast(key_[i]) < keys ? broadcast(weight_[i]) : Vec{};
      store(weight_before_.data() + first, sum);
    }
  }

  // Compute `weight_before_` for many candidates.
  void sum_weights_by_sorting() {
    for (int i = 0; i < count; ++i) order_[i] = i;
    std::sort(order_.data(), order_.data() + count,
              [this](int32_t a, int32_t b) { return key_[a] < key_[b] || (key_[a] == key_[b] && a < b); });
    double sum = 0;
    for (int i = 0; i < count; ++i) {
      weight_before_[order_[i]] = static_cast<float>(sum);
      sum += weight_[order_[i]];
    }
  }

  IntVec lanes_;  // 0, 1, ..., kWidth - 1
  Buffer<float> likeliness_, key_, weight_, weight_before_;
  Buffer<int32_t> order_;
};

}  // namespace seqloom::SEQLOOM_ISA::decoding
