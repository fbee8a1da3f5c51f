// Streams that are decoded side by side: their states, logits, scores and samples.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "decoding/model.h"
#include "decoding/philox.h"
#include "decoding/sampling.h"
#include "runtime/kernels.h"
#include "runtime/threads.h"

namespace seqloom::decoding {

// The arrays that `Streams::generate` fills: room for `max_tokens` a stream, of which `counts` are used.
struct GenerationOutput {
  int32_t max_tokens;
  int32_t* tokens;
  double *log_probs, *sampling_log_probs;
  int32_t* counts;
  // Why each stream ended: see `Ending`.
  int32_t* endings;
};

// The input and the results of `Streams::score`, `time` places a stream. A negative token leaves the stream as it is;
// where the target is negative, nothing is scored or written.
struct ScoringRequest {
  int32_t time;
  const int32_t *tokens, *targets;
  double *log_probs, *entropies;
  int32_t* ranks;
  // `vocabulary` logits a place; null to leave them out.
  float* logits;
};

// How well drafts worked in one sample so far: its steps and tokens, the drafts verified, and those accepted.
struct DraftStatistics {
  int64_t steps, tokens, drafted, accepted;
  // Tokens per second with drafts, divided by those without; 0 until enough of both were measured.
  double gain;
};

enum Ending : int32_t { kRunning = 0, kLength = 1, kBoundary = 2, kNotFinite = 3 };

// Streams that are decoded side by side. Arguments are checked by the C interface (`api.cpp`), not here.
//
// After an exception (out of memory), the streams that took part in the call are in an unspecified but valid state:
// they can be cleared, begun again or deleted.
class Streams {
 public:
  // The network must outlive the streams.
  Streams(const Kernels& kernels, const Network& network, int threads);
  ~Streams();

  int count() const { return static_cast<int>(streams_.size()); }
  const Network& network() const { return network_; }
  bool can_sample() const { return !workspaces_.empty(); }
  const SamplingSettings& sampling() const { return settings_; }
  bool has_begun(int stream) const;
  bool is_running(int stream) const;
  // Whether the first half of the streams is guided by the second.
  bool guided() const { return guidance_ != 1; }

  // New streams are at the start, before their first token.
  void resize(int count);
  void clear(int stream);
  // Stream i becomes a copy of stream from[i], but continues with its own random numbers.
  void reorder(const int32_t* from);

  void read_state(int stream, std::byte* state) const;
  void write_state(int stream, const std::byte* state);
  const float* logits(int stream) const;
  void set_logits(int stream, const float* logits);

  // Biases of all streams: [count, gates * units] of a layer, [count, vocabulary]; null removes them.
  void set_gate_bias(int layer, const float* bias);
  void set_logit_bias(const float* bias);
  // Biases of one stream: [gates * units] of a layer, [vocabulary].
  void set_stream_gate_bias(int stream, int layer, const float* bias);
  void set_stream_logit_bias(int stream, const float* bias);
  // Classifier-free guidance: the first half of the streams generates, each paired with a stream of the second half
  // that reads the same tokens, from the logits partner + guidance * (stream - partner). 1 turns guidance off.
  void set_guidance(float guidance) { guidance_ = guidance; }

  // Read one token into every stream; a stream whose token is negative stays as it is.
  void step(const int32_t* tokens);
  // Read tokens into one stream, in order.
  void read(int stream, const int32_t* tokens, int num_tokens);

  // Read tokens into every stream and score each target. Afterwards the logits are valid only in streams whose last
  // target was scored.
  void score(const ScoringRequest& request);

  // Read several tokens into one stream in one pass and remember the first `kept`; logits [num_tokens, vocabulary]
  // follow each token.
  void read_many(int stream, const int32_t* tokens, int num_tokens, int kept, float* logits);

  // Set how `generate` samples; every stream must begin again.
  void set_sampling(const SamplingSettings& settings);
  // Begin a sample from the stream's logits. `recent` tokens count for repetition; `variants` belong to the watermark.
  void begin(int stream, uint64_t seed, uint64_t index, const int32_t* recent, int num_recent, uint64_t variants = 0);
  // Stop generating in a stream.
  void end(int stream);
  // Generate up to `max_tokens` tokens in every running stream.
  void generate(const GenerationOutput& output);
  // Write the log-probabilities of a stream's next token; false if its logits are not finite.
  bool distribution(int stream, double* log_probabilities);
  // Statistics of the drafts in the stream's current or last sample.
  DraftStatistics draft_statistics(int stream) const;

 private:
  struct Stream;
  struct Workspace;

  TokenRow row(int stream, int32_t token);
  // Append a token to those that a stream reads in one pass.
  void add_row(int stream, int32_t token);
  bool can_share_steps(size_t num_streams) const;
  void distribute(size_t num_streams,
                  const std::function<void(ThreadRange streams, int thread, ThreadTeam* team)>& work);
  int num_drafts() const;
  const float* draft_logits(const Stream& one, int number) const;
  const float* guided_logits(int stream, Workspace& workspace) const;
  void generate_batch(const std::vector<int>& streams, Workspace& workspace, ThreadTeam* team,
                      const GenerationOutput& output);
  void generate_with_drafts(int stream, Workspace& workspace, ThreadTeam* team, const GenerationOutput& output);
  void propose_drafts(int stream, Workspace& workspace, int room);
  int accept_drafts(int stream, Workspace& workspace, const GenerationOutput& output);
  void draw(int stream, Workspace& workspace, const float* logits, int32_t draft_token, const GenerationOutput& output);
  bool draw_next(Stream& one, Workspace& workspace, const float* logits, bool early, double uniform, Choice& choice);
  bool choose(Stream& one, Workspace& workspace, const float* logits, int32_t draft_token, Choice& choice);
  void draft(const std::vector<int>& streams, ThreadTeam* team);
  bool falls_behind(std::chrono::steady_clock::time_point start, int num_tokens) const;

  const Kernels& kernels_;
  const Network& network_;
  int threads_;
  // Seconds a token takes one thread alone, how many tokens it generates before the team is tried, and whether the team
  // was given up.
  double solo_seconds_per_token_ = 0;
  int solo_tokens_left_;
  bool abandoned_team_ = false;
  std::unique_ptr<ThreadPool> pool_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<float> gate_biases_, logit_biases_;
  float guidance_ = 1;
  SamplingSettings settings_{};
  std::vector<float> bias_;
  std::vector<std::unique_ptr<Workspace>> workspaces_;
  int num_proposers_ = 0;
};

}  // namespace seqloom::decoding
