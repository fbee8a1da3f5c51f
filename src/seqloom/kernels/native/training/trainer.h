// Training a stack of gated layers with a softmax: the face that every instruction set's trainer shows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace seqloom {

// What is trained.
struct TrainerSetup {
  bool gru;
  std::vector<int> sizes;
  int vocabulary;
  // Width of the token embedding; 0 for one-hot inputs.
  int embedding;
  // Softmax heads: the first predicts the next token, each further head the token after that.
  int num_heads;
  int threads;
};

// The input of one update. Arrays are contiguous.
struct Window {
  int batch_size, time;
  const int64_t* tokens;      // [batch_size, time]
  const int64_t* targets;     // [heads, batch_size, time]; a negative target is ignored
  const uint8_t* resets;      // [batch_size, time]: whether to zero the state before the token; null for never
  const float* head_weights;  // [heads]: weight of each head's mean loss
  float dropout, weight_dropout;
  bool variational;
  uint64_t seed;  // of the dropout masks
  // Conditions: one row of biases for each condition, added to the pre-activations of every layer and to the logits of
  // the first head; null for none.
  int num_conditions;
  const int32_t* condition;  // [batch_size, time]: row of each token
  const float* gate_bias;    // [conditions, gates * size of every layer]
  const float* logit_bias;   // [conditions, vocabulary]
  float* d_gate_bias;        // gradients of both (output); null to leave them out
  float* d_logit_bias;
};

struct OptimizerStep {
  enum Kind { kAdam, kRmsprop } kind;
  float rate, beta1, beta2, epsilon, decay;
  int64_t step;  // number of the update, from 1
  float scale;   // factor on the gradients
};

// The arrays that have the parameters' shapes.
enum Arena { kParameters, kGradients, kFirstMoments, kSecondMoments, kNumArenas };

// The parameters of a layer; for kHead*, the "layer" is the head.
enum Part { kEmbedding, kWeightInput, kWeightHidden, kBias, kHeadWeight, kHeadBias };

// A trainer carries its recurrent state from window to window. Arguments are checked by the C interface (`api.cpp`).
class Trainer {
 public:
  virtual ~Trainer() = default;

  virtual const TrainerSetup& setup() const = 0;

  // Run a window forward and backward: the mean loss of each head in nats, and the gradients.
  virtual void compute(const Window& window, double* losses) = 0;
  // Run a window forward only: the log-probabilities of the first head's targets [batch_size, time]. Places of negative
  // targets keep their values.
  virtual void score(const Window& window, double* log_probs) = 0;
  // Return the norm of all gradients together.
  virtual double gradient_norm() = 0;
  // Update the parameters once.
  virtual void update(const OptimizerStep& step) = 0;
  // Start the next window from the state at the end of the last one.
  virtual void keep_state() = 0;

  // Copy a parameter (or its gradient or moments) in or out, in the model's shape.
  virtual void copy_parameter(Arena arena, Part part, int layer, float* values, bool in) = 0;
  // Copy the carried state in or out: hidden [batch_size, size], then the LSTM's cell; null zeroes it.
  virtual void copy_state(int layer, int batch_size, float* hidden, float* cell, bool in) = 0;
};

}  // namespace seqloom
