// The hashed patterns of texts. A pattern is a word, several words at fixed distances (a "run"), or several characters;
// its hash of 64 bits is reduced to a bucket of `bits` bits. `text_features/patterns.py` computes the same with arrays.
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
// The hashes of two markers, which count as words: the begin and the end of the text.
constexpr uint64_t kBegin = 0x243f6a8885a308d3, kEnd = 0x13198a2e03707344;
// Number of characters of a pattern within a word, which may include the space before or after the word.
constexpr int kLettersLength = 4;

// Distribute the information of a hash over its upper bits, from which buckets are taken.
uint64_t mix(uint64_t hash) { return (hash ^ hash >> 31) * kMixer; }

// The kind of each code point (one of the constants above) and its lower case.
struct Alphabet {
  const uint8_t* kinds;
  const uint32_t* lower;
};

// A pattern of several words: `steps` contains the distance of each word from the first.
struct Run {
  const int32_t* steps;
  int32_t num_words;

  int32_t last_step() const { return steps[num_words - 1]; }
};

// Reads one text after another, and computes the buckets of its patterns.
class PatternReader {
 public:
  PatternReader(Alphabet alphabet, int32_t bits) : alphabet_(alphabet), dropped_bits_(64 - bits) {}

  // Split a text into words; the other functions then read this text.
  void read(const uint32_t* codes, size_t length) {
    codes_ = codes, length_ = length;
    kinds_.resize(length), lowered_.resize(length + 1), words_.clear();
    for (size_t i = 0; i < length; ++i) kinds_[i] = alphabet_.kinds[codes[i]], lowered_[i] = alphabet_.lower[codes[i]];
    join_apostrophes();
    words_.push_back(kBegin);
    uint8_t previous_kind = kSpace;
    uint64_t power = 1;
    for (size_t i = 0; i < length; previous_kind = kinds_[i++]) {
      if (kinds_[i] == kSpace) continue;
      // A word ends where the kind changes, so consecutive punctuation marks are a word too.
      if (kinds_[i] != previous_kind) words_.push_back(0), power = 1;
      words_.back() += (lowered_[i] + 1) * (power *= kFactor);
    }
    words_.push_back(kEnd);
  }

  // Each function below writes the buckets of one kind of pattern, and returns their number. This one: single words.
  int64_t words(int32_t* buckets) const {
    int64_t written = 0;
    for (size_t i = 1; i + 1 < words_.size(); ++i) buckets[written++] = bucket(words_[i]);
    return written;
  }

  // The runs of one kind; `number` distinguishes the kinds.
  int64_t runs(const Run& run, uint64_t number, int32_t* buckets) const {
    const auto windows = static_cast<int64_t>(words_.size()) - run.last_step();
    for (int64_t i = 0; i < windows; ++i) {
      uint64_t hash = number;
      for (int32_t word = 0; word < run.num_words; ++word) hash = mix(hash * kFactor + words_[i + run.steps[word]]);
      buckets[i] = bucket(hash);
    }
    return std::max<int64_t>(windows, 0);
  }

  // Lower-case character patterns within words: one for each pair of neighbouring word characters, which are its second
  // and third character.
  int64_t letters(int32_t* buckets) const {
    const auto letter = [&](size_t i) -> uint64_t { return i < length_ && kinds_[i] == kWord ? lowered_[i] : ' '; };
    int64_t written = 0;
    for (size_t i = 0; i + 1 < length_; ++i) {
      if (kinds_[i] != kWord || kinds_[i + 1] != kWord) continue;
      uint64_t hash = (kLettersLength + (i > 0 ? letter(i - 1) : ' ')) * kFactor;
      for (size_t step = 0; step < kLettersLength - 1; ++step) hash = (hash + letter(i + step)) * kFactor;
      buckets[written++] = bucket(hash);
    }
    return written;
  }

  // All substrings of a length.
  int64_t substrings(int32_t characters, int32_t* buckets) const {
    const auto windows = static_cast<int64_t>(length_) - characters + 1;
    for (int64_t i = 0; i < windows; ++i) {
      auto hash = static_cast<uint64_t>(characters);
      for (int32_t step = 0; step < characters; ++step) hash = (hash + codes_[i + step]) * kFactor;
      buckets[i] = bucket(hash);
    }
    return std::max<int64_t>(windows, 0);
  }

