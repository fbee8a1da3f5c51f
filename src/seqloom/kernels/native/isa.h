// The kernels of one instruction set, which the file that includes this has named.
#pragma once

#include "kernels.h"
#include "processor.h"
#if !SEQLOOM_AMX
#include "decoding/decoding.h"
#endif
#include "trainer.h"

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

#if SEQLOOM_AMX
}  // namespace seqloom::SEQLOOM_ISA

// Decoding has few rows, and does without tiles: sums are then alike for one row and for many.
namespace seqloom::avx512bf16::decoding {
using namespace seqloom::decoding;
Network* new_network(const Model& model);
Chain* new_chain(const SamplingSettings& settings, int vocabulary, int padded);
}  // namespace seqloom::avx512bf16::decoding

namespace seqloom::SEQLOOM_ISA {

namespace decoding = avx512bf16::decoding;
#endif

#define SEQLOOM_TEXT(name) SEQLOOM_TEXT_OF(name)
#define SEQLOOM_TEXT_OF(name) #name

}  // namespace seqloom::SEQLOOM_ISA

namespace seqloom {

extern const Kernels SEQLOOM_KERNELS = {SEQLOOM_TEXT(SEQLOOM_ISA), SEQLOOM_ISA::supported, SEQLOOM_ISA::new_trainer,
                                        SEQLOOM_ISA::decoding::new_network, SEQLOOM_ISA::decoding::new_chain};

}  // namespace seqloom
