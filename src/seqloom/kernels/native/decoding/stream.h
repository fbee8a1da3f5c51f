// One stream: its state, its sample so far, and its speed.
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

// Measures the speed of one kind of step.
class ThroughputMeter {
 public:
  void add(double seconds, int tokens) {
    recent_[steps_ % kKept] = seconds;
    ++steps_, tokens_ += tokens;
  }

  // Return 0 until there are enough measurements.
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

// The progress of a stream's sample.
struct Progress {
  int32_t pending = kNoToken, num_generated = 0, ending = kLength;
  // Whether a token was read since the beginning, and whether new drafts are due; the number of current drafts, and the
  // next one to verify.
  bool has_read = false, drafts_due = false;
  int32_t num_drafts = 0, next_draft = 0;
};

struct Streams::Stream {
  explicit Stream(const Network& network) : memory(new_memory(network.stream_bytes)) {}

  Memory memory;
  UniformStream uniforms{0, 0};
  std::unique_ptr<RepetitionHistory> history;
  // Null without a watermark.
  std::unique_ptr<Watermark> watermark;
  Progress progress;
  DraftStatistics draft_statistics{};
  // The rows of the next pass, the pending token and its drafts; and memory for the drafts' rows.
  std::vector<TokenRow> rows;
  std::vector<Memory> room;
  int used = 0;
  ThroughputMeter with_drafts, without;
  int64_t turn = 0;
};

// What one thread samples with.
struct Streams::Workspace {
  std::unique_ptr<SamplerChain> chain;
  // One for each draft, with a history of its own.
  std::vector<std::unique_ptr<SamplerChain>> proposers;
  std::optional<RepetitionHistory> draft_history;
  // Logits after guidance.
  Memory guided;
};

}  // namespace seqloom::decoding
