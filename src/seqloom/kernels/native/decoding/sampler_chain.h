// The sampler chain: bias and bans, repetition, temperature, top-k, typical, top-p, min-p, and the draw.
//
// The plain implementation in Python defines each transform; here values are in single precision and sums in double.
// Probabilities stay unnormalised, with the most likely token at 1. Without filters there is one value for every token;
// filters work on the few candidates that any of them could keep.
#pragma once

#include <cmath>

#include "decoding/filters.h"
#include "decoding/sampling.h"

namespace seqloom::SEQLOOM_ISA::decoding {

using namespace seqloom::decoding;

// Tokens with a logit below this are excluded.
constexpr float kExcludedLogit = -1.0e37f;

// e to the x; 0 where that is negligible.
inline Vec exponential_or_zero(Vec x) { return x > broadcast(-87.0f) ? exponential(x) : Vec{}; }

class Transforms final : public SamplerChain {
 public:
  Transforms(const SamplingSettings& settings, size_t vocabulary, size_t padded, const int32_t* tokens)
      : settings_(settings),
        vocabulary_(vocabulary),
        padded_(padded),
        tokens_(tokens),
        bias_(padded),
        adjusted_(padded),
        mass_(padded),
        excess_(settings.tokens_per_step > 1 ? padded : 0),
        powers_(tokens && settings.repetition_penalty != 1 ? padded : 0),
        candidates_(filters() ? padded : 0) {
    if (settings.bias) std::memcpy(bias_.data(), settings.bias, vocabulary * sizeof(float));
    for (size_t place = 0; place < powers_.size(); ++place) powers_[place] = 1;
    inverse_ = settings.temperature > 0 ? static_cast<float>(std::min(1 / settings.temperature, 1e38)) : 0;
  }

  bool choose(const float* logits, const RepetitionHistory& history, bool early, double uniform,
              Choice& choice) override {
    if (!compute_masses(logits, history, early)) return false;
    if (filters())
      draw_candidate(uniform, choice);
    else if (settings_.temperature == 0)
      choice = {best_, 0, 0};
    else
      return choose(draw(mass_.data(), total_, uniform), logits, choice), true;
    choice.log_prob = model_log_prob(logits, choice.token);
    return true;
  }

  bool choose_watermarked(const float* logits, const RepetitionHistory& history, bool early, const Noise& noise,
                          Choice& choice) override {
    if (!compute_masses(logits, history, early)) return false;
    if (filters()) {
      const int place = gumbel_argmax(candidates_.mass.data(), candidates_.token.data(), candidates_.count, noise);
      const double share = candidates_.mass[place] / candidates_.total();
      choice = {candidates_.token[place], model_log_prob(logits, candidates_.token[place]), std::log(share)};
    } else if (settings_.temperature == 0) {
      choice = {best_, model_log_prob(logits, best_), 0};
    } else {
      choose(gumbel_argmax(mass_.data(), nullptr, static_cast<int>(vocabulary_), noise), logits, choice);
    }
    return true;
  }

  bool distribution(const float* logits, const RepetitionHistory& history, bool early,
                    double* log_probabilities) override {
    if (!compute_masses(logits, history, early)) return false;
    for (size_t token = 0; token < vocabulary_; ++token) log_probabilities[token] = -INFINITY;
    if (filters()) {
      const double all = candidates_.total();
      for (int i = 0; i < candidates_.count; ++i)
        log_probabilities[candidates_.token[i]] = std::log(candidates_.mass[i] / all);
    } else if (settings_.temperature == 0) {
      log_probabilities[best_] = 0;
    } else {
      for (size_t token = 0; token < vocabulary_; ++token) log_probabilities[token] = std::log(mass_[token] / total_);
    }
    return true;
  }

  int32_t propose(const float* logits, const RepetitionHistory& history, bool early, double uniform) override {
    total_ = 0;
    if (!compute_masses(logits, history, early)) return -1;
    expand_candidates();
    if (!(total_ > 0)) return -1;
    const int32_t place = draw(mass_.data(), total_, uniform);
    proposed_ = mass_[place];
    return tokens_[place];
  }

  Proposal proposal() const override { return {mass_.data(), tokens_, vocabulary_, total_, proposed_}; }

  // Accept a draft of probability q with probability min(1, p / q) (Leviathan et al. 2023, Chen et al. 2023).
  Verdict verify(const float* logits, const RepetitionHistory& history, bool early, const Proposal& proposal,
                 int32_t draft, double uniform, Choice& choice) override {
    if (!compute_masses(logits, history, early)) return Verdict::kNotFinite;
    expand_candidates();
    if (uniform * proposal.mass * total_ >= mass_[draft] * proposal.total) return Verdict::kRejected;
    choose(draft, logits, choice);
    return Verdict::kAccepted;
  }

