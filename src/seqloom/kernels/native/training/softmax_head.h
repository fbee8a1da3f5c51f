// The softmax head: logits, softmax, loss and their gradients, a block of rows at a time.
#pragma once

#include <cmath>

#include "runtime/buffer.h"
#include "runtime/threads.h"
#include "training/packing.h"
#include "training/parameters.h"

namespace seqloom::SEQLOOM_ISA {

// Replace the logits of one row by the gradient of the loss; return the loss in nats.
inline float softmax_loss(float* logits, size_t count, size_t target, float scale) {
  Vec max_rows = load(logits);
  for (size_t i = kWidth; i < count; i += kWidth) max_rows = largest(max_rows, load(logits + i));
  const float peak_logit = peak(max_rows);
  const float wanted = logits[target];
  Vec total{};
  for (size_t i = 0; i < count; i += kWidth) {
    const Vec e = exponential(load(logits + i) - peak_logit);
    store(logits + i, e);
    total += e;
  }
  const float mass = sum(total);
  const float factor = scale / mass;
  for (size_t i = 0; i < count; i += kWidth) store(logits + i, load(logits + i) * factor);
  logits[target] -= scale;
  return std::log(mass) + peak_logit - wanted;
}

class SoftmaxHead {
 public:
  // A target: its row in the outputs, its place in the window, the token, and its condition.
  struct Target {
    size_t row, place;
    int32_t token, condition;
  };

  SoftmaxHead(const Region& weight, const Region& bias, int threads)
      : weight_(weight),
        bias_(bias),
        panels_(weight.size()),
        back_(weight.size()),
        logits_(threads * kBlock * weight.columns),
        d_inputs_(threads * kBlock * weight.rows),
        inputs_(threads * kBlock * weight.rows),
        d_logits_(threads * kBlock * weight.columns),
        d_bias_(threads * weight.columns) {}

  void pack(const float* arena, int thread, int threads) {
    const size_t units = weight_.rows, vocabulary = weight_.columns;
    const float* weight = arena + weight_.start;
    for (size_t p = thread; p < vocabulary / kColumns; p += threads)
      pack_floats<kPlainVectors>(weight, vocabulary, units, p, &panels_[p * panel_size<kPlainVectors>(units)]);
    for (size_t p = thread; p < units / kColumns; p += threads)
      pack_transposed<kPlainVectors>(weight, vocabulary, vocabulary, p,
                                     &back_[p * panel_size<kPlainVectors>(vocabulary)]);
  }

  // Return the mean loss of the targets in nats; compute the gradients of weight, bias and outputs.
  //
  // `outputs` and `d_outputs` are rows of the layer below; `add` adds to the latter. `logit_bias` and `d_logit_bias`
  // are [conditions, padded vocabulary] or null.
  double compute(ThreadPool& pool, const float* arena, float* gradients, const std::vector<Target>& targets,
                 const Element* outputs, Element* d_outputs, bool add, float scale, const float* logit_bias,
                 float* d_logit_bias) {
    nats_.assign(targets.size(), 0.0f);
    d_bias_.clear();
    float* d_weight = gradients + weight_.start;
    std::memset(d_weight, 0, weight_.size() * sizeof(float));
    const size_t max_rows =
        std::max<size_t>(kBlock * pool.count(), (size_t{1} << 23) / weight_.columns / kBlock * kBlock);
    for (size_t start = 0; start < targets.size(); start += max_rows) {
      const size_t count = std::min(max_rows, targets.size() - start);
      const size_t depth = (count + kBlock - 1) / kBlock * kBlock;
      if (columns_.size() < depth * weight_.rows || d_panels_.size() < depth * weight_.columns)
        columns_.reset(depth * weight_.rows), d_panels_.reset(depth * weight_.columns);
      pool.run([&](int thread) {
        ThreadContext context;
        const ThreadRange range(count, kBlock, thread, pool.count());
        for (size_t r = range.begin; r < range.end; r += kBlock)
          block(arena, &targets[start + r], std::min<size_t>(kBlock, range.end - r), &nats_[start + r], outputs,
                d_outputs, add, scale / targets.size(), logit_bias, r, depth, thread);
      });
      pool.run([&](int thread) {
        ThreadContext context;
        if (d_logit_bias != nullptr) sum_conditions(&targets[start], count, depth, d_logit_bias, thread, pool.count());
        gradient(d_weight, depth, start > 0, thread, pool.count());
      });
    }
    for (size_t v = 0; v < weight_.columns; ++v) {
      float total = 0.0f;
      for (int thread = 0; thread < pool.count(); ++thread) total += d_bias_[thread * weight_.columns + v];
      gradients[bias_.start + v] = total;
    }
    double total = 0.0;
    for (const float nats : nats_) total += nats;
    return targets.empty() ? 0.0 : total / targets.size();
  }

  // Write the log-probability of every target to its place.
  void score(ThreadPool& pool, const float* arena, const std::vector<Target>& targets, const Element* outputs,
             const float* logit_bias, double* log_probs) {
    pool.run([&](int thread) {
      ThreadContext context;
      const ThreadRange range(targets.size(), kBlock, thread, pool.count());
      float* const logits = &logits_[thread * kBlock * weight_.columns];
      for (size_t r = range.begin; r < range.end; r += kBlock) {
        const size_t count = std::min<size_t>(kBlock, range.end - r);
        make_logits(arena, &targets[r], count, outputs, logit_bias, thread);
        for (size_t i = 0; i < count; ++i)
          log_probs[targets[r + i].place] =
              -softmax_loss(logits + i * weight_.columns, weight_.columns, targets[r + i].token, 1);
      }
    });
  }

