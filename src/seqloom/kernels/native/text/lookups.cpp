// Sums over the patterns of texts. The patterns of all texts lie one after another; text `i` has `counts[i]` of them.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "runtime/library.h"
#include "runtime/status.h"

namespace seqloom {

namespace {

typedef float Vec __attribute__((vector_size(32)));
constexpr size_t kWidth = 8;
constexpr float kSmall = 1e-6f;

float sum(Vec value) {
  float total = 0;
  for (size_t i = 0; i < kWidth; ++i) total += value[i];
  return total;
}

// The vectors of a text's words, in order.
class WordPath {
 public:
  explicit WordPath(size_t width) : width_(width), vecs_((width + kWidth - 1) / kWidth), window_(vecs_) {}

  void clear() { vectors_.clear(), lengths_.clear(); }

  void add(const float* vector) {
    vectors_.resize(vectors_.size() + vecs_, Vec{});
    Vec* own = vectors_.data() + words() * vecs_;
    std::memcpy(static_cast<void*>(own), vector, width_ * sizeof *vector);
    Vec square{};
    for (size_t i = 0; i < vecs_; ++i) square += own[i] * own[i];
    lengths_.push_back(std::sqrt(sum(square)) + kSmall);
  }

  size_t words() const { return lengths_.size(); }

