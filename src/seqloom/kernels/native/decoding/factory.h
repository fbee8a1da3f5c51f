// Makes the networks and sampler chains of one instruction set.
#pragma once

#include "decoding/network.h"
#include "decoding/sampler_chain.h"

namespace seqloom::SEQLOOM_ISA::decoding {

// Return null for a convolution in int8, on every instruction set. On some sets this format stores activations in eight
// bits, for values from -1 to 1, and the inputs of a convolution have no bound.
Network* new_network(const Model& model) {
  if (model.core == Core::kConvolution && model.precision == Precision::kInt8) return nullptr;
  switch (model.precision) {
    case Precision::kFloat32:
      return new LayeredNetwork<Float32>(model);
    case Precision::kBfloat16:
      return new LayeredNetwork<Bfloat16>(model);
    case Precision::kInt8:
      return new LayeredNetwork<Int8>(model);
  }
  return nullptr;
}

SamplerChain* new_sampler_chain(const SamplingSettings& settings, int vocabulary, int padded_vocabulary,
                                const int32_t* tokens) {
  return new TransformChain(settings, vocabulary, padded_vocabulary, tokens);
}

}  // namespace seqloom::SEQLOOM_ISA::decoding
