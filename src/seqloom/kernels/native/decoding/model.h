// What decoding is made of, whichever instruction set does it: a network that takes streams a token further, and a chain
// that draws from their logits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace seqloom::decoding {

enum class Core : int32_t { kLstm, kGru, kConvolution };

enum class Precision : int32_t { kFloat32, kBfloat16, kInt8 };

// One layer's arrays, in row order; null where the core has none of the kind. The columns of a recurrent layer are its
// gates' units, those of a convolution its two halves' channels.
struct LayerWeights {
  int32_t inputs, units, taps, dilation;
  // The first layer: what each token adds to the columns, the bias included [vocabulary, columns]; of a convolution for
  // each tap, without the bias [taps, vocabulary, columns].
  const float* table;
  // Layers above: [columns, inputs], of a convolution [taps, columns, inputs].
  const float* input;
  const float* bias;
  const float* hidden;
  // A convolution's way out, and its way round: [units, units], [units], and [vocabulary, units] of the first layer or
  // [units, inputs] above it (null where the input itself goes round).
  const float* output;
  const float* output_bias;
  const float* skip;
};

// A whole model.
struct Model {
  Core core;
  Precision precision;
  int32_t vocabulary, num_layers;
  const LayerWeights* layers;
  const float* head;
  const float* head_bias;
  // The heads that draft the tokens after the next one, and the tokens that they draft: [num_drafts, draft_vocabulary,
  // units of the last layer], [num_drafts, draft_vocabulary], [draft_vocabulary].
  int32_t num_drafts, draft_vocabulary;
  const float* drafts;
  const float* draft_bias;
  const int32_t* draft_tokens;
};

// One stream as the network sees it, or one of several tokens that a stream reads at once.
struct TokenRow {
  std::byte* memory;
  // What is added to the gates of all layers, in the network's own order, and to the logits; null where nothing is.
  const float* gate_bias;
  const float* logit_bias;
  int32_t token;
  // How many of the rows before this one load_activations what the same stream reads before.
  int32_t stream_offset = 0;
};

// What a caller must know about a network.
struct NetworkInfo {
  uint64_t weight_bytes, state_bytes;
  int32_t rows_per_pass;
};

// How a prediction stood to the token that came: nats, and how many tokens were likelier.
struct Score {
  double log_prob, entropy;
  int32_t rank;
};

// Threads that take one step together, each a part of the columns; `wait` is where they synchronize.
class ThreadTeam {
 public:
  virtual ~ThreadTeam() = default;
  virtual void wait() = 0;
  int thread = 0, threads = 1;
};

// Weights and what they do to streams. A stream is `stream_bytes` of memory, zero at the start, of which the first
// `state_bytes` are what it remembers and the floats at `logits_at` what it predicts.
class Network {
 public:
  virtual ~Network() = default;

  // Make zeroed memory the stream before its first token.
  virtual void clear(std::byte* memory) const = 0;

  // Every row reads its token: `read` takes it into what is remembered, `predict` then says what comes next. Who needs
  // no prediction leaves the second half out; a team must synchronize in its place.
  void step(const TokenRow* rows, int count, ThreadTeam* team) const {
    read(rows, count, team);
    predict(rows, count, team);
  }
  virtual void read(const TokenRow* rows, int count, ThreadTeam* team) const = 0;
  virtual void predict(const TokenRow* rows, int count, ThreadTeam* team) const = 0;

  // The row's prediction against what came.
  virtual Score score(const TokenRow& row, int32_t token) const = 0;

  // One stream reads the tokens of all rows, in order; the first row's memory is the stream's, the others' is room for what
  // is worked out. Logits come out as if the tokens were read one by one, but what the stream remembers waits for `keep`.
  virtual void read_many(const TokenRow* rows, int count, ThreadTeam* team) const = 0;
  // The stream has read the first `count` of those rows, and no more.
  virtual void keep(const TokenRow* rows, int count, ThreadTeam* team) const = 0;

  // Every row's drafts, from what it has read: floats at `drafts_at`, `padded_drafts` for each of `num_drafts`.
  virtual void draft(const TokenRow* rows, int count, ThreadTeam* team) const = 0;

  // From the gate biases of one layer [gates * units] to their place in what `TokenRow` points to.
  virtual void arrange_gate_bias(int layer, const float* bias, float* arranged) const = 0;

  size_t state_bytes = 0, stream_bytes = 0, logits_at = 0, weight_bytes = 0;
  // Floats in all layers' gate biases as arranged, and in the logits; columns past the vocabulary never win.
  size_t num_gate_biases = 0, padded_vocabulary = 0;
  int vocabulary = 0;
  // Of each layer: gates * units, the width of its gate bias.
  std::vector<size_t> gate_widths;
  size_t drafts_at = 0, padded_drafts = 0;
  // Rows that share one reading of the weights.
  int num_drafts = 0, rows_per_pass = 1;
  std::vector<int32_t> draft_tokens;
};

}  // namespace seqloom::decoding
