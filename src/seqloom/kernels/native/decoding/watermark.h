// A watermark in one text: which tokens are marked, and the noise that they are drawn by.
//
// `sampling/watermark.py` explains the method and detects the mark with the same numbers.
#pragma once

#include <cstdint>
#include <cstring>
#include <unordered_set>
#include <vector>

namespace seqloom::decoding {

// Return number `place` of the random stream that starts at `state` (splitmix64, Steele et al. 2014).
inline uint64_t mix(uint64_t state, uint64_t place) {
  uint64_t value = state + 0x9E3779B97F4A7C15ull * (place + 1);
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ull;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBull;
  return value ^ (value >> 31);
}

// Noise strictly between 0 and 1 for each token.
struct Noise {
  uint64_t state;

  // The upper bits select the middle of one of 2^52 equal parts of (0, 1).
  double operator()(int32_t token) const {
    const uint64_t bits = 0x3FF0000000000000ull | mix(state, token) >> 12;
    double number;
    std::memcpy(&number, &bits, sizeof number);
    return number - 1 + 0x1p-53;
  }
};

class Watermark {
 public:
  // `variants` holds 16 bits for each group of contexts, of which there are at most four.
  Watermark(uint64_t key, int width, int groups, uint64_t variants)
      : key_(key), variants_(variants), width_(width), groups_(groups) {}

  void add(int32_t token) {
    if (newest_.size() == width_) newest_.erase(newest_.begin());
    newest_.push_back(token);
  }

  // Return whether the next token is marked, and its noise. It is not if the text is too short, nor after a context
  // that occurred before.
  bool watermarks_next(Noise& noise) {
    if (newest_.size() < width_) return false;
    uint64_t state = key_;
    for (const int32_t token : newest_) state = mix(state, token);
    const uint64_t group = mix(state, kGroup) % groups_;
    noise = {mix(state, variants_ >> 16 * group & 0xFFFF)};
    return seen_.insert(state).second;
  }

 private:
  // The place of the number that selects a context's group; the numbers of variants come before it.
  static constexpr uint64_t kGroup = 1ull << 32;

  uint64_t key_, variants_;
  size_t width_;
  uint64_t groups_;
  std::vector<int32_t> newest_;
  std::unordered_set<uint64_t> seen_;
};

}  // namespace seqloom::decoding
