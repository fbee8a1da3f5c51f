// The C interface of training. Every function except `seqloom_trainer_delete` checks its arguments and returns a
// status; results go to the last arguments.
#include <memory>

#include "runtime/kernels.h"
#include "runtime/library.h"
#include "runtime/status.h"
#include "training/checks.h"

using namespace seqloom;

SEQLOOM_EXPORT int seqloom_trainer_new(const char* kernels, int gru, int num_layers, const int* sizes, int vocabulary,
                                       int embedding, int num_heads, int threads, Trainer** trainer) {
  return guard([&] {
    checked("trainer", trainer) = nullptr;
    const Kernels* instruction_set = find_kernels(&checked("name of the instruction set", kernels));
    if (instruction_set == nullptr) refuse("the library has no instruction set %s", kernels);
    if (!instruction_set->supported())
      refuse("this processor does not support the instruction set %s", instruction_set->name);
    check_range("number of layers", num_layers, 1, kMaxLayers);
    check_pointer("sizes", sizes);
    const TrainerSetup setup{gru != 0, {sizes, sizes + num_layers}, vocabulary, embedding, num_heads, threads};
    check_setup(setup);
    *trainer = instruction_set->new_trainer(setup);
  });
}

SEQLOOM_EXPORT void seqloom_trainer_delete(Trainer* trainer) { delete trainer; }

SEQLOOM_EXPORT int seqloom_trainer_compute(Trainer* trainer, const Window* window, double* losses) {
  return guard([&] {
    check_window(checked("trainer", trainer).setup(), checked("window", window), /*for_training=*/true);
    trainer->compute(*window, &checked("losses", losses));
  });
}

SEQLOOM_EXPORT int seqloom_trainer_score(Trainer* trainer, const Window* window, double* log_probs) {
  return guard([&] {
    check_window(checked("trainer", trainer).setup(), checked("window", window), /*for_training=*/false);
    trainer->score(*window, &checked("log-probabilities", log_probs));
  });
}

SEQLOOM_EXPORT int seqloom_trainer_gradient_norm(Trainer* trainer, double* norm) {
  return guard([&] { checked("norm", norm) = checked("trainer", trainer).gradient_norm(); });
}

SEQLOOM_EXPORT int seqloom_trainer_update(Trainer* trainer, const OptimizerStep* step) {
  return guard([&] {
    check_step(checked("step", step));
    checked("trainer", trainer).update(*step);
  });
}

SEQLOOM_EXPORT int seqloom_trainer_keep_state(Trainer* trainer) {
  return guard([&] { checked("trainer", trainer).keep_state(); });
}

SEQLOOM_EXPORT int seqloom_trainer_copy_parameter(Trainer* trainer, int arena, int part, int layer, float* values,
                                                  int into_trainer) {
  return guard([&] {
    check_part(checked("trainer", trainer).setup(), arena, part, layer);
    trainer->copy_parameter(static_cast<Arena>(arena), static_cast<Part>(part), layer, &checked("values", values),
                            into_trainer != 0);
  });
}

SEQLOOM_EXPORT int seqloom_trainer_copy_state(Trainer* trainer, int layer, int batch_size, float* hidden, float* cell,
                                              int into_trainer) {
  return guard([&] {
    check_state(checked("trainer", trainer).setup(), layer, batch_size, hidden, cell, into_trainer != 0);
    trainer->copy_state(layer, batch_size, hidden, cell, into_trainer != 0);
  });
}
