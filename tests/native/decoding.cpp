// Decoding without Python, for sanitizers: every instruction set, core and precision, alone and side by side.
//
// Prints what went wrong and ends with 1, or prints the instruction sets that passed.
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

int faults = 0;

void expect(bool holds, const char* kernels, const char* what) {
  if (holds) return;
  std::printf("%s: %s\n", kernels, what);
  ++faults;
}

// Random arrays, which live while the model is packed.
class Arrays {
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

constexpr int kVocabulary = 37, kUnits[] = {21, 40}, kDrafts = 2;
constexpr int32_t kDrafted[] = {0, 2, 3, 5, 8, 9, 11, 12, 19, 20, 21, 22, 23, 24, 25, 26, 30, 31, 36};

std::unique_ptr<Network> make_network(const Kernels& kernels, Core core, Precision precision) {
  Arrays arrays;
  std::vector<LayerWeights> layers;
  int inputs = kVocabulary;
  for (int index = 0; index < 2; ++index) {
    const int units = kUnits[index];
    LayerWeights layer{inputs, units, 3, 1 << index, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};
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
                    kDrafts,
                    std::size(kDrafted),
                    arrays.make(kDrafts * std::size(kDrafted) * inputs),
                    arrays.make(kDrafts * std::size(kDrafted)),
                    kDrafted};
  return std::unique_ptr<Network>(kernels.new_network(model));
}

struct Output {
  explicit Output(int streams, int most)
      : most(most), tokens(streams * most), nats(2 * streams * most), counts(streams), endings(streams) {}
  GenerationOutput arrays() {
    return {most, tokens.data(), nats.data(), nats.data() + nats.size() / 2, counts.data(), endings.data()};
  }
  int most;
  std::vector<int32_t> tokens;
  std::vector<double> nats;
  std::vector<int32_t> counts, endings;
};

// Generate text in streams of these seeds, in chunks.
std::vector<std::vector<int32_t>> generate(const Kernels& kernels, const Network& network,
                                           const SamplingSettings& settings, int first, int count, int threads) {
  Streams streams(kernels, network, threads);
  streams.resize(count);
  const int32_t prompt[] = {3, 1, 4};
  streams.set_sampling(settings);
  for (int stream = 0; stream < count; ++stream) {
    streams.read(stream, prompt, 3);
    streams.begin(stream, 5, first + stream, prompt, 3, first + stream);
  }
  std::vector<std::vector<int32_t>> texts(count);
  for (int most : {1, 2, 7, 24, 24}) {
    Output output(count, most);
    streams.generate(output.arrays());
    for (int stream = 0; stream < count; ++stream) {
      const int32_t* from = output.tokens.data() + stream * most;
      texts[stream].insert(texts[stream].end(), from, from + output.counts[stream]);
      expect(output.endings[stream] != kNotFinite, kernels.name, "logits are not finite");
    }
  }
  return texts;
}

void check(const Kernels& kernels, const Network& network, const SamplingSettings& settings) {
  const auto together = generate(kernels, network, settings, 0, 7, 3);
  for (const auto& text : together) {
    const bool whole = text.size() == static_cast<size_t>(settings.length);
    expect(whole || (!text.empty() && text.back() == settings.boundary), kernels.name, "a text ends too early");
  }
  for (int stream = 0; stream < 2; ++stream)
    expect(generate(kernels, network, settings, stream, 1, 1)[0] == together[stream], kernels.name,
           "a batch changes a text");
}

// Enough streams to fill a tile of rows, and one more.
void fill_tiles(const Kernels& kernels, const Network& network, const SamplingSettings& settings) {
  const auto many = generate(kernels, network, settings, 0, 17, 1);
  for (int stream = 0; stream < 17; stream += 8)
    expect(many[stream] == generate(kernels, network, settings, stream, 1, 1)[0], kernels.name, "tiles change a text");
}

// Read tokens in one pass and keep some of them.
void read_at_once(const Kernels& kernels, const Network& network) {
  Streams streams(kernels, network, 1);
  streams.resize(2);
  const int32_t tokens[] = {1, 7, 3, 30, 2, 2, 9};
  std::vector<float> logits(7 * kVocabulary);
  streams.read_many(0, tokens, 7, 3, logits.data());
  streams.read_many(0, tokens + 3, 4, 4, logits.data());
  streams.read(1, tokens, 7);
  expect(std::memcmp(streams.logits(0), streams.logits(1), kVocabulary * sizeof(float)) == 0, kernels.name,
         "tokens read at once are not what they are one by one");
}

// Read and write states, copy streams, set biases, and add and remove streams.
void move_about(const Kernels& kernels, const Network& network, Core core) {
  Streams streams(kernels, network, 2);
  streams.resize(3);
  const int32_t tokens[] = {1, 2, -1}, swap[] = {2, 0, 1}, copy[] = {1, 1, 1};
  streams.step(tokens);
  std::vector<std::byte> state(network.state_bytes);
  streams.read_state(0, state.data());
  streams.reorder(swap);
  streams.write_state(0, state.data());
  const int32_t next[] = {5, 5, 5};
  streams.step(next);
  expect(std::memcmp(streams.logits(0), streams.logits(1), kVocabulary * sizeof(float)) == 0, kernels.name,
         "a state is lost");
  streams.reorder(copy);
  streams.resize(5);
  std::vector<float> bias(5 * 4 * kUnits[1], 0.5f);
  if (core != Core::kConvolution) streams.set_gate_bias(1, bias.data());
  streams.set_logit_bias(bias.data());
  const int32_t all[] = {0, 1, 2, 3, 4};
  streams.step(all);
  streams.clear(4);
  streams.resize(1);
}

// A copy of a watermarked text continues its watermark, and no context is marked twice.
void copy_watermarked(const Kernels& kernels, const Network& network) {
  Streams streams(kernels, network, 2);
  streams.resize(3);
  streams.set_sampling({1.0, 1.0, 0.0, 1.0, 1.0, 0, 8, 45, 0, -1, nullptr, 1, 1, 1, 99});
  for (int stream = 0; stream < 3; ++stream) streams.begin(stream, 5, stream, nullptr, 0, stream);
  const int32_t from[] = {2, 2, 0};
  for (int part = 0; part < 3; ++part) {
    Output output(3, 15);
    streams.generate(output.arrays());
    streams.reorder(from);
    expect(output.counts == std::vector<int32_t>(3, 15), kernels.name, "a marked text ends too early");
  }
}

// Score streams alone and side by side; some streams do not read, and some targets are not scored.
void score(const Kernels& kernels, const Network& network) {
  constexpr int kStreams = 5, kTime = 9;
  std::vector<int32_t> tokens(kStreams * kTime), targets(kStreams * kTime);
  for (int i = 0; i < kStreams * kTime; ++i)
    tokens[i] = i * 7 % kVocabulary, targets[i] = i % 3 ? i * 5 % kVocabulary : -1;
  for (int time = 4; time < kTime; ++time) tokens[2 * kTime + time] = -1;
  const auto scored = [&](int first, int count, int threads) {
    std::vector<double> nats(2 * count * kTime);
    std::vector<int32_t> ranks(count * kTime);
    Streams streams(kernels, network, threads);
    streams.resize(count);
    streams.score({kTime, tokens.data() + first * kTime, targets.data() + first * kTime, nats.data(),
                   nats.data() + count * kTime, ranks.data(), nullptr});
    return std::vector<double>(nats.begin(), nats.begin() + count * kTime);
  };
  const std::vector<double> together = scored(0, kStreams, 3);
  for (int stream = 0; stream < kStreams; ++stream) {
    const auto from = together.begin() + stream * kTime;
    expect(scored(stream, 1, 1) == std::vector<double>(from, from + kTime), kernels.name, "a batch changes a score");
  }
}

}  // namespace

