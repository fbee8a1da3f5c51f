// Vectors of 512 bits, and a dot product of bfloat16 pairs (AMD from Zen 4, Intel from Cooper Lake on).
#define SEQLOOM_ISA avx512bf16
#define SEQLOOM_WIDTH 16
#define SEQLOOM_BFLOAT16 1
#define SEQLOOM_AMX 0
#define SEQLOOM_KERNELS kAvx512bf16

#include "isa/isa.h"
