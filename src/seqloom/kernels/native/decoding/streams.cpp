#include "decoding/stream.h"

#include <algorithm>
#include <cstring>

#include "decoding/barrier.h"
#include "runtime/flush_denormals.h"

namespace seqloom::decoding {

namespace {

// Tokens that one thread generates alone first, to measure its speed.
constexpr int kSoloTokensAtStart = 4;

// Weights of this size do not fit into one core's cache; two cores can cache twice as much.
constexpr size_t kLargeWeightBytes = 500'000;

}  // namespace

Streams::Streams(const Kernels& kernels, const Network& network, int threads)
    : kernels_(kernels), network_(network), threads_(threads), solo_tokens_left_(kSoloTokensAtStart) {}

Streams::~Streams() = default;

bool Streams::has_begun(int stream) const { return streams_[stream]->history != nullptr; }

bool Streams::is_running(int stream) const { return streams_[stream]->progress.ending == kRunning; }

void Streams::resize(int count) {
  const int before = this->count();
  // New streams are complete before any is added, so that a failure changes nothing.
  const std::vector<float> zeros(network_.vocabulary);
  std::vector<std::unique_ptr<Stream>> added;
  for (int stream = before; stream < count; ++stream) added.push_back(std::make_unique<Stream>(network_));
  streams_.reserve(count);
  streams_.resize(std::min(before, count));
  for (std::unique_ptr<Stream>& stream : added) streams_.push_back(std::move(stream));
  for (int stream = before; stream < count; ++stream) {
    network_.clear(streams_[stream]->memory.get());
    set_logits(stream, zeros.data());
  }
  if (count > before) gate_biases_.clear(), logit_biases_.clear();
}

void Streams::clear(int stream) {
  std::memset(streams_[stream]->memory.get(), 0, network_.stream_bytes);
  network_.clear(streams_[stream]->memory.get());
  // Nothing has been read: all tokens are equally likely.
  set_logits(stream, std::vector<float>(network_.vocabulary).data());
}

void Streams::reorder(const int32_t* from) {
  struct Kept {
    std::vector<std::byte> memory;
    std::unique_ptr<RepetitionHistory> history;
    std::unique_ptr<Watermark> watermark;
    Progress progress;
  };
  std::vector<Kept> kept;
  for (int stream = 0; stream < count(); ++stream) {
    const Stream& old = *streams_[from[stream]];
    kept.push_back({{old.memory.get(), old.memory.get() + network_.stream_bytes},
                    old.history ? std::make_unique<RepetitionHistory>(*old.history) : nullptr,
                    old.watermark ? std::make_unique<Watermark>(*old.watermark) : nullptr,
                    old.progress});
  }
  for (int stream = 0; stream < count(); ++stream) {
    Stream& now = *streams_[stream];
    std::memcpy(now.memory.get(), kept[stream].memory.data(), network_.stream_bytes);
    now.history = std::move(kept[stream].history);
    now.watermark = std::move(kept[stream].watermark);
    now.progress = kept[stream].progress;
  }
  for (std::vector<float>* biases : {&gate_biases_, &logit_biases_}) {
    const std::vector<float> before = *biases;
    const size_t width = before.size() / streams_.size();
    for (int stream = 0; stream < count(); ++stream)
      std::copy_n(before.begin() + from[stream] * width, width, biases->begin() + stream * width);
  }
}

void Streams::read_state(int stream, std::byte* state) const {
  std::memcpy(state, streams_[stream]->memory.get(), network_.state_bytes);
}

void Streams::write_state(int stream, const std::byte* state) {
  std::memcpy(streams_[stream]->memory.get(), state, network_.state_bytes);
}

const float* Streams::logits(int stream) const {
  return reinterpret_cast<const float*>(streams_[stream]->memory.get() + network_.logits_at);
}

void Streams::set_logits(int stream, const float* logits) {
  float* const to = const_cast<float*>(this->logits(stream));
  for (size_t column = 0; column < network_.padded_vocabulary; ++column)
    to[column] = column < static_cast<size_t>(network_.vocabulary) ? logits[column] : -3.0e38f;
}

void Streams::set_gate_bias(int layer, const float* bias) {
  const size_t width = network_.gate_widths[layer];
  const std::vector<float> zeros(bias ? 0 : width);
  if (gate_biases_.empty()) gate_biases_.assign(count() * network_.num_gate_biases, 0);
  for (int stream = 0; stream < count(); ++stream)
    network_.arrange_gate_bias(layer, bias ? bias + stream * width : zeros.data(),
                               gate_biases_.data() + stream * network_.num_gate_biases);
}

void Streams::set_logit_bias(const float* bias) {
  logit_biases_.clear();
  if (!bias) return;
  logit_biases_.assign(count() * network_.padded_vocabulary, 0);
  for (int stream = 0; stream < count(); ++stream)
    std::memcpy(logit_biases_.data() + stream * network_.padded_vocabulary, bias + stream * network_.vocabulary,
                network_.vocabulary * sizeof(float));
}

void Streams::set_stream_gate_bias(int stream, int layer, const float* bias) {
  if (gate_biases_.empty()) gate_biases_.assign(count() * network_.num_gate_biases, 0);
  network_.arrange_gate_bias(layer, bias, gate_biases_.data() + stream * network_.num_gate_biases);
}

void Streams::set_stream_logit_bias(int stream, const float* bias) {
  if (logit_biases_.empty()) logit_biases_.assign(count() * network_.padded_vocabulary, 0);
  std::memcpy(logit_biases_.data() + stream * network_.padded_vocabulary, bias, network_.vocabulary * sizeof(float));
}

TokenRow Streams::row(int stream, int32_t token) {
  return {streams_[stream]->memory.get(),
          gate_biases_.empty() ? nullptr : gate_biases_.data() + stream * network_.num_gate_biases,
          logit_biases_.empty() ? nullptr : logit_biases_.data() + stream * network_.padded_vocabulary, token};
}

bool Streams::can_share_steps(size_t num_streams) const {
  return threads_ > 1 && num_streams < static_cast<size_t>(threads_) && network_.weight_bytes > kLargeWeightBytes;
}

// Threads share the streams. They take the steps of few streams together if the weights are large; one stream of small
// weights is not worth waking them.
void Streams::distribute(size_t num_streams,
                         const std::function<void(ThreadRange streams, int thread, ThreadTeam* team)>& work) {
  const FlushDenormals flush_denormals;
  const bool together = can_share_steps(num_streams) && solo_tokens_left_ <= 0;
  if (threads_ == 1 || (num_streams < 2 && !together)) return work(ThreadRange(num_streams, 1, 0, 1), 0, nullptr);
  if (!pool_) pool_ = std::make_unique<ThreadPool>(threads_);
  Barrier barrier(threads_);
  pool_->run([&](int thread) {
    const FlushDenormals flush_denormals;
    if (!together) return work(ThreadRange(num_streams, 1, thread, threads_), thread, nullptr);
    Barrier::Member member(barrier, thread);
    try {
      work(ThreadRange(num_streams, 1, 0, 1), thread, &member);
    } catch (const BarrierAborted&) {
      // The member that failed reports why.
    } catch (...) {
      barrier.abort();  // the others would wait for this one for ever
      throw;
    }
  });
}

void Streams::step(const int32_t* tokens) {
  std::vector<TokenRow> rows;
  for (int stream = 0; stream < count(); ++stream)
    if (tokens[stream] >= 0) rows.push_back(row(stream, tokens[stream]));
  distribute(rows.size(), [&](ThreadRange range, int, ThreadTeam* team) {
    network_.step(rows.data() + range.begin, static_cast<int>(range.end - range.begin), team);
  });
}

void Streams::read(int stream, const int32_t* tokens, int num_tokens) {
  const FlushDenormals flush_denormals;
  for (int i = 0; i < num_tokens; ++i) {
    const TokenRow one = row(stream, tokens[i]);
    network_.read(&one, 1, nullptr);
    if (i + 1 == num_tokens) network_.predict(&one, 1, nullptr);
  }
}

void Streams::add_row(int stream, int32_t token) {
  Stream& one = *streams_[stream];
  TokenRow next = row(stream, token);
  next.stream_offset = static_cast<int32_t>(one.rows.size());
  if (next.stream_offset > 0) {
    if (one.room.size() < one.rows.size()) {
      one.room.push_back(new_memory(network_.stream_bytes));
      network_.clear(one.room.back().get());
    }
    next.memory = one.room[next.stream_offset - 1].get();
  }
  one.rows.push_back(next);
}

void Streams::read_many(int stream, const int32_t* tokens, int num_tokens, int kept, float* logits) {
  const FlushDenormals flush_denormals;
  Stream& one = *streams_[stream];
  one.rows.clear();
  for (int i = 0; i < num_tokens; ++i) add_row(stream, tokens[i]);
  network_.read_many(one.rows.data(), num_tokens, nullptr);
  for (int i = 0; i < num_tokens; ++i)
    std::memcpy(logits + static_cast<size_t>(i) * network_.vocabulary, one.rows[i].memory + network_.logits_at,
                network_.vocabulary * sizeof(float));
  network_.keep(one.rows.data(), kept, nullptr);
}

}  // namespace seqloom::decoding
