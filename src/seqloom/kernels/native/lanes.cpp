#include "decoding/lanes.h"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <new>

#include "decoding/meeting.h"
#include "tiny.h"

namespace seqloom::decoding {

namespace {

constexpr int32_t kNoToken = -1;

// Tokens that one thread writes to see how long it takes alone, and after it has given up on the others; and how many
// it could write alone before it gives up.
constexpr int kAloneAtFirst = 4, kAloneAfterwards = 4096, kPatience = 64;

// Weights that no longer fit beside everything else in a core's own cache: two cores hold twice as many.
constexpr size_t kManyWeights = 500'000;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

struct Free {
  void operator()(std::byte* memory) const { std::free(memory); }
};

}  // namespace

struct Lanes::Lane {
  explicit Lane(const Network& network)
      : memory(static_cast<std::byte*>(std::aligned_alloc(64, network.lane_bytes))) {
    if (!memory) throw std::bad_alloc();
  }

  std::unique_ptr<std::byte, Free> memory;
  UniformStream uniforms{0, 0};
  std::unique_ptr<History> history;
  int32_t pending = kNoToken, num_written = 0, ending = kLength;
};

Lanes::Lanes(const Kernels& kernels, const Network& network, int threads)
    : kernels_(kernels), network_(network), threads_(threads), alone_left_(kAloneAtFirst) {}

Lanes::~Lanes() = default;

void Lanes::resize(int count) {
  const int before = this->count();
  lanes_.resize(count);
  for (int lane = before; lane < count; ++lane) {
    lanes_[lane] = std::make_unique<Lane>(network_);
    clear(lane);
  }
  if (count > before) gate_biases_.clear(), logit_biases_.clear();
}

void Lanes::clear(int lane) {
  std::memset(lanes_[lane]->memory.get(), 0, network_.lane_bytes);
  network_.clear(lanes_[lane]->memory.get());
  // Nothing read, nothing known: all tokens alike, and none past the vocabulary.
  set_logits(lane, std::vector<float>(network_.vocabulary).data());
}

void Lanes::reorder(const int32_t* from) {
  struct Kept {
    std::vector<std::byte> memory;
    std::unique_ptr<History> history;
    int32_t pending, num_written, ending;
  };
  std::vector<Kept> kept;
  for (int lane = 0; lane < count(); ++lane) {
    const Lane& old = *lanes_[from[lane]];
    kept.push_back({{old.memory.get(), old.memory.get() + network_.lane_bytes},
                    old.history ? std::make_unique<History>(*old.history) : nullptr,
                    old.pending,
                    old.num_written,
                    old.ending});
  }
  for (int lane = 0; lane < count(); ++lane) {
    Lane& now = *lanes_[lane];
    std::memcpy(now.memory.get(), kept[lane].memory.data(), network_.lane_bytes);
    now.history = std::move(kept[lane].history);
    now.pending = kept[lane].pending, now.num_written = kept[lane].num_written, now.ending = kept[lane].ending;
  }
}

void Lanes::read_state(int lane, std::byte* state) const {
  std::memcpy(state, lanes_[lane]->memory.get(), network_.state_bytes);
}

void Lanes::write_state(int lane, const std::byte* state) {
  std::memcpy(lanes_[lane]->memory.get(), state, network_.state_bytes);
}

const float* Lanes::logits(int lane) const {
  return reinterpret_cast<const float*>(lanes_[lane]->memory.get() + network_.logits_at);
}

void Lanes::set_logits(int lane, const float* logits) {
  float* const to = const_cast<float*>(this->logits(lane));
  for (size_t column = 0; column < network_.padded_vocabulary; ++column)
    to[column] = column < static_cast<size_t>(network_.vocabulary) ? logits[column] : -3.0e38f;
}

void Lanes::set_gate_bias(int layer, const float* bias, int columns) {
  if (gate_biases_.empty()) gate_biases_.assign(count() * network_.num_gate_biases, 0);
  const std::vector<float> none(columns, 0);
  for (int lane = 0; lane < count(); ++lane)
    network_.arrange_gate_bias(layer, bias ? bias + lane * columns : none.data(),
                               gate_biases_.data() + lane * network_.num_gate_biases);
}

void Lanes::set_logit_bias(const float* bias) {
  logit_biases_.clear();
  if (!bias) return;
  logit_biases_.assign(count() * network_.padded_vocabulary, 0);
  for (int lane = 0; lane < count(); ++lane)
    std::memcpy(logit_biases_.data() + lane * network_.padded_vocabulary, bias + lane * network_.vocabulary,
                network_.vocabulary * sizeof(float));
}

Row Lanes::row(int lane, int32_t token) {
  return {lanes_[lane]->memory.get(),
          gate_biases_.empty() ? nullptr : gate_biases_.data() + lane * network_.num_gate_biases,
          logit_biases_.empty() ? nullptr : logit_biases_.data() + lane * network_.padded_vocabulary, token};
}

bool Lanes::could_step_together(size_t num_lanes) const {
  return threads_ > 1 && num_lanes < static_cast<size_t>(threads_) && network_.weight_bytes > kManyWeights;
}

// Threads share the lanes; they take the steps of few lanes together where the weights are many, and one lane of few
// weights is not worth waking them.
void Lanes::share_out(size_t num_lanes, const std::function<void(Share lanes, int thread, Team* team)>& work) {
  const TinyIsZero tiny_is_zero;
  const bool together = could_step_together(num_lanes) && alone_left_ <= 0;
  if (threads_ == 1 || (num_lanes < 2 && !together)) return work(Share(num_lanes, 1, 0, 1), 0, nullptr);
  if (!pool_) pool_ = std::make_unique<ThreadPool>(threads_);
  Meeting meeting(threads_);
  pool_->run([&](int thread) {
    const TinyIsZero tiny_is_zero;
    Meeting::Member member(meeting, thread);
    if (together)
      work(Share(num_lanes, 1, 0, 1), thread, &member);
    else
      work(Share(num_lanes, 1, thread, threads_), thread, nullptr);
  });
}

void Lanes::step(const int32_t* tokens) {
  std::vector<Row> rows;
  for (int lane = 0; lane < count(); ++lane)
    if (tokens[lane] >= 0) rows.push_back(row(lane, tokens[lane]));
  share_out(rows.size(), [&](Share share, int, Team* team) {
    network_.step(rows.data() + share.begin, static_cast<int>(share.end - share.begin), team);
  });
}

void Lanes::read(int lane, const int32_t* tokens, int num_tokens) {
  const TinyIsZero tiny_is_zero;
  for (int i = 0; i < num_tokens; ++i) {
    const Row one = row(lane, tokens[i]);
    network_.step(&one, 1, nullptr);
  }
}

void Lanes::set_sampling(const SamplingSettings& settings) {
  settings_ = settings;
  if (settings.bias) {
    bias_.assign(settings.bias, settings.bias + network_.vocabulary);
    settings_.bias = bias_.data();
  }
  chains_.clear();
  for (int thread = 0; thread < threads_; ++thread)
    chains_.emplace_back(
        kernels_.new_chain(settings_, network_.vocabulary, static_cast<int>(network_.padded_vocabulary)));
}

void Lanes::begin(int lane, uint64_t seed, uint64_t index, const int32_t* recent, int num_recent) {
  Lane& one = *lanes_[lane];
  one.uniforms = UniformStream(seed, index);
  one.history = std::make_unique<History>(network_.vocabulary, settings_);
  for (int i = 0; i < num_recent; ++i) one.history->add(recent[i]);
  one.pending = kNoToken, one.num_written = 0, one.ending = kRunning;
}

void Lanes::end(int lane) { lanes_[lane]->ending = kLength; }

void Lanes::write(const Written& written) {
  std::vector<int> running;
  for (int lane = 0; lane < count(); ++lane) {
    written.counts[lane] = 0;
    if (lanes_[lane]->ending == kRunning) running.push_back(lane);
  }
  const bool alone = could_step_together(running.size()) && alone_left_ > 0;
  const Clock::time_point start = Clock::now();
  share_out(running.size(), [&](Share share, int thread, Team* team) {
    write_some({running.begin() + share.begin, running.begin() + share.end}, *chains_[thread], team, written);
  });
  if (alone) {
    seconds_alone_ = seconds_since(start) / written.most;
    alone_left_ -= written.most;
  }
  if (gave_up_) alone_left_ = kAloneAfterwards;
  gave_up_ = false;
  for (int lane = 0; lane < count(); ++lane) written.endings[lane] = lanes_[lane]->ending;
}

// In a team all threads take the steps, and the first one draws. It also gives up on the others where they are slow to
// come, as they are on a machine that does much else: then less is written than there is room for.
void Lanes::write_some(const std::vector<int>& lanes, Chain& chain, Team* team, const Written& written) {
  std::vector<int> running = lanes;
  std::vector<Row> rows;
  const Clock::time_point start = Clock::now();
  for (int32_t place = 0; place < written.most && !running.empty(); ++place) {
    rows.clear();
    for (const int lane : running)
      if (lanes_[lane]->pending != kNoToken) rows.push_back(row(lane, lanes_[lane]->pending));
    if (!rows.empty())
      network_.step(rows.data(), static_cast<int>(rows.size()), team);
    else if (team)
      team->wait();  // all have seen that there is nothing to read before the draw makes a token of it
    if (!team || team->thread == 0)
      for (const int lane : running) draw(lane, chain, written);
    if (team) {
      if (team->thread == 0) gave_up_ = seconds_since(start) > seconds_alone_ * (place + kPatience);
      team->wait();
      if (gave_up_) return;
    }
    const auto ended = [this](int lane) { return lanes_[lane]->ending != kRunning; };
    running.erase(std::remove_if(running.begin(), running.end(), ended), running.end());
  }
}

void Lanes::draw(int lane, Chain& chain, const Written& written) {
  Lane& one = *lanes_[lane];
  Choice choice;
  const bool early = one.num_written < settings_.min_length;
  if (!chain.choose(logits(lane), *one.history, early, one.uniforms.next(), choice)) {
    one.ending = kNotFinite;
    return;
  }
  const size_t at = static_cast<size_t>(lane) * written.most + written.counts[lane]++;
  written.tokens[at] = choice.token;
  written.log_probs[at] = choice.log_prob;
  written.sampling_log_probs[at] = choice.sampling_log_prob;
  one.history->add(choice.token);
  one.pending = choice.token;
  if (choice.token == settings_.boundary)
    one.ending = kBoundary;
  else if (++one.num_written == settings_.length)
    one.ending = kLength;
}

bool Lanes::distribution(int lane, double* log_probabilities) {
  const Lane& one = *lanes_[lane];
  const bool early = one.num_written < settings_.min_length;
  return chains_[0]->distribution(logits(lane), *one.history, early, log_probabilities);
}

}  // namespace seqloom::decoding
