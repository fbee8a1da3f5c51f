// Lanes that are decoded side by side: what they remember, and writing into them.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "../kernels.h"
#include "../threads.h"
#include "model.h"
#include "philox.h"
#include "sampling.h"

namespace seqloom::decoding {

// Where `Lanes::write` puts what it wrote: `most` places a lane, of which `counts` were used.
struct Written {
  int32_t most;
  int32_t* tokens;
  double *log_probs, *sampling_log_probs;
  int32_t* counts;
  // Why each lane has ended: see `Ending`.
  int32_t* endings;
};

// What `Lanes::score` reads and finds out, `time` places a lane: a negative token leaves the lane as it is, after a
// negative target nothing is asked and nothing written.
struct Scored {
  int32_t time;
  const int32_t *tokens, *targets;
  double *log_probs, *entropies;
  int32_t* ranks;
  // What was predicted, `vocabulary` logits a place; null where nobody asks.
  float* logits;
};

// How drafts have served one sample so far: its tokens, the steps that they took, the drafts that were looked at, and
// those that stayed.
struct Drafting {
  int64_t steps, tokens, drafted, accepted;
  // Tokens a second with drafts, over those without; 0 where not enough of either was written to tell.
  double gain;
};

enum Ending : int32_t { kRunning = 0, kLength = 1, kBoundary = 2, kNotFinite = 3 };

class Lanes {
 public:
  // Takes the kernels' network as it is; it must outlive the lanes.
  Lanes(const Kernels& kernels, const Network& network, int threads);
  ~Lanes();

  int count() const { return static_cast<int>(lanes_.size()); }

  // Lanes that are new are before their first token.
  void resize(int count);
  void clear(int lane);
  // Lane i becomes what lane from[i] was; every lane goes on with its own draws.
  void reorder(const int32_t* from);

  void read_state(int lane, std::byte* state) const;
  void write_state(int lane, const std::byte* state);
  const float* logits(int lane) const;
  void set_logits(int lane, const float* logits);

  // [count, gates * units] of a layer, [count, vocabulary]; null takes them away.
  void set_gate_bias(int layer, const float* bias, int columns);
  void set_logit_bias(const float* bias);
  // The same of one lane: [gates * units], [vocabulary].
  void set_gate_bias_of(int lane, int layer, const float* bias);
  void set_logit_bias_of(int lane, const float* bias);
  // The first half of the lanes writes, each led away from its partner in the second half, which reads the same tokens:
  // by logits of partner + guidance * (lane - partner). 1 ends it.
  void set_guidance(float guidance) { guidance_ = guidance; }

  // Every lane reads its token; a lane whose token is negative stands still.
  void step(const int32_t* tokens);
  // One lane reads tokens in order.
  void read(int lane, const int32_t* tokens, int num_tokens);

  // Every lane reads, and each token is held against what was predicted where that is asked. What the lanes predict
  // afterwards is known only of those that were asked last.
  void score(const Scored& scored);

  // One lane reads tokens at once and remembers the first `kept` of them; logits after each [num_tokens, vocabulary].
  void read_many(int lane, const int32_t* tokens, int num_tokens, int kept, float* logits);

  // From here on, `write` draws so.
  void set_sampling(const SamplingSettings& settings);
  // The lane begins a sample after the tokens in `recent`, from the logits that it has; `variants` are of its mark.
  void begin(int lane, uint64_t seed, uint64_t index, const int32_t* recent, int num_recent, uint64_t variants = 0);
  // The lane writes no more.
  void end(int lane);
  // Every lane that has begun and not ended writes as many tokens as there is room for.
  void write(const Written& written);
  // The log-probabilities that a lane's next token is drawn from.
  bool distribution(int lane, double* log_probabilities);
  // How drafts served the sample that a lane writes or wrote last.
  Drafting drafting(int lane) const;

 private:
  struct Lane;
  struct Hand;

  Row row(int lane, int32_t token);
  // What a lane reads at once after the rows that it has.
  void add_row(int lane, int32_t token);
  bool could_step_together(size_t num_lanes) const;
  void share_out(size_t num_lanes, const std::function<void(Share lanes, int thread, Team* team)>& work);
  int num_drafts() const;
  const float* draft_logits(const Lane& one, int number) const;
  bool guided() const { return guidance_ != 1; }
  const float* guided_logits(int lane, Hand& hand) const;
  void write_some(const std::vector<int>& lanes, Hand& hand, Team* team, const Written& written);
  void write_ahead(int lane, Hand& hand, Team* team, const Written& written);
  void guess(int lane, Hand& hand, int room);
  int draw_while_guessed(int lane, Hand& hand, const Written& written);
  void draw(int lane, Hand& hand, const float* logits, int32_t guess, const Written& written);
  bool draw_next(Lane& one, Hand& hand, const float* logits, bool early, double uniform, Choice& choice);
  bool choose(Lane& one, Hand& hand, const float* logits, int32_t guess, Choice& choice);
  void draft(const std::vector<int>& lanes, Team* team);
  bool gives_up(std::chrono::steady_clock::time_point start, int num_tokens) const;

  const Kernels& kernels_;
  const Network& network_;
  int threads_;
  // How long a token takes one thread, how many more it writes before the threads try it together, and whether they
  // gave that up.
  double seconds_alone_ = 0;
  int alone_left_;
  bool gave_up_ = false;
  std::unique_ptr<ThreadPool> pool_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<float> gate_biases_, logit_biases_;
  float guidance_ = 1;
  SamplingSettings settings_{};
  std::vector<float> bias_;
  std::vector<std::unique_ptr<Hand>> hands_;
};

}  // namespace seqloom::decoding
