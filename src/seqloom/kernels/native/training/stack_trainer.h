// The trainer of one instruction set: a stack of gated layers with softmax heads.
#pragma once

#include <memory>

#include "runtime/threads.h"
#include "training/gated_layer.h"
#include "training/optimizer.h"
#include "training/softmax_head.h"
#include "training/token_table.h"
#include "training/trainer.h"

namespace seqloom::SEQLOOM_ISA {

class StackTrainer final : public Trainer {
 public:
  explicit StackTrainer(const TrainerSetup& setup) : parameters_(setup), pool_(setup.threads), table_(parameters_) {
    for (Buffer<float>& arena : arenas_) arena.reset(parameters_.total);
    for (const LayerRegions& regions : parameters_.layers) layers_.emplace_back(regions, setup.gru);
    for (int head = 0; head < setup.num_heads; ++head)
      heads_.emplace_back(parameters_.head_weights[head], parameters_.head_biases[head], setup.threads);
  }

  const TrainerSetup& setup() const override { return parameters_.setup; }

  void compute(const Window& window, double* losses) override {
    const std::vector<LayerWindow> views = read(window);
    compute_heads(window, losses);
    float* gradients = arenas_[kGradients].data();
    for (size_t index = layers_.size(); index-- > 0;) {
      pool_.run([&](int thread) {
        ThreadContext context;
        layers_[index].backward(views[index], thread);
      });
      pool_.run([&](int thread) {
        ThreadContext context;
        weight_gradients(window, index, gradients, thread);
      });
      if (index == 0 || window.num_conditions) finish_gradients(window, index, gradients);
    }
    parameters_.zero_absent_gates(gradients);
  }

  void score(const Window& window, double* log_probs) override {
    read(window);
    list_targets(window, 0);
    heads_[0].score(pool_, arenas_[kParameters].data(), targets_, layers_.back().outputs(),
                    window.num_conditions ? logit_bias_.data() : nullptr, log_probs);
  }

  double gradient_norm() override {
    const Buffer<float>& gradients = arenas_[kGradients];
    partial_.assign((gradients.size() + kPart - 1) / kPart, 0.0);
    pool_.run_for(gradients.size(), [&](int thread, int threads) {
      const ThreadRange range(partial_.size(), 1, thread, threads);
      for (size_t part = range.begin; part < range.end; ++part) {
        Vec total{};
        for (size_t i = part * kPart; i < std::min((part + 1) * kPart, gradients.size()); i += kWidth)
          total += load(&gradients[i]) * load(&gradients[i]);
        partial_[part] = sum(total);
      }
    });
    double total = 0.0;
    for (const double part : partial_) total += part;
    return std::sqrt(total);
  }

  void update(const OptimizerStep& step) override {
    pool_.run_for(parameters_.total, [&](int thread, int threads) {
      for (const Region& region : parameters_.all) {
        const ThreadRange range(region.size(), kPadding, thread, threads);
        const size_t start = region.start + range.begin, count = range.end - range.begin;
        float* parameters = arenas_[kParameters].data() + start;
        const float* gradients = arenas_[kGradients].data() + start;
        float* first = arenas_[kFirstMoments].data() + start;
        float* second = arenas_[kSecondMoments].data() + start;
        if (step.kind == OptimizerStep::kAdam)
          adam(step, region.matrix ? step.decay : 0.0f, count, gradients, first, second, parameters);
        else
          rmsprop(step, count, gradients, second, parameters);
      }
    });
  }

  void keep_state() override {
    if (layout_.batch_size == 0) return;
    for (GatedLayer& layer : layers_) layer.keep_state();
  }

  void copy_parameter(Arena arena, Part part, int layer, float* values, bool in) override {
    float* ours = arenas_[arena].data();
    parameters_.copy_parameter(ours, part, layer, values, in);
    if (!in || arena != kParameters || part != kHeadBias) return;
    const Region& bias = parameters_.head_biases[layer];
    for (size_t v = parameters_.setup.vocabulary; v < bias.columns; ++v) ours[bias.start + v] = kPaddingLogit;
  }

  void copy_state(int layer, int batch_size, float* hidden, float* cell, bool in) override {
    if (layout_.batch_size != batch_size) arrange(batch_size, std::max(1, layout_.time));
    layers_[layer].copy_state(hidden, cell, in);
  }

 private:
  static constexpr size_t kPart = 16384;
  // The logit of tokens that only pad the vocabulary.
  static constexpr float kPaddingLogit = -1e30f;

