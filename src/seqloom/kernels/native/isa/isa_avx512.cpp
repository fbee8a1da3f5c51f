// Vectors of 512 bits, in single precision.
#define SEQLOOM_ISA avx512
#define SEQLOOM_WIDTH 16
#define SEQLOOM_BFLOAT16 0
#define SEQLOOM_AMX 0
#define SEQLOOM_KERNELS kAvx512

#include "isa/isa.h"
