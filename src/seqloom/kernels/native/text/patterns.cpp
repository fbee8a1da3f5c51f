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

// The classes of characters.
constexpr uint8_t kPunctuation = 0, kWord = 1, kSpace = 2, kApostrophe = 3;
constexpr uint64_t kFactor = 0x9e3779b97f4a7c15, kMixer = 0xbf58476d1ce4e5b9;
// The hashes of two markers, which count as words: the beginning and the end of the text.
constexpr uint64_t kBegin = 0x243f6a8885a308d3, kEnd = 0x13198a2e03707344;
// Number of characters of a pattern within a word, which may include the space before or after the word.
constexpr int kLettersLength = 4;

// Distribute the information of a hash over its upper bits, from which buckets are taken.
uint64_t mix(uint64_t hash) { return (hash ^ hash >> 31) * kMixer; }

// The class of each code point (one of the constants above) and its lower case.
struct Alphabet {
  const uint8_t* classes;
  const uint32_t* lower;
};

// A pattern of several words: `offsets` contains the distance of each word from the first, such as 0, 1 and 3.
struct Run {
  const int32_t* offsets;
  int32_t num_words;

  int32_t last_offset() const { return offsets[num_words - 1]; }
};

// Reads one text after another, and computes the buckets of its patterns.
class PatternReader {
 public:
  PatternReader(Alphabet alphabet, int32_t bits) : alphabet_(alphabet), dropped_bits_(64 - bits) {}

  // Split a text into words; the other functions then read this text.
  void read(const uint32_t* codes, size_t length) {
    codes_ = codes, length_ = length;
    classes_.resize(length), lowered_.resize(length + 1), words_.clear();
    for (size_t i = 0; i < length; ++i)
      classes_[i] = alphabet_.classes[codes[i]], lowered_[i] = alphabet_.lower[codes[i]];
    join_apostrophes();
    words_.push_back(kBegin);
    uint8_t previous_class = kSpace;
    uint64_t power = 1;
    for (size_t i = 0; i < length; previous_class = classes_[i++]) {
      if (classes_[i] == kSpace) continue;
      // A word ends where the class changes, so consecutive punctuation marks are a word too.
      if (classes_[i] != previous_class) words_.push_back(0), power = 1;
      words_.back() += (lowered_[i] + 1) * (power *= kFactor);
    }
    words_.push_back(kEnd);
  }

  // Each function below writes the buckets of one kind of pattern, and returns the number of buckets.

  // Write the buckets of single words.
  int64_t write_words(int32_t* buckets) const {
    int64_t written = 0;
    for (size_t i = 1; i + 1 < words_.size(); ++i) buckets[written++] = bucket(words_[i]);
    return written;
  }

  // Write the buckets of runs of one kind; `run_kind` gives each kind other hashes.
  int64_t write_runs(const Run& run, uint64_t run_kind, int32_t* buckets) const {
    const auto num_windows = static_cast<int64_t>(words_.size()) - run.last_offset();
    for (int64_t i = 0; i < num_windows; ++i) {
      uint64_t hash = run_kind;
      for (int32_t word = 0; word < run.num_words; ++word) hash = mix(hash * kFactor + words_[i + run.offsets[word]]);
      buckets[i] = bucket(hash);
    }
    return std::max<int64_t>(num_windows, 0);
  }

  // Write the buckets of lower-case character patterns within words. There is one for each pair of neighbouring word
  // characters, which are the second and third character of the pattern.
  int64_t write_letters(int32_t* buckets) const {
    const auto letter = [&](size_t i) -> uint64_t { return i < length_ && classes_[i] == kWord ? lowered_[i] : ' '; };
    int64_t written = 0;
    for (size_t i = 0; i + 1 < length_; ++i) {
      if (classes_[i] != kWord || classes_[i + 1] != kWord) continue;
      uint64_t hash = (kLettersLength + (i > 0 ? letter(i - 1) : ' ')) * kFactor;
      for (size_t offset = 0; offset < kLettersLength - 1; ++offset) hash = (hash + letter(i + offset)) * kFactor;
      buckets[written++] = bucket(hash);
    }
    return written;
  }

