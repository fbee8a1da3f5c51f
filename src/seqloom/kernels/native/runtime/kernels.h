// The functions that every instruction set offers. They make the objects that train and decode with this set.
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

// One instruction set.
struct Kernels {
  const char* name;
  // Return whether this processor supports the instruction set.
  bool (*supported)();
  // Make a trainer. The caller owns the result, as with the two functions below.
  Trainer* (*new_trainer)(const TrainerSetup& setup);
  // Pack a model's weights for decoding. Return null if the core does not support the precision.
  decoding::Network* (*new_network)(const decoding::Model& model);
  // Make the sampler chain (`decoding/sampling.h`), which turns `vocabulary` logits into a drawn token. The arrays of
  // logits have `padded_vocabulary` elements. `tokens` lists the token of each logit; null means that logit i belongs
  // to token i.
  decoding::SamplerChain* (*new_sampler_chain)(const decoding::SamplingSettings& settings, int vocabulary,
                                               int padded_vocabulary, const int32_t* tokens);
};

// All instruction sets that were compiled, the fastest first; the last one runs on every processor.
extern const Kernels* const kAllKernels[];
extern const int kNumKernels;

// Return the instruction set with a name; null if the library contains no set with that name.
const Kernels* find_kernels(const char* name);

}  // namespace seqloom
