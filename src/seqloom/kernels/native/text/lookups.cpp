// What the patterns of texts add up to, each text's one after another: `counts[i]` of them are of text `i`.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "runtime/library.h"

namespace seqloom {

namespace {

typedef float Vec __attribute__((vector_size(32)));
constexpr size_t kWidth = 8;
constexpr float kSmall = 1e-6f;

float sum(Vec value) {
  float found = 0;
  for (size_t i = 0; i < kWidth; ++i) found += value[i];
  return found;
}

// Words with vectors, one after another.
class Path {
 public:
  explicit Path(size_t width) : given_(width), vecs_((width + kWidth - 1) / kWidth), window_(vecs_) {}

  void clear() { vectors_.clear(), lengths_.clear(); }

  void add(const float* vector) {
    vectors_.resize(vectors_.size() + vecs_, Vec{});
    Vec* own = vectors_.data() + words() * vecs_;
    std::memcpy(static_cast<void*>(own), vector, given_ * sizeof *vector);
    Vec square{};
    for (size_t i = 0; i < vecs_; ++i) square += own[i] * own[i];
    lengths_.push_back(std::sqrt(sum(square)) + kSmall);
  }

  size_t words() const { return lengths_.size(); }

  // The mean cosine between each word and the sum of those from `least` to `most` words further on.
  float cosine(size_t least, size_t most) {
    if (words() <= least) return 0;
    std::fill(window_.begin(), window_.end(), Vec{});
    for (size_t at = least; at < std::min(most, words()); ++at)
      for (size_t i = 0; i < vecs_; ++i) window_[i] += word(at)[i];
    double total = 0;
    for (size_t at = 0; at + least < words(); ++at) {
      const Vec *own = word(at), *leaving = word(at + least);
      const Vec* coming = at + most < words() ? word(at + most) : nothing_.data();
      Vec along{}, square{};
      for (size_t i = 0; i < vecs_; ++i) {
        const Vec beyond = window_[i] + coming[i];
        along += beyond * own[i], square += beyond * beyond;
        window_[i] = beyond - leaving[i];
      }
      total += sum(along) / (lengths_[at] * (std::sqrt(sum(square)) + kSmall));
    }
    return static_cast<float>(total / static_cast<double>(words() - least));
  }

  // The length of the sum of all over the sum of their lengths.
  float straightness() {
    std::fill(window_.begin(), window_.end(), Vec{});
    for (size_t at = 0; at < words(); ++at)
      for (size_t i = 0; i < vecs_; ++i) window_[i] += word(at)[i];
    Vec square{};
    for (const Vec one : window_) square += one * one;
    double lengths = 0;
    for (const float length : lengths_) lengths += length;
    return static_cast<float>(std::sqrt(sum(square)) / std::max(lengths, double{kSmall}));
  }

 private:
  const Vec* word(size_t at) const { return &vectors_[at * vecs_]; }

  size_t given_, vecs_;
  std::vector<Vec> vectors_, window_, nothing_ = std::vector<Vec>(vecs_);
  std::vector<float> lengths_;
};

constexpr uint64_t kMixer = 0xbf58476d1ce4e5b9;  // as in patterns.cpp

uint64_t mix(uint64_t hash) { return (hash ^ hash >> 31) * kMixer; }

}  // namespace

}  // namespace seqloom

// The sum of the values at each text's places.
SEQLOOM_EXPORT void seqloom_sum_values(const float* values, const int32_t* places, const int64_t* counts, int64_t texts,
                                       float* sums) {
  for (int64_t text = 0; text < texts; places += counts[text++]) {
    double sum = 0;
    for (int64_t i = 0; i < counts[text]; ++i) sum += values[places[i]];
    sums[text] = static_cast<float>(sum);
  }
}

