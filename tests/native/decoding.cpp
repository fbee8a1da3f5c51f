// Decodes under the compiler's sanitizers, with every core, every precision, and every instruction set that the library
// contains and the processor supports: streams (texts that are decoded) alone and side by side. Prints what went wrong
// and ends with 1, or prints the instruction sets that passed.
//
// The fields of `SamplingSettings` are, in order: temperature, top_p, min_p, typical_p, repetition_penalty; top_k,
// repetition_window, length, min_length, boundary; bias; tokens_per_step; watermark_width, watermark_groups,
// watermark_key; frequency_penalty, presence_penalty, dry_multiplier, dry_base; dry_breakers; dry_allowed_length;
// top_n_sigma, dynatemp_range, dynatemp_exponent, xtc_probability, xtc_threshold, mirostat_tau, mirostat_eta.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <random>
#include <vector>

#include "decoding/streams.h"

using namespace seqloom;
using namespace seqloom::decoding;

namespace {

int num_faults = 0;

void expect(bool holds, const char* kernels, const char* fault) {
  if (holds) return;
  std::printf("%s: %s\n", kernels, fault);
  ++num_faults;
}

// Random arrays of weights, which live until the network has packed them.
class RandomArrays {
 public:
  const float* make(size_t count) {
    std::normal_distribution<float> normal(0, 0.3f);
    arrays_.emplace_back(count);
    for (float& value : arrays_.back()) value = normal(random_);
    return arrays_.back().data();
  }

