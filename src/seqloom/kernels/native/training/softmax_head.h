// The softmax head: logits, softmax, loss and their gradients, a block of rows at a time. A row is the output of the
// last layer for one target.
#pragma once

#include <cmath>

#include "runtime/buffer.h"
#include "runtime/threads.h"
#include "training/packing.h"
#include "training/parameters.h"

namespace seqloom::SEQLOOM_ISA {

// Replace the logits of one row by scale * (softmax(logits) - one-hot target), the gradient of the scaled loss. Return
// the loss in nats, not scaled.
inline float compute_loss_and_gradient(float* logits, size_t count, size_t target, float scale) {
  Vec lane_maxima = load(logits);
  for (size_t i = kWidth; i < count; i += kWidth) lane_maxima = lanewise_max(lane_maxima, load(logits + i));
  const float peak_logit = largest_lane(lane_maxima);
  const float target_logit = logits[target];
  Vec total{};
  for (size_t i = 0; i < count; i += kWidth) {
    const Vec exponentials = exponential(load(logits + i) - peak_logit);
    store(logits + i, exponentials);
    total += exponentials;
  }
  const float sum_of_exponentials = sum(total);
  const float factor = scale / sum_of_exponentials;
  for (size_t i = 0; i < count; i += kWidth) store(logits + i, load(logits + i) * factor);
  logits[target] -= scale;
  return std::log(sum_of_exponentials) + peak_logit - target_logit;
}

class SoftmaxHead {
 public:
  // A token to predict.
  struct Target {
    size_t row;       // row of the outputs that predicts the token
    size_t position;  // index in the window [batch_size, time]
    int32_t token;
    int32_t condition;  // row of the logit biases
  };

  SoftmaxHead(const Region& weight, const Region& bias, int threads)
      : weight_(weight),
        bias_(bias),
        panels_(weight.size()),
        transposed_panels_(weight.size()),
        logits_(threads * kBlockRows * weight.columns),
        d_inputs_(threads * kBlockRows * weight.rows),
        inputs_(threads * kBlockRows * weight.rows),
        d_logits_(threads * kBlockRows * weight.columns),
        d_bias_(threads * weight.columns) {}

  // Pack the thread's share of the weights.
  void pack(const float* arena, int thread, int threads) {
    const size_t units = weight_.rows, vocabulary = weight_.columns;
    const float* weight = arena + weight_.start;
    for (size_t p = thread; p < vocabulary / kColumns; p += threads)
      pack_floats<kPlainVectors>(weight, vocabulary, units, p, &panels_[p * panel_size<kPlainVectors>(units)]);
    for (size_t p = thread; p < units / kColumns; p += threads)
      pack_transposed<kPlainVectors>(weight, vocabulary, vocabulary, p,
                                     &transposed_panels_[p * panel_size<kPlainVectors>(vocabulary)]);
  }

  // Compute the gradients of weight, bias and outputs; return the mean loss of the targets in nats.
  //
  // The gradients are those of the mean loss times `scale`. `outputs` and `d_outputs` are rows of the last layer. With
  // `add`, gradients are added to the rows of `d_outputs` instead of replacing them. `logit_bias` and `d_logit_bias`
  // are [conditions, padded vocabulary] or null; the gradients are added to the latter.
  double compute(ThreadPool& pool, const float* arena, float* gradients, const std::vector<Target>& targets,
                 const Element* outputs, Element* d_outputs, bool add, float scale, const float* logit_bias,
                 float* d_logit_bias) {
    losses_.assign(targets.size(), 0.0f);
    d_bias_.clear();
    float* d_weight = gradients + weight_.start;
    std::memset(d_weight, 0, weight_.size() * sizeof(float));
    const size_t max_rows =
        std::max<size_t>(kBlockRows * pool.num_threads(), kMaxLogits / weight_.columns / kBlockRows * kBlockRows);
    for (size_t start = 0; start < targets.size(); start += max_rows) {
      const size_t count = std::min(max_rows, targets.size() - start);
      const size_t depth = (count + kBlockRows - 1) / kBlockRows * kBlockRows;
      if (columns_.size() < depth * weight_.rows || d_panels_.size() < depth * weight_.columns)
        columns_.reset(depth * weight_.rows), d_panels_.reset(depth * weight_.columns);
      pool.run([&](int thread) {
        ThreadContext context;
        const ThreadRange range(count, kBlockRows, thread, pool.num_threads());
        for (size_t r = range.begin; r < range.end; r += kBlockRows)
          compute_block(arena, &targets[start + r], std::min<size_t>(kBlockRows, range.end - r), &losses_[start + r],
                        outputs, d_outputs, add, scale / targets.size(), logit_bias, r, depth, thread);
      });
      pool.run([&](int thread) {
        ThreadContext context;
        if (d_logit_bias != nullptr)
          sum_conditions(&targets[start], count, depth, d_logit_bias, thread, pool.num_threads());
        compute_weight_gradient(d_weight, depth, /*add=*/start > 0, thread, pool.num_threads());
      });
    }
    for (size_t v = 0; v < weight_.columns; ++v) {
      float total = 0.0f;
      for (int thread = 0; thread < pool.num_threads(); ++thread) total += d_bias_[thread * weight_.columns + v];
      gradients[bias_.start + v] = total;
    }
    double total = 0.0;
    for (const float losses : losses_) total += losses;
    return targets.empty() ? 0.0 : total / targets.size();
  }

