// How tokens are sampled: the settings, the tokens that count for repetition, and the interface of the sampler chain.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "decoding/watermark.h"

namespace seqloom::decoding {

struct SamplingSettings {
  double temperature, top_p, min_p, typical_p, repetition_penalty;
  int32_t top_k, repetition_window;
  // Maximum and minimum length in tokens; the token that ends a text, or -1.
  int32_t length, min_length, boundary;
  // Added to the logits, minus infinity for banned tokens; null for none.
  const float* bias;
  // Maximum number of tokens a step; all but the first are drafts.
  int32_t tokens_per_step = 1;
  // Number of preceding tokens that select a watermark's noise, 0 for no watermark; the number of groups that they are
  // hashed to; and the secret key.
  int32_t watermark_width = 0, watermark_groups = 1;
  uint64_t watermark_key = 0;
};

struct Choice {
  int32_t token;
  // In nats: under the model, and under the distribution that was sampled from.
  double log_prob, sampling_log_prob;
};

// The newest tokens of one stream, which the repetition penalty applies to. The boundary takes a place in the window
// but is not penalised.
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

  // Return the exponent of each token's probability; null if all are 1.
  const float* powers() const { return powers_.empty() ? nullptr : powers_.data(); }

 private:
  // Sampler chains read whole vectors.
  static constexpr int kSlack = 64;

  int32_t boundary_;
  float penalty_;
  std::vector<int32_t> ring_;
  std::vector<uint32_t> counts_;
  std::vector<float> powers_;
  size_t next_ = 0;
};

// The distribution that a draft was drawn from: unnormalised probabilities of some tokens, their sum, and the draft's
// own.
struct Proposal {
  const float* masses;
  const int32_t* tokens;
  size_t count;
  double total, mass;
};

enum class Verdict { kAccepted, kRejected, kNotFinite };

// The transforms between logits and draw, in the documented order. A chain has buffers of its own: use one per thread.
class SamplerChain {
 public:
  virtual ~SamplerChain() = default;

  // Draw a token at `uniform`; false if the logits are not finite. `early`: the text must not end yet.
  virtual bool choose(const float* logits, const RepetitionHistory& history, bool early, double uniform,
                      Choice& choice) = 0;

  // Draw by noise for each token instead (the Gumbel-max trick).
  virtual bool choose_watermarked(const float* logits, const RepetitionHistory& history, bool early, const Noise& noise,
                                  Choice& choice) = 0;

  // Write the log-probabilities that `choose` draws from [vocabulary]; minus infinity for excluded tokens.
  virtual bool distribution(const float* logits, const RepetitionHistory& history, bool early,
                            double* log_probabilities) = 0;

  // Draw a draft at `uniform` and keep its distribution; -1 if there is nothing to draw from.
  virtual int32_t propose(const float* logits, const RepetitionHistory& history, bool early, double uniform) = 0;
  virtual Proposal proposal() const = 0;

  // Accept or reject a draft that was drawn from `proposal`; after a rejection, `redraw` draws another token.
  virtual Verdict verify(const float* logits, const RepetitionHistory& history, bool early, const Proposal& proposal,
                         int32_t draft, double uniform, Choice& choice) = 0;
  virtual void redraw(const float* logits, const Proposal& proposal, double uniform, Choice& choice) = 0;
};

}  // namespace seqloom::decoding
