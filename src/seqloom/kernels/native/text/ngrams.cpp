// Counts of hashed n-grams of words and of characters. An n-gram is not stored: its hash selects one of `num_buckets`
// buckets, and each bucket has a count. Hash and buckets are those of scikit-learn's HashingVectorizer; words are those
// of `text_features/ngrams.py`. A word that follows a negation gets the prefix "not-" and is counted as another word.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/library.h"
#include "runtime/status.h"
#include "runtime/threads.h"

namespace seqloom {

namespace {

// The bits of a character's class.
constexpr uint8_t kWord = 1, kAlphanumeric = 2, kSpace = 4;

// Lengths of the n-grams of characters, and maximum number of words that get the prefix "not-" after a negation.
constexpr int kMinCharacters = 3, kMaxCharacters = 5, kNegatedWords = 4;

// Consecutive marks of `kMarks` form a word. If the first one is in `kNegationEnds`, no further word is negated; only
// if it is in `kCountedMarks`, the word is counted.
constexpr std::string_view kMarks = ".!?;,:()$", kNegationEnds = ".!?;,:", kCountedMarks = "!?$:;()";

constexpr uint32_t rotated(uint32_t value, int bits) { return value << bits | value >> (32 - bits); }

// MurmurHash3 for 32 bits (Appleby, public domain), seed 0.
uint32_t murmur(const char* bytes, size_t length) {
  constexpr uint32_t kFirst = 0xcc9e2d51, kSecond = 0x1b873593;
  uint32_t hash = 0;
  size_t offset = 0;
  for (; offset + 4 <= length; offset += 4) {
    uint32_t block;
    std::memcpy(&block, bytes + offset, 4);
    hash = rotated(hash ^ rotated(block * kFirst, 15) * kSecond, 13) * 5 + 0xe6546b64;
  }
  uint32_t rest = 0;
  for (size_t num_left = length & 3; num_left > 0; --num_left)
    rest = rest << 8 | static_cast<uint8_t>(bytes[offset + num_left - 1]);
  if (length & 3) hash ^= rotated(rest * kFirst, 15) * kSecond;
  hash ^= static_cast<uint32_t>(length);
  hash = (hash ^ hash >> 16) * 0x85ebca6b;
  hash = (hash ^ hash >> 13) * 0xc2b2ae35;
  return hash ^ hash >> 16;
}

// Return the bucket of an n-gram: the remainder of the hash's absolute value. `num_buckets` is a power of two.
uint32_t bucket_of(std::string_view ngram, uint32_t num_buckets) {
  const auto hash = static_cast<int32_t>(murmur(ngram.data(), ngram.size()));
  const uint32_t positive = hash < 0 ? 0u - static_cast<uint32_t>(hash) : static_cast<uint32_t>(hash);
  return positive & (num_buckets - 1);
}

// Append the UTF-8 bytes of a code point.
void append_utf8(uint32_t code, std::string& bytes) {
  if (code < 0x80) {
    bytes += static_cast<char>(code);
  } else if (code < 0x800) {
    bytes += static_cast<char>(0xc0 | code >> 6);
    bytes += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    bytes += static_cast<char>(0xe0 | code >> 12);
    bytes += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    bytes += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    bytes += static_cast<char>(0xf0 | code >> 18);
    bytes += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    bytes += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    bytes += static_cast<char>(0x80 | (code & 0x3f));
  }
}

bool is_one_of(uint32_t code, std::string_view characters) {
  return code < 0x80 && characters.find(static_cast<char>(code)) != std::string_view::npos;
}

bool is_apostrophe(uint32_t code) { return code == '\'' || code == 0x2019; }

// Return whether a word negates the words after it: it is a negation, or it ends in n't.
bool negates(std::string_view word) {
  for (const std::string_view negation : {"not", "no", "never", "nothing", "without", "hardly", "barely", "cannot"})
    if (word == negation) return true;
  const auto ends_in = [&](std::string_view ending) {
    return word.size() > ending.size() && word.substr(word.size() - ending.size()) == ending;
  };
  return ends_in("n't") || ends_in("n\u2019t");
}

// Counts how often each bucket was added, in a hash table with open addressing.
class Tally {
 public:
  void add(uint32_t bucket) {
    if (2 * (used_buckets_.size() + 1) > slots_.size()) grow();
    Slot& slot = find(bucket);
    if (slot.count == 0) {
      slot.bucket = bucket;
      used_buckets_.push_back(bucket);
    }
    ++slot.count;
  }

