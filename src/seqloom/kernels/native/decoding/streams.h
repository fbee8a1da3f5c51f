// Streams that are decoded side by side: their states, logits, scores and samples. A stream is one text with its
// recurrent state. `GenerationOutput`, `ScoringRequest` and `DraftStatistics` have ctypes twins in
// `kernels/decoding_abi.py`.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "decoding/model.h"
#include "decoding/philox.h"
#include "decoding/sampler.h"
#include "runtime/kernels.h"
#include "runtime/threads.h"

namespace seqloom::decoding {

// The arrays that `Streams::generate` fills. `tokens` and both arrays of log-probabilities (see `Choice`) are [streams,
// max_tokens]; the other arrays are [streams].
struct GenerationOutput {
  int32_t max_tokens;
  int32_t* tokens;
  double *log_probs, *sampling_log_probs;
  int32_t* counts;   // number of tokens that each stream has generated in this call
  int32_t* endings;  // whether and why each stream has ended: see `Ending`
};

// The input and the results of `Streams::score`. Arrays are [streams, time]. A stream does not read a negative token,
// and nothing is scored or written for that position, or where the target is negative.
struct ScoringRequest {
  int32_t time;
  const int32_t *tokens, *targets;
  double *log_probs, *entropies;
  int32_t* ranks;  // how many tokens were more likely than the target
  float* logits;   // [streams, time, outputs]; null to leave them out
};

// How well drafts worked in one sample until now.
struct DraftStatistics {
  int64_t steps;              // each generates one token more than it accepts drafts
  int64_t tokens;             // tokens that were generated
  int64_t drafted, accepted;  // drafts that were verified, and those of them that were accepted
  double gain;  // tokens per second with drafts, divided by tokens per second without; 0 until both were measured
};

// Whether and why a sample has ended; kLength also if it was ended by `Streams::end` or has not begun.
enum Ending : int32_t { kRunning = 0, kLength = 1, kBoundary = 2, kNotFinite = 3 };

// Streams that are decoded side by side. The C interface (`api.cpp`) checks the arguments. An index of a stream is
// called `stream`, and the data of a stream `record`.
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
  // Whether the sampling settings of any stream, or of one stream, are set.
  bool can_sample() const;
  bool can_sample(int stream) const;
  // Return whether the stream has ever begun a sample, which may have ended.
  bool has_begun(int stream) const;
  bool is_running(int stream) const;
  // Whether the first half of the streams is guided by the second.
  bool guided() const { return guidance_ != 1; }

  // Change the number of streams. New streams are in the state before their first token. Adding streams removes the
  // biases of all streams.
  void resize(int count);
  // Reset a stream to the state before its first token.
  void clear(int stream);
  // Stream i becomes a copy of stream sources[i], but continues with its own random numbers.
  void reorder(const int32_t* sources);

  // Copy the state of a stream, `Network::state_bytes`, from the stream or to it.
  void read_state(int stream, std::byte* state) const;
  void write_state(int stream, const std::byte* state);
  const float* logits(int stream) const;
  void set_logits(int stream, const float* logits);

  // Set biases of all streams: those of a layer's gates [count, gates * units], or of the logits [count, outputs].
  // Null removes them.
  void set_gate_bias(int layer, const float* bias);
  void set_logit_bias(const float* bias);
  // Set biases of one stream: [gates * units] or [outputs].
  void set_stream_gate_bias(int stream, int layer, const float* bias);
  void set_stream_logit_bias(int stream, const float* bias);
  // Set classifier-free guidance. Only the streams of the first half generate. Each stream i has a partner, stream
  // i + count / 2, which reads the same tokens. Stream i draws from the logits
  // partner + guidance * (stream i - partner). 1 turns guidance off.
  void set_guidance(float guidance) { guidance_ = guidance; }

  // Read one token into every stream, and compute the logits. A stream whose token is negative does not change.
  void step(const int32_t* tokens);
  // Read tokens into one stream, in order.
  void read(int stream, const int32_t* tokens, int num_tokens);