  void arrange(int batch_size, int time) {
    const WindowLayout wanted{batch_size, time, pool_.count()};
    if (wanted == layout_) return;
    layout_ = {};  // until every layer has its buffers
    for (GatedLayer& layer : layers_) layer.arrange(wanted);
    layout_ = wanted;
  }

  // Run the forward pass of all layers; returns their views of the window.
  std::vector<LayerWindow> read(const Window& window) {
    arrange(window.batch_size, window.time);
    prepare(window);
    std::vector<LayerWindow> views;
    for (size_t index = 0; index < layers_.size(); ++index) views.push_back(view(window, index));
    for (size_t index = 0; index < layers_.size(); ++index) {
      if (index > 0) views[index].below = layers_[index - 1].outputs();
      pool_.run([&](int thread) {
        ThreadContext context;
        layers_[index].forward(views[index], thread);
      });
    }
    return views;
  }

  // Pack the weights and compute the first layer's table.
  void prepare(const Window& window) {
    const float* arena = arenas_[kParameters].data();
    table_.arrange(window.tokens, static_cast<size_t>(window.batch_size) * window.time);
    table_.gather_embeddings(arena);
    const bool separate = window.dropout > 0.0f || resets_inside(window);
    for (size_t index = 0; index < layers_.size(); ++index) {
      layers_[index].separate_outputs(separate, index + 1 < layers_.size());
      layers_[index].drop_weights(arena, weight_dropout(window, index));
    }
    pool_.run([&](int thread) {
      ThreadContext context;
      for (size_t index = 0; index < layers_.size(); ++index)
        layers_[index].pack(arena, weight_dropout(window, index), index == 0 && table_.one_hot(), thread,
                            pool_.count());
      for (SoftmaxHead& head : heads_) head.pack(arena, thread, pool_.count());
    });
    pool_.run([&](int thread) {
      ThreadContext context;
      table_.compute_rows(arena, layers_[0], thread, pool_.count());
    });
    if (window.num_conditions) pack_conditions(window);
  }

  // Copy the conditions into the order of gates used here, padded.
  void pack_conditions(const Window& window) {
    conditions_.resize(layers_.size());
    d_conditions_.resize(layers_.size());
    size_t offset = 0, width = 0;
    for (const GatedLayer& layer : layers_) width += parameters_.model_gates() * layer.regions().size;
    for (size_t index = 0; index < layers_.size(); ++index) {
      const LayerRegions& regions = layers_[index].regions();
      conditions_[index].reset(window.num_conditions * regions.gate_columns());
      d_conditions_[index].reset(window.num_conditions * regions.gate_columns());
      for (int row = 0; row < window.num_conditions; ++row)
        for (int gate = 0; gate < parameters_.model_gates(); ++gate)
          for (size_t unit = 0; unit < regions.size; ++unit)
            conditions_[index][row * regions.gate_columns() + parameters_.column(kBias, gate, unit)] =
                window.gate_bias[row * width + offset + gate * regions.size + unit];
      offset += parameters_.model_gates() * regions.size;
    }
    const size_t vocabulary = parameters_.setup.vocabulary, wide = padded(vocabulary);
    logit_bias_.reset(window.num_conditions * wide);
    d_logit_bias_.reset(window.num_conditions * wide);
    for (int row = 0; row < window.num_conditions; ++row)
      std::memcpy(&logit_bias_[row * wide], window.logit_bias + row * vocabulary, vocabulary * sizeof(float));
  }

  LayerWindow view(const Window& window, size_t index) const {
    const bool first = index == 0;
    const float* bias = arenas_[kParameters].data() + parameters_.layers[index].bias.start;
    return {window.resets,
            nullptr,
            first ? table_.rows() : bias,
            first ? table_.index() : nullptr,
            window.num_conditions ? conditions_[index].data() : nullptr,
            window.condition,
            Dropout(window.dropout, mix(window.seed + 2 * index)),
            window.variational,
            index + 1 < layers_.size()};
  }

  static Dropout weight_dropout(const Window& window, size_t index) {
    return Dropout(window.weight_dropout, mix(window.seed + 2 * index + 1));
  }

  static bool resets_inside(const Window& window) {
    if (window.resets == nullptr) return false;
    for (int sequence = 0; sequence < window.batch_size; ++sequence)
      for (int step = 1; step < window.time; ++step)
        if (window.resets[static_cast<size_t>(sequence) * window.time + step]) return true;
    return false;
  }

  // List a head's targets, time step by time step.
  void list_targets(const Window& window, size_t head) {
    const size_t count = static_cast<size_t>(window.batch_size) * window.time;
    targets_.clear();
    for (int step = 0; step < window.time; ++step)
      for (int sequence = 0; sequence < window.batch_size; ++sequence) {
        const size_t token = static_cast<size_t>(sequence) * window.time + step;
        const int64_t target = window.targets[head * count + token];
        if (target < 0) continue;
        const int32_t condition = window.num_conditions ? window.condition[token] : 0;
        targets_.push_back({layout_.row(step, sequence), token, static_cast<int32_t>(target), condition});
      }
  }

