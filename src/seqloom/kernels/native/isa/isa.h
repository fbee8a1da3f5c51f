// The kernels of one instruction set, which the file that includes this has named.
#pragma once

#include "decoding/factory.h"
#include "runtime/kernels.h"
#include "runtime/processor.h"
#include "training/stack_trainer.h"

namespace seqloom::SEQLOOM_ISA {

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

inline Trainer* new_trainer(const TrainerSetup& setup) { return new StackTrainer(setup); }

#define SEQLOOM_TEXT(name) SEQLOOM_TEXT_OF(name)
#define SEQLOOM_TEXT_OF(name) #name

}  // namespace seqloom::SEQLOOM_ISA

namespace seqloom {

extern const Kernels SEQLOOM_KERNELS = {SEQLOOM_TEXT(SEQLOOM_ISA), SEQLOOM_ISA::supported, SEQLOOM_ISA::new_trainer,
                                        SEQLOOM_ISA::decoding::new_network, SEQLOOM_ISA::decoding::new_sampler_chain};

}  // namespace seqloom
