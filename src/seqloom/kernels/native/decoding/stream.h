// One stream: what it remembers of what it read, how far it has written, and how long that takes.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>

#include "decoding/streams.h"

namespace seqloom::decoding {

constexpr int32_t kNoToken = -1;

struct Free {
  void operator()(std::byte* memory) const { std::free(memory); }
};

using Memory = std::unique_ptr<std::byte, Free>;

inline Memory new_memory(size_t bytes) {
  Memory memory(static_cast<std::byte*>(std::aligned_alloc(64, bytes)));
  if (!memory) throw std::bad_alloc();
  std::memset(memory.get(), 0, bytes);
  return memory;
}

// How long steps of one kind take, and how many tokens they write.
class ThroughputMeter {
 public:
  void add(double seconds, int tokens) {
    recent_[steps_ % kKept] = seconds;
    ++steps_, tokens_ += tokens;
  }

  // 0 before there is enough to tell.
  double tokens_per_second() const {
    if (steps_ < kEnough) return 0;
    double sorted[kKept];
    const size_t count = std::min<size_t>(steps_, kKept);
    std::copy(recent_, recent_ + count, sorted);
    std::nth_element(sorted, sorted + count / 2, sorted + count);
    return static_cast<double>(tokens_) / steps_ / sorted[count / 2];
  }

 private:
  static constexpr int kKept = 32, kEnough = 5;

  double recent_[kKept];
  int64_t steps_ = 0, tokens_ = 0;
};

// How far a stream has written.
struct Progress {
  int32_t pending = kNoToken, num_generated = 0, ending = kLength;
  // Whether it has read a token since it began; of the newest drafts, how many there are and were looked at; and whether
  // new ones are due.
  bool has_read = false, drafts_due = false;
  int32_t num_drafts = 0, next_draft = 0;
};

struct Streams::Stream {
  explicit Stream(const Network& network) : memory(new_memory(network.stream_bytes)) {}

  Memory memory;
  UniformStream uniforms{0, 0};
  std::unique_ptr<RepetitionHistory> history;
  // Null where nothing is marked.
  std::unique_ptr<Watermark> watermark;
  Progress progress;
  DraftStatistics draft_statistics{};
  // What is read next, at once: the pending token and the drafts that are taken to inherit_state it; and room for the latter.
  std::vector<TokenRow> rows;
  std::vector<Memory> room;
  int used = 0;
  ThroughputMeter with_drafts, without;
  int64_t turn = 0;
};

// What one thread draws with.
struct Streams::Workspace {
  std::unique_ptr<SamplerChain> chain;
  // One for each draft, with a history of its own.
  std::vector<std::unique_ptr<SamplerChain>> proposers;
  std::optional<RepetitionHistory> draft_history;
  // Logits that guidance has changed.
  Memory guided;
};

}  // namespace seqloom::decoding
