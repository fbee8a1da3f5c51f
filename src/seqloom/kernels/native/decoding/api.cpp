// The C interface of decoding. Every function checks its arguments and returns a status; results go to the last
// arguments. A `seqloom_streams_*` function does the same as the method of `Streams` with that name (`streams.h`); a
// stream is one text that is decoded. Streams must be deleted before their weights.
#include <cstring>

#include "decoding/checks.h"
#include "decoding/streams.h"
#include "runtime/library.h"
#include "runtime/status.h"

using namespace seqloom;
using namespace seqloom::decoding;

namespace {

// What a handle of weights points to.
struct Weights {
  const Kernels* kernels;
  std::unique_ptr<Network> network;
};

Weights& weights_of(void* handle) { return checked("weights", static_cast<Weights*>(handle)); }

Streams& streams_of(void* handle) { return checked("streams", static_cast<Streams*>(handle)); }

// Return the streams, after a check that `stream` is the index of one of them.
Streams& streams_containing(void* handle, int stream) {
  Streams& streams = streams_of(handle);
  check_stream(streams, stream);
  return streams;
}

void check_state_size(const Streams& streams, size_t bytes) {
  if (bytes != streams.network().state_bytes)
    refuse("a state of %zu bytes does not belong to this model: its states have %zu bytes", bytes,
           streams.network().state_bytes);
}

void check_gate_bias_width(const Streams& streams, int layer, int width) {
  const auto gate_width = static_cast<int64_t>(streams.network().gate_widths[layer]);
  check_range("width of the gate bias", width, gate_width, gate_width);
}

}  // namespace

// Pack the weights of a model. `weights` becomes null if these kernels do not support the model's precision.
SEQLOOM_EXPORT int seqloom_weights_new(const char* kernels, const Model* model, void** weights) {
  return guard([&] {
    checked("weights", weights) = nullptr;
    check_model(checked("model", model));
    const Kernels* instruction_set = find_kernels(&checked("name of the instruction set", kernels));
    if (instruction_set == nullptr) refuse("the library has no instruction set %s", kernels);
    if (!instruction_set->supported())
      refuse("this processor does not support the instruction set %s", instruction_set->name);
    std::unique_ptr<Network> network(instruction_set->new_network(*model));
    if (network) *weights = new Weights{instruction_set, std::move(network)};
  });
}

SEQLOOM_EXPORT void seqloom_weights_delete(void* weights) { delete static_cast<Weights*>(weights); }

SEQLOOM_EXPORT int seqloom_weights_info(void* weights, NetworkInfo* info) {
  return guard([&] {
    const Network& network = *weights_of(weights).network;
    checked("info", info) = {network.weight_bytes, network.state_bytes, network.rows_per_pass};
  });
}

SEQLOOM_EXPORT int seqloom_streams_new(void* weights, int count, int threads, void** handle) {
  return guard([&] {
    checked("streams", handle) = nullptr;
    Weights& packed = weights_of(weights);
    check_range("number of streams", count, 0, INT32_MAX);
    check_range("number of threads", threads, 1, kMaxThreads);
    auto streams = std::make_unique<Streams>(*packed.kernels, *packed.network, threads);
    streams->resize(count);
    *handle = streams.release();
  });
}

SEQLOOM_EXPORT void seqloom_streams_delete(void* handle) { delete static_cast<Streams*>(handle); }

SEQLOOM_EXPORT int seqloom_streams_resize(void* handle, int count) {
  return guard([&] {
    check_range("number of streams", count, 0, INT32_MAX);
    streams_of(handle).resize(count);
  });
}

SEQLOOM_EXPORT int seqloom_streams_clear(void* handle, int stream) {
  return guard([&] { streams_containing(handle, stream).clear(stream); });
}

// Make stream i a copy of stream `sources[i]`. `count`, the length of `sources`, must be the number of streams.
SEQLOOM_EXPORT int seqloom_streams_reorder(void* handle, const int32_t* sources, int count) {
  return guard([&] {
    Streams& streams = streams_of(handle);
    if (count != streams.count())
      refuse("%d indices do not fit %d streams: there must be one for each stream", count, streams.count());
    check_all("stream", sources, count, 0, streams.count() - 1);
    streams.reorder(sources);
  });
}

SEQLOOM_EXPORT int seqloom_streams_read_state(void* handle, int stream, std::byte* state, size_t bytes) {
  return guard([&] {
    const Streams& streams = streams_containing(handle, stream);
    check_state_size(streams, bytes);
    streams.read_state(stream, &checked("state", state));
  });
}

SEQLOOM_EXPORT int seqloom_streams_write_state(void* handle, int stream, const std::byte* state, size_t bytes) {
  return guard([&] {
    Streams& streams = streams_containing(handle, stream);
    check_state_size(streams, bytes);
    streams.write_state(stream, &checked("state", state));
  });
}

// Return a pointer to the logits in the stream's memory, which is valid until the streams are resized or deleted.
SEQLOOM_EXPORT int seqloom_streams_logits(void* handle, int stream, const float** logits) {
  return guard([&] { checked("logits", logits) = streams_containing(handle, stream).logits(stream); });
}

SEQLOOM_EXPORT int seqloom_streams_set_logits(void* handle, int stream, const float* logits) {
  return guard([&] { streams_containing(handle, stream).set_logits(stream, &checked("logits", logits)); });
}

// `bias` is [streams, width], where width is gates * units of the layer; null removes the bias.
SEQLOOM_EXPORT int seqloom_streams_set_gate_bias(void* handle, int layer, const float* bias, int width) {
  return guard([&] {
    Streams& streams = streams_of(handle);
    check_layer(streams, layer);
    check_gate_bias_width(streams, layer, width);
    streams.set_gate_bias(layer, bias);
  });
}

