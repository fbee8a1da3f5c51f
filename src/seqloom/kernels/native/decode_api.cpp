// Decoding as plain C functions.
#include "decoding/lanes.h"
#include "library.h"

using namespace seqloom;
using namespace seqloom::decoding;

namespace {

// What a caller holds: weights, or lanes of them.
struct Weights {
  const Kernels* kernels;
  std::unique_ptr<Network> network;
};

Network& network(void* weights) { return *static_cast<Weights*>(weights)->network; }

Lanes& lanes(void* handle) { return *static_cast<Lanes*>(handle); }

}  // namespace

// Null where these kernels do not have the model.
SEQLOOM_EXPORT void* seqloom_weights_new(const char* kernels, const Model* model) {
  const Kernels* const found = find_kernels(kernels);
  if (!found) return nullptr;
  std::unique_ptr<Network> made(found->new_network(*model));
  return made ? new Weights{found, std::move(made)} : nullptr;
}

SEQLOOM_EXPORT void seqloom_weights_delete(void* weights) { delete static_cast<Weights*>(weights); }

SEQLOOM_EXPORT size_t seqloom_weights_bytes(void* weights) { return network(weights).weight_bytes; }

SEQLOOM_EXPORT size_t seqloom_state_bytes(void* weights) { return network(weights).state_bytes; }

SEQLOOM_EXPORT void* seqloom_lanes_new(void* weights, int count, int threads) {
  auto made = std::make_unique<Lanes>(*static_cast<Weights*>(weights)->kernels, network(weights), threads);
  made->resize(count);
  return made.release();
}

SEQLOOM_EXPORT void seqloom_lanes_delete(void* handle) { delete &lanes(handle); }

SEQLOOM_EXPORT void seqloom_lanes_resize(void* handle, int count) { lanes(handle).resize(count); }

SEQLOOM_EXPORT void seqloom_lanes_clear(void* handle, int lane) { lanes(handle).clear(lane); }

SEQLOOM_EXPORT void seqloom_lanes_reorder(void* handle, const int32_t* from) { lanes(handle).reorder(from); }

SEQLOOM_EXPORT void seqloom_lanes_read_state(void* handle, int lane, std::byte* state) {
  lanes(handle).read_state(lane, state);
}

SEQLOOM_EXPORT void seqloom_lanes_write_state(void* handle, int lane, const std::byte* state) {
  lanes(handle).write_state(lane, state);
}

// The lane's own memory: valid until the lanes are resized or deleted.
SEQLOOM_EXPORT const float* seqloom_lanes_logits(void* handle, int lane) { return lanes(handle).logits(lane); }

SEQLOOM_EXPORT void seqloom_lanes_set_logits(void* handle, int lane, const float* logits) {
  lanes(handle).set_logits(lane, logits);
}

SEQLOOM_EXPORT void seqloom_lanes_set_gate_bias(void* handle, int layer, const float* bias, int columns) {
  lanes(handle).set_gate_bias(layer, bias, columns);
}

SEQLOOM_EXPORT void seqloom_lanes_set_logit_bias(void* handle, const float* bias) {
  lanes(handle).set_logit_bias(bias);
}

SEQLOOM_EXPORT void seqloom_lanes_set_gate_bias_of(void* handle, int lane, int layer, const float* bias) {
  lanes(handle).set_gate_bias_of(lane, layer, bias);
}

SEQLOOM_EXPORT void seqloom_lanes_set_logit_bias_of(void* handle, int lane, const float* bias) {
  lanes(handle).set_logit_bias_of(lane, bias);
}

SEQLOOM_EXPORT void seqloom_lanes_set_guidance(void* handle, float guidance) { lanes(handle).set_guidance(guidance); }

SEQLOOM_EXPORT void seqloom_lanes_step(void* handle, const int32_t* tokens) { lanes(handle).step(tokens); }

SEQLOOM_EXPORT void seqloom_lanes_read(void* handle, int lane, const int32_t* tokens, int num_tokens) {
  lanes(handle).read(lane, tokens, num_tokens);
}

SEQLOOM_EXPORT void seqloom_lanes_score(void* handle, const Scored* scored) { lanes(handle).score(*scored); }

SEQLOOM_EXPORT void seqloom_lanes_set_sampling(void* handle, const SamplingSettings* settings) {
  lanes(handle).set_sampling(*settings);
}

SEQLOOM_EXPORT void seqloom_lanes_begin(void* handle, int lane, uint64_t seed, uint64_t index, const int32_t* recent,
                                        int num_recent, uint64_t variants) {
  lanes(handle).begin(lane, seed, index, recent, num_recent, variants);
}

SEQLOOM_EXPORT void seqloom_lanes_end(void* handle, int lane) { lanes(handle).end(lane); }

SEQLOOM_EXPORT void seqloom_lanes_write(void* handle, const Written* written) { lanes(handle).write(*written); }

SEQLOOM_EXPORT int seqloom_weights_rows_at_once(void* weights) { return network(weights).rows_at_once; }

SEQLOOM_EXPORT Drafting seqloom_lanes_drafting(void* handle, int lane) { return lanes(handle).drafting(lane); }

// A lane reads tokens at once, remembers the first `kept` of them, and gives the logits after every one
// [num_tokens, vocabulary].
SEQLOOM_EXPORT void seqloom_lanes_read_many(void* handle, int lane, const int32_t* tokens, int num_tokens, int kept,
                                            float* logits) {
  lanes(handle).read_many(lane, tokens, num_tokens, kept, logits);
}

// Whether the logits are finite.
SEQLOOM_EXPORT int seqloom_lanes_distribution(void* handle, int lane, double* log_probabilities) {
  return lanes(handle).distribution(lane, log_probabilities);
}

SEQLOOM_EXPORT void seqloom_uniforms(uint64_t seed, uint64_t index, int count, double* numbers) {
  UniformStream stream(seed, index);
  for (int i = 0; i < count; ++i) numbers[i] = stream.next();
}
