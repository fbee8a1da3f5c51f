// The hashed patterns of texts: the same as `readers/patterns.py` makes of arrays, a text at a time.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/library.h"

namespace seqloom {

namespace {

constexpr uint8_t kMark = 0, kWord = 1, kSpace = 2, kApostrophe = 3;
constexpr uint64_t kFactor = 0x9e3779b97f4a7c15, kMixer = 0xbf58476d1ce4e5b9;
constexpr uint64_t kBegin = 0x243f6a8885a308d3, kEnd = 0x13198a2e03707344;
constexpr int kInside = 4;

uint64_t mix(uint64_t hash) { return (hash ^ hash >> 31) * kMixer; }

// What the characters of a language are, by code point.
struct Alphabet {
  const uint8_t* kinds;
  const uint32_t* small;
};

// Which words a pattern has: how far each stands from the first.
struct Run {
  const int32_t* steps;
  int32_t words;

  int32_t reach() const { return steps[words - 1]; }
};

// Reads one text after another.
class PatternReader {
 public:
  PatternReader(Alphabet alphabet, int32_t bits) : alphabet_(alphabet), dropped_(64 - bits) {}

  // Split a text into words; what is asked of it then is of this text.
  void read(const uint32_t* codes, size_t length) {
    codes_ = codes, length_ = length;
    kinds_.resize(length), lowered_.resize(length + 1), marked_.clear();
    for (size_t i = 0; i < length; ++i) kinds_[i] = alphabet_.kinds[codes[i]], lowered_[i] = alphabet_.small[codes[i]];
    join_apostrophes();
    marked_.push_back(kBegin);
    uint8_t before = kSpace;
    uint64_t power = 1;
    for (size_t i = 0; i < length; before = kinds_[i++]) {
      if (kinds_[i] == kSpace) continue;
      if (kinds_[i] != before) marked_.push_back(0), power = 1;
      marked_.back() += (lowered_[i] + 1) * (power *= kFactor);
    }
    marked_.push_back(kEnd);
  }

  // Each returns how many places it wrote.
  int64_t words(int32_t* places) const {
    int64_t written = 0;
    for (size_t i = 1; i + 1 < marked_.size(); ++i) places[written++] = place(marked_[i]);
    return written;
  }

  int64_t runs(const Run& run, uint64_t number, int32_t* places) const {
    const auto windows = static_cast<int64_t>(marked_.size()) - run.reach();
    for (int64_t i = 0; i < windows; ++i) {
      uint64_t hash = number;
      for (int32_t word = 0; word < run.words; ++word) hash = mix(hash * kFactor + marked_[i + run.steps[word]]);
      places[i] = place(hash);
    }
    return std::max<int64_t>(windows, 0);
  }

  int64_t letters(int32_t* places) const {
    const auto letter = [&](size_t i) -> uint64_t { return i < length_ && kinds_[i] == kWord ? lowered_[i] : ' '; };
    int64_t written = 0;
    for (size_t i = 0; i + 1 < length_; ++i) {
      if (kinds_[i] != kWord || kinds_[i + 1] != kWord) continue;
      uint64_t hash = (kInside + (i > 0 ? letter(i - 1) : ' ')) * kFactor;
      for (size_t step = 0; step < kInside - 1; ++step) hash = (hash + letter(i + step)) * kFactor;
      places[written++] = place(hash);
    }
    return written;
  }

  int64_t stretches(int32_t characters, int32_t* places) const {
    const auto windows = static_cast<int64_t>(length_) - characters + 1;
    for (int64_t i = 0; i < windows; ++i) {
      auto hash = static_cast<uint64_t>(characters);
      for (int32_t step = 0; step < characters; ++step) hash = (hash + codes_[i + step]) * kFactor;
      places[i] = place(hash);
    }
    return std::max<int64_t>(windows, 0);
  }

 private:
  int32_t place(uint64_t hash) const { return static_cast<int32_t>(mix(mix(hash)) >> dropped_); }

  // An apostrophe between letters is one of them, and a mark elsewhere.
  void join_apostrophes() {
    uint8_t before = kSpace;
    for (size_t i = 0; i < length_; ++i) {
      const uint8_t own = kinds_[i];
      if (own == kApostrophe)
        kinds_[i] = before == kWord && i + 1 < length_ && alphabet_.kinds[codes_[i + 1]] == kWord ? kWord : kMark;
      before = own;
    }
  }

  Alphabet alphabet_;
  int32_t dropped_;
  const uint32_t* codes_ = nullptr;
  size_t length_ = 0;
  std::vector<uint8_t> kinds_;
  std::vector<uint64_t> lowered_, marked_;
};

}  // namespace

}  // namespace seqloom

// Read the patterns of texts, hashed to `bits` bits. `codes` are their characters, one text of `lengths[i]` characters
// after another with one character between them; `kinds` says of each code point what it is: 0 a mark, 1 of a word, 2
// white space, 3 an apostrophe; `small` is its small letter. Kinds of pattern are the words, `runs` kinds of runs of
// words (`steps` tells how far their words stand from the first, `words[k]` of them for kind `k`), letters within words,
// and the stretches of `characters[k]` characters. What kind `k` finds goes to `places + k * room`, one text after
// another, and how many text `i` has to `counts[k * texts + i]`.
SEQLOOM_EXPORT void seqloom_read_patterns(const uint32_t* codes, const int64_t* lengths, int64_t texts,
                                          const uint8_t* kinds, const uint32_t* small, int32_t bits,
                                          const int32_t* steps, const int32_t* words, int32_t runs,
                                          const int32_t* characters, int32_t stretches, int64_t room, int32_t* places,
                                          int64_t* counts) {
  seqloom::PatternReader reader({kinds, small}, bits);
  std::vector<int32_t*> to(static_cast<size_t>(2 + runs + stretches));
  for (size_t kind = 0; kind < to.size(); ++kind) to[kind] = places + static_cast<int64_t>(kind) * room;
  for (int64_t text = 0; text < texts; codes += lengths[text++] + 1) {
    reader.read(codes, static_cast<size_t>(lengths[text]));
    size_t kind = 0;
    const auto found = [&](int64_t count) {
      to[kind] += count;
      counts[static_cast<int64_t>(kind++) * texts + text] = count;
    };
    found(reader.words(to[kind]));
    const int32_t* step = steps;
    for (int32_t run = 0; run < runs; step += words[run++])
      found(reader.runs({step, words[run]}, static_cast<uint64_t>(run + 1), to[kind]));
    found(reader.letters(to[kind]));
    for (int32_t stretch = 0; stretch < stretches; ++stretch) found(reader.stretches(characters[stretch], to[kind]));
  }
}
