// Texts as counts of hashed word and character n-grams. Hash and features are those of scikit-learn's
// HashingVectorizer with the words of `readers/ngrams.py`.
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

constexpr uint8_t kWord = 1, kAlphanumeric = 2, kSpace = 4;
constexpr int kShortest = 3, kLongest = 5, kReach = 4;

constexpr uint32_t rotated(uint32_t value, int by) { return value << by | value >> (32 - by); }

// MurmurHash3 for 32 bits (Appleby, public domain), seed 0.
uint32_t murmur(const char* bytes, size_t length) {
  constexpr uint32_t kFirst = 0xcc9e2d51, kSecond = 0x1b873593;
  uint32_t hash = 0;
  size_t at = 0;
  for (; at + 4 <= length; at += 4) {
    uint32_t block;
    std::memcpy(&block, bytes + at, 4);
    hash = rotated(hash ^ rotated(block * kFirst, 15) * kSecond, 13) * 5 + 0xe6546b64;
  }
  uint32_t rest = 0;
  for (size_t left = length & 3; left > 0; --left) rest = rest << 8 | static_cast<uint8_t>(bytes[at + left - 1]);
  if (length & 3) hash ^= rotated(rest * kFirst, 15) * kSecond;
  hash ^= static_cast<uint32_t>(length);
  hash = (hash ^ hash >> 16) * 0x85ebca6b;
  hash = (hash ^ hash >> 13) * 0xc2b2ae35;
  return hash ^ hash >> 16;
}

// Return the place of an n-gram among `features`, a power of two: the remainder of the hash's absolute value.
uint32_t place_of(std::string_view ngram, uint32_t features) {
  const auto hash = static_cast<int32_t>(murmur(ngram.data(), ngram.size()));
  const uint32_t positive = hash < 0 ? 0u - static_cast<uint32_t>(hash) : static_cast<uint32_t>(hash);
  return positive & (features - 1);
}

void append_utf8(uint32_t code, std::string& to) {
  if (code < 0x80) {
    to += static_cast<char>(code);
  } else if (code < 0x800) {
    to += static_cast<char>(0xc0 | code >> 6);
    to += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    to += static_cast<char>(0xe0 | code >> 12);
    to += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    to += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    to += static_cast<char>(0xf0 | code >> 18);
    to += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    to += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    to += static_cast<char>(0x80 | (code & 0x3f));
  }
}

bool one_of(uint32_t code, std::string_view some) {
  return code < 0x80 && some.find(static_cast<char>(code)) != std::string_view::npos;
}

bool is_apostrophe(uint32_t code) { return code == '\'' || code == 0x2019; }

// Return whether a word negates the words after it: a negation, or a word that ends in n't.
bool negates(std::string_view word) {
  for (const std::string_view known : {"not", "no", "never", "nothing", "without", "hardly", "barely", "cannot"})
    if (word == known) return true;
  const auto ends = [&](std::string_view end) {
    return word.size() > end.size() && word.substr(word.size() - end.size()) == end;
  };
  return ends("n't") || ends("n\u2019t");
}

// Counts distinct places: a hash table with open addressing.
class Tally {
 public:
  void add(uint32_t place) {
    if (2 * (used_.size() + 1) > slots_.size()) grow();
    Slot& slot = find(place);
    if (slot.count == 0) {
      slot.place = place;
      used_.push_back(place);
    }
    ++slot.count;
  }

  // Write the counts in the order of the places, and clear the table.
  size_t take(int32_t* places, float* counts) {
    std::sort(used_.begin(), used_.end());
    size_t written = 0;
    for (const uint32_t place : used_) {
      places[written] = static_cast<int32_t>(place);
      counts[written++] = static_cast<float>(find(place).count);
    }
    std::fill(slots_.begin(), slots_.end(), Slot{});
    used_.clear();
    return written;
  }

 private:
  struct Slot {
    uint32_t place = 0, count = 0;
  };

  Slot& find(uint32_t place) {
    const size_t mask = slots_.size() - 1;
    size_t at = place * size_t{0x9e3779b97f4a7c15} >> 32 & mask;
    while (slots_[at].count != 0 && slots_[at].place != place) at = (at + 1) & mask;
    return slots_[at];
  }

  void grow() {
    std::vector<Slot> before(2 * slots_.size());
    before.swap(slots_);
    for (const Slot& slot : before)
      if (slot.count != 0) find(slot.place) = slot;
  }

  std::vector<Slot> slots_ = std::vector<Slot>(4096);
  std::vector<uint32_t> used_;
};

// Counts the n-grams of one text after another.
class Counter {
 public:
  Counter(const uint8_t* classes, uint32_t features) : classes_(classes), features_(features) {}

