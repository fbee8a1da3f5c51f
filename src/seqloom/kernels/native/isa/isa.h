// The kernels of one instruction set, which the including file has named.
//
// Each file of an instruction set is compiled twice, so that the halves can be compiled at the same time: with
// SEQLOOM_TRAINING for the training step, without it for decoding and the table of both.
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

#define SEQLOOM_TEXT(name) SEQLOOM_TEXT_OF(name)
#define SEQLOOM_TEXT_OF(name) #name

}  // namespace seqloom::SEQLOOM_ISA

namespace seqloom {

extern const Kernels SEQLOOM_KERNELS = {SEQLOOM_TEXT(SEQLOOM_ISA), SEQLOOM_ISA::supported, SEQLOOM_ISA::new_trainer,
                                        SEQLOOM_ISA::decoding::new_network, SEQLOOM_ISA::decoding::new_sampler_chain};

}  // namespace seqloom

#endif
