// What every instruction set offers, whichever the processor turns out to have.
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
  // Whether this processor can run them.
  bool (*supported)();
  Trainer* (*new_trainer)(const TrainerSetup& setup);
  // Decoding: a model's weights, packed (null where the precision does not suit the core), and the way to a draw.
  decoding::Network* (*new_network)(const decoding::Model& model);
  // `tokens` are those that the logits are of, in their order; null is all of the vocabulary.
  decoding::SamplerChain* (*new_sampler_chain)(const decoding::SamplingSettings& settings, int vocabulary, int padded,
                                               const int32_t* tokens);
};

// All that were compiled, the fastest first; the last one runs everywhere.
extern const Kernels* const kAllKernels[];
extern const int kNumKernels;

// By name; null where there is none of that name.
const Kernels* find_kernels(const char* name);

}  // namespace seqloom