  // Write the buckets in ascending order, and their counts; clear the table. Return the number of buckets.
  size_t write(int32_t* buckets, float* counts) {
    std::sort(used_buckets_.begin(), used_buckets_.end());
    size_t written = 0;
    for (const uint32_t bucket : used_buckets_) {
      buckets[written] = static_cast<int32_t>(bucket);
      counts[written++] = static_cast<float>(find(bucket).count);
    }
    std::fill(slots_.begin(), slots_.end(), Slot{});
    used_buckets_.clear();
    return written;
  }

 private:
  struct Slot {
    uint32_t bucket = 0, count = 0;
  };

  // Return the slot of a bucket, or the free slot where the bucket belongs.
  Slot& find(uint32_t bucket) {
    const size_t mask = slots_.size() - 1;
    size_t slot = bucket * size_t{0x9e3779b97f4a7c15} >> 32 & mask;
    while (slots_[slot].count != 0 && slots_[slot].bucket != bucket) slot = (slot + 1) & mask;
    return slots_[slot];
  }

  void grow() {
    std::vector<Slot> old_slots(2 * slots_.size());
    old_slots.swap(slots_);
    for (const Slot& slot : old_slots)
      if (slot.count != 0) find(slot.bucket) = slot;
  }

  std::vector<Slot> slots_ = std::vector<Slot>(4096);
  std::vector<uint32_t> used_buckets_;
};

// Counts the n-grams of one text after another.
class NgramCounter {
 public:
  NgramCounter(const uint8_t* classes, uint32_t num_buckets) : classes_(classes), num_buckets_(num_buckets) {}

  // Write the buckets of a text and their counts; return the number of buckets. The n-grams of words come first, with
  // buckets from 0; those of characters follow, with buckets from `num_buckets`.
  size_t count(const uint32_t* codes, size_t length, int32_t* buckets, float* counts) {
    count_words(codes, length);
    const size_t num_words = tally_.write(buckets, counts);
    count_characters(codes, length);
    const size_t num_all = num_words + tally_.write(buckets + num_words, counts + num_words);
    for (size_t i = num_words; i < num_all; ++i) buckets[i] += static_cast<int32_t>(num_buckets_);
    return num_all;
  }

 private:
  bool has_class(uint32_t code, uint8_t class_bit) const { return classes_[code] & class_bit; }

  // Count words and pairs of consecutive words.
  void count_words(const uint32_t* codes, size_t length) {
    previous_word_.clear();
    bool is_first = true;
    int num_to_negate = 0;  // how many of the next words the last negation still negates
    for (size_t start = 0; start < length;) {
      size_t end = start;
      word_.clear();
      if (has_class(codes[start], kWord)) {
        while (end < length && has_class(codes[end], kWord)) ++end;
        // An apostrophe between word characters belongs to the word.
        if (end + 1 < length && is_apostrophe(codes[end]) && has_class(codes[end + 1], kWord)) {
          ++end;
          while (end < length && has_class(codes[end], kWord)) ++end;
        }
      } else if (is_one_of(codes[start], kMarks)) {
        while (end < length && is_one_of(codes[end], kMarks)) ++end;
      } else {
        ++start;
        continue;
      }
      for (size_t i = start; i < end; ++i) append_utf8(codes[i], word_);
      const uint32_t first_code = codes[start];
      start = end;
      if (!has_class(first_code, kAlphanumeric)) {
        if (is_one_of(first_code, kNegationEnds)) num_to_negate = 0;
        if (!is_one_of(first_code, kCountedMarks)) continue;
      } else if (negates(word_)) {
        num_to_negate = kNegatedWords;
      } else if (num_to_negate > 0) {
        word_.insert(0, "not-");
        --num_to_negate;
      }
      tally_.add(bucket_of(word_, num_buckets_));
      if (!is_first) {
        std::string& pair = previous_word_;
        pair += ' ';
        pair += word_;
        tally_.add(bucket_of(pair, num_buckets_));
      }
      is_first = false;
      previous_word_ = word_;
    }
  }

