#include "runtime/processor.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace seqloom {

#if defined(__x86_64__)

// The part of the processor's description that lists instruction sets.
constexpr unsigned kFeatureLeaf = 7;

bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

bool has_avx512bf16() {
  unsigned eax, ebx, ecx, edx;
  constexpr int avx512_bf16_bit = 5;
  return has_avx512() && __builtin_cpu_supports("avx512vnni") &&
         __get_cpuid_count(kFeatureLeaf, /*subleaf=*/1, &eax, &ebx, &ecx, &edx) && (eax >> avx512_bf16_bit & 1);
}

bool has_amx() {
#if defined(__linux__)
  // ARCH_REQ_XCOMP_PERM and XFEATURE_XTILEDATA of Linux, which permits tile registers only after this request.
  constexpr int request_permission = 0x1023, tile_data = 18;
  constexpr int amx_bf16_bit = 22, amx_tile_bit = 24, amx_int8_bit = 25;
  unsigned eax, ebx, ecx, edx;
  static const bool supported = has_avx512bf16() &&
                                __get_cpuid_count(kFeatureLeaf, /*subleaf=*/0, &eax, &ebx, &ecx, &edx) &&
                                (edx >> amx_bf16_bit & 1) && (edx >> amx_tile_bit & 1) && (edx >> amx_int8_bit & 1) &&
                                syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
  return supported;
#else
  return false;
#endif
}

#else

bool has_avx2() { return false; }
bool has_avx512() { return false; }
bool has_avx512bf16() { return false; }
bool has_amx() { return false; }

#endif

}  // namespace seqloom
