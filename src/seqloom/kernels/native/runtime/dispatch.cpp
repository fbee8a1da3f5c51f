// The table of instruction sets. `native_build.py` defines SEQLOOM_HAVE_* for each set that it compiled; `isa/isa.h`
// defines the `Kernels` table of each set.
#include <cstring>

#include "runtime/kernels.h"

namespace seqloom {

#if defined(SEQLOOM_HAVE_AMX)
extern const Kernels kAmx;
#endif
#if defined(SEQLOOM_HAVE_AVX512BF16)
extern const Kernels kAvx512bf16;
#endif
#if defined(SEQLOOM_HAVE_AVX512)
extern const Kernels kAvx512;
#endif
#if defined(SEQLOOM_HAVE_AVX2)
extern const Kernels kAvx2;
#endif
extern const Kernels kPortable;

const Kernels* const kAllKernels[] = {
#if defined(SEQLOOM_HAVE_AMX)
    &kAmx,
#endif
#if defined(SEQLOOM_HAVE_AVX512BF16)
    &kAvx512bf16,
#endif
#if defined(SEQLOOM_HAVE_AVX512)
    &kAvx512,
#endif
#if defined(SEQLOOM_HAVE_AVX2)
    &kAvx2,
#endif
    &kPortable,
};

const int kNumKernels = sizeof kAllKernels / sizeof *kAllKernels;

const Kernels* find_kernels(const char* name) {
  for (const Kernels* kernels : kAllKernels)
    if (std::strcmp(kernels->name, name) == 0) return kernels;
  return nullptr;
}

}  // namespace seqloom
