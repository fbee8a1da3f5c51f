// Counting n-grams under the sanitizers: texts of every kind of character, in one thread and in several.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

extern "C" int seqloom_count_ngrams(const uint32_t* codes, const int64_t* offsets, int64_t texts,
                                    const uint8_t* classes, int32_t features, int32_t threads, int32_t* places,
                                    float* counts, int64_t* num_features);

namespace {

constexpr int32_t kFeatures = 1 << 12;
constexpr int64_t kTexts = 40;

struct Features {
  std::vector<int32_t> places;
  std::vector<float> counts;
  std::vector<int64_t> lengths;
  bool operator==(const Features& other) const {
    return places == other.places && counts == other.counts && lengths == other.lengths;
  }
};

Features counted(const std::vector<uint32_t>& codes, const std::vector<int64_t>& offsets,
                 const std::vector<uint8_t>& classes, int32_t threads) {
  Features features{std::vector<int32_t>(5 * codes.size()), std::vector<float>(5 * codes.size()),
                    std::vector<int64_t>(kTexts)};
  const int status = seqloom_count_ngrams(codes.data(), offsets.data(), kTexts, classes.data(), kFeatures, threads,
                                          features.places.data(), features.counts.data(), features.lengths.data());
  if (status != 0) std::exit(status);
  return features;
}

}  // namespace

int main() {
  std::vector<uint8_t> classes(0x110000, 0);
  for (uint32_t code = 0; code < classes.size(); ++code) classes[code] = code == ' ' ? 4 : code % 7 == 0 ? 0 : 3;
  for (const char mark : std::string(".!?;,:()$'")) classes[static_cast<uint8_t>(mark)] = 0;
  std::vector<uint32_t> codes;
  std::vector<int64_t> offsets{0};
  uint32_t state = 1;
  const std::string usual = "not no n't . ! ''a  ";
  for (int64_t text = 0; text < kTexts; ++text) {
    for (int64_t at = 0; at < 97 * text; ++at) {
      state = state * 1664525 + 1013904223;
      const uint32_t wide[] = {0x80, 0x2019, 0xffff, 0x10000, 0x10ffff};
      codes.push_back(state >> 30 == 0 ? wide[(state >> 8) % 5]
                                       : static_cast<uint32_t>(usual[(state >> 8) % usual.size()]));
    }
    offsets.push_back(static_cast<int64_t>(codes.size()));
  }
  const Features alone = counted(codes, offsets, classes, 1);
  bool right = alone == counted(codes, offsets, classes, 3) && alone.lengths[0] == 0;
  for (int64_t text = 0; text < kTexts; ++text) right = right && alone.lengths[text] <= 5 * 97 * text;
  if (right) std::printf("text ok\n");
  return right ? 0 : 1;
}
