// Which library this is, and which kernels there are: see library.h.
#include "runtime/library.h"

#include "runtime/kernels.h"

// The package's version that the library was built with: what crosses its border may change with that.
SEQLOOM_EXPORT const char* seqloom_version() { return SEQLOOM_VERSION; }

// The number of instruction sets that were compiled, and each one's name; null where this processor cannot run it.
SEQLOOM_EXPORT int seqloom_num_kernels() { return seqloom::kNumKernels; }

SEQLOOM_EXPORT const char* seqloom_kernels_name(int index) {
  const seqloom::Kernels& kernels = *seqloom::kAllKernels[index];
  return kernels.supported() ? kernels.name : nullptr;
}