  // Write the log-probability of every target to its position.
  void score(ThreadPool& pool, const float* arena, const std::vector<Target>& targets, const Element* outputs,
             const float* logit_bias, double* log_probs) {
    pool.run([&](int thread) {
      ThreadContext context;
      const ThreadRange range(targets.size(), kBlockRows, thread, pool.num_threads());
      float* const logits = &logits_[thread * kBlockRows * weight_.columns];
      for (size_t r = range.begin; r < range.end; r += kBlockRows) {
        const size_t count = std::min<size_t>(kBlockRows, range.end - r);
        compute_logits(arena, &targets[r], count, outputs, logit_bias, thread);
        // The gradients, which replace the logits, are not used.
        for (size_t i = 0; i < count; ++i)
          log_probs[targets[r + i].position] = -compute_loss_and_gradient(logits + i * weight_.columns, weight_.columns,
                                                                          targets[r + i].token, /*scale=*/1);
      }
    });
  }

 private:
  static constexpr size_t kBlockRows = 32;  // rows that a thread processes at a time
  // Maximum number of logits whose gradients are stored at once. It may be exceeded, so that each thread has a block.
  static constexpr size_t kMaxLogits = size_t{1} << 23;

  // Compute the logits of up to kBlock targets in the thread's own buffer.
  void compute_logits(const float* arena, const Target* targets, size_t count, const Element* outputs,
                      const float* logit_bias, int thread) {
    const size_t units = weight_.rows, vocabulary = weight_.columns;
    Element* inputs = &inputs_[thread * kBlockRows * units];
    float* logits = &logits_[thread * kBlockRows * vocabulary];
    const float* bias = arena + bias_.start;
    for (size_t r = 0; r < count; ++r)
      std::memcpy(inputs + r * units, outputs + targets[r].row * units, units * sizeof(Element));
    std::memset(inputs + count * units, 0, (kBlockRows - count) * units * sizeof(Element));
    for (size_t p = 0; p < vocabulary / kColumns; ++p)
      multiply<kPlainVectors>({inputs, units}, kBlockRows, &panels_[p * panel_size<kPlainVectors>(units)], units,
                              logits + p * kColumns, vocabulary);
    for (size_t r = 0; r < count; ++r) {
      float* row = logits + r * vocabulary;
      const float* condition_bias = logit_bias ? logit_bias + targets[r].condition * vocabulary : nullptr;
      for (size_t v = 0; v < vocabulary; v += kWidth) {
        Vec logit = load(row + v) + load(bias + v);
        if (condition_bias) logit += load(condition_bias + v);
        store(row + v, logit);
      }
    }
  }

