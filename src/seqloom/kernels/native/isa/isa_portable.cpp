// Vectors that the compiler translates for any processor, in single precision.
#define SEQLOOM_ISA portable
#define SEQLOOM_WIDTH 8
#define SEQLOOM_BFLOAT16 0
#define SEQLOOM_AMX 0
#define SEQLOOM_KERNELS kPortable

#include "isa/isa.h"