// Each place has two levels, and a level three values: their sums, `[texts, 2, 3]`. Of a text whose `sides` is 0 or 1,
// that level counts as one less, where it is above 0.
SEQLOOM_EXPORT void seqloom_sum_levels(const uint8_t* levels, const float* values, const int32_t* places,
                                       const int64_t* counts, const int8_t* sides, int64_t texts, float* sums) {
  for (int64_t text = 0; text < texts; places += counts[text++], sums += 6) {
    float sum[6] = {};
    const int less = sides[text] == 0, less_other = sides[text] == 1;
    for (int64_t i = 0; i < counts[text]; ++i) {
      const uint8_t* own = levels + 2 * static_cast<int64_t>(places[i]);
      const float* one = values + 3 * std::max(own[0] - less, 0);
      const float* other = values + 3 * std::max(own[1] - less_other, 0);
      for (int value = 0; value < 3; ++value) sum[value] += one[value], sum[3 + value] += other[value];
    }
    std::copy(sum, sum + 6, sums);
  }
}

// Of the words of each text that have a vector (a row above 0): the mean cosine with those `reaches[2 * k]` to
// `reaches[2 * k + 1]` words further on, for each of `number` reaches, and the straightness of them all.
SEQLOOM_EXPORT void seqloom_cosines(const float* vectors, int64_t width, const int32_t* rows, const int64_t* counts,
                                    int64_t texts, const int64_t* reaches, int64_t number, float* found) {
  seqloom::Path path(static_cast<size_t>(width));
  for (int64_t text = 0; text < texts; rows += counts[text++], found += number + 1) {
    path.clear();
    for (int64_t i = 0; i < counts[text]; ++i)
      if (rows[i] > 0) path.add(vectors + rows[i] * width);
    for (int64_t k = 0; k < number; ++k)
      found[k] = path.cosine(static_cast<size_t>(reaches[2 * k]), static_cast<size_t>(reaches[2 * k + 1]));
    found[number] = path.straightness();
  }
}

// Of the pairs of words of each text that stand in one another's reach: the shares that no text has, and that fewer than
// `rare` have; the means of the logarithm of the number of texts (and one) that have the pair, and of its pointwise
// mutual information; and the share of pairs where that is positive. `rows` numbers the words, 0 is passed over;
// `stood` tells how many texts have the pair that is hashed to a place of `bits` bits, `alone` how many have a word,
// `logs` is `log(1 + n)` and `stood_logs` `log((n + 0.3) * texts)`. Of a text that is `counted`, each number is one
// less.
SEQLOOM_EXPORT void seqloom_companions(const uint8_t* stood, const int32_t* alone, const float* logs,
                                       const float* stood_logs, const int32_t* rows, const int64_t* counts,
                                       const uint8_t* counted, int64_t texts, int64_t reach, int64_t rare, int64_t bits,
                                       float* found) {
  std::vector<uint64_t> words;
  for (int64_t text = 0; text < texts; rows += counts[text++], found += 5) {
    words.clear();
    for (int64_t i = 0; i < counts[text]; ++i)
      if (rows[i] > 0) words.push_back(static_cast<uint64_t>(rows[i]));
    const int32_t own = counted[text];
    const auto less = [&](int32_t number) { return std::max(number - own, 0); };
    double sums[5] = {};
    int64_t pairs = 0;
    for (size_t at = 0; at < words.size(); ++at)
      for (size_t next = at + 1; next < words.size() && next <= at + static_cast<size_t>(reach); ++next, ++pairs) {
        const auto [one, other] = std::minmax(words[at], words[next]);
        const uint64_t place = seqloom::mix(seqloom::mix((one << bits) + other)) >> (64 - bits);
        const int32_t number = less(stood[place]);
        const float information = stood_logs[number] - logs[less(alone[one])] - logs[less(alone[other])];
        sums[0] += number < 1, sums[1] += number < rare, sums[2] += logs[number], sums[3] += information;
        sums[4] += information > 0;
      }
    for (int value = 0; value < 5; ++value)
      found[value] = static_cast<float>(sums[value] / static_cast<double>(std::max<int64_t>(pairs, 1)));
  }
}
