// The library's identity and its instruction sets.
//
// The Python package uses a library only if its version and build hash match the package. It calls functions only if
// both sides agree on the size of every structure that crosses the interface.
#include "runtime/library.h"

#include <cstring>

#include "decoding/model.h"
#include "decoding/sampling.h"
#include "decoding/streams.h"
#include "runtime/kernels.h"
#include "training/trainer.h"

// The version of the package that the library was built for.
SEQLOOM_EXPORT const char* seqloom_version() { return SEQLOOM_VERSION; }

// The hash of the sources and flags that the library was built from; see `build_hash.py`.
SEQLOOM_EXPORT const char* seqloom_build_hash() { return SEQLOOM_BUILD_HASH; }

// The size in bytes of a structure of the interface; 0 if no structure has that name.
SEQLOOM_EXPORT size_t seqloom_struct_size(const char* name) {
  using namespace seqloom;
  using namespace seqloom::decoding;
  static constexpr struct {
    const char* name;
    size_t size;
  } structures[] = {
      {"LayerWeights", sizeof(LayerWeights)},       {"Model", sizeof(Model)},
      {"NetworkInfo", sizeof(NetworkInfo)},         {"SamplingSettings", sizeof(SamplingSettings)},
      {"DraftStatistics", sizeof(DraftStatistics)}, {"GenerationOutput", sizeof(GenerationOutput)},
      {"ScoringRequest", sizeof(ScoringRequest)},   {"Window", sizeof(Window)},
      {"OptimizerStep", sizeof(OptimizerStep)},
  };
  if (name == nullptr) return 0;
  for (const auto& structure : structures)
    if (std::strcmp(structure.name, name) == 0) return structure.size;
  return 0;
}

// The number of instruction sets that were compiled, whether or not this processor supports them.
SEQLOOM_EXPORT int seqloom_num_kernels() { return seqloom::kNumKernels; }

// The name of an instruction set; null if this processor does not support it, or if the index is out of range.
SEQLOOM_EXPORT const char* seqloom_kernels_name(int index) {
  if (index < 0 || index >= seqloom::kNumKernels) return nullptr;
  const seqloom::Kernels& kernels = *seqloom::kAllKernels[index];
  return kernels.supported() ? kernels.name : nullptr;
}
