// The data of one stream: its state, its sample until now, and its speed with and without drafts. Drafts are
// predictions of the tokens after the next one, which the model then accepts or rejects.
#pragma once

#include <algorithm>

#include "decoding/memory.h"
#include "decoding/sampler.h"
#include "decoding/streams.h"

namespace seqloom::decoding {

constexpr int32_t kNoToken = -1;

// Measures the speed of passes with drafts, or of passes without.
class ThroughputMeter {
 public:
  void add(double seconds, int tokens) {
    recent_seconds_[num_passes_ % kMaxRecent] = seconds;
    ++num_passes_, num_tokens_ += tokens;
  }

  // Return the mean number of tokens per pass, divided by the median duration of the recent passes; 0 until there are
  // enough measurements.
  double tokens_per_second() const {
    if (num_passes_ < kMinPasses) return 0;
    double sorted[kMaxRecent];
    const size_t count = std::min<size_t>(num_passes_, kMaxRecent);
    std::copy(recent_seconds_, recent_seconds_ + count, sorted);
    std::nth_element(sorted, sorted + count / 2, sorted + count);
    return static_cast<double>(num_tokens_) / num_passes_ / sorted[count / 2];
  }

 private:
  static constexpr int kMaxRecent = 32, kMinPasses = 5;

  double recent_seconds_[kMaxRecent];
  int64_t num_passes_ = 0, num_tokens_ = 0;
};

// The progress of a stream's sample.
struct Progress {
  int32_t pending = kNoToken;  // the token that was drawn last, and that the stream reads next
  int32_t num_generated = 0;
  double surprise = 0;          // sum of the surprise of the generated tokens, in bits
  int32_t ending = kLength;     // an `Ending`; kRunning while the sample continues
  bool has_read_token = false;  // whether the stream has read a token of the sample
  bool drafts_due = false;      // whether new drafts must be computed
  int32_t num_drafts = 0;       // number of current drafts
  int32_t next_draft = 0;       // index of the draft to verify next
};

struct Streams::Stream {
  explicit Stream(const Network& network) : memory(new_memory(network.stream_bytes)) {}

  Memory memory;
  // How tokens are drawn; null until the sampling settings are set.
  std::shared_ptr<Sampler> sampler;
  // The random numbers of the sample, which seed and index identify.
  uint64_t seed = 0, index = 0;
  UniformStream uniforms{0, 0};
  std::unique_ptr<RepetitionHistory> history;
  // Null without a watermark.
  std::unique_ptr<Watermark> watermark;
  Progress progress;
  DraftStatistics draft_statistics{};
  // The rows of the next pass, the pending token and the drafts after it; memory for the rows of the drafts; and the
  // number of rows whose tokens turned out to be right, which is one plus the number of accepted drafts.
  std::vector<TokenRow> rows;
  std::vector<Memory> draft_memory;
  int num_used_rows = 0;
  ThroughputMeter with_drafts, without_drafts;
  int64_t num_passes = 0;
};

}  // namespace seqloom::decoding
