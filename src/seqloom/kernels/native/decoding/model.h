// The interface of decoding, which every instruction set implements: a network that reads the next tokens of streams,
// and the model from whose weights it is made. A stream is one text that is decoded, with its recurrent state. A row is
// one token of a stream. `LayerWeights`, `Model` and `NetworkInfo` have ctypes twins in `kernels/decoding_abi.py`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "decoding/mixture.h"

namespace seqloom::decoding {

enum class Core : int32_t { kLstm, kGru, kConvolution };

enum class Precision : int32_t { kFloat32, kBfloat16, kInt8 };

// One layer's arrays, in row-major order; null if the layer does not have the array. `columns` is gates * units: an
// LSTM has 4 gates, a GRU 3, and a convolution 2 (the arguments of tanh and sigmoid).
struct LayerWeights {
  int32_t inputs, units;
  int32_t taps, dilation;  // convolution only
  // First layer: what each token adds to the columns. Recurrent: [vocabulary, columns], bias included; convolution:
  // [taps, vocabulary, columns], without the bias.
  const float* table;
  // Upper layers: input weights. Recurrent: [columns, inputs]; convolution: [taps, columns, inputs].
  const float* input;
  const float* bias;    // [columns]
  const float* hidden;  // recurrent only: [columns, units]
  // Convolution only: output weights [units, units], output bias [units], and skip weights, [vocabulary, units] in the
  // first layer, [units, inputs] above it (null for the identity).
  const float* output;
  const float* output_bias;
  const float* skip;
};

// The weights of a model.
struct Model {
  Core core;
  Precision precision;
  int32_t vocabulary, num_layers;
  const LayerWeights* layers;
  // The head that predicts the next token: [outputs, units of the last layer] and [outputs]. The outputs are usually the
  // logits of the tokens.
  const float* head;
  const float* head_bias;
  // Further heads, the draft heads, predict the tokens after the next one, but only those of `draft_tokens`. The tokens
  // that they predict are drafts: the head then accepts or rejects them.
  int32_t num_drafts, draft_vocabulary;
  const float* drafts;          // [num_drafts, draft_vocabulary, units of the last layer]
  const float* draft_bias;      // [num_drafts, draft_vocabulary]
  const int32_t* draft_tokens;  // [draft_vocabulary]
  // Tokens that consist of parts have no row of their own in the table of the first, recurrent layer. It has
  // `num_table_rows` rows instead, and `token_rows` [vocabulary, num_parts] contains those whose sum belongs to a token,
  // or -1 for a part that it lacks. 0 and null if row i belongs to token i.
  int32_t num_table_rows = 0, num_parts = 0;
  const int32_t* token_rows = nullptr;
  // If the head puts out the parameters of a mixture of points (`mixture.h`): its Gaussians and its largest step. 0 if
  // the head puts out a logit for each token.
  int32_t num_gaussians = 0, largest_step = 0;
};

// One token of a stream, the unit of work of a network: each stream's next token, or one of several that a stream reads
// in one pass.
struct TokenRow {
  // The memory of the stream; scratch space of the same size for a token that is not the first of its pass.
  std::byte* memory;
  // Added to the gates of all layers, in the order of `Network::arrange_gate_bias`, and to the logits; null to add
  // nothing.
  const float* gate_bias;
  const float* logit_bias;
  int32_t token;
  // Index of the token among those that the stream reads in this pass; they lie in consecutive rows.
  int32_t index_in_pass = 0;
};

// Sizes of a packed network; see the fields of `Network`.
struct NetworkInfo {
  uint64_t weight_bytes, state_bytes;
  int32_t rows_per_pass;
};

// A prediction compared with the actual token.
struct Score {
  double log_prob, entropy;  // of the actual token, and of the prediction, in nats; no entropy for points
  int32_t rank;              // how many tokens were more likely than the actual token; 0 for points
};

// A thread of a team, as the thread itself sees it. The threads of a team compute one step together, each a part of the
// columns; `wait` is their barrier.
class ThreadTeam {
 public:
  virtual ~ThreadTeam() = default;
  virtual void wait() = 0;
  int thread = 0, threads = 1;  // index of this thread, and number of threads
};

// The packed weights of a model, and their operations. `team` is null if the calling thread works alone. The memory of
// a stream, initially zero:
//
//   0                state         `state_bytes`, what the stream remembers of the tokens it has read
//   ...              outputs       of each layer, for the last token
//   logits_offset    logits        `padded_outputs` floats, the outputs of the head
//   drafts_offset    draft logits  `padded_drafts` floats for each of `num_drafts` draft heads
//   stream_bytes     end
class Network {
 public:
  virtual ~Network() = default;

  // Initialise zeroed memory to the state before the first token.
  virtual void clear(std::byte* memory) const = 0;

  // Read the tokens of all rows, which belong to different streams: `read` updates the states, `predict` computes the
  // logits. A caller that needs no logits skips `predict`; the threads of a team must then wait for each other instead.
  void step(const TokenRow* rows, int count, ThreadTeam* team) const {
    read(rows, count, team);
    predict(rows, count, team);
  }
  virtual void read(const TokenRow* rows, int count, ThreadTeam* team) const = 0;
  virtual void predict(const TokenRow* rows, int count, ThreadTeam* team) const = 0;

  // Compare the prediction, the logits in the memory of `row`, with the actual token.
  virtual Score score(const TokenRow& row, int32_t token) const = 0;

  // Read the tokens of all rows, in order, into one stream in one pass. The logits of each row equal those of reading
  // the tokens one by one, but the state of the stream is valid only after `keep`.
  virtual void read_many(const TokenRow* rows, int count, ThreadTeam* team) const = 0;
  // Set the stream's state to the state after the first `count` of the rows of `read_many`.
  virtual void keep(const TokenRow* rows, int count, ThreadTeam* team) const = 0;

  // Compute the draft logits of every row from the output of the last layer.
  virtual void draft(const TokenRow* rows, int count, ThreadTeam* team) const = 0;

  // Copy the gate bias of one layer [gates * units] to the layer's part of `arranged`, in the order in which the
  // network computes the gates. `arranged` holds `num_gate_biases` floats, the biases of all layers.
  virtual void arrange_gate_bias(int layer, const float* bias, float* arranged) const = 0;

  // Sizes of all weights, and of a stream's state and memory.
  size_t weight_bytes = 0, state_bytes = 0, stream_bytes = 0;
  // Offsets in bytes in a stream's memory.
  size_t logits_offset = 0, drafts_offset = 0;
  // Number of floats that `arrange_gate_bias` arranges, for all layers.
  size_t num_gate_biases = 0;
  // Width of each layer's gate bias: gates * units.
  std::vector<size_t> gate_widths;
  int vocabulary = 0;
  // The distribution whose parameters the head puts out; none if it puts out logits.
  std::optional<PointMixture> points;
  // Number of outputs of the head, the logits or the parameters. Logits are padded; the logits of padding are so low
  // that they have no probability.
  int num_outputs = 0;
  size_t padded_outputs = 0, padded_drafts = 0;
  int num_drafts = 0;
  std::vector<int32_t> draft_tokens;
  // Number of rows that one pass over the weights can multiply.
  int rows_per_pass = 1;
};

}  // namespace seqloom::decoding
