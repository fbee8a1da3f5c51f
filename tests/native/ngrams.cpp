// Counts n-grams under the compiler's sanitizers, in texts with every kind of character. Checks that one thread and
// several give the same counts. Prints "text ok", or ends with another status than 0.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

extern "C" int seqloom_count_ngrams(const uint32_t* codes, const int64_t* offsets, int64_t texts,
                                    const uint8_t* classes, int32_t num_buckets, int32_t threads, int32_t* buckets,
                                    float* counts, int64_t* num_ngrams);

namespace {

constexpr int32_t kBuckets = 1 << 12;
constexpr int64_t kTexts = 40;
// A character contributes at most five n-grams.
constexpr int64_t kMaxPerCharacter = 5;
// Text i has i * kCharacterStep characters; the first one is empty.
constexpr int64_t kCharacterStep = 97;

struct Counts {
  std::vector<int32_t> buckets;
  std::vector<float> counts;
  std::vector<int64_t> num_ngrams;  // of each text
  bool operator==(const Counts& other) const {
    return buckets == other.buckets && counts == other.counts && num_ngrams == other.num_ngrams;
  }
};

Counts count_ngrams(const std::vector<uint32_t>& codes, const std::vector<int64_t>& offsets,
                    const std::vector<uint8_t>& classes, int32_t threads) {
  Counts result{std::vector<int32_t>(kMaxPerCharacter * codes.size()),
                std::vector<float>(kMaxPerCharacter * codes.size()), std::vector<int64_t>(kTexts)};
  const int status = seqloom_count_ngrams(codes.data(), offsets.data(), kTexts, classes.data(), kBuckets, threads,
                                          result.buckets.data(), result.counts.data(), result.num_ngrams.data());
  if (status != 0) std::exit(status);
  return result;
}

}  // namespace

int main() {
  // Simplified classes, which are sums of bits: 4 for white space, 1 + 2 for alphanumeric word characters, 0 for
  // others.
  std::vector<uint8_t> classes(0x110000, 0);
  for (uint32_t code = 0; code < classes.size(); ++code) classes[code] = code == ' ' ? 4 : code % 7 == 0 ? 0 : 3;
  for (const char mark : std::string(".!?;,:()$'")) classes[static_cast<uint8_t>(mark)] = 0;
  std::vector<uint32_t> codes;
  std::vector<int64_t> offsets{0};
  uint32_t random_state = 1;
  const std::string frequent_characters = "not no n't . ! ''a  ";
  for (int64_t text = 0; text < kTexts; ++text) {
    for (int64_t i = 0; i < kCharacterStep * text; ++i) {
      random_state = random_state * 1664525 + 1013904223;
      const uint32_t not_ascii[] = {0x80, 0x2019, 0xffff, 0x10000, 0x10ffff};
      codes.push_back(
          random_state >> 30 == 0
              ? not_ascii[(random_state >> 8) % 5]
              : static_cast<uint32_t>(frequent_characters[(random_state >> 8) % frequent_characters.size()]));
    }
    offsets.push_back(static_cast<int64_t>(codes.size()));
  }
  const Counts one_thread = count_ngrams(codes, offsets, classes, /*threads=*/1);
  bool passed = one_thread == count_ngrams(codes, offsets, classes, /*threads=*/3) && one_thread.num_ngrams[0] == 0;
  for (int64_t text = 0; text < kTexts; ++text)
    passed = passed && one_thread.num_ngrams[text] <= kMaxPerCharacter * kCharacterStep * text;
  if (passed) std::printf("text ok\n");
  return passed ? 0 : 1;
}
