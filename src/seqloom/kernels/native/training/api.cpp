// Training from outside. A trainer is made for one set of kernels; every function that can fail gives 0 for success.
#include <new>

#include "runtime/kernels.h"
#include "runtime/library.h"
#include "training/trainer.h"

using namespace seqloom;

// Null where there are no such kernels, or no memory.
SEQLOOM_EXPORT Trainer* seqloom_trainer_new(const char* kernels, int gru, int layers, const int* sizes, int vocabulary,
                                            int embedding, int heads, int threads) {
  const Kernels* found = find_kernels(kernels);
  if (found == nullptr || !found->supported()) return nullptr;
  try {
    return found->new_trainer({gru != 0, {sizes, sizes + layers}, vocabulary, embedding, heads, threads});
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

SEQLOOM_EXPORT void seqloom_trainer_free(Trainer* trainer) { delete trainer; }

// 1: no memory.
SEQLOOM_EXPORT int seqloom_trainer_compute(Trainer* trainer, const Window* window, double* losses) {
  try {
    trainer->compute(*window, losses);
    return 0;
  } catch (const std::bad_alloc&) {
    return 1;
  }
}

// 1: no memory.
SEQLOOM_EXPORT int seqloom_trainer_score(Trainer* trainer, const Window* window, double* log_probs) {
  try {
    trainer->score(*window, log_probs);
    return 0;
  } catch (const std::bad_alloc&) {
    return 1;
  }
}

SEQLOOM_EXPORT double seqloom_trainer_gradient_norm(Trainer* trainer) { return trainer->gradient_norm(); }

SEQLOOM_EXPORT void seqloom_trainer_update(Trainer* trainer, const OptimizerStep* step) { trainer->update(*step); }

SEQLOOM_EXPORT void seqloom_trainer_keep_state(Trainer* trainer) { trainer->keep_state(); }

SEQLOOM_EXPORT void seqloom_trainer_exchange(Trainer* trainer, int arena, int part, int layer, float* values, int in) {
  trainer->copy_parameter(static_cast<Arena>(arena), static_cast<Part>(part), layer, values, in != 0);
}

SEQLOOM_EXPORT int seqloom_trainer_exchange_state(Trainer* trainer, int layer, int batch_size, float* hidden,
                                                  float* cell, int in) {
  try {
    trainer->copy_state(layer, batch_size, hidden, cell, in != 0);
    return 0;
  } catch (const std::bad_alloc&) {
    return 1;
  }
}
