// Networks and sampler chains of one instruction set.
#pragma once

#include "decoding/network.h"
#include "decoding/sampler_chain.h"

namespace seqloom::SEQLOOM_ISA::decoding {

// Eight-bit activations need a bound, which a convolution's inputs do not have.
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

SamplerChain* new_sampler_chain(const SamplingSettings& settings, int vocabulary, int padded, const int32_t* tokens) {
  return new Transforms(settings, vocabulary, padded, tokens);
}

}  // namespace seqloom::SEQLOOM_ISA::decoding
