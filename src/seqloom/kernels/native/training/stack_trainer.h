// The trainer of one instruction set: a stack of gated layers with softmax heads.
//
// An arena is an array of one float per parameter, in the layout of `parameters.h`. A window is the input of one
// update, [batch_size, time] tokens. Arrays of a window have one row per slot and time step (`window_layout.h`).
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
    for (Buffer<float>& arena : arenas_) arena.reset(parameters_.num_floats);
    for (const LayerRegions& regions : parameters_.layers) layers_.emplace_back(regions, setup.gru);
    for (int head = 0; head < setup.num_heads; ++head)
      heads_.emplace_back(parameters_.head_weights[head], parameters_.head_biases[head], setup.threads);
  }

  const TrainerSetup& setup() const override { return parameters_.setup; }

  void compute(const Window& window, double* losses) override {
    const std::vector<LayerWindow> layer_windows = forward(window);
    compute_heads(window, losses);
    float* gradients = arenas_[kGradients].data();
    for (size_t index = layers_.size(); index-- > 0;) {
      pool_.run([&](int thread) {
        ThreadContext context;
        layers_[index].backward(layer_windows[index], thread);
      });
      pool_.run([&](int thread) {
        ThreadContext context;
        compute_weight_gradients(window, index, gradients, thread);
      });
      if (index == 0 || window.num_conditions) finish_gradients(window, index, gradients);
    }
    parameters_.zero_absent_gates(gradients);
  }

  void score(const Window& window, double* log_probs) override {
    forward(window);
    list_targets(window, /*head=*/0);
    heads_[0].score(pool_, arenas_[kParameters].data(), targets_, layers_.back().outputs(),
                    window.num_conditions ? logit_bias_.data() : nullptr, log_probs);
  }

  double gradient_norm() override {
    const Buffer<float>& gradients = arenas_[kGradients];
    partial_sums_.assign((gradients.size() + kPartFloats - 1) / kPartFloats, 0.0);
    pool_.run_for(gradients.size(), [&](int thread, int threads) {
      const ThreadRange range(partial_sums_.size(), /*grain=*/1, thread, threads);
      for (size_t part = range.begin; part < range.end; ++part) {
        Vec total{};
        for (size_t i = part * kPartFloats; i < std::min((part + 1) * kPartFloats, gradients.size()); i += kWidth)
          total += load(&gradients[i]) * load(&gradients[i]);
        partial_sums_[part] = sum(total);
      }
    });
    double total = 0.0;
    for (const double partial_sum : partial_sums_) total += partial_sum;
    return std::sqrt(total);
  }

  void update(const OptimizerStep& step) override {
    pool_.run_for(parameters_.num_floats, [&](int thread, int threads) {
      for (const Region& region : parameters_.all_regions) {
        const ThreadRange range(region.size(), kPadding, thread, threads);
        const size_t start = region.start + range.begin, count = range.end - range.begin;
        float* parameters = arenas_[kParameters].data() + start;
        const float* gradients = arenas_[kGradients].data() + start;
        float* first_moments = arenas_[kFirstMoments].data() + start;
        float* second_moments = arenas_[kSecondMoments].data() + start;
        if (step.kind == OptimizerStep::kAdam)
          adam(step, region.is_matrix ? step.decay : 0.0f, count, gradients, first_moments, second_moments, parameters);
        else
          rmsprop(step, count, gradients, second_moments, parameters);
      }
    });
  }

  void keep_state() override {
    if (layout_.batch_size == 0) return;
    for (GatedLayer& layer : layers_) layer.keep_state();
  }

  void copy_parameter(Arena arena, Part part, int layer, float* values, bool into_trainer) override {
    float* arena_values = arenas_[arena].data();
    parameters_.copy_parameter(arena_values, part, layer, values, into_trainer);
    if (!into_trainer || arena != kParameters || part != kHeadBias) return;
    const Region& bias = parameters_.head_biases[layer];
    for (size_t v = parameters_.setup.vocabulary; v < bias.columns; ++v) arena_values[bias.start + v] = kPaddingLogit;
  }

  void copy_state(int layer, int batch_size, float* hidden, float* cell, bool into_trainer) override {
    if (layout_.batch_size != batch_size) arrange(batch_size, std::max(1, layout_.time));
    layers_[layer].copy_state(hidden, cell, into_trainer);
  }

 private:
  // Number of floats in a partial sum of `gradient_norm`. It is fixed, so that the norm does not depend on the number
  // of threads.
  static constexpr size_t kPartFloats = 16384;
  // The bias of tokens that only pad the vocabulary, so low that their probability is negligible.
  static constexpr float kPaddingLogit = -1e30f;

  // Allocate the buffers for windows of this shape, if the shape changes.
  void arrange(int batch_size, int time) {
    const WindowLayout new_layout{batch_size, time, pool_.num_threads()};
    if (new_layout == layout_) return;
    layout_ = {};  // if memory runs out below, the next call allocates again
    for (GatedLayer& layer : layers_) layer.arrange(new_layout);
    layout_ = new_layout;
  }

  // Run the forward pass of all layers; return what each layer computed the window from.
  std::vector<LayerWindow> forward(const Window& window) {
    arrange(window.batch_size, window.time);
    prepare(window);
    std::vector<LayerWindow> layer_windows;
    for (size_t index = 0; index < layers_.size(); ++index) layer_windows.push_back(layer_window(window, index));
    for (size_t index = 0; index < layers_.size(); ++index) {
      if (index > 0) layer_windows[index].below = layers_[index - 1].outputs();
      pool_.run([&](int thread) {
        ThreadContext context;
        layers_[index].forward(layer_windows[index], thread);
      });
    }
    return layer_windows;
  }

  // Pack the weights and compute the first layer's table.
  void prepare(const Window& window) {
    const float* arena = arenas_[kParameters].data();
    table_.arrange(window.tokens, static_cast<size_t>(window.batch_size) * window.time);
    table_.gather_embeddings(arena);
    // The outputs differ from the hidden values with dropout, or if a reset within the window zeroes hidden values.
    const bool separate = window.dropout > 0.0f || resets_after_first_step(window);
    for (size_t index = 0; index < layers_.size(); ++index) {
      layers_[index].allocate_outputs(separate, /*feeds_layer=*/index + 1 < layers_.size());
      layers_[index].drop_weights(arena, weight_dropout(window, index));
    }
    pool_.run([&](int thread) {
      ThreadContext context;
      for (size_t index = 0; index < layers_.size(); ++index)
        layers_[index].pack(arena, weight_dropout(window, index), /*is_one_hot=*/index == 0 && table_.is_one_hot(),
                            thread, pool_.num_threads());
      for (SoftmaxHead& head : heads_) head.pack(arena, thread, pool_.num_threads());
    });
    pool_.run([&](int thread) {
      ThreadContext context;
      table_.compute_rows(arena, layers_[0], thread, pool_.num_threads());
    });
    if (window.num_conditions) pack_conditions(window);
  }

  // Copy the biases of the conditions into the layout of `parameters.h`, padded, and zero their gradients.
  void pack_conditions(const Window& window) {
    condition_biases_.resize(layers_.size());
    d_condition_biases_.resize(layers_.size());
    size_t offset = 0, width = 0;
    for (const GatedLayer& layer : layers_) width += parameters_.num_model_gates() * layer.regions().units;
    for (size_t index = 0; index < layers_.size(); ++index) {
      const LayerRegions& regions = layers_[index].regions();
      condition_biases_[index].reset(window.num_conditions * regions.gate_columns());
      d_condition_biases_[index].reset(window.num_conditions * regions.gate_columns());
      for (int row = 0; row < window.num_conditions; ++row)
        for (int gate = 0; gate < parameters_.num_model_gates(); ++gate)
          for (size_t unit = 0; unit < regions.units; ++unit)
            condition_biases_[index][row * regions.gate_columns() + parameters_.gate_column(kBias, gate, unit)] =
                window.gate_bias[row * width + offset + gate * regions.units + unit];
      offset += parameters_.num_model_gates() * regions.units;
    }
    const size_t vocabulary = parameters_.setup.vocabulary, padded_vocabulary = padded(vocabulary);
    logit_bias_.reset(window.num_conditions * padded_vocabulary);
    d_logit_bias_.reset(window.num_conditions * padded_vocabulary);
    for (int row = 0; row < window.num_conditions; ++row)
      std::memcpy(&logit_bias_[row * padded_vocabulary], window.logit_bias + row * vocabulary,
                  vocabulary * sizeof(float));
  }

  // Return what a layer computes the window from, except the outputs of the layer below, which do not exist yet.
  LayerWindow layer_window(const Window& window, size_t index) const {
    const bool is_first = index == 0;
    const float* bias = arenas_[kParameters].data() + parameters_.layers[index].bias.start;
    return {window.resets,
            /*below=*/nullptr,
            /*table=*/is_first ? table_.rows() : bias,
            /*table_row=*/is_first ? table_.row_of_position() : nullptr,
            /*condition_biases=*/window.num_conditions ? condition_biases_[index].data() : nullptr,
            window.condition,
            /*output_dropout=*/Dropout(window.dropout, mix(window.seed + 2 * index)),
            window.variational,
            /*feeds_layer=*/index + 1 < layers_.size()};
  }

  // The masks of outputs have even seeds (see `layer_window`), those of weights odd ones.
  static Dropout weight_dropout(const Window& window, size_t index) {
    return Dropout(window.weight_dropout, mix(window.seed + 2 * index + 1));
  }

  // Return whether a sequence is reset later than at the start of the window.
  static bool resets_after_first_step(const Window& window) {
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
        const size_t position = static_cast<size_t>(sequence) * window.time + step;
        const int64_t target = window.targets[head * count + position];
        if (target < 0) continue;
        const int32_t condition = window.num_conditions ? window.condition[position] : 0;
        targets_.push_back({layout_.row(step, sequence), position, static_cast<int32_t>(target), condition});
      }
  }

  // Compute the losses, and the gradients of the heads and of the last layer's outputs.
  void compute_heads(const Window& window, double* losses) {
    GatedLayer& last = layers_.back();
    const size_t count = static_cast<size_t>(window.batch_size) * window.time;
    for (size_t head = 0; head < heads_.size(); ++head) {
      list_targets(window, head);
      // Head 0 writes the rows of its targets, to which the other heads add. Rows without a target must be zero.
      if (head == 0 && targets_.size() < count)
        std::memset(last.d_outputs(), 0, layout_.rows() * last.padded_units() * sizeof(Element));
      const bool has_conditions = head == 0 && window.num_conditions;
      losses[head] = heads_[head].compute(pool_, arenas_[kParameters].data(), arenas_[kGradients].data(), targets_,
                                          last.outputs(), last.d_outputs(), /*add=*/head > 0, window.head_weights[head],
                                          has_conditions ? logit_bias_.data() : nullptr,
                                          has_conditions ? d_logit_bias_.data() : nullptr);
    }
  }

  // Compute the gradients of a layer's weights, and of the outputs of the layer below: the thread's share.
  void compute_weight_gradients(const Window& window, size_t index, float* gradients, int thread) {
    GatedLayer& layer = layers_[index];
    layer.compute_recurrent_gradient(gradients, weight_dropout(window, index), thread, pool_.num_threads());
    if (window.num_conditions)
      layer.sum_gradients_by(window.condition, d_condition_biases_[index].data(), thread, pool_.num_threads());
    if (index == 0) return table_.sum_gradients(layer, thread, pool_.num_threads());
    GatedLayer& below = layers_[index - 1];
    const LayerRegions& regions = layer.regions();
    compute_matrix_gradient(below.output_columns(), regions.padded_inputs, layer.d_gates_panels(), layout_.rows(),
                            regions.gate_columns(), gradients + regions.weight_input.start, thread,
                            pool_.num_threads());
    layer.sum_bias_gradient(gradients + regions.bias.start, thread, pool_.num_threads());
    compute_input_gradients(layer, below, thread);
  }

  // Compute the gradients of the outputs of the layer below: the thread's share of the rows.
  void compute_input_gradients(const GatedLayer& layer, GatedLayer& below, int thread) {
    constexpr size_t block = 32;
    const size_t inputs = layer.regions().padded_inputs, columns = layer.regions().gate_columns();
    const ThreadRange range(layout_.rows(), block, thread, pool_.num_threads());
    std::vector<float> scratch(block * inputs);
    for (size_t row = range.begin; row < range.end; row += block) {
      layer.backward_inputs(layer.d_gates() + row * columns, block, scratch.data());
      to_elements(scratch.data(), below.d_outputs() + row * inputs, block * inputs);
    }
  }

  // On one thread, compute the gradients of the first layer's input weights and of the embedding from those of the
  // token table, and copy the gradients of the conditions into the caller's layout.
  void finish_gradients(const Window& window, size_t index, float* gradients) {
    if (index == 0) {
      ThreadContext context;
      table_.compute_parameter_gradients(layers_[0], gradients);
    }
    if (!window.num_conditions || window.d_gate_bias == nullptr) return;
    size_t offset = 0, width = 0;
    for (size_t other = 0; other < layers_.size(); ++other) {
      if (other < index) offset += parameters_.num_model_gates() * layers_[other].regions().units;
      width += parameters_.num_model_gates() * layers_[other].regions().units;
    }
    const LayerRegions& regions = layers_[index].regions();
    for (int row = 0; row < window.num_conditions; ++row)
      for (int gate = 0; gate < parameters_.num_model_gates(); ++gate)
        for (size_t unit = 0; unit < regions.units; ++unit)
          window.d_gate_bias[row * width + offset + gate * regions.units + unit] =
              d_condition_biases_[index][row * regions.gate_columns() + parameters_.gate_column(kBias, gate, unit)];
    if (index != 0) return;
    const size_t vocabulary = parameters_.setup.vocabulary, padded_vocabulary = padded(vocabulary);
    for (int row = 0; row < window.num_conditions; ++row)
      std::memcpy(window.d_logit_bias + row * vocabulary, &d_logit_bias_[row * padded_vocabulary],
                  vocabulary * sizeof(float));
  }

  Parameters parameters_;
  ThreadPool pool_;
  Buffer<float> arenas_[kNumArenas];
  std::vector<GatedLayer> layers_;
  std::vector<SoftmaxHead> heads_;
  TokenTable table_;
  WindowLayout layout_;
  std::vector<SoftmaxHead::Target> targets_;
  // Per layer, the biases of the conditions and their gradients: [conditions, gate columns].
  std::vector<Buffer<float>> condition_biases_, d_condition_biases_;
  Buffer<float> logit_bias_, d_logit_bias_;
  std::vector<double> partial_sums_;  // of the gradients' squares
};

}  // namespace seqloom::SEQLOOM_ISA
