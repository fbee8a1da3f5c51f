// Streams that are decoded side by side: what they remember, and writing into them.
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

// Where `Streams::write` puts what it wrote: `most` places a stream, of which `counts` were used.
struct GenerationOutput {
  int32_t most;
  int32_t* tokens;
  double *log_probs, *sampling_log_probs;
  int32_t* counts;
  // Why each stream has ended: see `Ending`.
  int32_t* endings;
};

// What `Streams::score` reads and finds out, `time` places a stream: a negative token leaves the stream as it is, after a
// negative target nothing is asked and nothing written.
struct ScoringRequest {
  int32_t time;
  const int32_t *tokens, *targets;
  double *log_probs, *entropies;
  int32_t* ranks;
  // What was predicted, `vocabulary` logits a place; null where nobody asks.
  float* logits;
};

// How drafts have served one sample so far: its tokens, the steps that they took, the drafts that were looked at, and
// those that stayed.
struct DraftStatistics {
  int64_t steps, tokens, drafted, accepted;
  // Tokens a second with drafts, over those without; 0 where not enough of either was written to tell.
  double gain;
};

enum Ending : int32_t { kRunning = 0, kLength = 1, kBoundary = 2, kNotFinite = 3 };

class Streams {
 public:
  // Takes the kernels' network as it is; it must outlive the streams.
  Streams(const Kernels& kernels, const Network& network, int threads);
  ~Streams();

  int count() const { return static_cast<int>(streams_.size()); }

  // Streams that are new are before their first token.
  void resize(int count);
  void clear(int stream);
  // Stream i becomes what stream from[i] was; every stream goes on with its own draws.
  void reorder(const int32_t* from);

  void read_state(int stream, std::byte* state) const;
  void write_state(int stream, const std::byte* state);
  const float* logits(int stream) const;
  void set_logits(int stream, const float* logits);

  // [count, gates * units] of a layer, [count, vocabulary]; null takes them away.
  void set_gate_bias(int layer, const float* bias, int columns);
  void set_logit_bias(const float* bias);
  // The same of one stream: [gates * units], [vocabulary].
  void set_stream_gate_bias(int stream, int layer, const float* bias);
  void set_stream_logit_bias(int stream, const float* bias);
  // The first half of the streams writes, each led away from its partner in the second half, which reads the same tokens:
  // by logits of partner + guidance * (stream - partner). 1 ends it.
  void set_guidance(float guidance) { guidance_ = guidance; }

  // Every stream reads its token; a stream whose token is negative stands still.
  void step(const int32_t* tokens);
  // One stream reads tokens in order.
  void read(int stream, const int32_t* tokens, int num_tokens);

  // Every stream reads, and each token is held against what was predicted where that is asked. What the streams predict
  // afterwards is known only of those that were asked last.
  void score(const ScoringRequest& scored);

  // One stream reads tokens at once and remembers the first `kept` of them; logits after each [num_tokens, vocabulary].
  void read_many(int stream, const int32_t* tokens, int num_tokens, int kept, float* logits);

  // From here on, `write` draws so.
  void set_sampling(const SamplingSettings& settings);
  // The stream begins a sample after the tokens in `recent`, from the logits that it has; `variants` are of its watermark.
  void begin(int stream, uint64_t seed, uint64_t index, const int32_t* recent, int num_recent, uint64_t variants = 0);
  // The stream writes no more.
  void end(int stream);
  // Every stream that has begun and not ended writes as many tokens as there is room for.
  void write(const GenerationOutput& written);
  // The log-probabilities that a stream's next token is drawn from.
  bool distribution(int stream, double* log_probabilities);
  // How drafts served the sample that a stream writes or wrote last.
  DraftStatistics drafting(int stream) const;

 private:
  struct Stream;
  struct Workspace;

  TokenRow row(int stream, int32_t token);
  // What a stream reads at once after the rows that it has.
  void add_row(int stream, int32_t token);
  bool can_share_steps(size_t num_streams) const;
  void distribute(size_t num_streams,
                  const std::function<void(ThreadRange streams, int thread, ThreadTeam* team)>& work);
  int num_drafts() const;
  const float* draft_logits(const Stream& one, int number) const;
  bool guided() const { return guidance_ != 1; }
  const float* guided_logits(int stream, Workspace& workspace) const;
  void generate_batch(const std::vector<int>& streams, Workspace& workspace, ThreadTeam* team,
                      const GenerationOutput& written);
  void generate_with_drafts(int stream, Workspace& workspace, ThreadTeam* team, const GenerationOutput& written);
  void draft_ahead(int stream, Workspace& workspace, int room);
  int accept_drafts(int stream, Workspace& workspace, const GenerationOutput& written);
  void draw(int stream, Workspace& workspace, const float* logits, int32_t draft_ahead,
            const GenerationOutput& written);
  bool draw_next(Stream& one, Workspace& workspace, const float* logits, bool early, double uniform, Choice& choice);
  bool choose(Stream& one, Workspace& workspace, const float* logits, int32_t draft_ahead, Choice& choice);
  void draft(const std::vector<int>& streams, ThreadTeam* team);
  bool falls_behind(std::chrono::steady_clock::time_point start, int num_tokens) const;

  const Kernels& kernels_;
  const Network& network_;
  int threads_;
  // How long a token takes one thread, how many more it writes before the threads try it together, and whether they
  // gave that up.
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
};

}  // namespace seqloom::decoding
