// Tile registers that multiply blocks of bfloat16 (Intel from Sapphire Rapids on).
#define SEQLOOM_ISA amx
#define SEQLOOM_WIDTH 16
#define SEQLOOM_BFLOAT16 1
#define SEQLOOM_AMX 1
#define SEQLOOM_KERNELS kAmx

#include "isa/isa.h"
