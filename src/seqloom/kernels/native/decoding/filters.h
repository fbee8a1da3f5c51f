// Which of some tokens stay: those that come first in an order, up to a mass.
#pragma once

#include <algorithm>
#include <cmath>

#include "isa/vector.h"
#include "runtime/buffer.h"

namespace seqloom::SEQLOOM_ISA::decoding {

// Put the marked values one after another. May write a whole vector.
inline void compress(Vec values, IntVec marked, float* to) {
#if defined(__AVX512F__)
  _mm512_storeu_ps(to, _mm512_maskz_compress_ps(_mm512_movepi32_mask((__m512i)marked), values));
#else
  int count = 0;
  for (int place = 0; place < kWidth; ++place) {
    to[count] = values[place];
    count -= marked[place];
  }
#endif
}

inline int count_mask(IntVec marked) {
#if defined(__AVX512F__)
  return __builtin_popcount(_mm512_movepi32_mask((__m512i)marked));
#else
  int count = 0;
  for (int place = 0; place < kWidth; ++place) count -= marked[place];
  return count;
#endif
}

inline Vec as_floats(IntVec value) { return (Vec)value; }

// Tokens that may still be drawn, in the order of their ids: their unnormalised probabilities, and what they are ranked
// by, which tells apart what probabilities in single precision may not.
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

  // Take the tokens whose mass is above `least`.
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

  // Keep the `most` likeliest.
  void keep_likeliest(int most) {
    if (most >= count) return;
    for (int i = 0; i < count; ++i) key_[i] = -rank_[i], weight_[i] = 1;
    keep_before(most - 0.5);
  }

  // Keep the likeliest that make up this share of `all`.
  void keep_nucleus(double share, double all) {
    for (int i = 0; i < count; ++i) key_[i] = -rank_[i], weight_[i] = mass[i];
    keep_before((share - kTolerance) * all);
  }

  // Keep those whose surprise is nearest to the entropy, up to this share.
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

  // Keep those that are at least this share as likely as the likeliest.
  void keep_from(double share) {
    Vec most = {};
    for (int i = 0; i < count; i += kWidth) most = largest(most, load(mass.data() + i));
    const Vec least = broadcast(static_cast<float>(share * (1 - kTolerance)) * peak(most));
    keep([&](int i) { return load(mass.data() + i) >= least; });
  }

  // Masses this near to a threshold count as having reached it: what single precision leaves undecided.
  static constexpr double kTolerance = 1e-6;

 private:
  // Up to here, each token is compared with every other, which vectors do fast; above, they are sorted.
  static constexpr int kCompared = 96;

  // Keep the tokens before which, in the order of keys (of equal ones the lower id first), there is less than `limit`.
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

  // Keep what `marked(i)` marks of the vector at i.
  template <class Marked>
  void keep(Marked marked) {
    const int before = count;
    count = 0;
    for (int i = 0; i < before; i += kWidth) {
      const IntVec there = places_ < IntVec{} + (before - i);
      const Vec tokens = load(reinterpret_cast<const float*>(token.data() + i));
      add(load(mass.data() + i), load(rank_.data() + i), tokens, marked(i) & there);
    }
    end();
  }

  void add(Vec masses, Vec ranks, Vec tokens, IntVec marked) {
    compress(masses, marked, mass.data() + count);
    compress(ranks, marked, rank_.data() + count);
    compress(tokens, marked, reinterpret_cast<float*>(token.data() + count));
    count += count_mask(marked);
  }

  // Nothing lies between the last candidate and the end of its vector.
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