 private:
  std::mt19937 random_{7};
  std::vector<std::vector<float>> arrays_;
};

// Shape of the models: tokens, units of each layer, draft heads (which predict tokens further ahead), and the tokens
// that the draft heads predict.
constexpr int kVocabulary = 37, kUnits[] = {21, 40}, kDraftHeads = 2;
constexpr int32_t kDraftTokens[] = {0, 2, 3, 5, 8, 9, 11, 12, 19, 20, 21, 22, 23, 24, 25, 26, 30, 31, 36};

std::unique_ptr<Network> make_network(const Kernels& kernels, Core core, Precision precision) {
  RandomArrays arrays;
  std::vector<LayerWeights> layers;
  int inputs = kVocabulary;
  for (int index = 0; index < 2; ++index) {
    const int units = kUnits[index];
    LayerWeights layer{inputs,  units,   /*taps=*/3, /*dilation=*/1 << index, nullptr, nullptr, nullptr, nullptr,
                       nullptr, nullptr, nullptr};
    if (core == Core::kConvolution) {
      layer.bias = arrays.make(2 * units);
      layer.output = arrays.make(units * units);
      layer.output_bias = arrays.make(units);
      layer.skip = arrays.make((index ? inputs : kVocabulary) * units);
      (index ? layer.input : layer.table) = arrays.make(3 * (index ? inputs : kVocabulary) * 2 * units);
    } else {
      const int columns = (core == Core::kLstm ? 4 : 3) * units;
      layer.bias = arrays.make(columns);
      layer.hidden = arrays.make(columns * units);
      (index ? layer.input : layer.table) = arrays.make((index ? inputs : kVocabulary) * columns);
    }
    layers.push_back(layer);
    inputs = units;
  }
  const Model model{core,
                    precision,
                    kVocabulary,
                    static_cast<int>(layers.size()),
                    layers.data(),
                    arrays.make(kVocabulary * inputs),
                    arrays.make(kVocabulary),
                    kDraftHeads,
                    std::size(kDraftTokens),
                    arrays.make(kDraftHeads * std::size(kDraftTokens) * inputs),
                    arrays.make(kDraftHeads * std::size(kDraftTokens)),
                    kDraftTokens};
  return std::unique_ptr<Network>(kernels.new_network(model));
}

// A network of points on a grid of steps from -1 to 1, and of their end: see `mixture.h`. The table has a row for each of
// three steps to the right, three steps down, two states of the pen, and the end.
std::unique_ptr<Network> make_point_network(const Kernels& kernels, Core core, Precision precision) {
  constexpr int kPoints = 18, kTableRows = 9, kGaussians = 2, kOutputs = 2 * (kGaussians + 1) + 1 + 5 * kGaussians;
  RandomArrays arrays;
  const int units = kUnits[0], columns = (core == Core::kLstm ? 4 : 3) * units;
  LayerWeights layer{kTableRows, units,   /*taps=*/0, /*dilation=*/0, nullptr, nullptr,
                     nullptr,    nullptr, nullptr,    nullptr,        nullptr};
  layer.table = arrays.make(kTableRows * columns);
  layer.bias = arrays.make(columns);
  layer.hidden = arrays.make(columns * units);
  std::vector<int32_t> rows;
  for (int token = 0; token < kPoints; ++token) rows.insert(rows.end(), {token / 6, 3 + token / 2 % 3, 6 + token % 2});
  rows.insert(rows.end(), {8, -1, -1});
  Model model{core,
              precision,
              kPoints + 1,
              /*num_layers=*/1,
              &layer,
              arrays.make(kOutputs * units),
              arrays.make(kOutputs),
              /*num_drafts=*/0,
              /*draft_vocabulary=*/0,
              nullptr,
              nullptr,
              nullptr};
  model.num_table_rows = kTableRows;
  model.num_parts = 3;
  model.token_rows = rows.data();
  model.num_gaussians = kGaussians;
  model.largest_step = 1;
  return std::unique_ptr<Network>(kernels.new_network(model));
}

// The arrays for up to `max_tokens` tokens in each stream.
struct Output {
  explicit Output(int streams, int max_tokens)
      : max_tokens(max_tokens),
        tokens(streams * max_tokens),
        log_probs(streams * max_tokens),
        sampling_log_probs(streams * max_tokens),
        counts(streams),
        endings(streams) {}
  GenerationOutput arrays() {
    return {max_tokens, tokens.data(), log_probs.data(), sampling_log_probs.data(), counts.data(), endings.data()};
  }
  int max_tokens;
  std::vector<int32_t> tokens;
  std::vector<double> log_probs, sampling_log_probs;
  std::vector<int32_t> counts, endings;
};

// Return the texts with the indices `first` to `first + count - 1`, which `count` streams generate in several calls.
std::vector<std::vector<int32_t>> generate(const Kernels& kernels, const Network& network,
                                           const SamplingSettings& settings, int first, int count, int threads) {
  Streams streams(kernels, network, threads);
  streams.resize(count);
  const int32_t prompt[] = {3, 1, 4};
  streams.set_sampling(settings);
  for (int stream = 0; stream < count; ++stream) {
    streams.read(stream, prompt, /*num_tokens=*/3);
    const int index = first + stream;
    streams.begin(stream, /*seed=*/5, index, /*recent=*/prompt, /*num_recent=*/3, /*variants=*/index);
  }
  std::vector<std::vector<int32_t>> texts(count);
  for (int max_tokens : {1, 2, 5, 12}) {
    Output output(count, max_tokens);
    streams.generate(output.arrays());
    for (int stream = 0; stream < count; ++stream) {
      const int32_t* tokens = output.tokens.data() + stream * max_tokens;
      texts[stream].insert(texts[stream].end(), tokens, tokens + output.counts[stream]);
      expect(output.endings[stream] != kNotFinite, kernels.name, "logits are not finite");
    }
  }
  return texts;
}

// Check that texts have the maximum length or end with the boundary token, and do not depend on other streams.
void check_texts(const Kernels& kernels, const Network& network, const SamplingSettings& settings) {
  const auto together = generate(kernels, network, settings, /*first=*/0, /*count=*/7, /*threads=*/3);
  for (const auto& text : together) {
    const bool has_full_length = text.size() == static_cast<size_t>(settings.length);
    expect(has_full_length || (!text.empty() && text.back() == settings.boundary), kernels.name,
           "a text ends too early");
  }
  for (int stream = 0; stream < 2; ++stream)
    expect(generate(kernels, network, settings, stream, /*count=*/1, /*threads=*/1)[0] == together[stream],
           kernels.name, "a batch changes a text");
}

// Check that streams with settings of their own generate together what each generates alone, also after changes of the
// order.
void check_own_settings(const Kernels& kernels, const Network& network, const SamplingSettings* settings, int count) {
  const int32_t prompt[] = {3, 1, 4};
  Streams streams(kernels, network, /*threads=*/3);
  streams.resize(count);
  for (int stream = 0; stream < count; ++stream) {
    streams.read(stream, prompt, /*num_tokens=*/3);
    streams.set_stream_sampling(stream, settings[stream]);
    streams.begin(stream, /*seed=*/5, /*index=*/stream, /*recent=*/prompt, /*num_recent=*/3, /*variants=*/stream);
  }
  std::vector<int32_t> order(count);
  for (int stream = 0; stream < count; ++stream) order[stream] = stream;
  streams.reorder(order.data());
  Output output(count, /*max_tokens=*/20);
  streams.generate(output.arrays());
  for (int stream = 0; stream < count; ++stream) {
    const int32_t* tokens = output.tokens.data() + stream * output.max_tokens;
    const std::vector<int32_t> text(tokens, tokens + output.counts[stream]);
    expect(text == generate(kernels, network, settings[stream], stream, /*count=*/1, /*threads=*/1)[0], kernels.name,
           "a stream with settings of its own generates another text");
  }
}

// Check that texts do not change if there are enough streams to fill a tile (16 rows that one product computes), and
// one more stream.
void check_tiles(const Kernels& kernels, const Network& network, const SamplingSettings& settings) {
  const auto together = generate(kernels, network, settings, /*first=*/0, /*count=*/17, /*threads=*/1);
  for (int stream = 0; stream < 17; stream += 8)
    expect(together[stream] == generate(kernels, network, settings, stream, /*count=*/1, /*threads=*/1)[0],
           kernels.name, "tiles change a text");
}

// Read tokens in one pass, but keep only some of them. Check that the logits equal those of reading the kept tokens one
// by one.
void check_reading_at_once(const Kernels& kernels, const Network& network) {
  Streams streams(kernels, network, 1);
  streams.resize(2);
  const int32_t tokens[] = {1, 7, 3, 30, 2, 2, 9};
  std::vector<float> logits(7 * kVocabulary);
  streams.read_many(0, tokens, /*num_tokens=*/7, /*num_kept=*/3, logits.data());
  streams.read_many(0, tokens + 3, /*num_tokens=*/4, /*num_kept=*/4, logits.data());
  streams.read(1, tokens, /*num_tokens=*/7);
  expect(std::memcmp(streams.logits(0), streams.logits(1), kVocabulary * sizeof(float)) == 0, kernels.name,
         "logits differ between tokens that are read at once and one by one");
}

// Read and write states, copy streams, set biases, and add and remove streams. Check that a state is restored.
void check_changes_of_streams(const Kernels& kernels, const Network& network, Core core) {
  Streams streams(kernels, network, 2);
  streams.resize(3);
  const int32_t tokens[] = {1, 2, -1}, rotation[] = {2, 0, 1}, copies_of_second[] = {1, 1, 1};
  streams.step(tokens);
  std::vector<std::byte> state(network.state_bytes);
  streams.read_state(0, state.data());
  streams.reorder(rotation);
  streams.write_state(0, state.data());
  const int32_t next[] = {5, 5, 5};
  streams.step(next);
  expect(std::memcmp(streams.logits(0), streams.logits(1), kVocabulary * sizeof(float)) == 0, kernels.name,
         "a state is lost");
  streams.reorder(copies_of_second);
  streams.resize(5);
  std::vector<float> bias(5 * 4 * kUnits[1], 0.5f);
  if (core != Core::kConvolution) streams.set_gate_bias(1, bias.data());
  streams.set_logit_bias(bias.data());
  const int32_t all[] = {0, 1, 2, 3, 4};
  streams.step(all);
  streams.clear(4);
  streams.resize(1);
}

// Check that copies of streams with a watermark continue to generate.
void check_copies_with_watermark(const Kernels& kernels, const Network& network) {
  Streams streams(kernels, network, 2);
  streams.resize(3);
  streams.set_sampling({1.0, 1.0, 0.0, 1.0, 1.0, 0, 8, 45, 0, -1, nullptr, 1, 1, 1, 99});
  for (int stream = 0; stream < 3; ++stream)
    streams.begin(stream, /*seed=*/5, /*index=*/stream, /*recent=*/nullptr, /*num_recent=*/0, /*variants=*/stream);
  const int32_t sources[] = {2, 2, 0};
  for (int round = 0; round < 3; ++round) {
    Output output(/*streams=*/3, /*max_tokens=*/15);
    streams.generate(output.arrays());
    streams.reorder(sources);
    expect(output.counts == std::vector<int32_t>(3, 15), kernels.name, "a text with a watermark ends too early");
  }
}

// Score streams alone and side by side, and check that the scores are equal. One stream does not read all tokens, and
// some targets are not scored.
void check_scores(const Kernels& kernels, const Network& network) {
  constexpr int kStreams = 5, kTime = 9;
  std::vector<int32_t> tokens(kStreams * kTime), targets(kStreams * kTime);
  for (int i = 0; i < kStreams * kTime; ++i)
    tokens[i] = i * 7 % network.vocabulary, targets[i] = i % 3 ? i * 5 % network.vocabulary : -1;
  for (int time = 4; time < kTime; ++time) tokens[2 * kTime + time] = -1;
  const auto scores = [&](int first, int count, int threads) {
    std::vector<double> log_probs(count * kTime), entropies(count * kTime);
    std::vector<int32_t> ranks(count * kTime);
    Streams streams(kernels, network, threads);
    streams.resize(count);
    streams.score({kTime, tokens.data() + first * kTime, targets.data() + first * kTime, log_probs.data(),
                   entropies.data(), ranks.data(), /*logits=*/nullptr});
    return log_probs;
  };
  const std::vector<double> together = scores(/*first=*/0, kStreams, /*threads=*/3);
  for (int stream = 0; stream < kStreams; ++stream) {
    const auto begin = together.begin() + stream * kTime;
    expect(scores(stream, /*count=*/1, /*threads=*/1) == std::vector<double>(begin, begin + kTime), kernels.name,
           "a batch changes a score");
  }
}

}  // namespace