  // Write the buckets of all substrings of `characters` characters.
  int64_t write_substrings(int32_t characters, int32_t* buckets) const {
    const auto num_windows = static_cast<int64_t>(length_) - characters + 1;
    for (int64_t i = 0; i < num_windows; ++i) {
      auto hash = static_cast<uint64_t>(characters);
      for (int32_t offset = 0; offset < characters; ++offset) hash = (hash + codes_[i + offset]) * kFactor;
      buckets[i] = bucket(hash);
    }
    return std::max<int64_t>(num_windows, 0);
  }

 private:
  int32_t bucket(uint64_t hash) const { return static_cast<int32_t>(mix(mix(hash)) >> dropped_bits_); }

  // Turn each apostrophe into a word character if it is between word characters, otherwise into punctuation.
  void join_apostrophes() {
    uint8_t previous_class = kSpace;
    for (size_t i = 0; i < length_; ++i) {
      const uint8_t original_class = classes_[i];
      if (original_class == kApostrophe)
        classes_[i] = previous_class == kWord && i + 1 < length_ && alphabet_.classes[codes_[i + 1]] == kWord
                          ? kWord
                          : kPunctuation;
      previous_class = original_class;
    }
  }

  Alphabet alphabet_;
  int32_t dropped_bits_;
  const uint32_t* codes_ = nullptr;
  size_t length_ = 0;
  std::vector<uint8_t> classes_;
  std::vector<uint64_t> lowered_;  // code points in lower case
  std::vector<uint64_t> words_;    // hashes of the words, with the markers
};

}  // namespace

}  // namespace seqloom

// Read the patterns of texts, hashed to buckets of `bits` bits.
//
// `codes` contains `num_codes` code points: `lengths[i]` for text `i`, one text after another, with a blank between
// texts. `classes` contains the class of each code point (0 punctuation, 1 word, 2 white space, 3 apostrophe), and
// `lower` its lower case. The kinds of pattern are, in order:
//
//   - words;
//   - `runs` kinds of runs; kind `k` has `words[k]` words, and the next `words[k]` numbers in `offsets` are the
//     distances of these words from the first;
//   - character patterns within words;
//   - `substrings` kinds of substrings; kind `k` has `characters[k]` characters.
//
// The buckets of the kind with index `k` go to `buckets + k * capacity`, one text after another. The number of patterns
// of this kind in text `i` goes to `counts[k * texts + i]`.
SEQLOOM_EXPORT int seqloom_read_patterns(const uint32_t* codes, int64_t num_codes, const int64_t* lengths,
                                         int64_t texts, const uint8_t* classes, const uint32_t* lower, int32_t bits,
                                         const int32_t* offsets, const int32_t* words, int32_t runs,
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
    check_all("number of words of a run", words, runs, 1, 1024);
    check_all("number of characters of a substring", characters, substrings, 1, 1024);
    check_pointer("classes", classes), check_pointer("lower case", lower);
    if (texts > 0) check_pointer("buckets", buckets), check_pointer("counts", counts);
    // No offset of a run may be larger than the last one, which determines how far a run reaches.
    const int32_t* run_offsets = offsets;
    for (int32_t run = 0; run < runs; run_offsets += words[run++]) {
      check_pointer("offsets", offsets);
      check_all("offset of a word in a run", run_offsets, words[run], 0, run_offsets[words[run] - 1]);
    }
    int64_t length = std::max<int64_t>(texts - 1, 0);
    for (int64_t text = 0; text < texts; ++text)
      check_range("length of all texts", length += lengths[text], 0, num_codes);
    // A text has at most as many patterns of a kind as characters, plus the two markers.
    check_range("capacity", capacity, num_codes + 2 * texts, kMaxLength);

    PatternReader reader({classes, lower}, bits);
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
      store_count(reader.write_words(targets[kind]));
      run_offsets = offsets;
      for (int32_t run = 0; run < runs; run_offsets += words[run++])
        store_count(reader.write_runs({run_offsets, words[run]}, static_cast<uint64_t>(run + 1), targets[kind]));
      store_count(reader.write_letters(targets[kind]));
      for (int32_t substring = 0; substring < substrings; ++substring)
        store_count(reader.write_substrings(characters[substring], targets[kind]));
    }
  });
}