  // Compute losses and gradients of up to kBlock targets. Their rows begin at `first_row` of the `depth` rows over
  // which `compute_weight_gradient` sums.
  void compute_block(const float* arena, const Target* targets, size_t count, float* losses, const Element* outputs,
                     Element* d_outputs, bool add, float scale, const float* logit_bias, size_t first_row, size_t depth,
                     int thread) {
    const size_t units = weight_.rows, vocabulary = weight_.columns;
    Element* inputs = &inputs_[thread * kBlockRows * units];
    Element* d_logits = &d_logits_[thread * kBlockRows * vocabulary];
    float* logits = &logits_[thread * kBlockRows * vocabulary];
    float* d_inputs = &d_inputs_[thread * kBlockRows * units];
    float* d_bias = &d_bias_[thread * vocabulary];
    compute_logits(arena, targets, count, outputs, logit_bias, thread);
    for (size_t r = 0; r < count; ++r) {
      float* row = logits + r * vocabulary;
      losses[r] = compute_loss_and_gradient(row, vocabulary, targets[r].token, scale);
      for (size_t v = 0; v < vocabulary; v += kWidth) {
        const Vec d_logit = load(row + v);
        store(d_bias + v, load(d_bias + v) + d_logit);
        store_elements(d_logits + r * vocabulary + v, d_logit);
      }
    }
    std::memset(d_logits + count * vocabulary, 0, (kBlockRows - count) * vocabulary * sizeof(Element));
    for (size_t p = 0; p < units / kColumns; ++p)
      multiply<kPlainVectors>({d_logits, vocabulary}, kBlockRows,
                              &transposed_panels_[p * panel_size<kPlainVectors>(vocabulary)], vocabulary,
                              d_inputs + p * kColumns, units);
    for (size_t r = 0; r < count; ++r) {
      Element* d_output = d_outputs + targets[r].row * units;
      for (size_t u = 0; u < units; u += kWidth) {
        const Vec d_input = load(d_inputs + r * units + u);
        store_elements(d_output + u, add ? d_input + load_elements(d_output + u) : d_input);
      }
    }
    transpose_rows(inputs, units, kBlockRows, units, first_row, columns_.data());
    pack_rows(d_logits, vocabulary, kBlockRows, vocabulary, first_row, d_panels_.data(), depth * kColumns);
  }

  // Compute the weight gradient: the thread's share of the matrix's rows.
  void compute_weight_gradient(float* d_weight, size_t depth, bool add, int thread, int threads) const {
    const size_t units = weight_.rows, vocabulary = weight_.columns;
    const ThreadRange range(units, kPadding, thread, threads);
    if (range.begin == range.end) return;
    for (size_t start = 0; start < depth; start += kRowsPerPass) {
      const size_t pass_depth = std::min(kRowsPerPass, depth - start);
      const Rows inputs = Rows{columns_.data(), kPadding, units * kPadding}.from_element(start).from_row(range.begin);
      for (size_t p = 0; p < vocabulary / kColumns; ++p)
        multiply<kPlainVectors>(inputs, range.end - range.begin, &d_panels_[p * depth * kColumns + start * kColumns],
                                pass_depth, d_weight + range.begin * vocabulary + p * kColumns, vocabulary,
                                add || start > 0);
    }
  }

  // d_logit_bias[condition] += the gradients of the logits of the targets with that condition: the thread's share of
  // the columns.
  void sum_conditions(const Target* targets, size_t count, size_t depth, float* d_logit_bias, int thread,
                      int threads) const {
    const size_t vocabulary = weight_.columns;
    const ThreadRange range(vocabulary, kColumns, thread, threads);
    for (size_t first = range.begin; first < range.end; first += kColumns)
      for (size_t r = 0; r < count; ++r) {
        // Column 0 of row r in its panel; the next columns lie kGroup elements apart.
        const Element* d_logits = &d_panels_[first * depth + r / kGroup * kGroup * kColumns + r % kGroup];
        float* d_biases = d_logit_bias + targets[r].condition * vocabulary + first;
        for (size_t column = 0; column < kColumns; ++column) d_biases[column] += to_float(d_logits[column * kGroup]);
      }
  }

  Region weight_, bias_;
  // The packed weights, and their packed transpose.
  Buffer<Element> panels_, transposed_panels_;
  // For each thread: logits, inputs and their gradients of one block, and the sum of the gradients of the bias.
  Buffer<float> logits_, d_inputs_;
  Buffer<Element> inputs_, d_logits_;
  Buffer<float> d_bias_;
  // For up to `max_rows` rows of `compute`: the inputs as a blocked transpose, and the packed gradients of the logits.
  Buffer<Element> columns_, d_panels_;
  std::vector<float> losses_;  // loss of each target
};

}  // namespace seqloom::SEQLOOM_ISA