SEQLOOM_EXPORT int seqloom_streams_set_logit_bias(void* handle, const float* bias) {
  return guard([&] { streams_of(handle).set_logit_bias(bias); });
}

SEQLOOM_EXPORT int seqloom_streams_set_stream_gate_bias(void* handle, int stream, int layer, const float* bias,
                                                        int width) {
  return guard([&] {
    Streams& streams = streams_containing(handle, stream);
    check_layer(streams, layer);
    check_gate_bias_width(streams, layer, width);
    streams.set_stream_gate_bias(stream, layer, &checked("bias", bias));
  });
}

SEQLOOM_EXPORT int seqloom_streams_set_stream_logit_bias(void* handle, int stream, const float* bias) {
  return guard([&] { streams_containing(handle, stream).set_stream_logit_bias(stream, &checked("bias", bias)); });
}

SEQLOOM_EXPORT int seqloom_streams_set_guidance(void* handle, float guidance) {
  return guard([&] { streams_of(handle).set_guidance(guidance); });
}

SEQLOOM_EXPORT int seqloom_streams_step(void* handle, const int32_t* tokens) {
  return guard([&] {
    Streams& streams = streams_of(handle);
    check_optional_tokens(streams, tokens, streams.count());
    streams.step(tokens);
  });
}

SEQLOOM_EXPORT int seqloom_streams_read(void* handle, int stream, const int32_t* tokens, int num_tokens) {
  return guard([&] {
    Streams& streams = streams_containing(handle, stream);
    check_tokens(streams, tokens, num_tokens);
    streams.read(stream, tokens, num_tokens);
  });
}

SEQLOOM_EXPORT int seqloom_streams_read_many(void* handle, int stream, const int32_t* tokens, int num_tokens,
                                             int num_kept, float* logits) {
  return guard([&] {
    Streams& streams = streams_containing(handle, stream);
    check_tokens(streams, tokens, num_tokens);
    check_range("number of tokens to keep", num_kept, 1, num_tokens);
    streams.read_many(stream, tokens, num_tokens, num_kept, &checked("logits", logits));
  });
}

SEQLOOM_EXPORT int seqloom_streams_score(void* handle, const ScoringRequest* request) {
  return guard([&] {
    Streams& streams = streams_of(handle);
    check_scoring(streams, checked("request", request));
    streams.score(*request);
  });
}

SEQLOOM_EXPORT int seqloom_streams_set_sampling(void* handle, const SamplingSettings* settings) {
  return guard([&] {
    Streams& streams = streams_of(handle);
    check_sampling(checked("settings", settings), streams.network().vocabulary);
    streams.set_sampling(*settings);
  });
}

SEQLOOM_EXPORT int seqloom_streams_set_stream_sampling(void* handle, int stream, const SamplingSettings* settings) {
  return guard([&] {
    Streams& streams = streams_containing(handle, stream);
    check_sampling(checked("settings", settings), streams.network().vocabulary);
    streams.set_stream_sampling(stream, *settings);
  });
}

SEQLOOM_EXPORT int seqloom_streams_begin(void* handle, int stream, uint64_t seed, uint64_t index, const int32_t* recent,
                                         int num_recent, uint64_t variants) {
  return guard([&] {
    Streams& streams = streams_containing(handle, stream);
    if (!streams.can_sample(stream)) refuse("the sampling settings are not set: set them before a sample begins");
    check_tokens(streams, recent, num_recent);
    streams.begin(stream, seed, index, recent, num_recent, variants);
  });
}

SEQLOOM_EXPORT int seqloom_streams_end(void* handle, int stream) {
  return guard([&] { streams_containing(handle, stream).end(stream); });
}

SEQLOOM_EXPORT int seqloom_streams_generate(void* handle, const GenerationOutput* output) {
  return guard([&] {
    Streams& streams = streams_of(handle);
    check_generation(streams, checked("output", output));
    streams.generate(*output);
  });
}

SEQLOOM_EXPORT int seqloom_streams_draft_statistics(void* handle, int stream, DraftStatistics* statistics) {
  return guard(
      [&] { checked("statistics", statistics) = streams_containing(handle, stream).draft_statistics(stream); });
}

// Write the log-probabilities of the stream's next token [vocabulary]. `is_valid` becomes 1, or 0 if a logit is
// infinite or NaN, or if every token is excluded; the log-probabilities then mean nothing.
SEQLOOM_EXPORT int seqloom_streams_distribution(void* handle, int stream, double* log_probs, int* is_valid) {
  return guard([&] {
    Streams& streams = streams_containing(handle, stream);
    if (!streams.can_sample(stream) || !streams.has_begun(stream))
      refuse("stream %d has not begun a sample: set the sampling settings and begin one first", stream);
    if (streams.network().points) refuse("the distribution of points cannot be written token by token");
    checked("is_valid", is_valid) = streams.distribution(stream, &checked("log-probabilities", log_probs));
  });
}

// Write the first `count` uniform random numbers of the sample that `seed` and `index` identify.
SEQLOOM_EXPORT int seqloom_uniforms(uint64_t seed, uint64_t index, int count, double* numbers) {
  return guard([&] {
    check_range("count", count, 0, INT32_MAX);
    if (count > 0) check_pointer("numbers", numbers);
    UniformStream uniforms(seed, index);
    for (int i = 0; i < count; ++i) numbers[i] = uniforms.next();
  });
}
