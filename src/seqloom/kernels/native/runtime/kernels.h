// The functions that every instruction set offers.
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
  Trainer* (*new_trainer)(const TrainerSetup& setup);
  // Decoding: pack a model's weights (null if the core does not support the precision), and make a sampler chain.
  decoding::Network* (*new_network)(const decoding::Model& model);
  // `tokens` are the tokens that the logits belong to, in their order; null for the whole vocabulary.
  decoding::SamplerChain* (*new_sampler_chain)(const decoding::SamplingSettings& settings, int vocabulary, int padded,
                                               const int32_t* tokens);
};

// All instruction sets that were compiled, the fastest first; the last one runs on every processor.
extern const Kernels* const kAllKernels[];
extern const int kNumKernels;

// Find an instruction set by name; null if there is none.
const Kernels* find_kernels(const char* name);

}  // namespace seqloom
