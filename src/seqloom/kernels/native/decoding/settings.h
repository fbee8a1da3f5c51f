// The settings of sampling. `SamplingSettings` has a ctypes twin in `kernels/decoding_abi.py`.
#pragma once

#include <cstdint>

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
  // Penalties of recent tokens; 0 is off. `dry_breakers` [vocabulary] is not 0 for tokens that end a repeat; null if
  // there are none.
  double frequency_penalty = 0, presence_penalty = 0, dry_multiplier = 0, dry_base = 1;
  const uint8_t* dry_breakers = nullptr;
  int32_t dry_allowed_length = 1;
  // Top-n-sigma, dynamic temperature, XTC and Mirostat; each is off if its first setting is 0.
  double top_n_sigma = 0;
  double dynatemp_range = 0, dynatemp_exponent = 1;
  double xtc_probability = 0, xtc_threshold = 0;
  double mirostat_tau = 0, mirostat_eta = 0;
};

}  // namespace seqloom::decoding
