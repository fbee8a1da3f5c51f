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
  // Width of the token embedding; 0 feeds one-hot rows.
  int embedding;
  // Output layers: the first predicts the next token, each other one the token after that.
  int num_heads;
  int threads;
};

// What one update sees. Arrays are contiguous.
struct Window {
  int batch_size, time;
  const int64_t* tokens;      // [batch_size, time]
  const int64_t* targets;     // [heads, batch_size, time]; below 0: nothing is learned there
  const uint8_t* resets;      // [batch_size, time]: the sequence's state is zeroed before the token; null for none
  const float* head_weights;  // [heads]: of each head's mean loss
  float dropout, weight_dropout;
  bool variational;
  uint64_t seed;  // of what is dropped
  // Conditions: added to the pre-activations of every layer and to the first head's logits, one row of numbers for each
  // condition; null for none.
  int num_conditions;
  const int32_t* condition;  // [batch_size, time]: which row
  const float* gate_bias;    // [conditions, gates * size of every layer]
  const float* logit_bias;   // [conditions, vocabulary]
  float* d_gate_bias;        // the gradients of both, which are written
  float* d_logit_bias;
};

struct OptimizerStep {
  enum Kind { kAdam, kRmsprop } kind;
  float rate, beta1, beta2, epsilon, decay;
  int64_t step;  // from 1
  float scale;   // of the gradients
};

// Which of the arrays that have the parameters' shapes.
enum Arena { kParameters, kGradients, kFirstMoments, kSecondMoments, kNumArenas };

// Which parameter of a layer; of kHead* the "layer" is the head.
enum Part { kEmbedding, kWeightInput, kWeightHidden, kBias, kHeadWeight, kHeadBias };

class Trainer {
 public:
  virtual ~Trainer() = default;

  // Read a window from the state that is kept: mean losses of the heads in nats, and the gradients.
  virtual void compute(const Window& window, double* losses) = 0;
  // Read a window from the state that is kept, without learning from it: the log-probabilities of the first head's
  // targets [batch_size, time]; what is below 0 is passed over, and its place left as it is.
  virtual void score(const Window& window, double* log_probs) = 0;
  // Of all gradients together.
  virtual double gradient_norm() = 0;
  // One update of the parameters.
  virtual void update(const OptimizerStep& step) = 0;
  // The state at the last window's end is where the next begins.
  virtual void keep_state() = 0;

  // Copy a parameter (or its gradient or moments) in or out, in the shape that the model has it.
  virtual void copy_parameter(Arena arena, Part part, int layer, float* values, bool in) = 0;
  // The same of the state that is kept: hidden [batch_size, size], then the LSTM's cell; null zeroes it.
  virtual void copy_state(int layer, int batch_size, float* hidden, float* cell, bool in) = 0;
};

}  // namespace seqloom
