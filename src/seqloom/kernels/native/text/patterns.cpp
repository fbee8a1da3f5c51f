// The hashed patterns of texts: what `readers/patterns.py` computes with arrays, one text at a time.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/library.h"
#include "runtime/status.h"

namespace seqloom {

namespace {

constexpr uint8_t kPunctuation = 0, kWord = 1, kSpace = 2, kApostrophe = 3;
constexpr uint64_t kFactor = 0x9e3779b97f4a7c15, kMixer = 0xbf58476d1ce4e5b9;
constexpr uint64_t kBegin = 0x243f6a8885a308d3, kEnd = 0x13198a2e03707344;
constexpr int kInside = 4;

uint64_t mix(uint64_t hash) { return (hash ^ hash >> 31) * kMixer; }

// The class and the lower case of each code point.
struct Alphabet {
  const uint8_t* kinds;
  const uint32_t* lower;
};

// The words of a pattern: the distance of each from the first.
struct Run {
  const int32_t* steps;
  int32_t words;

  int32_t reach() const { return steps[words - 1]; }
};

// Reads one text after another.
class PatternReader {
 public:
  PatternReader(Alphabet alphabet, int32_t bits) : alphabet_(alphabet), dropped_(64 - bits) {}

  // Split a text into words; the other functions then read this text.
  void read(const uint32_t* codes, size_t length) {
    codes_ = codes, length_ = length;
    kinds_.resize(length), lowered_.resize(length + 1), words_.clear();
    for (size_t i = 0; i < length; ++i) kinds_[i] = alphabet_.kinds[codes[i]], lowered_[i] = alphabet_.lower[codes[i]];
    join_apostrophes();
    words_.push_back(kBegin);
    uint8_t before = kSpace;
    uint64_t power = 1;
    for (size_t i = 0; i < length; before = kinds_[i++]) {
      if (kinds_[i] == kSpace) continue;
      if (kinds_[i] != before) words_.push_back(0), power = 1;
      words_.back() += (lowered_[i] + 1) * (power *= kFactor);
    }
    words_.push_back(kEnd);
  }

  // Each returns the number of places written.
  int64_t words(int32_t* places) const {
    int64_t written = 0;
    for (size_t i = 1; i + 1 < words_.size(); ++i) places[written++] = place(words_[i]);
    return written;
  }

  int64_t runs(const Run& run, uint64_t number, int32_t* places) const {
    const auto windows = static_cast<int64_t>(words_.size()) - run.reach();
    for (int64_t i = 0; i < windows; ++i) {
      uint64_t hash = number;
      for (int32_t word = 0; word < run.words; ++word) hash = mix(hash * kFactor + words_[i + run.steps[word]]);
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

  int64_t substrings(int32_t characters, int32_t* places) const {
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

  // An apostrophe between letters is part of the word, and punctuation elsewhere.
  void join_apostrophes() {
    uint8_t before = kSpace;
    for (size_t i = 0; i < length_; ++i) {
      const uint8_t own = kinds_[i];
      if (own == kApostrophe)
        kinds_[i] =
            before == kWord && i + 1 < length_ && alphabet_.kinds[codes_[i + 1]] == kWord ? kWord : kPunctuation;
      before = own;
    }
  }

  Alphabet alphabet_;
  int32_t dropped_;
  const uint32_t* codes_ = nullptr;
  size_t length_ = 0;
  std::vector<uint8_t> kinds_;
  std::vector<uint64_t> lowered_, words_;
};

}  // namespace

}  // namespace seqloom

// Read the patterns of texts, hashed to `bits` bits.
//
// `codes` holds `num_codes` code points: the texts one after another, `lengths[i]` of them for text `i`, with one more
// between texts. `kinds` classifies each code point (0 punctuation, 1 word, 2 white space, 3 apostrophe); `lower` is its
// lower case. The kinds of pattern are words; `runs` kinds of word runs (`words[k]` words for kind `k`, whose distances
// from the first follow in `steps`); letters within words; and substrings of `characters[k]` characters. The hashes of
// kind `k` go to `places + k * room`, one text after another, and their number in text `i` to `counts[k * texts + i]`.
SEQLOOM_EXPORT int seqloom_read_patterns(const uint32_t* codes, int64_t num_codes, const int64_t* lengths,
                                         int64_t texts, const uint8_t* kinds, const uint32_t* lower, int32_t bits,
                                         const int32_t* steps, const int32_t* words, int32_t runs,
                                         const int32_t* characters, int32_t substrings, int64_t room, int32_t* places,
                                         int64_t* counts) {
  using namespace seqloom;
  constexpr int64_t kMaxLength = int64_t{1} << 40;
  return guard([&] {
    check_range("number of texts", texts, 0, kMaxLength);
    check_range("number of characters", num_codes, 0, kMaxLength);
    check_range("bits", bits, 1, 31);
    check_range("kinds of word runs", runs, 0, 1024);
    check_range("kinds of substrings", substrings, 0, 1024);
    check_all("code point", codes, num_codes, 0, 0x10ffff);
    check_all("length of a text", lengths, texts, 0, num_codes);
    check_all("words of a run", words, runs, 1, 1024);
    check_all("characters of a substring", characters, substrings, 1, 1024);
    check_pointer("kinds", kinds), check_pointer("lower case", lower);
    if (texts > 0) check_pointer("places", places), check_pointer("counts", counts);
    const int32_t* step = steps;
    for (int32_t run = 0; run < runs; step += words[run++]) {
      check_pointer("steps", steps);
      check_all("step of a run", step, words[run], 0, step[words[run] - 1]);
    }
    int64_t length = std::max<int64_t>(texts - 1, 0);
    for (int64_t text = 0; text < texts; ++text)
      check_range("length of all texts", length += lengths[text], 0, num_codes);
    // A text has at most two patterns of a kind more than it has characters.
    check_range("room", room, num_codes + 2 * texts, kMaxLength);

    PatternReader reader({kinds, lower}, bits);
    std::vector<int32_t*> to(static_cast<size_t>(2 + runs + substrings));
    for (size_t kind = 0; kind < to.size(); ++kind) to[kind] = places + static_cast<int64_t>(kind) * room;
    for (int64_t text = 0; text < texts; codes += lengths[text++] + 1) {
      reader.read(codes, static_cast<size_t>(lengths[text]));
      size_t kind = 0;
      const auto store = [&](int64_t count) {
        to[kind] += count;
        counts[static_cast<int64_t>(kind++) * texts + text] = count;
      };
      store(reader.words(to[kind]));
      step = steps;
      for (int32_t run = 0; run < runs; step += words[run++])
        store(reader.runs({step, words[run]}, static_cast<uint64_t>(run + 1), to[kind]));
      store(reader.letters(to[kind]));
      for (int32_t substring = 0; substring < substrings; ++substring)
        store(reader.substrings(characters[substring], to[kind]));
    }
  });
}