  // Return the number of features. The places of words come first, then those of characters, `features` further on.
  size_t count(const uint32_t* codes, size_t length, int32_t* places, float* counts) {
    words(codes, length);
    const size_t written = tally_.take(places, counts);
    characters(codes, length);
    const size_t all = written + tally_.take(places + written, counts + written);
    for (size_t i = written; i < all; ++i) places[i] += static_cast<int32_t>(features_);
    return all;
  }

 private:
  bool is(uint32_t code, uint8_t kind) const { return classes_[code] & kind; }

  // Count words and pairs of words; words soon after a negation get a prefix.
  void words(const uint32_t* codes, size_t length) {
    before_.clear();
    bool first = true;
    int negated = 0;
    for (size_t at = 0; at < length;) {
      size_t end = at;
      word_.clear();
      if (is(codes[at], kWord)) {
        while (end < length && is(codes[end], kWord)) ++end;
        if (end + 1 < length && is_apostrophe(codes[end]) && is(codes[end + 1], kWord)) {
          ++end;
          while (end < length && is(codes[end], kWord)) ++end;
        }
      } else if (one_of(codes[at], ".!?;,:()$")) {
        while (end < length && one_of(codes[end], ".!?;,:()$")) ++end;
      } else {
        ++at;
        continue;
      }
      for (size_t i = at; i < end; ++i) append_utf8(codes[i], word_);
      const uint32_t head = codes[at];
      at = end;
      if (!is(head, kAlphanumeric)) {
        if (one_of(head, ".!?;,:")) negated = 0;
        if (!one_of(head, "!?$:;()")) continue;
      } else if (negates(word_)) {
        negated = kReach;
      } else if (negated > 0) {
        word_.insert(0, "not-");
        --negated;
      }
      tally_.add(place_of(word_, features_));
      if (!first) {
        before_ += ' ';
        before_ += word_;
        tally_.add(place_of(before_, features_));
      }
      first = false;
      before_ = word_;
    }
  }

  // Count all substrings of some lengths, with each run of white space as one blank.
  void characters(const uint32_t* codes, size_t length) {
    bytes_.clear(), starts_.clear();
    for (size_t at = 0; at < length;) {
      starts_.push_back(bytes_.size());
      size_t end = at + 1;
      if (is(codes[at], kSpace))
        while (end < length && is(codes[end], kSpace)) ++end;
      append_utf8(end - at > 1 ? ' ' : codes[at], bytes_);
      at = end;
    }
    const size_t count = starts_.size();
    starts_.push_back(bytes_.size());
    for (size_t n = kShortest; n <= kLongest; ++n)
      for (size_t at = 0; at + n <= count; ++at)
        tally_.add(place_of(std::string_view(bytes_).substr(starts_[at], starts_[at + n] - starts_[at]), features_));
  }

  const uint8_t* classes_;
  uint32_t features_;
  Tally tally_;
  std::string word_, before_, bytes_;
  std::vector<size_t> starts_;
};

}  // namespace

}  // namespace seqloom

// Count the n-grams of lower-cased texts.
//
// `codes` holds their code points one after another; text `i` has those from `offsets[i]` to `offsets[i + 1]`, and room
// for `kRoom` times as many features from `kRoom * offsets[i]` on in `places` and `counts`; `num_features[i]` receives
// how many it has. `classes` describes each code point by bits: 1 word, 2 alphanumeric or underscore, 4 white space.
SEQLOOM_EXPORT int seqloom_count_ngrams(const uint32_t* codes, const int64_t* offsets, int64_t texts,
                                        const uint8_t* classes, int32_t features, int32_t threads, int32_t* places,
                                        float* counts, int64_t* num_features) {
  using namespace seqloom;
  constexpr int64_t kRoom = 5, kMaxLength = int64_t{1} << 40;
  return guard([&] {
    check_range("number of texts", texts, 0, kMaxLength);
    check_range("number of threads", threads, 1, kMaxThreads);
    check_range("number of features", features, 1, 1 << 30);
    if (features & (features - 1)) refuse("number of features is %d, which is no power of two", features);
    check_pointer("offsets", offsets);
    check_range("first offset", offsets[0], 0, 0);
    for (int64_t text = 0; text < texts; ++text)
      check_range("offset of a text", offsets[text + 1], offsets[text], kMaxLength);
    check_all("code point", codes, offsets[texts], 0, 0x10ffff);
    check_pointer("classes", classes);
    if (texts > 0) check_pointer("number of features of a text", num_features);
    if (offsets[texts] > 0) check_pointer("places", places), check_pointer("counts", counts);
    ThreadPool pool(threads);
    pool.run([&](int thread) {
      Counter counter(classes, static_cast<uint32_t>(features));
      const ThreadRange range(static_cast<size_t>(texts), 1, thread, threads);
      for (size_t text = range.begin; text < range.end; ++text) {
        const int64_t begin = offsets[text], room = kRoom * begin;
        const auto length = static_cast<size_t>(offsets[text + 1] - begin);
        num_features[text] = static_cast<int64_t>(counter.count(codes + begin, length, places + room, counts + room));
      }
    });
  });
}
