// Decoding as plain C functions.
#include "decoding/streams.h"
#include "runtime/library.h"

using namespace seqloom;
using namespace seqloom::decoding;

namespace {

// What a caller holds: weights, or streams of them.
struct Weights {
  const Kernels* kernels;
  std::unique_ptr<Network> network;
};

Network& network(void* weights) { return *static_cast<Weights*>(weights)->network; }

Streams& streams(void* handle) { return *static_cast<Streams*>(handle); }

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
  auto made = std::make_unique<Streams>(*static_cast<Weights*>(weights)->kernels, network(weights), threads);
  made->resize(count);
  return made.release();
}

SEQLOOM_EXPORT void seqloom_lanes_delete(void* handle) { delete &streams(handle); }

SEQLOOM_EXPORT void seqloom_lanes_resize(void* handle, int count) { streams(handle).resize(count); }

SEQLOOM_EXPORT void seqloom_lanes_clear(void* handle, int stream) { streams(handle).clear(stream); }

SEQLOOM_EXPORT void seqloom_lanes_reorder(void* handle, const int32_t* from) { streams(handle).reorder(from); }

SEQLOOM_EXPORT void seqloom_lanes_read_state(void* handle, int stream, std::byte* state) {
  streams(handle).read_state(stream, state);
}

SEQLOOM_EXPORT void seqloom_lanes_write_state(void* handle, int stream, const std::byte* state) {
  streams(handle).write_state(stream, state);
}

// The stream's own memory: valid until the streams are resized or deleted.
SEQLOOM_EXPORT const float* seqloom_lanes_logits(void* handle, int stream) { return streams(handle).logits(stream); }

SEQLOOM_EXPORT void seqloom_lanes_set_logits(void* handle, int stream, const float* logits) {
  streams(handle).set_logits(stream, logits);
}

SEQLOOM_EXPORT void seqloom_lanes_set_gate_bias(void* handle, int layer, const float* bias, int columns) {
  streams(handle).set_gate_bias(layer, bias, columns);
}

SEQLOOM_EXPORT void seqloom_lanes_set_logit_bias(void* handle, const float* bias) {
  streams(handle).set_logit_bias(bias);
}

SEQLOOM_EXPORT void seqloom_lanes_set_gate_bias_of(void* handle, int stream, int layer, const float* bias) {
  streams(handle).set_stream_gate_bias(stream, layer, bias);
}

SEQLOOM_EXPORT void seqloom_lanes_set_logit_bias_of(void* handle, int stream, const float* bias) {
  streams(handle).set_stream_logit_bias(stream, bias);
}

SEQLOOM_EXPORT void seqloom_lanes_set_guidance(void* handle, float guidance) { streams(handle).set_guidance(guidance); }

SEQLOOM_EXPORT void seqloom_lanes_step(void* handle, const int32_t* tokens) { streams(handle).step(tokens); }

SEQLOOM_EXPORT void seqloom_lanes_read(void* handle, int stream, const int32_t* tokens, int num_tokens) {
  streams(handle).read(stream, tokens, num_tokens);
}

SEQLOOM_EXPORT void seqloom_lanes_score(void* handle, const ScoringRequest* scored) { streams(handle).score(*scored); }

SEQLOOM_EXPORT void seqloom_lanes_set_sampling(void* handle, const SamplingSettings* settings) {
  streams(handle).set_sampling(*settings);
}

SEQLOOM_EXPORT void seqloom_lanes_begin(void* handle, int stream, uint64_t seed, uint64_t index, const int32_t* recent,
                                        int num_recent, uint64_t variants) {
  streams(handle).begin(stream, seed, index, recent, num_recent, variants);
}

SEQLOOM_EXPORT void seqloom_lanes_end(void* handle, int stream) { streams(handle).end(stream); }

SEQLOOM_EXPORT void seqloom_lanes_write(void* handle, const GenerationOutput* written) {
  streams(handle).write(*written);
}

SEQLOOM_EXPORT int seqloom_weights_rows_at_once(void* weights) { return network(weights).rows_per_pass; }

SEQLOOM_EXPORT DraftStatistics seqloom_lanes_drafting(void* handle, int stream) {
  return streams(handle).drafting(stream);
}

// A stream reads tokens at once, remembers the first `kept` of them, and gives the logits after every one
// [num_tokens, vocabulary].
SEQLOOM_EXPORT void seqloom_lanes_read_many(void* handle, int stream, const int32_t* tokens, int num_tokens, int kept,
                                            float* logits) {
  streams(handle).read_many(stream, tokens, num_tokens, kept, logits);
}

// Whether the logits are finite.
SEQLOOM_EXPORT int seqloom_lanes_distribution(void* handle, int stream, double* log_probabilities) {
  return streams(handle).distribution(stream, log_probabilities);
}

SEQLOOM_EXPORT void seqloom_uniforms(uint64_t seed, uint64_t index, int count, double* numbers) {
  UniformStream stream(seed, index);
  for (int i = 0; i < count; ++i) numbers[i] = stream.next();
}