  // Draw from the residual distribution max(0, p - q).
  void redraw(const float* logits, const Proposal& proposal, double uniform, Choice& choice) override {
    const float scale = static_cast<float>(total_ / proposal.total);
    std::memcpy(excess_.data(), mass_.data(), padded_ * sizeof(float));
    for (size_t place = 0; place < proposal.count; ++place) {
      float& excess = excess_[proposal.tokens[place]];
      excess = std::max(excess - scale * proposal.masses[place], 0.0f);
    }
    double all = 0;
    for (size_t at = 0; at < padded_; at += kWidth) all += sum(load(excess_.data() + at));
    // Nothing is left if the two differ by less than single precision resolves.
    choose(all > 0 ? draw(excess_.data(), all, uniform) : draw(mass_.data(), total_, uniform), logits, choice);
  }

 private:
  // Number of masses summed in single precision.
  static constexpr size_t kSummed = 16 * kWidth;

  bool filters() const {
    return settings_.temperature != 0 &&
           (settings_.top_k > 0 || settings_.typical_p < 1 || settings_.top_p < 1 || settings_.min_p > 0);
  }

  // Compute the unnormalised probabilities of all tokens that may be drawn; false if the logits are not finite.
  bool compute_masses(const float* logits, const RepetitionHistory& history, bool early) {
    if (!find_peak(logits)) return false;
    const float* values = logits;
    float peak = peak_;
    const bool biased = settings_.bias || (early && settings_.boundary >= 0);
    if (biased) peak = add_bias(logits, early), values = adjusted_.data();
    if (!(peak > kExcludedLogit)) return false;
    const bool as_the_model = !biased && !history.powers() && settings_.temperature == 1;
    total_ = exponentials(logits, peak_, 1, as_the_model ? mass_.data() : nullptr);
    log_total_ = std::log(total_);
    if (history.powers()) {
      const double total = biased ? exponentials(values, peak, 1, nullptr) : total_;
      peak = penalize(values, peak + static_cast<float>(std::log(total)), own(history.powers()));
      values = adjusted_.data();
    }
    if (settings_.temperature == 0)
      for (best_ = 0; values[best_] != peak;) ++best_;
    else if (!as_the_model)
      total_ = exponentials(values, peak, inverse_, mass_.data());
    if (filters()) filter(settings_.temperature == INFINITY ? mass_.data() : values);
    return true;
  }

  // Select the exponents of the tokens that these logits belong to.
  const float* own(const float* powers) {
    if (!tokens_) return powers;
    for (size_t place = 0; place < vocabulary_; ++place) powers_[place] = powers[tokens_[place]];
    return powers_.data();
  }

  // Find the largest logit; false if any is infinite or NaN.
  bool find_peak(const float* logits) {
    Vec top = load(logits), non_finite = {};
    for (size_t at = 0; at < padded_; at += kWidth) {
      const Vec values = load(logits + at);
      top = largest(top, values);
      non_finite += values - values;
    }
    peak_ = peak(top);
    return sum(non_finite) == 0;
  }

  float add_bias(const float* logits, bool early) {
    Vec top = broadcast(-INFINITY);
    for (size_t at = 0; at < padded_; at += kWidth) {
      const Vec values = load(logits + at) + load(bias_.data() + at);
      store(adjusted_.data() + at, values);
      top = largest(top, values);
    }
    if (!early || settings_.boundary < 0) return peak(top);
    adjusted_[settings_.boundary] = -INFINITY;
    top = load(adjusted_.data());
    for (size_t at = 0; at < padded_; at += kWidth) top = largest(top, load(adjusted_.data() + at));
    return peak(top);
  }

  // Raise probabilities to their exponents; return the new peak.
  float penalize(const float* values, float log_total, const float* powers) {
    Vec top = broadcast(-INFINITY);
    for (size_t at = 0; at < padded_; at += kWidth) {
      const Vec raised = (load(values + at) - log_total) * load(powers + at);
      store(adjusted_.data() + at, raised);
      top = largest(top, raised);
    }
    return peak(top);
  }