  // Read tokens into every stream, and score each target. Afterwards a stream has valid logits only if the target after
  // its last token was scored.
  void score(const ScoringRequest& request);

  // Read several tokens into one stream in one pass. Write the logits after each token [num_tokens, outputs]. The
  // stream's state becomes the state after the first `num_kept` tokens.
  void read_many(int stream, const int32_t* tokens, int num_tokens, int num_kept, float* logits);

  // Set how `generate` samples, in all streams. All samples end.
  void set_sampling(const SamplingSettings& settings);
  // Set how `generate` samples in one stream, whose sample ends.
  void set_stream_sampling(int stream, const SamplingSettings& settings);
  // Begin a sample from the stream's logits, with the random numbers of `seed` and `index`. The penalties also apply to
  // the `recent` tokens. `variants` selects the noise of the watermark (`watermark.h`).
  void begin(int stream, uint64_t seed, uint64_t index, const int32_t* recent, int num_recent, uint64_t variants = 0);
  // Stop generating in a stream.
  void end(int stream);
  // Generate up to `max_tokens` tokens in every running stream. If a team of threads is too slow, streams that have not
  // ended may receive fewer tokens.
  void generate(const GenerationOutput& output);
  // Write the log-probabilities of a stream's next token; false if its logits are not finite or exclude every token.
  bool distribution(int stream, double* log_probabilities);
  // Statistics of the drafts in the stream's current or last sample.
  DraftStatistics draft_statistics(int stream) const;

 private:
  struct Stream;

  // A comment at the definition explains each function that has none here.
  TokenRow make_row(int stream, int32_t token);
  // Append a token to those that the stream reads in its next pass.
  void add_row(int stream, int32_t token);
  // Return whether the weights are large enough, and the streams few enough, for a team of threads to compute steps
  // together.
  bool can_share_steps(size_t num_streams) const;
  void distribute(size_t num_streams,
                  const std::function<void(ThreadRange streams, int thread, ThreadTeam* team)>& work);
  int num_drafts(const Stream& record) const;
  const float* draft_logits(const Stream& record, int draft) const;
  const float* guided_logits(int stream, Workspace& workspace) const;
  void generate_batch(const std::vector<int>& streams, int thread, ThreadTeam* team, const GenerationOutput& output);
  void generate_with_drafts(int stream, int thread, ThreadTeam* team, const GenerationOutput& output);
  void propose_drafts(int stream, Workspace& workspace, int max_tokens);
  int accept_drafts(int stream, Workspace& workspace, const GenerationOutput& output);
  TextState text_state(const Stream& record, const RepetitionHistory& history, int num_ahead = 0) const;
  void draw(int stream, Workspace& workspace, const float* logits, int32_t draft_token, const GenerationOutput& output);
  bool draw_without_draft(Stream& record, Workspace& workspace, const float* logits, const TextState& text,
                          double uniform, Choice& choice);
  bool choose(Stream& record, Workspace& workspace, const float* logits, int32_t draft_token, Choice& choice);
  bool choose_point(Stream& record, Workspace& workspace, const float* outputs, Choice& choice);
  void renew_drafts(const std::vector<int>& streams, ThreadTeam* team);
  bool falls_behind(std::chrono::steady_clock::time_point start, int num_tokens) const;

  const Kernels& kernels_;
  const Network& network_;
  int threads_;
  // For steps that a team may share: the seconds per token without a team; how many tokens are generated without a team
  // before the team is tried; and whether the leader has given up on the team in this call (`falls_behind`).
  double solo_seconds_per_token_ = 0;
  int solo_tokens_left_;
  bool abandoned_team_ = false;
  std::unique_ptr<ThreadPool> pool_;
  std::vector<std::unique_ptr<Stream>> streams_;
  // [streams, Network::num_gate_biases] and [streams, padded_outputs]; empty for no biases.
  std::vector<float> gate_biases_, logit_biases_;
  float guidance_ = 1;
  // What `set_sampling` has set, which new streams also get; null before.
  std::shared_ptr<Sampler> sampler_;
};

}  // namespace seqloom::decoding