 private:
  int32_t bucket(uint64_t hash) const { return static_cast<int32_t>(mix(mix(hash)) >> dropped_bits_); }

  // Turn each apostrophe into a word character if it is between word characters, otherwise into punctuation.
  void join_apostrophes() {
    uint8_t previous_kind = kSpace;
    for (size_t i = 0; i < length_; ++i) {
      const uint8_t kind = kinds_[i];
      if (kind == kApostrophe)
        kinds_[i] =
            previous_kind == kWord && i + 1 < length_ && alphabet_.kinds[codes_[i + 1]] == kWord ? kWord : kPunctuation;
      previous_kind = kind;
    }
  }

  Alphabet alphabet_;
  int32_t dropped_bits_;
  const uint32_t* codes_ = nullptr;
  size_t length_ = 0;
  std::vector<uint8_t> kinds_;
  std::vector<uint64_t> lowered_;  // code points in lower case
  std::vector<uint64_t> words_;    // hashes of the words, with the markers
};

}  // namespace

}  // namespace seqloom

// Read the patterns of texts, hashed to buckets of `bits` bits.
//
// `codes` contains `num_codes` code points: `lengths[i]` for text `i`, one text after another, with a blank between
// texts. `kinds` classifies each code point (0 punctuation, 1 word, 2 white space, 3 apostrophe), and `lower` is its
// lower case. The kinds of pattern are, in order:
//
//   - words;
//   - `runs` kinds of runs; kind `k` has `words[k]` words, and the next `words[k]` numbers in `steps` are the distances
//     of its words from the first;
//   - character patterns within words;
//   - `substrings` kinds of substrings; kind `k` has `characters[k]` characters.
//
// The buckets of the kind with index `k` go to `buckets + k * capacity`, one text after another. Their number in text
// `i` goes to `counts[k * texts + i]`.
SEQLOOM_EXPORT int seqloom_read_patterns(const uint32_t* codes, int64_t num_codes, const int64_t* lengths,
                                         int64_t texts, const uint8_t* kinds, const uint32_t* lower, int32_t bits,
                                         const int32_t* steps, const int32_t* words, int32_t runs,
                                         const int32_t* characters, int32_t substrings, int64_t capacity,
                                         int32_t* buckets, int64_t* counts) {
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
    if (texts > 0) check_pointer("buckets", buckets), check_pointer("counts", counts);
    const int32_t* step = steps;
    for (int32_t run = 0; run < runs; step += words[run++]) {
      check_pointer("steps", steps);
      check_all("step of a run", step, words[run], 0, step[words[run] - 1]);
    }
    int64_t length = std::max<int64_t>(texts - 1, 0);
    for (int64_t text = 0; text < texts; ++text)
      check_range("length of all texts", length += lengths[text], 0, num_codes);
    // A text has at most as many patterns of a kind as characters, plus the two markers.
    check_range("capacity", capacity, num_codes + 2 * texts, kMaxLength);

    PatternReader reader({kinds, lower}, bits);
    std::vector<int32_t*> targets(static_cast<size_t>(2 + runs + substrings));  // where the next text's buckets go
    for (size_t kind = 0; kind < targets.size(); ++kind)
      targets[kind] = buckets + static_cast<int64_t>(kind) * capacity;
    for (int64_t text = 0; text < texts; codes += lengths[text++] + 1) {
      reader.read(codes, static_cast<size_t>(lengths[text]));
      size_t kind = 0;
      // Store the number of patterns that were written, and continue with the next kind.
      const auto store_count = [&](int64_t count) {
        targets[kind] += count;
        counts[static_cast<int64_t>(kind++) * texts + text] = count;
      };
      store_count(reader.words(targets[kind]));
      step = steps;
      for (int32_t run = 0; run < runs; step += words[run++])
        store_count(reader.runs({step, words[run]}, static_cast<uint64_t>(run + 1), targets[kind]));
      store_count(reader.letters(targets[kind]));
      for (int32_t substring = 0; substring < substrings; ++substring)
        store_count(reader.substrings(characters[substring], targets[kind]));
    }
  });
}
