#include "training/checks.h"

#include "runtime/status.h"

namespace seqloom {

namespace {

void check_dropout(const char* name, float value) {
  if (!(value >= 0.0f && value < 1.0f))
    refuse("%s is %g, but must be at least 0 and below 1", name, static_cast<double>(value));
}

void check_conditions(const Window& window, int64_t tokens, bool for_training) {
  check_range("number of conditions", window.num_conditions, 0, kMaxWidth);
  if (window.num_conditions == 0) return;
  check_all("condition", window.condition, tokens, 0, window.num_conditions - 1);
  check_pointer("gate biases of the conditions", window.gate_bias);
  check_pointer("logit biases of the conditions", window.logit_bias);
  if (for_training && (window.d_gate_bias == nullptr) != (window.d_logit_bias == nullptr))
    refuse("d_gate_bias and d_logit_bias must both be arrays, or both be null pointers");
}

}  // namespace

void check_setup(const TrainerSetup& setup) {
  check_range("number of layers", static_cast<int64_t>(setup.sizes.size()), 1, kMaxLayers);
  for (const int size : setup.sizes) check_range("size of a layer", size, 1, kMaxWidth);
  check_range("vocabulary", setup.vocabulary, 1, kMaxWidth);
  check_range("embedding", setup.embedding, 0, kMaxWidth);
  check_range("number of heads", setup.num_heads, 1, kMaxLayers);
  check_range("number of threads", setup.threads, 1, kMaxThreads);
}

void check_window(const TrainerSetup& setup, const Window& window, bool for_training) {
  check_range("batch size", window.batch_size, 1, kMaxWidth);
  check_range("length of the window", window.time, 1, kMaxWidth);
  const int64_t tokens = int64_t{window.batch_size} * window.time;
  check_range("number of tokens in the window", tokens, 1, kMaxTokens);
  check_all("token", window.tokens, tokens, 0, setup.vocabulary - 1);
  check_all("target", window.targets, for_training ? tokens * setup.num_heads : tokens, INT64_MIN,
            setup.vocabulary - 1);
  if (for_training) check_pointer("head weights", window.head_weights);
  check_dropout("dropout", window.dropout);
  check_dropout("weight dropout", window.weight_dropout);
  check_conditions(window, tokens, for_training);
}

void check_step(const OptimizerStep& step) {
  check_range("optimizer", step.kind, OptimizerStep::kAdam, OptimizerStep::kRmsprop);
  check_range("number of the update", step.step, 1, INT64_MAX);
}

void check_part(const TrainerSetup& setup, int arena, int part, int layer) {
  check_index("arena", arena, kNumArenas);
  check_range("part", part, kEmbedding, kHeadBias);
  if (part == kEmbedding)
    check_index("embedding", layer, setup.embedding > 0);
  else if (part == kHeadWeight || part == kHeadBias)
    check_index("head", layer, setup.num_heads);
  else
    check_index("layer", layer, static_cast<int64_t>(setup.sizes.size()));
}

void check_state(const TrainerSetup& setup, int layer, int batch_size, const float* hidden, const float* cell,
                 bool into_trainer) {
  check_index("layer", layer, static_cast<int64_t>(setup.sizes.size()));
  check_range("batch size", batch_size, 1, kMaxWidth);
  if (!into_trainer) check_pointer("hidden state", hidden);
  if (hidden != nullptr && !setup.gru) check_pointer("cell state", cell);
}

}  // namespace seqloom
