// Decoding without Python, for sanitizers: every instruction set, core and precision, alone and side by side.
//
// Says what went wrong and ends with 1, or which instruction sets are sound.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <random>
#include <vector>

#include "decoding/lanes.h"

using namespace seqloom;
using namespace seqloom::decoding;

namespace {

int faults = 0;

void expect(bool held, const char* kernels, const char* what) {
  if (held) return;
  std::printf("%s: %s\n", kernels, what);
  ++faults;
}

// Random arrays that live as long as the model is made.
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
  const Model model{core,          precision, kVocabulary, static_cast<int>(layers.size()), layers.data(),
                    arrays.make(kVocabulary * inputs), arrays.make(kVocabulary),
                    kDrafts,       std::size(kDrafted), arrays.make(kDrafts * std::size(kDrafted) * inputs),
                    arrays.make(kDrafts * std::size(kDrafted)), kDrafted};
  return std::unique_ptr<Network>(kernels.new_network(model));
}

struct Output {
  explicit Output(int lanes, int most)
      : most(most), tokens(lanes * most), nats(2 * lanes * most), counts(lanes), endings(lanes) {}
  Written written() {
    return {most, tokens.data(), nats.data(), nats.data() + nats.size() / 2, counts.data(), endings.data()};
  }
  int most;
  std::vector<int32_t> tokens;
  std::vector<double> nats;
  std::vector<int32_t> counts, endings;
};

// What lanes of these seeds write in chunks.
std::vector<std::vector<int32_t>> write(const Kernels& kernels, const Network& network, const SamplingSettings& settings,
                                        int first, int count, int threads) {
  Lanes lanes(kernels, network, threads);
  lanes.resize(count);
  const int32_t prompt[] = {3, 1, 4};
  lanes.set_sampling(settings);
  for (int lane = 0; lane < count; ++lane) {
    lanes.read(lane, prompt, 3);
    lanes.begin(lane, 5, first + lane, prompt, 3, first + lane);
  }
  std::vector<std::vector<int32_t>> texts(count);
  for (int most : {1, 2, 7, 64, 64}) {
    Output output(count, most);
    lanes.write(output.written());
    for (int lane = 0; lane < count; ++lane) {
      const int32_t* from = output.tokens.data() + lane * most;
      texts[lane].insert(texts[lane].end(), from, from + output.counts[lane]);
      expect(output.endings[lane] != kNotFinite, kernels.name, "logits are not finite");
    }
  }
  return texts;
}

void check(const Kernels& kernels, const Network& network, const SamplingSettings& settings) {
  const auto together = write(kernels, network, settings, 0, 7, 3);
  for (const auto& text : together) {
    const bool whole = text.size() == static_cast<size_t>(settings.length);
    expect(whole || (!text.empty() && text.back() == settings.boundary), kernels.name, "a text ends too early");
  }
  // As many as fill tiles of rows, and some left over.
  const auto many = write(kernels, network, settings, 0, 21, 1);
  for (int lane = 0; lane < 7; ++lane)
    expect(many[lane] == together[lane], kernels.name, "tiles change a text");
  for (int lane = 0; lane < 2; ++lane)
    expect(write(kernels, network, settings, lane, 1, 1)[0] == together[lane], kernels.name, "a batch changes a text");
}

// Tokens read at once, of which some are forgotten.
void read_at_once(const Kernels& kernels, const Network& network) {
  Lanes lanes(kernels, network, 1);
  lanes.resize(2);
  const int32_t tokens[] = {1, 7, 3, 30, 2, 2, 9};
  std::vector<float> logits(7 * kVocabulary);
  lanes.read_many(0, tokens, 7, 3, logits.data());
  lanes.read_many(0, tokens + 3, 4, 4, logits.data());
  lanes.read(1, tokens, 7);
  expect(std::memcmp(lanes.logits(0), lanes.logits(1), kVocabulary * sizeof(float)) == 0, kernels.name,
         "tokens read at once are not what they are one by one");
}

