// The sampler chain: bias and bans; repetition, frequency and presence penalties, DRY; top-n-sigma; temperature; top-k,
// typical, top-p, min-p, XTC, Mirostat; and the draw.
//
// `transforms.py`, `penalties.py` and `adaptive_filters.py` in `sampling/` define the transforms. Here values are in
// single precision and sums in double precision. The mass of a token is its unnormalised probability; the most likely
// token has mass 1. Without filters (the transforms from top-k to Mirostat) each token has a mass in `mass_`. With
// filters, the tokens that remain are in `candidates_`.
#pragma once

#include <cmath>

#include "decoding/filters.h"
#include "decoding/sampling.h"

namespace seqloom::SEQLOOM_ISA::decoding {

using namespace seqloom::decoding;

// Tokens with a logit below this are excluded.
constexpr float kExcludedLogit = -1.0e37f;

// Return e^x, but 0 where e^x is negligible.
inline Vec exponential_or_zero(Vec x) { return x > broadcast(-87.0f) ? exponential(x) : Vec{}; }

// A chain for logits of the vocabulary, or of the tokens that drafts are drawn from. `tokens` contains the token of
// each logit; null if logit i belongs to token i.
class TransformChain final : public SamplerChain {
 public:
  TransformChain(const SamplingSettings& settings, size_t vocabulary, size_t padded_vocabulary, const int32_t* tokens)
      : settings_(settings),
        vocabulary_(vocabulary),
        padded_vocabulary_(padded_vocabulary),
        tokens_(tokens),
        bias_(padded_vocabulary),
        adjusted_(padded_vocabulary),
        mass_(padded_vocabulary),
        excess_(settings.tokens_per_step > 1 ? padded_vocabulary : 0),
        exponents_(tokens && settings.repetition_penalty != 1 ? padded_vocabulary : 0),
        candidates_(has_filters() ? padded_vocabulary : 0) {
    if (settings.bias) std::memcpy(bias_.data(), settings.bias, vocabulary * sizeof(float));
    for (size_t i = 0; i < exponents_.size(); ++i) exponents_[i] = 1;
    inverse_temperature_ = settings.temperature > 0 ? static_cast<float>(std::min(1 / settings.temperature, 1e38)) : 0;
  }

  bool choose(const float* logits, const TextState& text, double uniform, Choice& choice) override {
    if (!compute_masses(logits, text)) return false;
    if (has_filters())
      draw_candidate(uniform, choice);
    else if (settings_.temperature == 0)
      choice = {best_token_, 0, 0};
    else
      return set_choice(draw_index(mass_.data(), total_, uniform), logits, choice), true;
    choice.log_prob = model_log_prob(logits, choice.token);
    return true;
  }

  bool choose_watermarked(const float* logits, const TextState& text, const Noise& noise, Choice& choice) override {
    if (!compute_masses(logits, text)) return false;
    if (has_filters()) {
      const int i = gumbel_argmax(candidates_.mass.data(), candidates_.token.data(), candidates_.count, noise);
      const double probability = candidates_.mass[i] / candidates_.total_mass();
      choice = {candidates_.token[i], model_log_prob(logits, candidates_.token[i]), std::log(probability)};
    } else if (settings_.temperature == 0) {
      choice = {best_token_, model_log_prob(logits, best_token_), 0};
    } else {
      set_choice(gumbel_argmax(mass_.data(), nullptr, static_cast<int>(vocabulary_), noise), logits, choice);
    }
    return true;
  }

  bool distribution(const float* logits, const TextState& text, double* log_probabilities) override {
    if (!compute_masses(logits, text)) return false;
    for (size_t token = 0; token < vocabulary_; ++token) log_probabilities[token] = -INFINITY;
    if (has_filters()) {
      const double total = candidates_.total_mass();
      for (int i = 0; i < candidates_.count; ++i)
        log_probabilities[candidates_.token[i]] = std::log(candidates_.mass[i] / total);
    } else if (settings_.temperature == 0) {
      log_probabilities[best_token_] = 0;
    } else {
      for (size_t token = 0; token < vocabulary_; ++token) log_probabilities[token] = std::log(mass_[token] / total_);
    }
    return true;
  }

