// Checks of the arguments of training's C interface; each check throws std::invalid_argument.
#pragma once

#include "training/trainer.h"

namespace seqloom {

void check_setup(const TrainerSetup& setup);
// Check shape, tokens, targets, dropout and conditions. Scoring needs neither the targets of further heads nor the
// weights of heads, so that they are checked only with `for_training`.
void check_window(const TrainerSetup& setup, const Window& window, bool for_training);
void check_step(const OptimizerStep& step);
void check_part(const TrainerSetup& setup, int arena, int part, int layer);
void check_state(const TrainerSetup& setup, int layer, int batch_size, const float* hidden, const float* cell,
                 bool into_trainer);

}  // namespace seqloom
