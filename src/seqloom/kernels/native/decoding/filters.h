// Filters of candidate tokens: each keeps those that come first in some order, up to a limit.
#pragma once

#include <algorithm>
#include <cmath>

#include "isa/vector.h"
#include "runtime/buffer.h"

namespace seqloom::SEQLOOM_ISA::decoding {

// Compress the masked values to the front. May write a whole vector.
inline void compress(Vec values, IntVec selected, float* to) {
#if defined(__AVX512F__)
  _mm512_storeu_ps(to, _mm512_maskz_compress_ps(_mm512_movepi32_mask((__m512i)selected), values));
#else
  int count = 0;
  for (int place = 0; place < kWidth; ++place) {
    to[count] = values[place];
    count -= selected[place];
  }
#endif
}

inline int count_mask(IntVec selected) {
#if defined(__AVX512F__)
  return __builtin_popcount(_mm512_movepi32_mask((__m512i)selected));
#else
  int count = 0;
  for (int place = 0; place < kWidth; ++place) count -= selected[place];
  return count;
#endif
}

inline Vec as_floats(IntVec value) { return (Vec)value; }

// Candidate tokens in the order of their ids: unnormalised probabilities, and ranks, which separate tokens whose
// probabilities are equal in single precision.
class Candidates {
 public:
  explicit Candidates(size_t most)
      : mass(most + 2 * kWidth),
        token(most + 2 * kWidth),
        rank_(most + 2 * kWidth),
        key_(most + kWidth),
        weight_(most + kWidth),
        before_(most + kWidth),
        order_(most) {
    for (int place = 0; place < kWidth; ++place) places_[place] = place;
  }

  int count = 0;
  Buffer<float> mass;
  Buffer<int32_t> token;

  // Collect the tokens whose mass is above `least`.
  void gather(const float* masses, const float* ranks, size_t vocabulary, float least) {
    count = 0;
    for (size_t at = 0; at < vocabulary; at += kWidth) {
      const Vec values = load(masses + at);
      add(values, load(ranks + at), as_floats(places_ + static_cast<int32_t>(at)), values > broadcast(least));
    }
    end();
  }

  double total() const {
    double all = 0;
    for (int i = 0; i < count; i += kWidth) all += sum(load(mass.data() + i));
    return all;
  }

  // Keep the `most` most likely tokens (top-k).
  void keep_likeliest(int most) {
    if (most >= count) return;
    for (int i = 0; i < count; ++i) key_[i] = -rank_[i], weight_[i] = 1;
    keep_before(most - 0.5);
  }

  // Keep the most likely tokens that make up this share of `all` (nucleus, top-p).
  void keep_nucleus(double share, double all) {
    for (int i = 0; i < count; ++i) key_[i] = -rank_[i], weight_[i] = mass[i];
    keep_before((share - kTolerance) * all);
  }

  // Keep the tokens whose surprise is nearest to the entropy, up to this share (locally typical sampling).
  void keep_typical(double share) {
    const double all = total();
    double entropy = 0;
    for (int i = 0; i < count; ++i) {
      key_[i] = static_cast<float>(-std::log(mass[i] / all));
      entropy += mass[i] / all * key_[i];
    }
    for (int i = 0; i < count; ++i) key_[i] = std::fabs(key_[i] - static_cast<float>(entropy)), weight_[i] = mass[i];
    keep_before((share - kTolerance) * all);
  }

  // Keep the tokens at least this share as likely as the most likely one (min-p).
  void keep_from(double share) {
    Vec most = {};
    for (int i = 0; i < count; i += kWidth) most = largest(most, load(mass.data() + i));
    const Vec least = broadcast(static_cast<float>(share * (1 - kTolerance)) * peak(most));
    keep([&](int i) { return load(mass.data() + i) >= least; });
  }

  // Masses this close to a threshold count as reaching it, because single precision does not resolve them.
  static constexpr double kTolerance = 1e-6;

 private:
  // Up to this count, each token is compared with every other, which vectors do fast; above it, tokens are sorted.
  static constexpr int kCompared = 96;

  // Keep the tokens with less than `limit` before them in the order of keys; of equal keys the lower id comes first.
  void keep_before(double limit) {
    if (count <= kCompared)
      weigh_by_comparing();
    else
      weigh_by_sorting();
    const Vec most = broadcast(static_cast<float>(limit));
    keep([&](int i) {
      const Vec before = load(before_.data() + i);
      return (before < most) | (before == Vec{});
    });
  }

  // Keep the tokens that `selected(i)` selects from the vector at i.
  template <class Marked>
  void keep(Marked selected) {
    const int before = count;
    count = 0;
    for (int i = 0; i < before; i += kWidth) {
      const IntVec there = places_ < IntVec{} + (before - i);
      const Vec tokens = load(reinterpret_cast<const float*>(token.data() + i));
      add(load(mass.data() + i), load(rank_.data() + i), tokens, selected(i) & there);
    }
    end();
  }

  void add(Vec masses, Vec ranks, Vec tokens, IntVec selected) {
    compress(masses, selected, mass.data() + count);
    compress(ranks, selected, rank_.data() + count);
    compress(tokens, selected, reinterpret_cast<float*>(token.data() + count));
    count += count_mask(selected);
  }

  // Zero the rest of the last candidate's vector.
  void end() { store(mass.data() + count, Vec{}); }

  void weigh_by_comparing() {
    for (int i = count; i < count + kWidth; ++i) key_[i] = 3.0e38f;
    for (int first = 0; first < count; first += kWidth) {
      const Vec keys = load(key_.data() + first);
      Vec sum = {};
      int i = 0;
      for (; i < first; ++i) sum += broadcast(key_[i]) <= keys ? broadcast(weight_[i]) : Vec{};
      for (int place = 0; place < kWidth && i < count; ++place, ++i) {
        const Vec key = broadcast(key_[i]);
        const IntVec precedes = (key < keys) | ((key == keys) & (places_ > place));
        sum += precedes ? broadcast(weight_[i]) : Vec{};
      }
      for (; i < count; ++i) sum += broadcast(key_[i]) < keys ? broadcast(weight_[i]) : Vec{};
      store(before_.data() + first, sum);
    }
  }

  void weigh_by_sorting() {
    for (int i = 0; i < count; ++i) order_[i] = i;
    std::sort(order_.data(), order_.data() + count,
              [this](int32_t a, int32_t b) { return key_[a] < key_[b] || (key_[a] == key_[b] && a < b); });
    double sum = 0;
    for (int i = 0; i < count; ++i) {
      before_[order_[i]] = static_cast<float>(sum);
      sum += weight_[order_[i]];
    }
  }

  IntVec places_;
  Buffer<float> rank_, key_, weight_, before_;
  Buffer<int32_t> order_;
};

}  // namespace seqloom::SEQLOOM_ISA::decoding