  int32_t propose(const float* logits, const TextState& text, double uniform) override {
    total_ = 0;
    if (!compute_masses(logits, text)) return -1;
    expand_candidates();
    if (!(total_ > 0)) return -1;
    const int32_t index = draw_index(mass_.data(), total_, uniform);
    proposed_mass_ = mass_[index];
    return tokens_[index];
  }

  Proposal proposal() const override { return {mass_.data(), tokens_, vocabulary_, total_, proposed_mass_}; }

  // Accept a draft with probability min(1, p / q), where p is its probability in this chain, and q in the chain that
  // drew it (Leviathan et al. 2023, Chen et al. 2023).
  Verdict verify(const float* logits, const TextState& text, const Proposal& proposal, int32_t draft, double uniform,
                 Choice& choice) override {
    if (!compute_masses(logits, text)) return Verdict::kNotFinite;
    expand_candidates();
    if (uniform * proposal.draft_mass * total_ >= mass_[draft] * proposal.total_mass) return Verdict::kRejected;
    set_choice(draft, logits, choice);
    return Verdict::kAccepted;
  }

  // Draw from the distribution proportional to the excess, max(0, p - q).
  void redraw(const float* logits, const Proposal& proposal, double uniform, Choice& choice) override {
    const float scale = static_cast<float>(total_ / proposal.total_mass);
    std::memcpy(excess_.data(), mass_.data(), padded_vocabulary_ * sizeof(float));
    for (size_t i = 0; i < proposal.count; ++i) {
      float& excess = excess_[proposal.tokens[i]];
      excess = std::max(excess - scale * proposal.masses[i], 0.0f);
    }
    double total_excess = 0;
    for (size_t i = 0; i < padded_vocabulary_; i += kWidth) total_excess += sum(load(excess_.data() + i));
    // The excess is zero everywhere if p and q are equal in single precision.
    set_choice(total_excess > 0 ? draw_index(excess_.data(), total_excess, uniform)
                                : draw_index(mass_.data(), total_, uniform),
               logits, choice);
  }

 private:
  // Number of masses that are summed in single precision, before the sum is added in double precision.
  static constexpr size_t kSummedInFloat = 16 * kWidth;

  bool has_filters() const {
    return settings_.temperature != 0 &&
           (settings_.top_k > 0 || settings_.typical_p < 1 || settings_.top_p < 1 || settings_.min_p > 0 ||
            settings_.xtc_probability > 0 || settings_.mirostat_tau > 0);
  }

  // Compute the masses of all tokens that may be drawn; with temperature 0, only `best_token_`. Return false if the
  // logits are not finite or exclude every token. `log_total_` belongs to the model, `total_` to the transformed
  // distribution.
  bool compute_masses(const float* logits, const TextState& text) {
    if (!find_peak(logits)) return false;
    const float* values = logits;
    float peak = peak_;
    const RepetitionHistory& history = text.history;
    const bool has_bias = settings_.bias || (text.must_continue && settings_.boundary >= 0);
    if (has_bias) {
      peak = add_bias(logits, text.must_continue);
      values = adjusted_.data();
    }
    if (!(peak > kExcludedLogit)) return false;
    const bool equals_model = !has_bias && !history.exponents() && !history.penalties() && settings_.temperature == 1 &&
                              !has_dynamic_temperature() && settings_.top_n_sigma == 0;
    total_ = sum_masses(logits, peak_, /*inverse_temperature=*/1, equals_model ? mass_.data() : nullptr);
    log_total_ = std::log(total_);
    if (history.exponents()) {
      const double total = has_bias ? sum_masses(values, peak, /*inverse_temperature=*/1, nullptr) : total_;
      peak = penalize(values, peak + static_cast<float>(std::log(total)), exponents_by_logit(history.exponents()));
      values = adjusted_.data();
    }
    if (history.penalties()) {
      subtract(values, history.penalties());
      values = adjusted_.data();
      peak = 0;
    }
    if (settings_.top_n_sigma > 0) {
      exclude_far_below(values, peak);
      values = adjusted_.data();
    }
    if (settings_.temperature == 0)
      for (best_token_ = 0; values[best_token_] != peak;) ++best_token_;
    else if (!equals_model)
      total_ = sum_masses(values, peak,
                          has_dynamic_temperature() ? inverse_dynamic_temperature(values, peak) : inverse_temperature_,
                          mass_.data());
    if (has_filters()) filter(settings_.temperature == INFINITY ? mass_.data() : values, text);
    return true;
  }

