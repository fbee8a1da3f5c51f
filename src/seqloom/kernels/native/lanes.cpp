#include "decoding/lane.h"

#include <algorithm>
#include <cstring>

#include "decoding/meeting.h"
#include "tiny.h"

namespace seqloom::decoding {

namespace {

// Tokens that one thread writes to see how long it takes alone.
constexpr int kAloneAtFirst = 4;

// Weights that no longer fit beside everything else in a core's own cache: two cores hold twice as many.
constexpr size_t kManyWeights = 500'000;

}  // namespace

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
    std::unique_ptr<Mark> mark;
    Progress progress;
  };
  std::vector<Kept> kept;
  for (int lane = 0; lane < count(); ++lane) {
    const Lane& old = *lanes_[from[lane]];
    kept.push_back({{old.memory.get(), old.memory.get() + network_.lane_bytes},
                    old.history ? std::make_unique<History>(*old.history) : nullptr,
                    old.mark ? std::make_unique<Mark>(*old.mark) : nullptr,
                    old.progress});
  }
  for (int lane = 0; lane < count(); ++lane) {
    Lane& now = *lanes_[lane];
    std::memcpy(now.memory.get(), kept[lane].memory.data(), network_.lane_bytes);
    now.history = std::move(kept[lane].history);
    now.mark = std::move(kept[lane].mark);
    now.progress = kept[lane].progress;
  }
  for (std::vector<float>* biases : {&gate_biases_, &logit_biases_}) {
    const std::vector<float> before = *biases;
    const size_t width = before.size() / lanes_.size();
    for (int lane = 0; lane < count(); ++lane)
      std::copy_n(before.begin() + from[lane] * width, width, biases->begin() + lane * width);
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

void Lanes::set_gate_bias_of(int lane, int layer, const float* bias) {
  if (gate_biases_.empty()) gate_biases_.assign(count() * network_.num_gate_biases, 0);
  network_.arrange_gate_bias(layer, bias, gate_biases_.data() + lane * network_.num_gate_biases);
}

void Lanes::set_logit_bias_of(int lane, const float* bias) {
  if (logit_biases_.empty()) logit_biases_.assign(count() * network_.padded_vocabulary, 0);
  std::memcpy(logit_biases_.data() + lane * network_.padded_vocabulary, bias, network_.vocabulary * sizeof(float));
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
    network_.read(&one, 1, nullptr);
    if (i + 1 == num_tokens) network_.predict(&one, 1, nullptr);
  }
}

void Lanes::add_row(int lane, int32_t token) {
  Lane& one = *lanes_[lane];
  Row next = row(lane, token);
  next.earlier = static_cast<int32_t>(one.rows.size());
  if (next.earlier > 0) {
    if (one.room.size() < one.rows.size()) {
      one.room.push_back(new_memory(network_.lane_bytes));
      network_.clear(one.room.back().get());
    }
    next.memory = one.room[next.earlier - 1].get();
  }
  one.rows.push_back(next);
}

void Lanes::read_many(int lane, const int32_t* tokens, int num_tokens, int kept, float* logits) {
  const TinyIsZero tiny_is_zero;
  Lane& one = *lanes_[lane];
  one.rows.clear();
  for (int i = 0; i < num_tokens; ++i) add_row(lane, tokens[i]);
  network_.read_many(one.rows.data(), num_tokens, nullptr);
  for (int i = 0; i < num_tokens; ++i)
    std::memcpy(logits + static_cast<size_t>(i) * network_.vocabulary, one.rows[i].memory + network_.logits_at,
                network_.vocabulary * sizeof(float));
  network_.keep(one.rows.data(), kept, nullptr);
}

}  // namespace seqloom::decoding