  // Return the sum of e^((value - peak) * inverse); the terms go to `to` unless it is null.
  double exponentials(const float* values, float peak, float inverse, float* to) const {
    double total = 0;
    for (size_t from = 0; from < padded_; from += kSummed) {
      Vec part = {};
      for (size_t at = from; at < std::min(from + kSummed, padded_); at += kWidth) {
        const Vec value = load(values + at);
        const Vec mass = value > broadcast(kExcludedLogit) ? exponential_or_zero((value - peak) * inverse) : Vec{};
        if (to) store(to + at, mass);
        part += mass;
      }
      total += sum(part);
    }
    return total;
  }

  void filter(const float* ranks) {
    candidates_.gather(mass_.data(), ranks, padded_, least_kept());
    if (settings_.top_k > 0) candidates_.keep_likeliest(settings_.top_k);
    if (settings_.typical_p < 1) candidates_.keep_typical(settings_.typical_p);
    if (settings_.top_p < 1)
      candidates_.keep_nucleus(settings_.top_p, first_is_nucleus() ? total_ : candidates_.total());
    if (settings_.min_p > 0) candidates_.keep_from(settings_.min_p);
  }

  bool first_is_nucleus() const { return settings_.top_k == 0 && settings_.typical_p == 1 && settings_.top_p < 1; }

  // Return a probability below which the first filter keeps nothing: all such tokens together are less than what a
  // nucleus excludes.
  float least_kept() const {
    return first_is_nucleus() ? static_cast<float>(0.999 * (1 - settings_.top_p) * total_ / padded_) : 0;
  }

  void draw_candidate(double uniform, Choice& choice) const {
    const double all = candidates_.total(), target = uniform * all;
    double cumulative = 0;
    int i = 0;
    for (; i + 1 < candidates_.count; ++i) {
      cumulative += candidates_.mass[i];
      if (cumulative > target) break;
    }
    choice = {candidates_.token[i], 0, std::log(candidates_.mass[i] / all)};
  }

  double model_log_prob(const float* logits, int32_t token) const {
    return static_cast<double>(logits[token] - peak_) - log_total_;
  }

  void choose(int32_t token, const float* logits, Choice& choice) const {
    choice = {token, model_log_prob(logits, token), std::log(mass_[token] / total_)};
  }

  // Expand the candidates, or the single most likely token, to a mass for every token.
  void expand_candidates() {
    if (settings_.temperature != 0 && !filters()) return;
    mass_.clear();
    if (!filters()) mass_[best_] = 1;
    for (int i = 0; filters() && i < candidates_.count; ++i) mass_[candidates_.token[i]] = candidates_.mass[i];
    total_ = filters() ? candidates_.total() : 1;
  }

  // Return the first arrival of exponential clocks whose rates are the masses, which equals Gumbel-max sampling without
  // its logarithms. Because -log u >= 1 - u, most logarithms are skipped; a mass of 0 never arrives.
  static int gumbel_argmax(const float* masses, const int32_t* tokens, int count, const Noise& noise) {
    constexpr int kAtOnce = 32;
    double uniforms[kAtOnce], first = INFINITY;
    int first_arrival = 0;
    for (int from = 0; from < count; from += kAtOnce) {
      const int some = std::min(kAtOnce, count - from);
      if (tokens)
        for (int place = 0; place < some; ++place) uniforms[place] = noise(tokens[from + place]);
      else
        for (int place = 0; place < kAtOnce; ++place) uniforms[place] = noise(from + place);
      for (int place = 0; place < some; ++place) {
        const double mass = masses[from + place];
        if (1 - uniforms[place] >= first * mass) continue;
        const double time = -std::log(uniforms[place]) / mass;
        if (time < first) first = time, first_arrival = from + place;
      }
    }
    return first_arrival;
  }

  // Search vector by vector, then token by token.
  int32_t draw(const float* masses, double total, double uniform) const {
    const double target = uniform * total;
    double cumulative = 0;
    size_t last = 0, at = 0;
    for (; at < padded_; at += kWidth) {
      const double part = sum(load(masses + at));
      if (part == 0) continue;
      last = at;
      if (cumulative + part > target) break;
      cumulative += part;
    }
    size_t token = last;
    for (size_t next = last; next < last + kWidth; ++next) {
      if (masses[next] == 0) continue;
      token = next;
      cumulative += masses[next];
      if (at < padded_ && cumulative > target) break;
    }
    return static_cast<int32_t>(token);
  }

  SamplingSettings settings_;
  size_t vocabulary_, padded_;
  const int32_t* tokens_;
  Buffer<float> bias_, adjusted_, mass_, excess_, powers_;
  Candidates candidates_;
  float inverse_, peak_ = 0;
  double total_ = 0, log_total_ = 0, proposed_ = 0;
  int32_t best_ = 0;
};

}  // namespace seqloom::SEQLOOM_ISA::decoding
