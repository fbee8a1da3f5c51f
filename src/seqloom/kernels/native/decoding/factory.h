// Makes the networks and sampler chains of one instruction set.
#pragma once

#include "decoding/network.h"
#include "decoding/sampler_chain.h"

namespace seqloom::SEQLOOM_ISA::decoding {

// Return null for a convolution in int8: this format stores activations from -1 to 1 in eight bits, and the inputs of a
// convolution have no bound.
Network* new_network(const Model& model) {
  if (model.core == Core::kConvolution && model.precision == Precision::kInt8) return nullptr;
  switch (model.precision) {
    case Precision::kFloat32:
      return new Layers<Float32>(model);
    case Precision::kBfloat16:
      return new Layers<Bfloat16>(model);
    case Precision::kInt8:
      return new Layers<Int8>(model);
  }
  return nullptr;
}

SamplerChain* new_sampler_chain(const SamplingSettings& settings, int vocabulary, int padded_vocabulary,
                                const int32_t* tokens) {
  return new Transforms(settings, vocabulary, padded_vocabulary, tokens);
}

}  // namespace seqloom::SEQLOOM_ISA::decoding
