// How tokens are sampled: the settings, the recent tokens that the repetition penalty applies to, and the interface of
// the sampler chain, which turns logits into a drawn token. `SamplingSettings` has a ctypes twin in
// `kernels/decoding_abi.py`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "decoding/watermark.h"

namespace seqloom::decoding {

struct SamplingSettings {
  double temperature, top_p, min_p, typical_p, repetition_penalty;
  int32_t top_k, repetition_window;
  int32_t length, min_length;  // maximum and minimum length of a text in tokens
  int32_t boundary;            // the token that ends a text, or -1
  // Added to the logits [vocabulary], minus infinity for banned tokens; null to add nothing.
  const float* bias;
  // Maximum number of tokens per step; all but the first are drafts, which draft heads predict.
  int32_t tokens_per_step = 1;
  // The watermark (`watermark.h`): number of preceding tokens that select the noise, 0 for no watermark; number of
  // groups of such contexts; and the secret key.
  int32_t watermark_width = 0, watermark_groups = 1;
  uint64_t watermark_key = 0;
};

// A drawn token.
struct Choice {
  int32_t token;
  // Log-probabilities in nats: in the model's distribution, and in the distribution after all transforms.
  double log_prob, sampling_log_prob;
};

// The newest `repetition_window` tokens of one stream, which the repetition penalty applies to. The boundary token
// counts as one of them but is not penalised.
class RepetitionHistory {
 public:
  RepetitionHistory(int vocabulary, const SamplingSettings& settings)
      : boundary_(settings.boundary),
        penalty_(static_cast<float>(settings.repetition_penalty)),
        ring_(settings.repetition_penalty == 1 ? 0 : settings.repetition_window, -1),
        counts_(ring_.empty() ? 0 : vocabulary),
        exponents_(ring_.empty() ? 0 : vocabulary + kSlack, 1.0f) {}

  void add(int32_t token) {
    if (ring_.empty()) return;
    const int32_t oldest = ring_[next_];
    ring_[next_] = token;
    next_ = next_ + 1 == ring_.size() ? 0 : next_ + 1;
    if (token != boundary_ && counts_[token]++ == 0) exponents_[token] = penalty_;
    if (oldest >= 0 && oldest != boundary_ && --counts_[oldest] == 0) exponents_[oldest] = 1.0f;
  }

  // Return the exponents to which the penalty raises the probabilities of all tokens; null if all exponents are 1.
  const float* exponents() const { return exponents_.empty() ? nullptr : exponents_.data(); }

 private:
  // Further elements of `exponents_`, because sampler chains read whole vectors.
  static constexpr int kSlack = 64;

  int32_t boundary_;
  float penalty_;
  std::vector<int32_t> ring_;     // the newest tokens; the oldest of them at `next_`
  std::vector<uint32_t> counts_;  // how often each token occurs in `ring_`
  std::vector<float> exponents_;
  size_t next_ = 0;
};

// The distribution from which a draft, a prediction of a token further ahead, was drawn.
struct Proposal {
  const float* masses;  // unnormalised probabilities of `tokens`
  const int32_t* tokens;
  size_t count;                   // number of tokens
  double total_mass, draft_mass;  // sum of all masses, and mass of the draft
};

// The outcome of the verification of a draft; kNotFinite if the logits are not finite.
enum class Verdict { kAccepted, kRejected, kNotFinite };

// The transforms of the logits (`sampler_chain.h`), and the draw. Chains have buffers, so two threads cannot share one.
//
// `uniform` is a random number in [0, 1). `must_continue` is true if the text must not end yet: the boundary token is
// then excluded. A function returns false if a logit is infinite or NaN, or if the logits exclude every token.
class SamplerChain {
 public:
  virtual ~SamplerChain() = default;

  // Draw a token.
  virtual bool choose(const float* logits, const RepetitionHistory& history, bool must_continue, double uniform,
                      Choice& choice) = 0;

  // Draw a token by the noise of each token instead of `uniform` (the Gumbel-max trick).
  virtual bool choose_watermarked(const float* logits, const RepetitionHistory& history, bool must_continue,
                                  const Noise& noise, Choice& choice) = 0;

  // Write the log-probabilities [vocabulary] that `choose` draws from; minus infinity for excluded tokens.
  virtual bool distribution(const float* logits, const RepetitionHistory& history, bool must_continue,
                            double* log_probabilities) = 0;

  // Draw a draft, and keep its distribution for `proposal`. Return -1 if the logits exclude all drafts or are not
  // finite.
  virtual int32_t propose(const float* logits, const RepetitionHistory& history, bool must_continue,
                          double uniform) = 0;
  virtual Proposal proposal() const = 0;

  // Accept or reject a draft that another chain drew from `proposal`. An accepted draft becomes the choice. After a
  // rejection, `redraw` must draw another token.
  virtual Verdict verify(const float* logits, const RepetitionHistory& history, bool must_continue,
                         const Proposal& proposal, int32_t draft, double uniform, Choice& choice) = 0;
  virtual void redraw(const float* logits, const Proposal& proposal, double uniform, Choice& choice) = 0;
};

}  // namespace seqloom::decoding