  // Return the exponents in the order of the logits of this chain.
  const float* exponents_by_logit(const float* exponents) {
    if (!tokens_) return exponents;
    for (size_t i = 0; i < vocabulary_; ++i) exponents_[i] = exponents[tokens_[i]];
    return exponents_.data();
  }

  // Store the largest logit in `peak_`; return false if a logit is infinite or NaN.
  bool find_peak(const float* logits) {
    Vec top = load(logits), non_finite = {};
    for (size_t i = 0; i < padded_vocabulary_; i += kWidth) {
      const Vec values = load(logits + i);
      top = lanewise_max(top, values);
      non_finite += values - values;  // 0 for a finite number, otherwise NaN
    }
    peak_ = largest_lane(top);
    return sum(non_finite) == 0;
  }

  // Store the logits plus the bias in `adjusted_`, and exclude the boundary token if the text must not end yet; return
  // the new peak.
  float add_bias(const float* logits, bool must_continue) {
    Vec top = broadcast(-INFINITY);
    for (size_t i = 0; i < padded_vocabulary_; i += kWidth) {
      const Vec values = load(logits + i) + load(bias_.data() + i);
      store(adjusted_.data() + i, values);
      top = lanewise_max(top, values);
    }
    if (!must_continue || settings_.boundary < 0) return largest_lane(top);
    adjusted_[settings_.boundary] = -INFINITY;
    top = load(adjusted_.data());
    for (size_t i = 0; i < padded_vocabulary_; i += kWidth) top = lanewise_max(top, load(adjusted_.data() + i));
    return largest_lane(top);
  }

  // Raise probabilities to their exponents: store `power * log p` in `adjusted_`, and return the new peak.
  float penalize(const float* values, float log_total, const float* exponents) {
    Vec top = broadcast(-INFINITY);
    for (size_t i = 0; i < padded_vocabulary_; i += kWidth) {
      const Vec raised = (load(values + i) - log_total) * load(exponents + i);
      store(adjusted_.data() + i, raised);
      top = lanewise_max(top, raised);
    }
    return largest_lane(top);
  }

  // Subtract the penalties, and store the results in `adjusted_`, shifted so that the largest is 0: otherwise large
  // penalties of all tokens would cost precision.
  void subtract(const float* values, const double* penalties) {
    double top = -INFINITY;
    for (size_t i = 0; i < vocabulary_; ++i) top = std::max(top, values[i] - penalties[tokens_ ? tokens_[i] : i]);
    for (size_t i = 0; i < vocabulary_; ++i)
      adjusted_[i] = static_cast<float>(values[i] - penalties[tokens_ ? tokens_[i] : i] - top);
    for (size_t i = vocabulary_; i < padded_vocabulary_; ++i) adjusted_[i] = -INFINITY;
  }

  // Exclude values more than `top_n_sigma` standard deviations below the peak; store the others in `adjusted_`.
  void exclude_far_below(const float* values, float peak) {
    double mean = 0, variance = 0;
    int count = 0;
    for (size_t i = 0; i < vocabulary_; ++i)
      if (values[i] > kExcludedLogit) mean += static_cast<double>(values[i]) - peak, ++count;
    mean /= count;
    for (size_t i = 0; i < vocabulary_; ++i) {
      const double deviation = values[i] > kExcludedLogit ? static_cast<double>(values[i]) - peak - mean : 0;
      variance += deviation * deviation / count;
    }
    const double distance = settings_.top_n_sigma * std::sqrt(variance) * (1 + Candidates::kTolerance);
    for (size_t i = 0; i < padded_vocabulary_; ++i)
      adjusted_[i] = static_cast<double>(peak) - values[i] <= distance ? values[i] : -INFINITY;
  }