 private:
  static constexpr size_t kBlock = 32;

  // Compute the logits of up to kBlock rows in the thread's own buffer.
  void make_logits(const float* arena, const Target* targets, size_t count, const Element* outputs,
                   const float* logit_bias, int thread) {
    const size_t units = weight_.rows, vocabulary = weight_.columns;
    Element* inputs = &inputs_[thread * kBlock * units];
    float* logits = &logits_[thread * kBlock * vocabulary];
    const float* bias = arena + bias_.start;
    for (size_t r = 0; r < count; ++r)
      std::memcpy(inputs + r * units, outputs + targets[r].row * units, units * sizeof(Element));
    std::memset(inputs + count * units, 0, (kBlock - count) * units * sizeof(Element));
    for (size_t p = 0; p < vocabulary / kColumns; ++p)
      multiply<kPlainVectors>({inputs, units}, kBlock, &panels_[p * panel_size<kPlainVectors>(units)], units,
                              logits + p * kColumns, vocabulary);
    for (size_t r = 0; r < count; ++r) {
      float* row = logits + r * vocabulary;
      const float* extra = logit_bias ? logit_bias + targets[r].condition * vocabulary : nullptr;
      for (size_t v = 0; v < vocabulary; v += kWidth) {
        Vec logit = load(row + v) + load(bias + v);
        if (extra) logit += load(extra + v);
        store(row + v, logit);
      }
    }
  }

  void block(const float* arena, const Target* targets, size_t count, float* nats, const Element* outputs,
             Element* d_outputs, bool add, float scale, const float* logit_bias, size_t at, size_t depth, int thread) {
    const size_t units = weight_.rows, vocabulary = weight_.columns;
    Element* inputs = &inputs_[thread * kBlock * units];
    Element* d_logits = &d_logits_[thread * kBlock * vocabulary];
    float* logits = &logits_[thread * kBlock * vocabulary];
    float* d_inputs = &d_inputs_[thread * kBlock * units];
    float* d_bias = &d_bias_[thread * vocabulary];
    make_logits(arena, targets, count, outputs, logit_bias, thread);
    for (size_t r = 0; r < count; ++r) {
      float* row = logits + r * vocabulary;
      nats[r] = softmax_loss(row, vocabulary, targets[r].token, scale);
      for (size_t v = 0; v < vocabulary; v += kWidth) {
        const Vec d = load(row + v);
        store(d_bias + v, load(d_bias + v) + d);
        store_elements(d_logits + r * vocabulary + v, d);
      }
    }
    std::memset(d_logits + count * vocabulary, 0, (kBlock - count) * vocabulary * sizeof(Element));
    for (size_t p = 0; p < units / kColumns; ++p)
      multiply<kPlainVectors>({d_logits, vocabulary}, kBlock, &back_[p * panel_size<kPlainVectors>(vocabulary)],
                              vocabulary, d_inputs + p * kColumns, units);
    for (size_t r = 0; r < count; ++r) {
      Element* to = d_outputs + targets[r].row * units;
      for (size_t u = 0; u < units; u += kWidth) {
        const Vec d = load(d_inputs + r * units + u);
        store_elements(to + u, add ? d + load_elements(to + u) : d);
      }
    }
    transpose_rows(inputs, units, kBlock, units, at, columns_.data());
    pack_rows(d_logits, vocabulary, kBlock, vocabulary, at, d_panels_.data(), depth * kColumns);
  }

  // Compute the weight gradient: the thread's share of the rows.
  void gradient(float* d_weight, size_t depth, bool add, int thread, int threads) const {
    const size_t units = weight_.rows, vocabulary = weight_.columns;
    const ThreadRange range(units, kPadding, thread, threads);
    if (range.begin == range.end) return;
    for (size_t start = 0; start < depth; start += kRowsPerPass) {
      const size_t part = std::min(kRowsPerPass, depth - start);
      const Rows left = Rows{columns_.data(), kPadding, units * kPadding}.deeper(start).from(range.begin);
      for (size_t p = 0; p < vocabulary / kColumns; ++p)
        multiply<kPlainVectors>(left, range.end - range.begin, &d_panels_[p * depth * kColumns + start * kColumns],
                                part, d_weight + range.begin * vocabulary + p * kColumns, vocabulary, add || start > 0);
    }
  }

  // d[condition] += the gradients of the logits of its rows: the thread's share of the columns.
  void sum_conditions(const Target* targets, size_t count, size_t depth, float* d_logit_bias, int thread,
                      int threads) const {
    const size_t vocabulary = weight_.columns;
    const ThreadRange range(vocabulary, kColumns, thread, threads);
    for (size_t first = range.begin; first < range.end; first += kColumns)
      for (size_t r = 0; r < count; ++r) {
        const Element* from = &d_panels_[first * depth + r / kGroup * kGroup * kColumns + r % kGroup];
        float* to = d_logit_bias + targets[r].condition * vocabulary + first;
        for (size_t column = 0; column < kColumns; ++column) to[column] += to_float(from[column * kGroup]);
      }
  }

  Region weight_, bias_;
  Buffer<Element> panels_, back_;
  // Per thread: logits, inputs and gradients of one block.
  Buffer<float> logits_, d_inputs_;
  Buffer<Element> inputs_, d_logits_;
  Buffer<float> d_bias_;
  // For all rows: the inputs transposed, and the gradients of the logits packed.
  Buffer<Element> columns_, d_panels_;
  std::vector<float> nats_;
};

}  // namespace seqloom::SEQLOOM_ISA