// States read and put back, copies, biases, and lanes that come and go.
void move_about(const Kernels& kernels, const Network& network, Core core) {
  Lanes lanes(kernels, network, 2);
  lanes.resize(3);
  const int32_t tokens[] = {1, 2, -1}, swap[] = {2, 0, 1}, copy[] = {1, 1, 1};
  lanes.step(tokens);
  std::vector<std::byte> state(network.state_bytes);
  lanes.read_state(0, state.data());
  lanes.reorder(swap);
  lanes.write_state(0, state.data());
  const int32_t next[] = {5, 5, 5};
  lanes.step(next);
  expect(std::memcmp(lanes.logits(0), lanes.logits(1), kVocabulary * sizeof(float)) == 0, kernels.name, "a state is lost");
  lanes.reorder(copy);
  lanes.resize(5);
  std::vector<float> bias(5 * 4 * kUnits[1], 0.5f);
  if (core != Core::kConvolution) lanes.set_gate_bias(1, bias.data(), (core == Core::kLstm ? 4 : 3) * kUnits[1]);
  lanes.set_logit_bias(bias.data());
  const int32_t all[] = {0, 1, 2, 3, 4};
  lanes.step(all);
  lanes.clear(4);
  lanes.resize(1);
}

// A copy of a marked text goes on with its mark, and what was marked is not marked again.
void copy_marked(const Kernels& kernels, const Network& network) {
  Lanes lanes(kernels, network, 2);
  lanes.resize(3);
  lanes.set_sampling({1.0, 1.0, 0.0, 1.0, 1.0, 0, 8, 90, 0, -1, nullptr, 1, 1, 1, 99});
  for (int lane = 0; lane < 3; ++lane) lanes.begin(lane, 5, lane, nullptr, 0, lane);
  const int32_t from[] = {2, 2, 0};
  for (int part = 0; part < 3; ++part) {
    Output output(3, 30);
    lanes.write(output.written());
    lanes.reorder(from);
    expect(output.counts == std::vector<int32_t>(3, 30), kernels.name, "a marked text ends too early");
  }
}

// Scores alone and side by side, where not every lane reads and not every token is asked.
void score(const Kernels& kernels, const Network& network) {
  constexpr int kLanes = 5, kTime = 9;
  std::vector<int32_t> tokens(kLanes * kTime), targets(kLanes * kTime);
  for (int i = 0; i < kLanes * kTime; ++i) tokens[i] = i * 7 % kVocabulary, targets[i] = i % 3 ? i * 5 % kVocabulary : -1;
  for (int time = 4; time < kTime; ++time) tokens[2 * kTime + time] = -1;
  const auto scored = [&](int first, int count, int threads) {
    std::vector<double> nats(2 * count * kTime);
    std::vector<int32_t> ranks(count * kTime);
    Lanes lanes(kernels, network, threads);
    lanes.resize(count);
    lanes.score({kTime, tokens.data() + first * kTime, targets.data() + first * kTime, nats.data(),
                 nats.data() + count * kTime, ranks.data()});
    return std::vector<double>(nats.begin(), nats.begin() + count * kTime);
  };
  const std::vector<double> together = scored(0, kLanes, 3);
  for (int lane = 0; lane < kLanes; ++lane) {
    const auto from = together.begin() + lane * kTime;
    expect(scored(lane, 1, 1) == std::vector<double>(from, from + kTime), kernels.name, "a batch changes a score");
  }
}

}  // namespace

int main() {
  const std::vector<float> bans(kVocabulary - 5, 0.0f);
  std::vector<float> bias(bans);
  bias.insert(bias.end(), 5, -INFINITY);
  const SamplingSettings settings[] = {
      {1.0, 1.0, 0.0, 1.0, 1.0, 0, 8, 60, 0, -1, nullptr},
      {0.0, 1.0, 0.0, 1.0, 1.0, 0, 8, 60, 0, 2, nullptr},
      {0.8, 0.9, 0.05, 0.95, 1.2, 30, 8, 60, 20, 2, bias.data()},
      {1.0, 1.0, 0.0, 1.0, 1.0, 0, 8, 60, 0, -1, nullptr, 3},
      {0.0, 1.0, 0.0, 1.0, 1.0, 0, 8, 60, 0, 2, nullptr, 2},
      {0.8, 0.9, 0.05, 0.95, 1.2, 30, 8, 60, 20, 2, bias.data(), 3},
      {1.0, 1.0, 0.0, 1.0, 1.0, 0, 8, 60, 0, -1, nullptr, 1, 4, 1, 99},
      {0.8, 0.9, 0.05, 0.95, 1.2, 30, 8, 60, 20, 2, bias.data(), 3, 2, 2, 99},
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
        read_at_once(kernels, *network);
        move_about(kernels, *network, core);
        copy_marked(kernels, *network);
        score(kernels, *network);
      }
    if (faults == 0) std::printf("%s ok\n", kernels.name);
  }
  return faults > 0;
}
