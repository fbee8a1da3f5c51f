// Reads the hashed patterns of texts (words, groups of words and of characters), and sums values at their buckets,
// under the compiler's sanitizers. The texts contain every kind of character, and some are empty. Prints "text ok", or
// ends with 1.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

extern "C" int seqloom_read_patterns(const uint32_t* codes, int64_t num_codes, const int64_t* lengths, int64_t texts,
                                     const uint8_t* classes, const uint32_t* lower, int32_t bits,
                                     const int32_t* offsets, const int32_t* words, int32_t runs,
                                     const int32_t* characters, int32_t substrings, int64_t capacity, int32_t* buckets,
                                     int64_t* counts);
extern "C" int seqloom_sum_values(const float* values, int64_t num_values, const int32_t* indices, int64_t length,
                                  const int64_t* counts, int64_t texts, float* sums);
extern "C" int seqloom_sum_levels(const uint8_t* levels, int64_t num_rows, const float* values, const int32_t* indices,
                                  int64_t length, const int64_t* counts, const int8_t* sides, int64_t texts,
                                  float* sums);
extern "C" int seqloom_cosines(const float* vectors, int64_t num_vectors, int64_t width, const int32_t* rows,
                               int64_t length, const int64_t* counts, int64_t texts, const int64_t* reaches,
                               int64_t num_reaches, float* results);

int main() {
  constexpr int32_t kBits = 10, kBuckets = 1 << kBits;
  constexpr int64_t kTexts = 30, kKinds = 6, kWidth = 13;
  // Simplified classes: 0 punctuation, 1 word, 2 white space, 3 apostrophe.
  std::vector<uint8_t> classes(0x110000);
  std::vector<uint32_t> lower(classes.size());
  for (uint32_t code = 0; code < classes.size(); ++code) {
    classes[code] = code == ' ' ? 2 : code == '\'' ? 3 : code % 7 == 0 ? 0 : 1;
    lower[code] = code | 32;
  }
  std::vector<uint32_t> codes;
  std::vector<int64_t> lengths;
  uint32_t random_state = 1;
  const std::string frequent_characters = "It's 'a' .. b  ";
  for (int64_t text = 0; text < kTexts; ++text) {
    if (text) codes.push_back(' ');
    lengths.push_back(text % 3 ? 31 * text : text / 3);
    for (int64_t i = 0; i < lengths.back(); ++i) {
      random_state = random_state * 1664525 + 1013904223;
      codes.push_back(
          random_state >> 30 == 0
              ? (random_state >> 8) % 0x110000
              : static_cast<uint32_t>(frequent_characters[(random_state >> 8) % frequent_characters.size()]));
    }
  }
  // Two kinds of runs, which are patterns of two and of three words, and two kinds of substrings.
  const int32_t offsets[] = {0, 1, 0, 1, 3}, words[] = {2, 3}, characters[] = {3, 7};
  const auto capacity = static_cast<int64_t>(codes.size()) + 2 * kTexts;
  std::vector<int32_t> buckets(kKinds * capacity);
  std::vector<int64_t> counts(kKinds * kTexts);
  int failed = seqloom_read_patterns(codes.data(), static_cast<int64_t>(codes.size()), lengths.data(), kTexts,
                                     classes.data(), lower.data(), kBits, offsets, words, /*runs=*/2, characters,
                                     /*substrings=*/2, capacity, buckets.data(), counts.data());

  const std::vector<float> ones(kBuckets, 1.f), values(3 * 256, 2.f), vectors(kBuckets * kWidth, 1.f);
  const std::vector<uint8_t> levels(2 * kBuckets, 255);
  std::vector<int8_t> sides(kTexts, -1);
  sides[3] = 0, sides[4] = 1;
  const int64_t reaches[] = {1, 2, 26, 60};
  bool passed = true;
  for (int64_t kind = 0; kind < kKinds; ++kind) {
    const int32_t* kind_buckets = buckets.data() + kind * capacity;
    const int64_t* kind_counts = counts.data() + kind * kTexts;
    std::vector<float> sums(kTexts), level_sums(6 * kTexts), cosines(3 * kTexts);
    int64_t length = 0;
    for (int64_t text = 0; text < kTexts; ++text) length += kind_counts[text];
    failed |= seqloom_sum_values(ones.data(), kBuckets, kind_buckets, length, kind_counts, kTexts, sums.data());
    failed |= seqloom_sum_levels(levels.data(), kBuckets, values.data(), kind_buckets, length, kind_counts,
                                 sides.data(), kTexts, level_sums.data());
    failed |= seqloom_cosines(vectors.data(), kBuckets, kWidth, kind_buckets, length, kind_counts, kTexts, reaches,
                              /*num_reaches=*/2, cosines.data());
    for (int64_t text = 0; text < kTexts; ++text) {
      const auto count = static_cast<float>(kind_counts[text]);
      // All values are 1, all values of levels 2, and all vectors equal.
      passed = passed && sums[text] == count && level_sums[6 * text + 5] == 2 * count;
      passed = passed && (cosines[3 * text] == 0 || std::fabs(cosines[3 * text] - 1) < 1e-3f);
    }
  }
  passed = passed && failed == 0;
  if (passed) std::printf("text ok\n");
  return passed ? 0 : 1;
}
