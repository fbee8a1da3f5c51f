// How tokens are drawn: the settings, what a stream remembers of what it wrote, and the face of the chain of transforms.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "decoding/watermark.h"

namespace seqloom::decoding {

struct SamplingSettings {
  double temperature, top_p, min_p, typical_p, repetition_penalty;
  int32_t top_k, repetition_window;
  // Tokens at most and at least; the token that ends a text, or -1.
  int32_t length, min_length, boundary;
  // What is added to the logits, minus infinity for tokens that never come; null where there is none.
  const float* bias;
  // Tokens that a step writes at most; all but the first of them are drafted.
  int32_t tokens_per_step = 1;
  // Tokens that a watermark depends on, 0 where none is asked for; the groups that they fall into; and its secret number.
  int32_t watermark_width = 0, watermark_groups = 1;
  uint64_t watermark_key = 0;
};

struct Choice {
  int32_t token;
  // In nats, under the model and under the distribution that was drawn from.
  double log_prob, sampling_log_prob;
};

// The newest tokens of one stream, which count for repetition. The boundary takes a place among them but counts for
// nothing.
class RepetitionHistory {
 public:
  RepetitionHistory(int vocabulary, const SamplingSettings& settings)
      : boundary_(settings.boundary),
        penalty_(static_cast<float>(settings.repetition_penalty)),
        ring_(settings.repetition_penalty == 1 ? 0 : settings.repetition_window, -1),
        counts_(ring_.empty() ? 0 : vocabulary),
        powers_(ring_.empty() ? 0 : vocabulary + kSlack, 1.0f) {}

  void add(int32_t token) {
    if (ring_.empty()) return;
    const int32_t oldest = ring_[next_];
    ring_[next_] = token;
    next_ = next_ + 1 == ring_.size() ? 0 : next_ + 1;
    if (token != boundary_ && counts_[token]++ == 0) powers_[token] = penalty_;
    if (oldest >= 0 && oldest != boundary_ && --counts_[oldest] == 0) powers_[oldest] = 1.0f;
  }

  // The power that each token's probability is raised to; null where it is 1 for all.
  const float* powers() const { return powers_.empty() ? nullptr : powers_.data(); }

 private:
  // Chains read whole vectors.
  static constexpr int kSlack = 64;

  int32_t boundary_;
  float penalty_;
  std::vector<int32_t> ring_;
  std::vector<uint32_t> counts_;
  std::vector<float> powers_;
  size_t next_ = 0;
};

// What a draft was drawn from: probabilities that are not normalised, of some tokens; their sum; and the draft's own.
struct Proposal {
  const float* masses;
  const int32_t* tokens;
  size_t count;
  double total, mass;
};

enum class Verdict { kAccepted, kRejected, kNotFinite };

// The transforms between logits and draw, in the documented order. It has room of its own: one a thread.
class SamplerChain {
 public:
  virtual ~SamplerChain() = default;

  // Draw at `uniform`; false where the logits are not finite. `early` is whether the text must not end yet.
  virtual bool choose(const float* logits, const RepetitionHistory& history, bool early, double uniform,
                      Choice& choice) = 0;

  // The same by a number for each token: the one with the largest log-probability plus Gumbel noise.
  virtual bool choose_watermarked(const float* logits, const RepetitionHistory& history, bool early, const Noise& noise,
                                  Choice& choice) = 0;

  // The log-probabilities that `choose` draws from [vocabulary]; minus infinity where a token cannot come.
  virtual bool distribution(const float* logits, const RepetitionHistory& history, bool early,
                            double* log_probabilities) = 0;

  // Draw a draft at `uniform`, and keep what it was drawn from; -1 where there is nothing to draw from.
  virtual int32_t propose(const float* logits, const RepetitionHistory& history, bool early, double uniform) = 0;
  virtual Proposal proposal() const = 0;

  // Whether a draft that came from `proposal` is drawn, at `uniform`; where not, `redraw` draws in its place.
  virtual Verdict verify(const float* logits, const RepetitionHistory& history, bool early, const Proposal& proposal,
                         int32_t draft, double uniform, Choice& choice) = 0;
  virtual void redraw(const float* logits, const Proposal& proposal, double uniform, Choice& choice) = 0;
};

}  // namespace seqloom::decoding
