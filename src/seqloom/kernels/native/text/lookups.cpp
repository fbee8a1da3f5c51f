// Sums and means over the patterns of texts. A pattern is a word, several words or several characters; in this file it
// is the index of a row in a table of all patterns. The patterns of all texts form one array, one text after another;
// text `i` has `counts[i]` patterns. `kernels/text_hashing/reduce.py` calls the functions.
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
constexpr float kSmall = 1e-6f;  // added to the lengths of vectors, so that no cosine divides by zero

float sum(Vec value) {
  float total = 0;
  for (size_t i = 0; i < kWidth; ++i) total += value[i];
  return total;
}

// The path of a text through the space of word vectors: the vectors of its words, in order. Each vector has `width`
// floats and is padded with zeros to whole `Vec`s.
class WordPath {
 public:
  explicit WordPath(size_t width) : width_(width), num_vecs_((width + kWidth - 1) / kWidth), sum_(num_vecs_) {}

  void clear() { vectors_.clear(), lengths_.clear(); }

  void add(const float* vector) {
    vectors_.resize(vectors_.size() + num_vecs_, Vec{});
    Vec* added = vectors_.data() + num_words() * num_vecs_;
    std::memcpy(static_cast<void*>(added), vector, width_ * sizeof *vector);
    Vec squares{};
    for (size_t i = 0; i < num_vecs_; ++i) squares += added[i] * added[i];
    lengths_.push_back(std::sqrt(sum(squares)) + kSmall);
  }

  size_t num_words() const { return lengths_.size(); }

  // Return the mean cosine between a word and the sum of the words that are `nearest` to `farthest` words after it.
  float mean_cosine(size_t nearest, size_t farthest) {
    if (num_words() <= nearest) return 0;
    std::fill(sum_.begin(), sum_.end(), Vec{});
    for (size_t later = nearest; later < std::min(farthest, num_words()); ++later)
      for (size_t i = 0; i < num_vecs_; ++i) sum_[i] += word(later)[i];
    double total = 0;
    for (size_t index = 0; index + nearest < num_words(); ++index) {
      // The window slides by one word: the farthest word enters it, and the nearest leaves it after this cosine.
      const Vec *current = word(index), *leaving = word(index + nearest);
      const Vec* entering = index + farthest < num_words() ? word(index + farthest) : zeros_.data();
      Vec products{}, squares{};
      for (size_t i = 0; i < num_vecs_; ++i) {
        const Vec later_words = sum_[i] + entering[i];
        products += later_words * current[i], squares += later_words * later_words;
        sum_[i] = later_words - leaving[i];
      }
      total += sum(products) / (lengths_[index] * (std::sqrt(sum(squares)) + kSmall));
    }
    return static_cast<float>(total / static_cast<double>(num_words() - nearest));
  }

  // Return the straightness of the path: the length of the sum of all vectors, divided by the sum of their lengths.
  float straightness() {
    std::fill(sum_.begin(), sum_.end(), Vec{});
    for (size_t index = 0; index < num_words(); ++index)
      for (size_t i = 0; i < num_vecs_; ++i) sum_[i] += word(index)[i];
    Vec squares{};
    for (const Vec part : sum_) squares += part * part;
    double lengths = 0;
    for (const float length : lengths_) lengths += length;
    return static_cast<float>(std::sqrt(sum(squares)) / std::max(lengths, double{kSmall}));
  }

 private:
  const Vec* word(size_t index) const { return &vectors_[index * num_vecs_]; }

  size_t width_, num_vecs_;
  std::vector<Vec> vectors_, sum_, zeros_ = std::vector<Vec>(num_vecs_);
  std::vector<float> lengths_;
};

// The mixing function of `patterns.cpp`.
constexpr uint64_t kMixer = 0xbf58476d1ce4e5b9;

uint64_t mix(uint64_t hash) { return (hash ^ hash >> 31) * kMixer; }

}  // namespace

}  // namespace seqloom

namespace {

using seqloom::check_all;
using seqloom::check_pointer;
using seqloom::check_range;

constexpr int64_t kMaxLength = int64_t{1} << 40;

// Check that the counts of all texts add up to `length`, the number of all patterns.
void check_counts(const int64_t* counts, int64_t texts, int64_t length) {
  check_range("number of texts", texts, 0, kMaxLength);
  check_range("length", length, 0, kMaxLength);
  check_all("count", counts, texts, 0, length);
  int64_t sum = 0;
  for (int64_t text = 0; text < texts; ++text) check_range("sum of the counts", sum += counts[text], 0, length);
  check_range("sum of the counts", sum, length, length);
}

}  // namespace

// Sum the values at each text's indices: `sums` is [texts]. There are `length` indices of `num_values` values.
SEQLOOM_EXPORT int seqloom_sum_values(const float* values, int64_t num_values, const int32_t* indices, int64_t length,
                                      const int64_t* counts, int64_t texts, float* sums) {
  return seqloom::guard([&] {
    check_counts(counts, texts, length);
    check_range("number of values", num_values, 0, kMaxLength);
    check_all("index", indices, length, 0, num_values - 1);
    if (texts > 0) check_pointer("sums", sums);
    if (length > 0) check_pointer("values", values);
    for (int64_t text = 0; text < texts; indices += counts[text++]) {
      double sum = 0;
      for (int64_t i = 0; i < counts[text]; ++i) sum += values[indices[i]];
      sums[text] = static_cast<float>(sum);
    }
  });
}