  bool has_dynamic_temperature() const {
    return settings_.dynatemp_range > 0 && settings_.temperature > 0 && settings_.temperature < INFINITY;
  }

  // Return the reciprocal of the temperature that belongs to the entropy of the values (dynamic temperature).
  float inverse_dynamic_temperature(const float* values, float peak) const {
    double total = 0, total_offset = 0, count = 0;  // offsets from the peak are weighted with their masses
    for (size_t i = 0; i < padded_vocabulary_; i += kWidth) {
      const IntVec possible = load(values + i) > broadcast(kExcludedLogit);
      const Vec offset = possible ? load(values + i) - peak : Vec{};
      const Vec mass = possible ? exponential_or_zero(offset) : Vec{};
      total += sum(mass);
      total_offset += sum(mass * offset);
      count += count_selected(possible);
    }
    const double entropy = std::log(total) - total_offset / total;
    const double relative_entropy = count > 1 ? std::min(std::max(entropy / std::log(count), 0.0), 1.0) : 0;
    const double lowest = std::max(settings_.temperature - settings_.dynatemp_range, 0.0);
    const double highest = settings_.temperature + settings_.dynatemp_range;
    const double temperature = lowest + (highest - lowest) * std::pow(relative_entropy, settings_.dynatemp_exponent);
    return static_cast<float>(std::min(1 / temperature, 1e38));
  }

  // Return the sum of the masses e^((value - peak) * inverse_temperature); write them to `masses` unless that is null.
  double sum_masses(const float* values, float peak, float inverse_temperature, float* masses) const {
    double total = 0;
    for (size_t first = 0; first < padded_vocabulary_; first += kSummedInFloat) {
      Vec part = {};
      for (size_t i = first; i < std::min(first + kSummedInFloat, padded_vocabulary_); i += kWidth) {
        const Vec value = load(values + i);
        const Vec mass =
            value > broadcast(kExcludedLogit) ? exponential_or_zero((value - peak) * inverse_temperature) : Vec{};
        if (masses) store(masses + i, mass);
        part += mass;
      }
      total += sum(part);
    }
    return total;
  }

  // Apply the filters. `likeliness` is larger for likelier tokens.
  void filter(const float* likeliness, const TextState& text) {
    candidates_.gather(mass_.data(), likeliness, padded_vocabulary_, mass_threshold());
    if (settings_.top_k > 0) candidates_.keep_likeliest(settings_.top_k);
    if (settings_.typical_p < 1) candidates_.keep_typical(settings_.typical_p);
    if (settings_.top_p < 1)
      candidates_.keep_nucleus(settings_.top_p, starts_with_nucleus() ? total_ : candidates_.total_mass());
    if (settings_.min_p > 0) candidates_.keep_near_likeliest(settings_.min_p);
    if (settings_.xtc_probability > 0 && text.excludes_top_choices)
      candidates_.exclude_top_choices(settings_.xtc_threshold);
    if (settings_.mirostat_tau > 0) candidates_.keep_unsurprising(text.max_surprise);
  }

  // Return whether top-p is the first filter.
  bool starts_with_nucleus() const { return settings_.top_k == 0 && settings_.typical_p == 1 && settings_.top_p < 1; }

  // Return a mass such that the first filter keeps no token below it. If that filter is top-p, all tokens below the
  // threshold together have at most 99.9 % of the mass that top-p excludes. Another filter may keep a token of any
  // mass, so that the threshold is 0.
  float mass_threshold() const {
    return starts_with_nucleus() ? static_cast<float>(0.999 * (1 - settings_.top_p) * total_ / padded_vocabulary_) : 0;
  }

