// The interface of a trainer, which every instruction set implements (`stack_trainer.h`). A trainer owns the parameters
// of a stack of gated layers (LSTM or GRU) with softmax heads, and computes their gradients and updates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace seqloom {

// The shape of the model to train.
struct TrainerSetup {
  bool gru;                // GRU layers instead of LSTM layers
  std::vector<int> sizes;  // units of each layer
  int vocabulary;
  // Width of the token embedding; 0 for one-hot inputs.
  int embedding;
  // Number of softmax heads: the first predicts the next token, the second the token after it, and so on.
  int num_heads;
  int threads;
};

// The input of one update: `time` tokens of each of `batch_size` sequences. Arrays are contiguous. The structure has a
// ctypes twin in `kernels/trainer.py`.
struct Window {
  int batch_size, time;
  const int64_t* tokens;      // [batch_size, time]
  const int64_t* targets;     // [heads, batch_size, time]; a negative target is ignored
  const uint8_t* resets;      // [batch_size, time]: whether to zero the state before the token; null for never
  const float* head_weights;  // [heads]: weight of each head's mean loss
  float dropout;              // dropped share of the outputs of every layer
  float weight_dropout;       // dropped share of the recurrent weights
  bool variational;           // one mask of `dropout` serves all time steps
  uint64_t seed;              // of the dropout masks
  // Each condition (a rating or a category of a text, for example) has a row of biases, which are added to the
  // pre-activations of every layer and to the logits of the first head. Without conditions, the arrays below are null.
  int num_conditions;
  const int32_t* condition;  // [batch_size, time]: row of each token
  const float* gate_bias;    // [conditions, sum over layers of gates * size]
  const float* logit_bias;   // [conditions, vocabulary]
  float* d_gate_bias;        // output: gradient of gate_bias; null, together with d_logit_bias, to leave it out
  float* d_logit_bias;       // output: gradient of logit_bias
};

// The settings of one update. `decay` is the weight decay; RMSprop reads neither `beta1` nor `decay`. The structure has
// a ctypes twin in `kernels/trainer.py`.
struct OptimizerStep {
  enum Kind { kAdam, kRmsprop } kind;
  float rate, beta1, beta2, epsilon, decay;
  int64_t step;  // number of the update, from 1
  float scale;   // factor on the gradients
};

// The arenas, the trainer's arrays. Each holds one float for every parameter of the model.
enum Arena { kParameters, kGradients, kFirstMoments, kSecondMoments, kNumArenas };

// The parameters of the model. Functions that accept a part also accept a `layer`: its index for kWeightInput,
// kWeightHidden and kBias, the index of the head for kHead*, and 0 for kEmbedding.
enum Part { kEmbedding, kWeightInput, kWeightHidden, kBias, kHeadWeight, kHeadBias };

// A trainer carries its recurrent state from window to window. The C interface (`api.cpp`) checks the arguments.
class Trainer {
 public:
  virtual ~Trainer() = default;

  virtual const TrainerSetup& setup() const = 0;

  // Run a window forward and backward. Write the mean loss of each head in nats, and keep the gradients for `update`.
  virtual void compute(const Window& window, double* losses) = 0;
  // Run a window forward only. Write the log-probabilities of the first head's targets to `log_probs` [batch_size,
  // time], which does not change where a target is negative.
  virtual void score(const Window& window, double* log_probs) = 0;
  // Compute the Euclidean norm of all gradients together.
  virtual double gradient_norm() = 0;
  // Update the parameters once.
  virtual void update(const OptimizerStep& step) = 0;
  // Start the next window from the state at the end of the last one.
  virtual void keep_state() = 0;

  // Copy a parameter (or its gradient or moments) from `values`, in the model's shape, into the trainer, or back.
  virtual void copy_parameter(Arena arena, Part part, int layer, float* values, bool into_trainer) = 0;
  // Copy the carried state of a layer into the trainer, or back: hidden [batch_size, size], and the LSTM's cell. A null
  // `hidden` zeroes the state.
  virtual void copy_state(int layer, int batch_size, float* hidden, float* cell, bool into_trainer) = 0;
};

}  // namespace seqloom
