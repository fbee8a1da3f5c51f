// The functions that every instruction set offers: they make the objects that train and decode with it.
#pragma once

#include <cstdint>

namespace seqloom {

namespace decoding {
struct Model;
struct SamplingSettings;
class Network;
class SamplerChain;
}  // namespace decoding

class Trainer;
struct TrainerSetup;

struct Kernels {
  const char* name;
  // Return whether this processor supports the instruction set.
  bool (*supported)();
  // Make a trainer, which the caller deletes; the two functions below transfer ownership as well.
  Trainer* (*new_trainer)(const TrainerSetup& setup);
  // Pack a model's weights for decoding. Return null if the core does not support the precision.
  decoding::Network* (*new_network)(const decoding::Model& model);
  // Make the chain of transforms that samples from `vocabulary` logits, in arrays of `padded_vocabulary`. `tokens`
  // lists the token of each logit; null means that logit i belongs to token i.
  decoding::SamplerChain* (*new_sampler_chain)(const decoding::SamplingSettings& settings, int vocabulary,
                                               int padded_vocabulary, const int32_t* tokens);
};

// All instruction sets that were compiled, the fastest first; the last one runs on every processor.
extern const Kernels* const kAllKernels[];
extern const int kNumKernels;

// Return the instruction set of a name; null if the library has none of that name.
const Kernels* find_kernels(const char* name);

}  // namespace seqloom
