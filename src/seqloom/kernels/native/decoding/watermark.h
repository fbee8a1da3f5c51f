// A watermark while one text is written: which of its tokens are marked, and the numbers that these are drawn by.
//
// The same as in `sampling/watermark.py`, which tells of it: what is written here is found there, number by number.
#pragma once

#include <cstdint>
#include <cstring>
#include <unordered_set>
#include <vector>

namespace seqloom::decoding {

// The mixing of splitmix64 (Steele et al. 2014): the number of that place in the stream that a state begins.
inline uint64_t mix(uint64_t state, uint64_t place) {
  uint64_t value = state + 0x9E3779B97F4A7C15ull * (place + 1);
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ull;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBull;
  return value ^ (value >> 31);
}

// A number between 0 and 1, neither of them among it, for each token.
struct Noise {
  uint64_t state;

  // The middle of one of 2^52 equal parts: the number's upper bits, as the fraction of a number from 1 to 2.
  double operator()(int32_t token) const {
    const uint64_t bits = 0x3FF0000000000000ull | mix(state, token) >> 12;
    double number;
    std::memcpy(&number, &bits, sizeof number);
    return number - 1 + 0x1p-53;
  }
};

class Watermark {
 public:
  // `variants` holds 16 bits for each group of contexts, four groups at most.
  Watermark(uint64_t key, int width, int groups, uint64_t variants)
      : key_(key), variants_(variants), width_(width), groups_(groups) {}

  void add(int32_t token) {
    if (newest_.size() == width_) newest_.erase(newest_.begin());
    newest_.push_back(token);
  }

  // Whether the next token is marked, and by what: not where the text is too short, nor after the same tokens again.
  bool watermarks_next(Noise& noise) {
    if (newest_.size() < width_) return false;
    uint64_t state = key_;
    for (const int32_t token : newest_) state = mix(state, token);
    const uint64_t group = mix(state, kGroup) % groups_;
    noise = {mix(state, variants_ >> 16 * group & 0xFFFF)};
    return seen_.insert(state).second;
  }

 private:
  // The place of the number that says which group tokens belong to; those of variants come before it.
  static constexpr uint64_t kGroup = 1ull << 32;

  uint64_t key_, variants_;
  size_t width_;
  uint64_t groups_;
  std::vector<int32_t> newest_;
  std::unordered_set<uint64_t> seen_;
};

}  // namespace seqloom::decoding