  // Compute the losses, and the gradients of the heads and of the last layer's outputs.
  void compute_heads(const Window& window, double* losses) {
    GatedLayer& last = layers_.back();
    const size_t count = static_cast<size_t>(window.batch_size) * window.time;
    bool added = false;
    for (size_t head = 0; head < heads_.size(); ++head) {
      list_targets(window, head);
      const bool whole = head == 0 && targets_.size() == count;
      if (head == 0 && !whole) std::memset(last.d_outputs(), 0, layout_.rows() * last.units() * sizeof(Element));
      const bool biased = head == 0 && window.num_conditions;
      losses[head] =
          heads_[head].compute(pool_, arenas_[kParameters].data(), arenas_[kGradients].data(), targets_, last.outputs(),
                               last.d_outputs(), added, window.head_weights[head],
                               biased ? logit_bias_.data() : nullptr, biased ? d_logit_bias_.data() : nullptr);
      added = true;
    }
  }

  void weight_gradients(const Window& window, size_t index, float* gradients, int thread) {
    GatedLayer& layer = layers_[index];
    layer.recurrent_gradient(gradients, weight_dropout(window, index), thread, pool_.count());
    if (window.num_conditions) layer.sum_by(window.condition, d_conditions_[index].data(), thread, pool_.count());
    if (index == 0) return table_.sum_gradients(layer, thread, pool_.count());
    GatedLayer& below = layers_[index - 1];
    const LayerRegions& regions = layer.regions();
    weight_gradient(below.output_columns(), regions.padded_inputs, layer.d_gates_panels(), layout_.rows(),
                    regions.gate_columns(), gradients + regions.weight_input.start, thread, pool_.count());
    layer.sum_bias(gradients + regions.bias.start, thread, pool_.count());
    input_gradients(layer, below, thread);
  }

  // Compute the gradients of the outputs of the layer below: the thread's share of the rows.
  void input_gradients(const GatedLayer& layer, GatedLayer& below, int thread) {
    constexpr size_t block = 32;
    const size_t inputs = layer.regions().padded_inputs, columns = layer.regions().gate_columns();
    const ThreadRange range(layout_.rows(), block, thread, pool_.count());
    std::vector<float> scratch(block * inputs);
    for (size_t row = range.begin; row < range.end; row += block) {
      layer.backward_inputs(layer.d_gates() + row * columns, block, scratch.data());
      to_elements(scratch.data(), below.d_outputs() + row * inputs, block * inputs);
    }
  }

  void finish_gradients(const Window& window, size_t index, float* gradients) {
    if (index == 0) {
      ThreadContext context;
      table_.gradients(layers_[0], gradients);
    }
    if (!window.num_conditions || window.d_gate_bias == nullptr) return;
    size_t offset = 0, width = 0;
    for (size_t other = 0; other < layers_.size(); ++other) {
      if (other < index) offset += parameters_.model_gates() * layers_[other].regions().size;
      width += parameters_.model_gates() * layers_[other].regions().size;
    }
    const LayerRegions& regions = layers_[index].regions();
    for (int row = 0; row < window.num_conditions; ++row)
      for (int gate = 0; gate < parameters_.model_gates(); ++gate)
        for (size_t unit = 0; unit < regions.size; ++unit)
          window.d_gate_bias[row * width + offset + gate * regions.size + unit] =
              d_conditions_[index][row * regions.gate_columns() + parameters_.column(kBias, gate, unit)];
    if (index != 0) return;
    const size_t vocabulary = parameters_.setup.vocabulary, wide = padded(vocabulary);
    for (int row = 0; row < window.num_conditions; ++row)
      std::memcpy(window.d_logit_bias + row * vocabulary, &d_logit_bias_[row * wide], vocabulary * sizeof(float));
  }

  Parameters parameters_;
  ThreadPool pool_;
  Buffer<float> arenas_[kNumArenas];
  std::vector<GatedLayer> layers_;
  std::vector<SoftmaxHead> heads_;
  TokenTable table_;
  WindowLayout layout_;
  std::vector<SoftmaxHead::Target> targets_;
  std::vector<Buffer<float>> conditions_, d_conditions_;
  Buffer<float> logit_bias_, d_logit_bias_;
  std::vector<double> partial_;
};

}  // namespace seqloom::SEQLOOM_ISA
