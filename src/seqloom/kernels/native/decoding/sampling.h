// How tokens are sampled: the interface of the sampler chain, which turns logits into a drawn token.
#pragma once

#include <cmath>
#include <cstdint>

#include "decoding/repetition.h"
#include "decoding/settings.h"
#include "decoding/watermark.h"

namespace seqloom::decoding {

// A drawn token.
struct Choice {
  int32_t token;
  // Log-probabilities in nats: in the model's distribution, and in the distribution after all transforms.
  double log_prob, sampling_log_prob;
};

// The text up to the next token, as far as a chain depends on it.
struct TextState {
  const RepetitionHistory& history;
  bool must_continue;                 // whether the text must not end yet: the boundary token is then excluded
  bool excludes_top_choices = false;  // whether XTC acts on the next token
  double max_surprise = INFINITY;     // largest surprise that Mirostat allows, in bits
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
// `uniform` is a random number in [0, 1). A function returns false if a logit is infinite or NaN, or if the logits
// exclude every token.
class SamplerChain {
 public:
  virtual ~SamplerChain() = default;

  // Draw a token.
  virtual bool choose(const float* logits, const TextState& text, double uniform, Choice& choice) = 0;

  // Draw a token by the noise of each token instead of `uniform` (the Gumbel-max trick).
  virtual bool choose_watermarked(const float* logits, const TextState& text, const Noise& noise, Choice& choice) = 0;

  // Write the log-probabilities [vocabulary] that `choose` draws from; minus infinity for excluded tokens.
  virtual bool distribution(const float* logits, const TextState& text, double* log_probabilities) = 0;

  // Draw a draft, and keep its distribution for `proposal`. Return -1 if the logits exclude all drafts or are not
  // finite.
  virtual int32_t propose(const float* logits, const TextState& text, double uniform) = 0;
  virtual Proposal proposal() const = 0;

  // Accept or reject a draft that another chain drew from `proposal`. An accepted draft becomes the choice. After a
  // rejection, `redraw` must draw another token.
  virtual Verdict verify(const float* logits, const TextState& text, const Proposal& proposal, int32_t draft,
                         double uniform, Choice& choice) = 0;
  virtual void redraw(const float* logits, const Proposal& proposal, double uniform, Choice& choice) = 0;
};

}  // namespace seqloom::decoding
