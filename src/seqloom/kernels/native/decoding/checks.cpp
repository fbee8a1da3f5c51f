#include "decoding/checks.h"

#include <cmath>
#include <limits>

#include "runtime/status.h"

namespace seqloom::decoding {

namespace {

void check_layer_weights(const Model& model, int index) {
  const LayerWeights& layer = model.layers[index];
  check_range("number of units of a layer", layer.units, 1, kMaxWidth);
  check_range("number of inputs of a layer", layer.inputs, 1, kMaxWidth);
  if (index > 0 && layer.inputs != model.layers[index - 1].units)
    refuse("layer %d has %d inputs, but the layer below has %d units", index, layer.inputs,
           model.layers[index - 1].units);
  check_pointer("bias of a layer", layer.bias);
  check_pointer(index ? "input weights of a layer" : "token table of the first layer",
                index ? layer.input : layer.table);
  if ((index ? layer.table : layer.input) != nullptr)
    refuse("layer %d has %s", index,
           index ? "a token table, which only the first layer may have"
                 : "input weights, which only the layers above the first may have");
  if (model.core != Core::kConvolution) {
    check_pointer("recurrent weights of a layer", layer.hidden);
    return;
  }
  check_range("number of taps of a layer", layer.taps, 1, 1024);
  check_range("dilation of a layer", layer.dilation, 1, kMaxWidth);
  check_pointer("output weights of a layer", layer.output);
  check_pointer("output bias of a layer", layer.output_bias);
  if (index == 0) check_pointer("skip weights of the first layer", layer.skip);
  if (index > 0 && layer.skip == nullptr && layer.inputs != layer.units)
    refuse("layer %d has %d inputs and %d units, but no skip weights", index, layer.inputs, layer.units);
}

void check_number(const char* name, double value, double low, double high) {
  if (!(value >= low && value <= high)) refuse("%s is %g, but must be from %g to %g", name, value, low, high);
}

}  // namespace

void check_model(const Model& model) {
  check_range("core", static_cast<int32_t>(model.core), 0, static_cast<int32_t>(Core::kConvolution));
  check_range("precision", static_cast<int32_t>(model.precision), 0, static_cast<int32_t>(Precision::kInt8));
  check_range("vocabulary", model.vocabulary, 1, kMaxWidth);
  check_range("number of layers", model.num_layers, 1, kMaxLayers);
  check_pointer("layers", model.layers);
  for (int index = 0; index < model.num_layers; ++index) check_layer_weights(model, index);
  if (model.token_rows) {
    if (model.core == Core::kConvolution) refuse("a convolution cannot read tokens that consist of parts");
    check_range("number of rows of the table", model.num_table_rows, 1, kMaxWidth);
    check_range("number of parts of a token", model.num_parts, 1, 1024);
    check_all("row of a token", model.token_rows, int64_t{model.vocabulary} * model.num_parts, -1,
              model.num_table_rows - 1);
    for (int64_t token = 0; token < model.vocabulary; ++token)
      check_range("first row of a token", model.token_rows[token * model.num_parts], 0, model.num_table_rows - 1);
  }
  check_range("number of Gaussians", model.num_gaussians, 0, 1024);
  if (model.num_gaussians > 0) {
    check_range("largest step", model.largest_step, 1, 4096);
    const int64_t size = 2 * int64_t{model.largest_step} + 1, num_points = 2 * size * size;
    check_range("vocabulary of points", model.vocabulary, num_points, num_points + 1);
    check_range("number of draft heads of points", model.num_drafts, 0, 0);
  }
  check_pointer("head weights", model.head);
  check_pointer("head bias", model.head_bias);
  check_range("number of draft heads", model.num_drafts, 0, 1024);
  check_range("draft vocabulary", model.draft_vocabulary, model.num_drafts > 0 ? 1 : 0, model.vocabulary);
  check_all("draft token", model.draft_tokens, model.draft_vocabulary, 0, model.vocabulary - 1);
  if (model.num_drafts == 0) return;
  check_pointer("weights of the draft heads", model.drafts);
  check_pointer("bias of the draft heads", model.draft_bias);
}

void check_sampling(const SamplingSettings& settings, int vocabulary) {
  check_number("temperature", settings.temperature, 0, INFINITY);
  check_number("top_p", settings.top_p, 0, 1);
  check_number("min_p", settings.min_p, 0, 1);
  check_number("typical_p", settings.typical_p, 0, 1);
  check_number("repetition penalty", settings.repetition_penalty, 0, INFINITY);
  constexpr double kLargest = std::numeric_limits<double>::max();
  check_number("frequency penalty", settings.frequency_penalty, -1e6, 1e6);
  check_number("presence penalty", settings.presence_penalty, -1e6, 1e6);
  check_number("DRY multiplier", settings.dry_multiplier, 0, kLargest);
  if (settings.dry_multiplier > 0) {
    check_number("DRY base", settings.dry_base, 1, kLargest);
    check_range("allowed length of DRY", settings.dry_allowed_length, 1, INT32_MAX);
  }
  check_number("top_n_sigma", settings.top_n_sigma, 0, kLargest);
  check_number("range of the dynamic temperature", settings.dynatemp_range, 0, 1e6);
  check_number("exponent of the dynamic temperature", settings.dynatemp_exponent, 0, 1e6);
  check_number("probability of XTC", settings.xtc_probability, 0, 1);
  check_number("threshold of XTC", settings.xtc_threshold, 0, 1);
  check_number("target surprise of Mirostat", settings.mirostat_tau, 0, 1e6);
  check_number("learning rate of Mirostat", settings.mirostat_eta, 0, 1e6);
  check_range("top_k", settings.top_k, 0, INT32_MAX);
  check_range("repetition window", settings.repetition_window, 0, INT32_MAX);
  check_range("length", settings.length, 0, INT32_MAX);
  check_range("minimum length", settings.min_length, 0, INT32_MAX);
  check_range("boundary token", settings.boundary, -1, vocabulary - 1);
  check_range("number of tokens per step", settings.tokens_per_step, 0, INT32_MAX);
  check_range("watermark width", settings.watermark_width, 0, 1024);
  // Each group uses 16 of the 64 bits in a text's `variants`, so there are at most four groups.
  if (settings.watermark_width > 0) check_range("number of watermark groups", settings.watermark_groups, 1, 4);
}

void check_stream(const Streams& streams, int stream) { check_index("stream", stream, streams.count()); }

void check_layer(const Streams& streams, int layer) {
  check_index("layer", layer, static_cast<int64_t>(streams.network().gate_widths.size()));
}

void check_tokens(const Streams& streams, const int32_t* tokens, int64_t count) {
  check_range("number of tokens", count, 0, kMaxTokens);
  check_all("token", tokens, count, 0, streams.network().vocabulary - 1);
}

void check_optional_tokens(const Streams& streams, const int32_t* tokens, int64_t count) {
  check_range("number of tokens", count, 0, kMaxTokens);
  // Negative ids mean "no token".
  check_all("token", tokens, count, INT32_MIN, streams.network().vocabulary - 1);
}

void check_scoring(const Streams& streams, const ScoringRequest& request) {
  check_range("number of positions", request.time, 0, INT32_MAX);
  const int64_t positions = int64_t{request.time} * streams.count();
  check_optional_tokens(streams, request.tokens, positions);
  check_optional_tokens(streams, request.targets, positions);
  if (positions == 0) return;
  check_pointer("log-probabilities", request.log_probs);
  check_pointer("entropies", request.entropies);
  check_pointer("ranks", request.ranks);
}

void check_generation(const Streams& streams, const GenerationOutput& output) {
  if (!streams.can_sample()) refuse("the sampling settings are not set: set them before generation");
  check_range("maximum number of tokens", output.max_tokens, 1, INT32_MAX);
  const int count = streams.count();
  if (streams.guided() && count % 2) refuse("guidance pairs streams, so their number must be even, but is %d", count);
  for (int stream = count / 2; stream < count; ++stream)
    if (streams.guided() && streams.is_running(stream))
      refuse("stream %d guides stream %d and cannot generate: end its sample", stream, stream - count / 2);
  if (count == 0) return;
  check_pointer("tokens", output.tokens);
  check_pointer("log-probabilities", output.log_probs);
  check_pointer("sampling log-probabilities", output.sampling_log_probs);
  check_pointer("counts", output.counts);
  check_pointer("endings", output.endings);
}

}  // namespace seqloom::decoding
