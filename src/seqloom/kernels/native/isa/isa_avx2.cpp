// Vectors of 256 bits, in single precision (nearly every processor since 2013).
#define SEQLOOM_ISA avx2
#define SEQLOOM_WIDTH 8
#define SEQLOOM_BFLOAT16 0
#define SEQLOOM_AMX 0
#define SEQLOOM_KERNELS kAvx2

#include "isa/isa.h"