int main() {
  // The last five tokens are banned.
  std::vector<float> bias(kVocabulary - 5, 0.0f);
  bias.insert(bias.end(), 5, -INFINITY);
  std::vector<uint8_t> breakers(kVocabulary);
  breakers[4] = 1;
  // See the order of the fields at the top of this file.
  const SamplingSettings settings[] = {
      {1.0, 1.0, 0.0, 1.0, 1.0, 0, 8, 12, 0, -1, nullptr},
      {0.0, 1.0, 0.0, 1.0, 1.0, 0, 8, 12, 0, 2, nullptr},
      {0.8, 0.9, 0.05, 0.95, 1.2, 30, 8, 12, 5, 2, bias.data()},
      {1.0, 1.0, 0.0, 1.0, 1.0, 0, 8, 12, 0, -1, nullptr, 3},
      {0.0, 1.0, 0.0, 1.0, 1.0, 0, 8, 12, 0, 2, nullptr, 2},
      {0.8, 0.9, 0.05, 0.95, 1.2, 30, 8, 12, 5, 2, bias.data(), 3},
      {1.0, 1.0, 0.0, 1.0, 1.0, 0, 8, 12, 0, -1, nullptr, 1, 4, 1, 99},
      {0.8, 0.9, 0.05, 0.95, 1.2, 30, 8, 12, 5, 2, bias.data(), 3, 2, 2, 99},
      {0.8, 1.0, 0.0, 1.0, 1.0, 0, 8, 12, 0, 2, nullptr, 1, 0, 1, 0, 0.3, 0.2, 0.8, 1.75, breakers.data(), 1},
      {0.8, 0.9, 0.0, 1.0, 1.0,  0,       1, 12,  0,   2,   nullptr, 3,    0,   1,
       0,   0.3, 0.2, 0.8, 1.75, nullptr, 2, 1.5, 0.5, 1.0, 0.5,     0.05, 2.0, 0.2},
  };
  constexpr int32_t kEndOfPoints = 18;
  const SamplingSettings settings_of_points[] = {
      {1.0, 1.0, 0.0, 1.0, 1.0, 0, 8, 12, 0, kEndOfPoints, nullptr},
      {0.0, 1.0, 0.0, 1.0, 1.0, 0, 8, 12, 0, kEndOfPoints, nullptr},
      {0.8, 0.9, 0.05, 0.95, 1.0, 5, 8, 12, 5, kEndOfPoints, nullptr},
  };
  for (int index = 0; index < kNumKernels; ++index) {
    const Kernels& kernels = *kAllKernels[index];
    if (!kernels.supported()) continue;
    for (Core core : {Core::kLstm, Core::kGru, Core::kConvolution})
      for (Precision precision : {Precision::kFloat32, Precision::kBfloat16, Precision::kInt8}) {
        const auto network = make_network(kernels, core, precision);
        expect((network == nullptr) == (core == Core::kConvolution && precision == Precision::kInt8), kernels.name,
               "a convolution in int8 is not refused, or another network is refused");
        if (!network) continue;
        for (const SamplingSettings& sampling : settings) check_texts(kernels, *network, sampling);
        check_own_settings(kernels, *network, settings, /*count=*/10);
        check_tiles(kernels, *network, settings[0]);
        check_reading_at_once(kernels, *network);
        check_changes_of_streams(kernels, *network, core);
        check_copies_with_watermark(kernels, *network);
        check_scores(kernels, *network);
      }
    for (Core core : {Core::kLstm, Core::kGru})
      for (Precision precision : {Precision::kFloat32, Precision::kBfloat16, Precision::kInt8}) {
        const auto network = make_point_network(kernels, core, precision);
        for (const SamplingSettings& sampling : settings_of_points) check_texts(kernels, *network, sampling);
        check_own_settings(kernels, *network, settings_of_points, /*count=*/3);
        check_tiles(kernels, *network, settings_of_points[0]);
        check_scores(kernels, *network);
      }
    if (num_faults == 0) std::printf("%s ok\n", kernels.name);
  }
  return num_faults > 0;
}