  // Count all n-grams of kMinCharacters to kMaxCharacters characters. White space of several characters counts as one
  // blank.
  void count_characters(const uint32_t* codes, size_t length) {
    bytes_.clear(), starts_.clear();
    for (size_t start = 0; start < length;) {
      starts_.push_back(bytes_.size());
      size_t end = start + 1;
      if (has_class(codes[start], kSpace))
        while (end < length && has_class(codes[end], kSpace)) ++end;
      append_utf8(end - start > 1 ? ' ' : codes[start], bytes_);
      start = end;
    }
    const size_t count = starts_.size();
    starts_.push_back(bytes_.size());
    for (size_t n = kMinCharacters; n <= kMaxCharacters; ++n)
      for (size_t start = 0; start + n <= count; ++start)
        tally_.add(bucket_of(std::string_view(bytes_).substr(starts_[start], starts_[start + n] - starts_[start]),
                             num_buckets_));
  }

  const uint8_t* classes_;
  uint32_t num_buckets_;
  Tally tally_;
  std::string word_, previous_word_;
  // The text in UTF-8, and the index in `bytes_` where each character starts.
  std::string bytes_;
  std::vector<size_t> starts_;
};

}  // namespace

}  // namespace seqloom

// Count the n-grams of lower-cased texts.
//
// `codes` contains the code points of all texts; text `i` has those from `offsets[i]` to `offsets[i + 1]`. Its buckets
// and counts are written from index 5 * `offsets[i]` on, and the number of buckets to `num_ngrams[i]`. `classes` has
// the class of each code point, a sum of bits: 1 word character, 2 alphanumeric or underscore, 4 white space.
SEQLOOM_EXPORT int seqloom_count_ngrams(const uint32_t* codes, const int64_t* offsets, int64_t texts,
                                        const uint8_t* classes, int32_t num_buckets, int32_t threads, int32_t* buckets,
                                        float* counts, int64_t* num_ngrams) {
  using namespace seqloom;
  // Each character starts at most three n-grams of characters, and ends at most a word and a pair.
  constexpr int64_t kMaxPerCharacter = 5, kMaxLength = int64_t{1} << 40;
  return guard([&] {
    check_range("number of texts", texts, 0, kMaxLength);
    check_range("number of threads", threads, 1, kMaxThreads);
    check_range("number of buckets", num_buckets, 1, 1 << 30);
    if (num_buckets & (num_buckets - 1)) refuse("number of buckets is %d, but must be a power of two", num_buckets);
    check_pointer("offsets", offsets);
    check_range("first offset", offsets[0], 0, 0);
    for (int64_t text = 0; text < texts; ++text)
      check_range("offset of a text", offsets[text + 1], offsets[text], kMaxLength);
    check_all("code point", codes, offsets[texts], 0, 0x10ffff);
    check_pointer("classes", classes);
    if (texts > 0) check_pointer("numbers of n-grams", num_ngrams);
    if (offsets[texts] > 0) check_pointer("buckets", buckets), check_pointer("counts", counts);
    ThreadPool pool(threads);
    pool.run([&](int thread) {
      NgramCounter counter(classes, static_cast<uint32_t>(num_buckets));
      const ThreadRange range(static_cast<size_t>(texts), /*grain=*/1, thread, threads);
      for (size_t text = range.begin; text < range.end; ++text) {
        const int64_t begin = offsets[text], output = kMaxPerCharacter * begin;
        const auto length = static_cast<size_t>(offsets[text + 1] - begin);
        num_ngrams[text] =
            static_cast<int64_t>(counter.count(codes + begin, length, buckets + output, counts + output));
      }
    });
  });
}