  // Return the mean cosine between each word and the sum of those from `least` to `most` words further on.
  float cosine(size_t least, size_t most) {
    if (words() <= least) return 0;
    std::fill(window_.begin(), window_.end(), Vec{});
    for (size_t at = least; at < std::min(most, words()); ++at)
      for (size_t i = 0; i < vecs_; ++i) window_[i] += word(at)[i];
    double total = 0;
    for (size_t at = 0; at + least < words(); ++at) {
      const Vec *own = word(at), *leaving = word(at + least);
      const Vec* coming = at + most < words() ? word(at + most) : zeros_.data();
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

  // Return the length of the sum of all vectors divided by the sum of their lengths.
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

  size_t width_, vecs_;
  std::vector<Vec> vectors_, window_, zeros_ = std::vector<Vec>(vecs_);
  std::vector<float> lengths_;
};

constexpr uint64_t kMixer = 0xbf58476d1ce4e5b9;  // as in patterns.cpp

uint64_t mix(uint64_t hash) { return (hash ^ hash >> 31) * kMixer; }

}  // namespace

}  // namespace seqloom

namespace {

using seqloom::check_all;
using seqloom::check_pointer;
using seqloom::check_range;

constexpr int64_t kMaxLength = int64_t{1} << 40;

// Check that the counts of all texts add up to the length of the array that they divide.
void check_counts(const int64_t* counts, int64_t texts, int64_t length) {
  check_range("number of texts", texts, 0, kMaxLength);
  check_range("length", length, 0, kMaxLength);
  check_all("count", counts, texts, 0, length);
  int64_t sum = 0;
  for (int64_t text = 0; text < texts; ++text) check_range("sum of the counts", sum += counts[text], 0, length);
  check_range("sum of the counts", sum, length, length);
}

}  // namespace

// Sum the values at each text's places: `sums` is [texts]. `length` places index `num_values` values.
SEQLOOM_EXPORT int seqloom_sum_values(const float* values, int64_t num_values, const int32_t* places, int64_t length,
                                      const int64_t* counts, int64_t texts, float* sums) {
  return seqloom::guard([&] {
    check_counts(counts, texts, length);
    check_range("number of values", num_values, 0, kMaxLength);
    check_all("place", places, length, 0, num_values - 1);
    if (texts > 0) check_pointer("sums", sums);
    if (length > 0) check_pointer("values", values);
    for (int64_t text = 0; text < texts; places += counts[text++]) {
      double sum = 0;
      for (int64_t i = 0; i < counts[text]; ++i) sum += values[places[i]];
      sums[text] = static_cast<float>(sum);
    }
  });
}

// Sum the values of the levels at each text's places: `sums` is [texts, 2, 3]. Each of `num_places` places has two
// levels, and each of 256 levels three values. In a text whose `sides` is 0 or 1, that level counts as one less unless
// it is 0.
SEQLOOM_EXPORT int seqloom_sum_levels(const uint8_t* levels, int64_t num_places, const float* values,
                                      const int32_t* places, int64_t length, const int64_t* counts, const int8_t* sides,
                                      int64_t texts, float* sums) {
  return seqloom::guard([&] {
    check_counts(counts, texts, length);
    check_range("number of places", num_places, 0, kMaxLength);
    check_all("place", places, length, 0, num_places - 1);
    if (texts > 0) check_pointer("sides", sides), check_pointer("sums", sums);
    if (length > 0) check_pointer("levels", levels), check_pointer("values", values);
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
  });
}

// For the words of each text that have a vector (a row above 0): the mean cosine between a word and the words
// `reaches[2 * k]` to `reaches[2 * k + 1]` further on, for each of `num_reaches` reaches, and the straightness of the
// whole text. `vectors` is [num_vectors, width]; `results` is [texts, num_reaches + 1].
SEQLOOM_EXPORT int seqloom_cosines(const float* vectors, int64_t num_vectors, int64_t width, const int32_t* rows,
                                   int64_t length, const int64_t* counts, int64_t texts, const int64_t* reaches,
                                   int64_t num_reaches, float* results) {
  return seqloom::guard([&] {
    check_counts(counts, texts, length);
    check_range("number of vectors", num_vectors, 0, kMaxLength);
    check_range("width", width, 1, seqloom::kMaxWidth);
    check_all("row", rows, length, 0, num_vectors - 1);
    check_range("number of reaches", num_reaches, 0, 1024);
    if (num_reaches > 0) check_pointer("reaches", reaches);
    for (int64_t k = 0; k < num_reaches; ++k) {
      check_range("start of a reach", reaches[2 * k], 1, kMaxLength);
      check_range("end of a reach", reaches[2 * k + 1], reaches[2 * k], kMaxLength);
    }
    if (length > 0) check_pointer("vectors", vectors);
    if (texts > 0) check_pointer("results", results);
    seqloom::WordPath path(static_cast<size_t>(width));
    for (int64_t text = 0; text < texts; rows += counts[text++], results += num_reaches + 1) {
      path.clear();
      for (int64_t i = 0; i < counts[text]; ++i)
        if (rows[i] > 0) path.add(vectors + rows[i] * width);
      for (int64_t k = 0; k < num_reaches; ++k)
        results[k] = path.cosine(static_cast<size_t>(reaches[2 * k]), static_cast<size_t>(reaches[2 * k + 1]));
      results[num_reaches] = path.straightness();
    }
  });
}

// For the pairs of words of each text at most `reach` words apart, five numbers: the shares of pairs that no other text
// and fewer than `rare` texts contain; the means of log(1 + texts with the pair) and of the pointwise mutual
// information; and the share of pairs whose information is positive. `results` is [texts, 5].
//
// `rows` are word numbers below `num_words`; 0 is skipped. `pair_counts` [2^bits] holds how many texts contain the pair
// hashed to each place, `word_counts` how many contain each word, `logs` [num_logs] is log(1 + n) and `pair_logs` [256]
// is log((n + 0.3) * texts). In a text that is `counted` itself, each count is one less.
SEQLOOM_EXPORT int seqloom_companions(const uint8_t* pair_counts, int64_t bits, const int32_t* word_counts,
                                      int64_t num_words, const float* logs, int64_t num_logs, const float* pair_logs,
                                      const int32_t* rows, int64_t length, const int64_t* counts,
                                      const uint8_t* counted, int64_t texts, int64_t reach, int64_t rare,
                                      float* results) {
  return seqloom::guard([&] {
    check_counts(counts, texts, length);
    check_range("bits", bits, 1, 40);
    check_range("number of words", num_words, 0, kMaxLength);
    check_range("number of logarithms", num_logs, 256, kMaxLength);
    check_all("row", rows, length, 0, num_words - 1);
    check_all("count of a word", word_counts, num_words, INT32_MIN, num_logs - 1);
    check_range("reach", reach, 0, kMaxLength);
    for (const void* array :
         {static_cast<const void*>(pair_counts), static_cast<const void*>(logs), static_cast<const void*>(pair_logs)})
      check_pointer("an array of counts", array);
    if (texts > 0) check_pointer("counted", counted), check_pointer("results", results);
    std::vector<uint64_t> words;
    for (int64_t text = 0; text < texts; rows += counts[text++], results += 5) {
      words.clear();
      for (int64_t i = 0; i < counts[text]; ++i)
        if (rows[i] > 0) words.push_back(static_cast<uint64_t>(rows[i]));
      const int32_t own = counted[text] ? 1 : 0;
      const auto less = [&](int32_t number) { return std::max(number - own, 0); };
      double sums[5] = {};
      int64_t pairs = 0;
      for (size_t at = 0; at < words.size(); ++at)
        for (size_t next = at + 1; next < words.size() && next <= at + static_cast<size_t>(reach); ++next, ++pairs) {
          const auto [one, other] = std::minmax(words[at], words[next]);
          const uint64_t place = seqloom::mix(seqloom::mix((one << bits) + other)) >> (64 - bits);
          const int32_t number = less(pair_counts[place]);
          const float information = pair_logs[number] - logs[less(word_counts[one])] - logs[less(word_counts[other])];
          sums[0] += number < 1, sums[1] += number < rare, sums[2] += logs[number], sums[3] += information;
          sums[4] += information > 0;
        }
      for (int value = 0; value < 5; ++value)
        results[value] = static_cast<float>(sums[value] / static_cast<double>(std::max<int64_t>(pairs, 1)));
    }
  });
}
