// A watermark in one text: which tokens are marked, and the noise that determines them.
//
// The last `width` tokens are the context. Key and context determine a number in (0, 1), the noise, for every candidate
// token, and the noise selects the next token (`SamplerChain::choose_watermarked`). Contexts are divided into groups;
// in each group, a text uses one of several variants of the noise. `sampling/watermark.py` explains why, and detects
// the mark with the same numbers.
#pragma once

#include <cstdint>
#include <cstring>
#include <unordered_set>
#include <vector>

namespace seqloom::decoding {

// Return number `position` of the random stream that starts at `state` (splitmix64, Steele et al. 2014).
inline uint64_t mix(uint64_t state, uint64_t position) {
  uint64_t value = state + 0x9E3779B97F4A7C15ull * (position + 1);
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ull;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBull;
  return value ^ (value >> 31);
}

// Noise strictly between 0 and 1 for each token.
struct Noise {
  uint64_t state;

  // Return the middle of one of 2^52 equal parts of (0, 1). The upper 52 bits of a hash select the part: with the
  // exponent of 1.0 they form a double from 1 to 2.
  double operator()(int32_t token) const {
    const uint64_t bits = 0x3FF0000000000000ull | mix(state, token) >> 12;
    double number;
    std::memcpy(&number, &bits, sizeof number);
    return number - 1 + 0x1p-53;
  }
};

// The watermark of one text, which receives the tokens in order.
class Watermark {
 public:
  // `variants` contains the variant of each group in 16 bits, the first group in the lowest ones; there are at most
  // four groups.
  Watermark(uint64_t key, int width, int groups, uint64_t variants)
      : key_(key), variants_(variants), width_(width), groups_(groups) {}

  // Add a token of the text, marked or not, to the context.
  void add(int32_t token) {
    if (context_.size() == width_) context_.erase(context_.begin());
    context_.push_back(token);
  }

  // Return whether the next token is to be marked, and write the noise that determines it. A token is not marked while
  // the text is shorter than a context, or if its context occurred before in the text.
  bool watermarks_next(Noise& noise) {
    if (context_.size() < width_) return false;
    uint64_t state = key_;
    for (const int32_t token : context_) state = mix(state, token);
    const uint64_t group = mix(state, kGroupPosition) % groups_;
    noise = {mix(state, variants_ >> 16 * group & 0xFFFF)};
    return seen_states_.insert(state).second;
  }

 private:
  // The position of the number that selects a context's group, far above the positions of the variants.
  static constexpr uint64_t kGroupPosition = 1ull << 32;

  uint64_t key_, variants_;
  size_t width_;
  uint64_t groups_;
  std::vector<int32_t> context_;              // the context, at most `width_` tokens
  std::unordered_set<uint64_t> seen_states_;  // the states after contexts that occurred
};

}  // namespace seqloom::decoding
