// The interface of decoding for every instruction set: a network that advances streams by a token, and the weights that
// it is made from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace seqloom::decoding {

enum class Core : int32_t { kLstm, kGru, kConvolution };

enum class Precision : int32_t { kFloat32, kBfloat16, kInt8 };

// One layer's arrays, in row-major order; null if the core has none of the kind. The columns of a recurrent layer are
// the units of its gates, those of a convolution the channels of its two halves.
struct LayerWeights {
  int32_t inputs, units, taps, dilation;
  // First layer: what each token adds to the columns, bias included [vocabulary, columns]; for a convolution for each
  // tap, without the bias [taps, vocabulary, columns].
  const float* table;
  // Upper layers: [columns, inputs]; convolution: [taps, columns, inputs].
  const float* input;
  const float* bias;
  const float* hidden;
  // Convolution only: output weights [units, units], output bias [units], and skip weights, [vocabulary, units] in the
  // first layer, [units, inputs] above it (null for the identity).
  const float* output;
  const float* output_bias;
  const float* skip;
};

// A model.
struct Model {
  Core core;
  Precision precision;
  int32_t vocabulary, num_layers;
  const LayerWeights* layers;
  const float* head;
  const float* head_bias;
  // The prediction heads that draft the tokens after the next one, and the tokens that they cover: [num_drafts,
  // draft_vocabulary, units of the last layer], [num_drafts, draft_vocabulary], [draft_vocabulary].
  int32_t num_drafts, draft_vocabulary;
  const float* drafts;
  const float* draft_bias;
  const int32_t* draft_tokens;
};

// One token of a stream, the unit of work of a network: each stream's next token, or one of several that a stream reads
// in one pass.
struct TokenRow {
  std::byte* memory;
  // Added to the gates of all layers, in the network's own order, and to the logits; null for nothing.
  const float* gate_bias;
  const float* logit_bias;
  int32_t token;
  // How many of the preceding rows belong to the same stream and are read before this one.
  int32_t stream_offset = 0;
};

// Sizes of a packed network.
struct NetworkInfo {
  uint64_t weight_bytes, state_bytes;
  int32_t rows_per_pass;
};

// A prediction compared with the actual token: nats, and how many tokens were more likely.
struct Score {
  double log_prob, entropy;
  int32_t rank;
};

// Threads that compute one step together, each a part of the columns; `wait` is their barrier.
class ThreadTeam {
 public:
  virtual ~ThreadTeam() = default;
  virtual void wait() = 0;
  int thread = 0, threads = 1;
};

// The packed weights of a model, and their operations. A stream is `stream_bytes` of memory, initially zero: the first
// `state_bytes` are its state, and the floats at `logits_at` its logits.
class Network {
 public:
  virtual ~Network() = default;

  // Initialise zeroed memory to the state before the first token.
  virtual void clear(std::byte* memory) const = 0;

  // Read one token in every row: `read` updates the states, `predict` computes the logits. A caller that needs no
  // logits skips `predict`; a team must then wait in its place.
  void step(const TokenRow* rows, int count, ThreadTeam* team) const {
    read(rows, count, team);
    predict(rows, count, team);
  }
  virtual void read(const TokenRow* rows, int count, ThreadTeam* team) const = 0;
  virtual void predict(const TokenRow* rows, int count, ThreadTeam* team) const = 0;

  // Compare the row's prediction with the actual token.
  virtual Score score(const TokenRow& row, int32_t token) const = 0;

  // Read the tokens of all rows, in order, into one stream in one pass. The first row's memory is the stream's; the
  // others' is scratch space. The logits equal those of reading one by one, but the state changes only in `keep`.
  virtual void read_many(const TokenRow* rows, int count, ThreadTeam* team) const = 0;
  // Make the stream's state that after the first `count` of those rows.
  virtual void keep(const TokenRow* rows, int count, ThreadTeam* team) const = 0;

  // Compute the draft logits of every row: floats at `drafts_at`, `padded_drafts` for each of `num_drafts`.
  virtual void draft(const TokenRow* rows, int count, ThreadTeam* team) const = 0;

  // Copy the gate bias of one layer [gates * units] to the order of `TokenRow::gate_bias`.
  virtual void arrange_gate_bias(int layer, const float* bias, float* arranged) const = 0;

  size_t state_bytes = 0, stream_bytes = 0, logits_at = 0, weight_bytes = 0;
  // Number of floats in the arranged gate biases of all layers, and in the logits; padding never wins.
  size_t num_gate_biases = 0, padded_vocabulary = 0;
  int vocabulary = 0;
  // Width of each layer's gate bias: gates * units.
  std::vector<size_t> gate_widths;
  size_t drafts_at = 0, padded_drafts = 0;
  // Number of rows that share one pass over the weights.
  int num_drafts = 0, rows_per_pass = 1;
  std::vector<int32_t> draft_tokens;
};

}  // namespace seqloom::decoding
