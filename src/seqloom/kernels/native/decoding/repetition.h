// The recent tokens of one text, and the penalties that they cause: repetition, frequency, presence and DRY.
//
// `sampling/penalties.py` defines the penalties.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "decoding/settings.h"

namespace seqloom::decoding {

// The newest `repetition_window` tokens of one stream, which the penalties apply to. The boundary token counts as one
// of them but is not penalised. The settings must outlive the calls of `add`.
class RepetitionHistory {
 public:
  RepetitionHistory(int vocabulary, const SamplingSettings& settings) : settings_(&settings) {
    const bool has_exponents = settings.repetition_penalty != 1, has_dry = settings.dry_multiplier > 0;
    const bool has_penalties = settings.frequency_penalty != 0 || settings.presence_penalty != 0 || has_dry;
    if (!has_exponents && !has_penalties) return;
    ring_.assign(settings.repetition_window, -1);
    if (ring_.empty()) return;
    counts_.resize(vocabulary);
    if (has_exponents) exponents_.assign(vocabulary + kSlack, 1.0f);
    if (has_penalties) penalties_.resize(vocabulary);
    if (has_dry) match_lengths_.resize(ring_.size()), repeat_lengths_.resize(vocabulary);
  }

  void add(int32_t token) {
    if (ring_.empty()) return;
    if (!match_lengths_.empty()) extend_matches(token);
    const int32_t oldest = ring_[next_];
    ring_[next_] = token;
    next_ = next_ + 1 == ring_.size() ? 0 : next_ + 1;
    if (token != settings_->boundary) ++counts_[token], update(token);
    if (oldest >= 0 && oldest != settings_->boundary) --counts_[oldest], update(oldest);
    if (!match_lengths_.empty()) find_repeats();
  }

  // Return whether recent tokens have any effect.
  bool is_active() const { return !ring_.empty(); }

  // Return the exponents to which the repetition penalty raises the probabilities of all tokens; null if it is off.
  const float* exponents() const { return exponents_.empty() ? nullptr : exponents_.data(); }

  // Return the sums of the other penalties, to subtract from the logits of all tokens; null if all are off.
  const double* penalties() const { return penalties_.empty() ? nullptr : penalties_.data(); }

 private:
  // Further elements of `exponents_`, because sampler chains read whole vectors.
  static constexpr int kSlack = 64;

  // The largest penalty of DRY, as in `sampling/penalties.py`.
  static constexpr double kMaxDryPenalty = 1e6;

  size_t slot_before(size_t slot) const { return slot == 0 ? ring_.size() - 1 : slot - 1; }

  bool is_breaker(int32_t token) const { return settings_->dry_breakers && settings_->dry_breakers[token]; }

  // Update the penalties of a token whose count or repeat has changed.
  void update(int32_t token) {
    const uint32_t count = counts_[token];
    if (!exponents_.empty()) exponents_[token] = count > 0 ? static_cast<float>(settings_->repetition_penalty) : 1.0f;
    if (penalties_.empty()) return;
    double penalty = settings_->frequency_penalty * count + (count > 0 ? settings_->presence_penalty : 0);
    if (!repeat_lengths_.empty() && repeat_lengths_[token] > 0) {
      const int32_t excess = repeat_lengths_[token] - settings_->dry_allowed_length;
      penalty += std::min(settings_->dry_multiplier * std::pow(settings_->dry_base, excess), kMaxDryPenalty);
    }
    penalties_[token] = penalty;
  }

  // Update `match_lengths_` before a token is added to the ring: a match that ends at some token becomes longer by one
  // if the new token repeats the next one. The newest tokens come first, because a match refers to the token before.
  void extend_matches(int32_t token) {
    const bool can_match = !is_breaker(token);
    for (size_t slot = slot_before(next_); slot != next_;) {
      const size_t before = slot_before(slot);
      match_lengths_[slot] = can_match && ring_[slot] == token ? match_lengths_[before] + 1 : 0;
      slot = before;
    }
    match_lengths_[next_] = 0;
  }

  // Find the longest repeat that each token would extend, and update the penalties.
  void find_repeats() {
    for (const int32_t token : repeated_) repeat_lengths_[token] = 0, update(token);
    repeated_.clear();
    const int32_t window = static_cast<int32_t>(ring_.size());
    size_t slot = next_;  // the oldest token
    for (int32_t age = 1; age < window; ++age) {
      const size_t after = slot + 1 == ring_.size() ? 0 : slot + 1;
      // The tokens before the window have been forgotten.
      const int32_t length = std::min(match_lengths_[slot], age), following = ring_[after];
      slot = after;
      if (length < settings_->dry_allowed_length || is_breaker(following)) continue;
      if (repeat_lengths_[following] == 0) repeated_.push_back(following);
      repeat_lengths_[following] = std::max(repeat_lengths_[following], length);
    }
    for (const int32_t token : repeated_) update(token);
  }

  const SamplingSettings* settings_;
  std::vector<int32_t> ring_;  // the newest tokens; the oldest of them at `next_`
  size_t next_ = 0;
  std::vector<uint32_t> counts_;  // how often each token occurs in `ring_`
  std::vector<float> exponents_;
  std::vector<double> penalties_;
  // For each token of `ring_`, how many tokens up to it equal the newest tokens of the text.
  std::vector<int32_t> match_lengths_;
  // For each token of the vocabulary, the length of the repeat that it would extend; and the tokens where that is not 0.
  std::vector<int32_t> repeat_lengths_, repeated_;
};

}  // namespace seqloom::decoding