  // Draw one of the candidates; the caller sets `choice.log_prob`.
  void draw_candidate(double uniform, Choice& choice) const {
    const double total = candidates_.total_mass(), target = uniform * total;
    double cumulative = 0;
    int i = 0;
    for (; i + 1 < candidates_.count; ++i) {
      cumulative += candidates_.mass[i];
      if (cumulative > target) break;
    }
    choice = {candidates_.token[i], /*log_prob=*/0, std::log(candidates_.mass[i] / total)};
  }

  double model_log_prob(const float* logits, int32_t token) const {
    return static_cast<double>(logits[token] - peak_) - log_total_;
  }

  // Make a token the choice. `mass_` and `total_` must hold the transformed distribution.
  void set_choice(int32_t token, const float* logits, Choice& choice) const {
    choice = {token, model_log_prob(logits, token), std::log(mass_[token] / total_)};
  }

  // Set `mass_` and `total_` if `compute_masses` only computed the candidates, or, with temperature 0, the best token.
  void expand_candidates() {
    if (settings_.temperature != 0 && !has_filters()) return;
    mass_.clear();
    if (!has_filters()) mass_[best_token_] = 1;
    for (int i = 0; has_filters() && i < candidates_.count; ++i) mass_[candidates_.token[i]] = candidates_.mass[i];
    total_ = has_filters() ? candidates_.total_mass() : 1;
  }

  // Return the index with the smallest time -log(u) / mass, where u is the noise of its token. That is the index with
  // the largest log(mass) - log(-log(u)), which the Gumbel-max trick selects. Because -log(u) >= 1 - u, most logarithms
  // need not be computed. A mass of 0 is never selected. `tokens` is null if mass i belongs to token i.
  static int gumbel_argmax(const float* masses, const int32_t* tokens, int count, const Noise& noise) {
    constexpr int kBlock = 32;
    double uniforms[kBlock], smallest_time = INFINITY;
    int selected = 0;
    for (int first = 0; first < count; first += kBlock) {
      const int block_count = std::min(kBlock, count - first);
      if (tokens)
        for (int i = 0; i < block_count; ++i) uniforms[i] = noise(tokens[first + i]);
      else
        for (int i = 0; i < kBlock; ++i) uniforms[i] = noise(first + i);
      for (int i = 0; i < block_count; ++i) {
        const double mass = masses[first + i];
        if (1 - uniforms[i] >= smallest_time * mass) continue;
        const double time = -std::log(uniforms[i]) / mass;
        if (time < smallest_time) smallest_time = time, selected = first + i;
      }
    }
    return selected;
  }

  // Return the first index at which the cumulative mass exceeds `uniform * total`: search vector by vector, then within
  // the vector. If rounding leaves no such index, return the last index whose mass is not 0.
  int32_t draw_index(const float* masses, double total, double uniform) const {
    const double target = uniform * total;
    double cumulative = 0;
    size_t last = 0, first = 0;  // `last` is the last vector whose mass is not 0
    for (; first < padded_vocabulary_; first += kWidth) {
      const double part = sum(load(masses + first));
      if (part == 0) continue;
      last = first;
      if (cumulative + part > target) break;
      cumulative += part;
    }
    size_t token = last;
    for (size_t next = last; next < last + kWidth; ++next) {
      if (masses[next] == 0) continue;
      token = next;
      cumulative += masses[next];
      if (first < padded_vocabulary_ && cumulative > target) break;
    }
    return static_cast<int32_t>(token);
  }

  SamplingSettings settings_;
  size_t vocabulary_, padded_vocabulary_;
  const int32_t* tokens_;
  // Bias of the settings; logits with the bias, or after the penalty; masses; excess of `redraw`; and exponents of the
  // penalty in the order of the logits of this chain.
  Buffer<float> bias_, adjusted_, mass_, excess_, exponents_;
  Candidates candidates_;
  float inverse_temperature_, peak_ = 0;  // `peak_` is the largest logit
  double total_ = 0, log_total_ = 0, proposed_mass_ = 0;
  int32_t best_token_ = 0;
};

}  // namespace seqloom::SEQLOOM_ISA::decoding
