#include "decoding/stream.h"

#include <algorithm>
#include <cstring>

#include "decoding/barrier.h"
#include "runtime/flush_denormals.h"

namespace seqloom::decoding {

namespace {

// One thread first generates this many tokens alone, to measure its speed. A team must not be much slower.
constexpr int kSoloTokensAtStart = 4;

// Threads compute steps together if the weights have more bytes than this. Such weights do not fit into the cache of
// one core, and two cores can cache twice as much.
constexpr size_t kLargeWeightBytes = 500'000;

}  // namespace

Streams::Streams(const Kernels& kernels, const Network& network, int threads)
    : kernels_(kernels), network_(network), threads_(threads), solo_tokens_left_(kSoloTokensAtStart) {}

Streams::~Streams() = default;

bool Streams::can_sample() const {
  const auto has_sampler = [](const std::unique_ptr<Stream>& record) { return record->sampler != nullptr; };
  return sampler_ || std::any_of(streams_.begin(), streams_.end(), has_sampler);
}

bool Streams::can_sample(int stream) const { return streams_[stream]->sampler != nullptr; }

bool Streams::has_begun(int stream) const { return streams_[stream]->history != nullptr; }

bool Streams::is_running(int stream) const { return streams_[stream]->progress.ending == kRunning; }

void Streams::resize(int count) {
  const int old_count = this->count();
  // All new streams are allocated before any is added, so that a failure changes nothing.
  const std::vector<float> zeros(network_.num_outputs);
  std::vector<std::unique_ptr<Stream>> new_streams;
  for (int stream = old_count; stream < count; ++stream) new_streams.push_back(std::make_unique<Stream>(network_));
  streams_.reserve(count);
  streams_.resize(std::min(old_count, count));
  for (std::unique_ptr<Stream>& stream : new_streams) streams_.push_back(std::move(stream));
  for (int stream = old_count; stream < count; ++stream) {
    network_.clear(streams_[stream]->memory.get());
    set_logits(stream, zeros.data());
    streams_[stream]->sampler = sampler_;
  }
  if (count > old_count) gate_biases_.clear(), logit_biases_.clear();
}

void Streams::clear(int stream) {
  std::memset(streams_[stream]->memory.get(), 0, network_.stream_bytes);
  network_.clear(streams_[stream]->memory.get());
  // Nothing has been read: all tokens are equally likely.
  set_logits(stream, std::vector<float>(network_.num_outputs).data());
}

void Streams::reorder(const int32_t* sources) {
  struct Copy {
    std::vector<std::byte> memory;
    std::shared_ptr<Sampler> sampler;
    std::unique_ptr<RepetitionHistory> history;
    std::unique_ptr<Watermark> watermark;
    Progress progress;
  };
  std::vector<Copy> copies;
  for (int stream = 0; stream < count(); ++stream) {
    const Stream& source = *streams_[sources[stream]];
    copies.push_back({{source.memory.get(), source.memory.get() + network_.stream_bytes},
                      source.sampler,
                      source.history ? std::make_unique<RepetitionHistory>(*source.history) : nullptr,
                      source.watermark ? std::make_unique<Watermark>(*source.watermark) : nullptr,
                      source.progress});
  }
  for (int stream = 0; stream < count(); ++stream) {
    Stream& target = *streams_[stream];
    std::memcpy(target.memory.get(), copies[stream].memory.data(), network_.stream_bytes);
    target.sampler = std::move(copies[stream].sampler);
    target.history = std::move(copies[stream].history);
    target.watermark = std::move(copies[stream].watermark);
    target.progress = copies[stream].progress;
  }
  for (std::vector<float>* biases : {&gate_biases_, &logit_biases_}) {
    const std::vector<float> old_biases = *biases;
    const size_t width = old_biases.size() / streams_.size();
    for (int stream = 0; stream < count(); ++stream)
      std::copy_n(old_biases.begin() + sources[stream] * width, width, biases->begin() + stream * width);
  }
}

void Streams::read_state(int stream, std::byte* state) const {
  std::memcpy(state, streams_[stream]->memory.get(), network_.state_bytes);
}

void Streams::write_state(int stream, const std::byte* state) {
  std::memcpy(streams_[stream]->memory.get(), state, network_.state_bytes);
}

const float* Streams::logits(int stream) const {
  return reinterpret_cast<const float*>(streams_[stream]->memory.get() + network_.logits_offset);
}

void Streams::set_logits(int stream, const float* logits) {
  constexpr float kPaddingLogit = -3.0e38f;  // as in `network.h`
  float* const target = const_cast<float*>(this->logits(stream));
  for (size_t token = 0; token < network_.padded_outputs; ++token)
    target[token] = token < static_cast<size_t>(network_.num_outputs) ? logits[token] : kPaddingLogit;
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
  logit_biases_.assign(count() * network_.padded_outputs, 0);
  for (int stream = 0; stream < count(); ++stream)
    std::memcpy(logit_biases_.data() + stream * network_.padded_outputs, bias + stream * network_.num_outputs,
                network_.num_outputs * sizeof(float));
}

void Streams::set_stream_gate_bias(int stream, int layer, const float* bias) {
  if (gate_biases_.empty()) gate_biases_.assign(count() * network_.num_gate_biases, 0);
  network_.arrange_gate_bias(layer, bias, gate_biases_.data() + stream * network_.num_gate_biases);
}

void Streams::set_stream_logit_bias(int stream, const float* bias) {
  if (logit_biases_.empty()) logit_biases_.assign(count() * network_.padded_outputs, 0);
  std::memcpy(logit_biases_.data() + stream * network_.padded_outputs, bias, network_.num_outputs * sizeof(float));
}

// Return the row with which a stream reads a token, with the stream's biases.
TokenRow Streams::make_row(int stream, int32_t token) {
  return {streams_[stream]->memory.get(),
          gate_biases_.empty() ? nullptr : gate_biases_.data() + stream * network_.num_gate_biases,
          logit_biases_.empty() ? nullptr : logit_biases_.data() + stream * network_.padded_outputs, token};
}

bool Streams::can_share_steps(size_t num_streams) const {
  return threads_ > 1 && num_streams < static_cast<size_t>(threads_) && network_.weight_bytes > kLargeWeightBytes;
}

// Call `work` on the threads, each time with a range of streams. There are three cases:
//
// - If `can_share_steps`, a team of all threads computes each step together, and every thread works on all streams.
//   While `solo_tokens_left_` is above 0, the other cases apply instead.
// - If there is only one stream, the calling thread works alone, since it is not worth waking the others.
// - Otherwise each thread works on some of the streams.
void Streams::distribute(size_t num_streams,
                         const std::function<void(ThreadRange streams, int thread, ThreadTeam* team)>& work) {
  const FlushDenormals flush_denormals;
  const ThreadRange all_streams(num_streams, /*grain=*/1, /*thread=*/0, /*threads=*/1);
  const bool in_team = can_share_steps(num_streams) && solo_tokens_left_ <= 0;
  if (threads_ == 1 || (num_streams < 2 && !in_team)) return work(all_streams, /*thread=*/0, /*team=*/nullptr);
  if (!pool_) pool_ = std::make_unique<ThreadPool>(threads_);
  Barrier barrier(threads_);
  pool_->run([&](int thread) {
    const FlushDenormals flush_denormals;
    if (!in_team) return work(ThreadRange(num_streams, /*grain=*/1, thread, threads_), thread, /*team=*/nullptr);
    Barrier::Member member(barrier, thread);
    try {
      work(all_streams, thread, &member);
    } catch (const BarrierAborted&) {
      // The thread that failed throws the error.
    } catch (...) {
      barrier.abort();  // otherwise the others would wait for this thread for ever
      throw;
    }
  });
}

void Streams::step(const int32_t* tokens) {
  std::vector<TokenRow> rows;
  for (int stream = 0; stream < count(); ++stream)
    if (tokens[stream] >= 0) rows.push_back(make_row(stream, tokens[stream]));
  distribute(rows.size(), [&](ThreadRange range, int, ThreadTeam* team) {
    network_.step(rows.data() + range.begin, static_cast<int>(range.end - range.begin), team);
  });
}

void Streams::read(int stream, const int32_t* tokens, int num_tokens) {
  const FlushDenormals flush_denormals;
  for (int i = 0; i < num_tokens; ++i) {
    const TokenRow token_row = make_row(stream, tokens[i]);
    network_.read(&token_row, /*count=*/1, /*team=*/nullptr);
    if (i + 1 == num_tokens) network_.predict(&token_row, /*count=*/1, /*team=*/nullptr);
  }
}

void Streams::add_row(int stream, int32_t token) {
  Stream& record = *streams_[stream];
  TokenRow next = make_row(stream, token);
  next.index_in_pass = static_cast<int32_t>(record.rows.size());
  // The first row of a pass uses the memory of the stream; the others need scratch space.
  if (next.index_in_pass > 0) {
    if (record.draft_memory.size() < record.rows.size()) {
      record.draft_memory.push_back(new_memory(network_.stream_bytes));
      network_.clear(record.draft_memory.back().get());
    }
    next.memory = record.draft_memory[next.index_in_pass - 1].get();
  }
  record.rows.push_back(next);
}

void Streams::read_many(int stream, const int32_t* tokens, int num_tokens, int num_kept, float* logits) {
  const FlushDenormals flush_denormals;
  Stream& record = *streams_[stream];
  record.rows.clear();
  for (int i = 0; i < num_tokens; ++i) add_row(stream, tokens[i]);
  network_.read_many(record.rows.data(), num_tokens, /*team=*/nullptr);
  for (int i = 0; i < num_tokens; ++i)
    std::memcpy(logits + static_cast<size_t>(i) * network_.num_outputs, record.rows[i].memory + network_.logits_offset,
                network_.num_outputs * sizeof(float));
  network_.keep(record.rows.data(), num_kept, /*team=*/nullptr);
}

}  // namespace seqloom::decoding