// Sum values of the patterns of each text. A pattern has two levels, for example how many real texts and how many
// generated texts contain it, each capped at 255. Each level has three values.
//
// `levels` is [num_rows, 2], `values` is [256, 3], and `sums` is [texts, 2, 3]. A text must not count for itself: if
// the first or second level counts text `i`, `sides[i]` is 0 or 1, and that level is reduced by one where it is above
// 0. Any other number leaves both levels as they are.
SEQLOOM_EXPORT int seqloom_sum_levels(const uint8_t* levels, int64_t num_rows, const float* values,
                                      const int32_t* indices, int64_t length, const int64_t* counts,
                                      const int8_t* sides, int64_t texts, float* sums) {
  return seqloom::guard([&] {
    check_counts(counts, texts, length);
    check_range("number of rows", num_rows, 0, kMaxLength);
    check_all("index", indices, length, 0, num_rows - 1);
    if (texts > 0) check_pointer("sides", sides), check_pointer("sums", sums);
    if (length > 0) check_pointer("levels", levels), check_pointer("values", values);
    for (int64_t text = 0; text < texts; indices += counts[text++], sums += 6) {
      float sum[6] = {};
      const int reduction_0 = sides[text] == 0, reduction_1 = sides[text] == 1;
      for (int64_t i = 0; i < counts[text]; ++i) {
        const uint8_t* row = levels + 2 * static_cast<int64_t>(indices[i]);
        const float* values_0 = values + 3 * std::max(row[0] - reduction_0, 0);
        const float* values_1 = values + 3 * std::max(row[1] - reduction_1, 0);
        for (int value = 0; value < 3; ++value) sum[value] += values_0[value], sum[3 + value] += values_1[value];
      }
      std::copy(sum, sum + 6, sums);
    }
  });
}

// Compute statistics of the vectors of each text's words. `rows` contains the row of each word in `vectors`
// [num_vectors, width]; words with row 0 are skipped. A reach is a range of distances between words. `results` is
// [texts, num_reaches + 1]. Column `k` is the mean cosine between a word and the sum of the words that are
// `reaches[2 * k]` to `reaches[2 * k + 1]` words after it. The last column is the straightness of the words' path: the
// length of the sum of all vectors, divided by the sum of their lengths.
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
        results[k] = path.mean_cosine(static_cast<size_t>(reaches[2 * k]), static_cast<size_t>(reaches[2 * k + 1]));
      results[num_reaches] = path.straightness();
    }
  });
}

// Compare the pairs of nearby words of each text with the texts of a corpus. A pair is two words that are at most
// `max_distance` words apart. `results` is [texts, 5]:
//
//   0  share of pairs that no text of the corpus contains
//   1  share of pairs that fewer than `rare_below` texts contain
//   2  mean of log(1 + number of texts with the pair)
//   3  mean of the estimated pointwise mutual information, log(p(pair) / (p(word 1) * p(word 2)))
//   4  share of pairs for which this information is positive
//
// `rows` contains the index of each word, below `num_words`; words with index 0 are skipped. `pair_counts` [2^bits]
// contains how many texts of the corpus contain a pair, by the hash of the pair; `word_counts` [num_words] contains how
// many contain a word. For a count n, `logs` [num_logs] contains log(1 + n), and `pair_logs` [256] contains
// log((n + 0.3) * number of texts of the corpus). A text that belongs to the corpus itself (`counted`) must not count
// for itself: all counts are reduced by one.
SEQLOOM_EXPORT int seqloom_companions(const uint8_t* pair_counts, int64_t bits, const int32_t* word_counts,
                                      int64_t num_words, const float* logs, int64_t num_logs, const float* pair_logs,
                                      const int32_t* rows, int64_t length, const int64_t* counts,
                                      const uint8_t* counted, int64_t texts, int64_t max_distance, int64_t rare_below,
                                      float* results) {
  return seqloom::guard([&] {
    check_counts(counts, texts, length);
    check_range("bits", bits, 1, 40);
    check_range("number of words", num_words, 0, kMaxLength);
    check_range("number of logarithms", num_logs, 256, kMaxLength);
    check_all("row", rows, length, 0, num_words - 1);
    check_all("count of a word", word_counts, num_words, INT32_MIN, num_logs - 1);
    check_range("maximum distance", max_distance, 0, kMaxLength);
    for (const void* array :
         {static_cast<const void*>(pair_counts), static_cast<const void*>(logs), static_cast<const void*>(pair_logs)})
      check_pointer("an array of counts", array);
    if (texts > 0) check_pointer("counted", counted), check_pointer("results", results);
    std::vector<uint64_t> words;
    for (int64_t text = 0; text < texts; rows += counts[text++], results += 5) {
      words.clear();
      for (int64_t i = 0; i < counts[text]; ++i)
        if (rows[i] > 0) words.push_back(static_cast<uint64_t>(rows[i]));
      const int32_t reduction = counted[text] ? 1 : 0;
      const auto reduced = [&](int32_t count) { return std::max(count - reduction, 0); };
      double sums[5] = {};
      int64_t num_pairs = 0;
      for (size_t first = 0; first < words.size(); ++first)
        for (size_t second = first + 1; second < words.size() && second <= first + static_cast<size_t>(max_distance);
             ++second, ++num_pairs) {
          const auto [lower, upper] = std::minmax(words[first], words[second]);
          const uint64_t bucket = seqloom::mix(seqloom::mix((lower << bits) + upper)) >> (64 - bits);
          const int32_t count = reduced(pair_counts[bucket]);
          const float information =
              pair_logs[count] - logs[reduced(word_counts[lower])] - logs[reduced(word_counts[upper])];
          sums[0] += count < 1, sums[1] += count < rare_below, sums[2] += logs[count], sums[3] += information;
          sums[4] += information > 0;
        }
      for (int i = 0; i < 5; ++i)
        results[i] = static_cast<float>(sums[i] / static_cast<double>(std::max<int64_t>(num_pairs, 1)));
    }
  });
}