int main() {
  const std::vector<float> bans(kVocabulary - 5, 0.0f);
  std::vector<float> bias(bans);
  bias.insert(bias.end(), 5, -INFINITY);
  const SamplingSettings settings[] = {
      {1.0, 1.0, 0.0, 1.0, 1.0, 0, 8, 24, 0, -1, nullptr},
      {0.0, 1.0, 0.0, 1.0, 1.0, 0, 8, 24, 0, 2, nullptr},
      {0.8, 0.9, 0.05, 0.95, 1.2, 30, 8, 24, 9, 2, bias.data()},
      {1.0, 1.0, 0.0, 1.0, 1.0, 0, 8, 24, 0, -1, nullptr, 3},
      {0.0, 1.0, 0.0, 1.0, 1.0, 0, 8, 24, 0, 2, nullptr, 2},
      {0.8, 0.9, 0.05, 0.95, 1.2, 30, 8, 24, 9, 2, bias.data(), 3},
      {1.0, 1.0, 0.0, 1.0, 1.0, 0, 8, 24, 0, -1, nullptr, 1, 4, 1, 99},
      {0.8, 0.9, 0.05, 0.95, 1.2, 30, 8, 24, 9, 2, bias.data(), 3, 2, 2, 99},
  };
  for (int index = 0; index < kNumKernels; ++index) {
    const Kernels& kernels = *kAllKernels[index];
    if (!kernels.supported()) continue;
    for (Core core : {Core::kLstm, Core::kGru, Core::kConvolution})
      for (Precision precision : {Precision::kFloat32, Precision::kBfloat16, Precision::kInt8}) {
        const auto network = make_network(kernels, core, precision);
        expect((network == nullptr) == (core == Core::kConvolution && precision == Precision::kInt8), kernels.name,
               "a precision is there that should not be, or the other way round");
        if (!network) continue;
        for (const SamplingSettings& one : settings) check(kernels, *network, one);
        fill_tiles(kernels, *network, settings[0]);
        read_at_once(kernels, *network);
        move_about(kernels, *network, core);
        copy_watermarked(kernels, *network);
        score(kernels, *network);
      }
    if (faults == 0) std::printf("%s ok\n", kernels.name);
  }
  return faults > 0;
}
