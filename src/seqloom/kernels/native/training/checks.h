// Checks of what crosses the C interface of training; each throws std::invalid_argument.
#pragma once

#include "training/trainer.h"

namespace seqloom {

void check_setup(const TrainerSetup& setup);
// Check shape, tokens, targets, dropout and conditions; `learns` adds what only training needs.
void check_window(const TrainerSetup& setup, const Window& window, bool learns);
void check_step(const OptimizerStep& step);
void check_part(const TrainerSetup& setup, int arena, int part, int layer);
void check_state(const TrainerSetup& setup, int layer, int batch_size, const float* hidden, const float* cell, bool in);

}  // namespace seqloom
