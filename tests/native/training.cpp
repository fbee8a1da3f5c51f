// Trains small LSTM and GRU stacks under the compiler's sanitizers, with every instruction set that the library
// contains and the processor supports. Prints "ok" or "FAILED" for each instruction set.
#include <cmath>
#include <cstdio>
#include <memory>
#include <random>

#include "runtime/kernels.h"
#include "training/trainer.h"

using namespace seqloom;

namespace {

constexpr int kVocabulary = 37;

// Copy random parameters into the trainer, in the model's shapes, and back.
void copy_random_parameters(Trainer& trainer, const TrainerSetup& setup, std::mt19937& random) {
  std::normal_distribution<float> normal(0.0f, 0.2f);
  const auto copy = [&](Part part, int layer, size_t count) {
    std::vector<float> values(count);
    for (float& value : values) value = normal(random);
    trainer.copy_parameter(kParameters, part, layer, values.data(), /*into_trainer=*/true);
    trainer.copy_parameter(kParameters, part, layer, values.data(), /*into_trainer=*/false);
  };
  const size_t gates = setup.gru ? 3 : 4;
  size_t inputs = setup.embedding ? setup.embedding : kVocabulary;
  if (setup.embedding) copy(kEmbedding, 0, kVocabulary * setup.embedding);
  for (size_t layer = 0; layer < setup.sizes.size(); ++layer) {
    const size_t size = setup.sizes[layer];
    copy(kWeightInput, layer, gates * size * inputs);
    copy(kWeightHidden, layer, gates * size * size);
    copy(kBias, layer, gates * size);
    inputs = size;
  }
  for (int head = 0; head < setup.num_heads; ++head) {
    copy(kHeadWeight, head, kVocabulary * inputs);
    copy(kHeadBias, head, kVocabulary);
  }
}

// Return whether a few updates on one window lower the loss of the window, and scoring gives valid log-probabilities.
// With `conditioned`, each token has one of two conditions, with biases for gates and logits.
bool learns(const Kernels& kernels, const TrainerSetup& setup, int batch_size, int time, float dropout,
            bool conditioned) {
  std::mt19937 random(1);
  std::unique_ptr<Trainer> trainer(kernels.new_trainer(setup));
  copy_random_parameters(*trainer, setup, random);
  const size_t count = static_cast<size_t>(batch_size) * time;
  std::vector<int64_t> tokens(count), targets(count * setup.num_heads);
  std::vector<uint8_t> resets(count);
  std::vector<int32_t> condition(count);
  for (int64_t& token : tokens) token = random() % kVocabulary;
  for (int64_t& target : targets) target = static_cast<int64_t>(random() % kVocabulary);
  if (count > 1) targets[0] = -1;
  for (uint8_t& reset : resets) reset = random() % 8 == 0;
  for (int32_t& row : condition) row = random() % 2;
  size_t gates = 0;  // of all layers together
  for (const int size : setup.sizes) gates += (setup.gru ? 3 : 4) * size;
  std::vector<float> gate_bias(2 * gates, 0.1f), logit_bias(2 * kVocabulary, 0.1f), d_gate(2 * gates),
      d_logit(2 * kVocabulary);
  const std::vector<float> weights(setup.num_heads, 1.0f);
  double first_loss = 0.0, last_loss = 0.0;
  for (int step = 1; step <= 4; ++step) {
    for (size_t layer = 0; layer < setup.sizes.size(); ++layer)
      trainer->copy_state(layer, batch_size, /*hidden=*/nullptr, /*cell=*/nullptr, /*into_trainer=*/true);
    // The fields from `variational` on are: variational, seed, and no conditions.
    Window window{
        batch_size, time, tokens.data(), targets.data(), resets.data(), weights.data(), dropout, dropout / 2, false,
        7,          0,    nullptr,       nullptr,        nullptr,       nullptr,        nullptr};
    if (conditioned) {
      window.num_conditions = 2, window.condition = condition.data();
      window.gate_bias = gate_bias.data(), window.logit_bias = logit_bias.data();
      window.d_gate_bias = d_gate.data(), window.d_logit_bias = d_logit.data();
    }
    std::vector<double> losses(setup.num_heads);
    trainer->compute(window, losses.data());
    if (!std::isfinite(trainer->gradient_norm())) return false;
    // The numbers are: rate, beta1, beta2, epsilon, decay, step, scale.
    trainer->update(
        {step % 2 ? OptimizerStep::kAdam : OptimizerStep::kRmsprop, 0.01f, 0.9f, 0.99f, 1e-8f, 0.01f, step, 1.0f});
    trainer->keep_state();
    (step == 1 ? first_loss : last_loss) = losses[0];
    // Scoring writes a log-probability for each target, and leaves the places of negative targets as they are.
    std::vector<double> log_probs(batch_size * time, 1.0);
    trainer->score(window, log_probs.data());
    for (int i = 0; i < batch_size * time; ++i)
      if (window.targets[i] < 0 ? log_probs[i] != 1.0 : !(log_probs[i] <= 0.0)) return false;
  }
  std::vector<float> hidden(batch_size * setup.sizes[0]), cell(batch_size * setup.sizes[0]);
  trainer->copy_state(0, batch_size, hidden.data(), cell.data(), /*into_trainer=*/false);
  return last_loss < first_loss;
}

}  // namespace

int main() {
  bool passed = true;
  for (int index = 0; index < kNumKernels; ++index) {
    const Kernels& kernels = *kAllKernels[index];
    if (!kernels.supported()) continue;
    bool learns_all = true;
    for (const bool gru : {false, true})
      for (const int threads : {1, 3}) {
        // The setups are: GRU, units of each layer, vocabulary, width of the embedding (0 for one-hot), heads, threads.
        const TrainerSetup one_hot{gru, {40}, kVocabulary, 0, 1, threads};
        const TrainerSetup three_heads{gru, {33, 20}, kVocabulary, 12, 3, threads};
        const TrainerSetup small{gru, {16}, kVocabulary, 8, 1, threads};
        learns_all &= learns(kernels, one_hot, /*batch_size=*/5, /*time=*/7, /*dropout=*/0.0f, /*conditioned=*/false);
        learns_all &=
            learns(kernels, three_heads, /*batch_size=*/19, /*time=*/5, /*dropout=*/0.2f, /*conditioned=*/true);
        learns_all &= learns(kernels, small, /*batch_size=*/1, /*time=*/1, /*dropout=*/0.0f, /*conditioned=*/false);
      }
    std::printf("%s %s\n", kernels.name, learns_all ? "ok" : "FAILED");
    passed &= learns_all;
  }
  return passed ? 0 : 1;
}
