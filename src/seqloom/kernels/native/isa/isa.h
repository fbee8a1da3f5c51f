// The kernels of one instruction set. An isa_*.cpp file defines these macros, then includes this file:
//
//   SEQLOOM_ISA        namespace of the set's code, and name of the set
//   SEQLOOM_WIDTH      floats in a vector register
//   SEQLOOM_BFLOAT16   1 if the set has a dot product of bfloat16 pairs
//   SEQLOOM_AMX        1 if the set has tile registers
//   SEQLOOM_KERNELS    the set's `Kernels` table, which `dispatch.cpp` lists
//
// Each file of an instruction set is compiled twice, so that the halves can be compiled at the same time: with
// SEQLOOM_TRAINING for the training step, without it for decoding and for the `Kernels` table.
#pragma once

#include "runtime/kernels.h"
#include "runtime/processor.h"

#if defined(SEQLOOM_TRAINING)

#include "training/stack_trainer.h"

namespace seqloom::SEQLOOM_ISA {

Trainer* new_trainer(const TrainerSetup& setup) { return new StackTrainer(setup); }

}  // namespace seqloom::SEQLOOM_ISA

#else

#include "decoding/factory.h"

namespace seqloom::SEQLOOM_ISA {

Trainer* new_trainer(const TrainerSetup& setup);

inline bool supported() {
#if SEQLOOM_AMX
  return has_amx();
#elif SEQLOOM_BFLOAT16
  return has_avx512bf16();
#elif defined(__AVX512F__)
  return has_avx512();
#elif defined(__AVX2__)
  return has_avx2();
#else
  return true;
#endif
}

// The value of a macro as a string literal. It takes two steps, because # does not expand its argument.
#define SEQLOOM_STRING(macro) SEQLOOM_LITERAL(macro)
#define SEQLOOM_LITERAL(name) #name

}  // namespace seqloom::SEQLOOM_ISA

namespace seqloom {

extern const Kernels SEQLOOM_KERNELS = {SEQLOOM_STRING(SEQLOOM_ISA), SEQLOOM_ISA::supported, SEQLOOM_ISA::new_trainer,
                                        SEQLOOM_ISA::decoding::new_network, SEQLOOM_ISA::decoding::new_sampler_chain};

}  // namespace seqloom

#endif
