// A mixture of bivariate Gaussians and the states of a pen, whose parameters a head puts out: draws of points, and their
// log-probabilities. `kernels/heads/mixture_density.py` defines the distribution and the order of the outputs.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace seqloom::decoding {

class PointMixture {
 public:
  // `vocabulary` is the number of points, plus 1 if a token ends a drawing. A point has steps from -`largest_step` to
  // `largest_step`.
  PointMixture(int gaussians, int largest_step, int vocabulary)
      : gaussians_(gaussians),
        components_(gaussians + 1),
        largest_step_(largest_step),
        size_(2 * largest_step + 1),
        num_points_(2 * size_ * size_),
        has_end_(vocabulary > num_points_) {}

  // The choices are each component with the pen down, each with the pen lifted, and the end; their logits are the first
  // outputs. The last component is uniform, the others are Gaussians.
  int num_choices() const { return 2 * components_ + (has_end_ ? 1 : 0); }
  int end_choice() const { return has_end_ ? 2 * components_ : -1; }
  int num_outputs() const { return num_choices() + 5 * gaussians_; }

  // Return whether all outputs are finite.
  bool is_finite(const float* outputs) const {
    float sum = 0;
    for (int i = 0; i < num_outputs(); ++i) sum += outputs[i] - outputs[i];  // 0 for a finite number, otherwise NaN
    return sum == 0;
  }

  // Write the probabilities of the choices.
  void choice_probabilities(const float* outputs, double* probabilities) const {
    const double peak = *std::max_element(outputs, outputs + num_choices());
    double total = 0;
    for (int i = 0; i < num_choices(); ++i) total += probabilities[i] = std::exp(outputs[i] - peak);
    for (int i = 0; i < num_choices(); ++i) probabilities[i] /= total;
  }

  // Return the token of a choice, by the Box-Muller transform of two uniform numbers in [0, 1).
  int32_t token(const float* outputs, int choice, double temperature, double uniform_1, double uniform_2) const {
    if (choice == end_choice()) return num_points_;
    const int is_lifted = choice / components_, component = choice % components_;
    if (component == gaussians_)
      return token_of(static_cast<int>(uniform_1 * size_) - largest_step_,
                      static_cast<int>(uniform_2 * size_) - largest_step_, is_lifted);
    const Gaussian gaussian = gaussian_of(outputs, component);
    const double radius = std::sqrt(-2 * std::log(1 - uniform_1) * temperature), angle = kTurn * uniform_2;
    const int x = whole_step(gaussian.mean_x + gaussian.deviation_x * radius * std::cos(angle));
    const int y = whole_step(gaussian.mean_y_at(x) + gaussian.deviation_y * radius * std::sin(angle));
    return token_of(x, y, is_lifted);
  }

  // Return the log-probability of a token, given the probability of each choice. `temperature`, above 0, multiplies the
  // covariance.
  double log_prob(const float* outputs, int32_t token, const double* choices, double temperature) const {
    if (token >= num_points_) return std::log(choices[end_choice()]);
    const int x = token / 2 / size_ - largest_step_, y = token / 2 % size_ - largest_step_;
    const double spread = std::sqrt(temperature);
    const double* const weights = choices + token % 2 * components_;
    double probability = weights[gaussians_] / (static_cast<double>(size_) * size_);
    for (int k = 0; k < gaussians_; ++k) {
      const Gaussian gaussian = gaussian_of(outputs, k);
      const double of_x = weights[k] * mass(interval(x, gaussian.mean_x, gaussian.deviation_x * spread));
      // A mass is at most 1, so most components need no second mass.
      if (of_x <= kNegligible * probability) continue;
      probability += of_x * mass(interval(y, gaussian.mean_y_at(x), gaussian.deviation_y * spread));
    }
    return probability > kSmallestProbability ? std::log(probability) : tail_log_prob(outputs, x, y, weights, spread);
  }

 private:
  static constexpr double kTurn = 6.283185307179586, kRootOfHalf = 0.7071067811865476, kStepScale = 16,
                          kSmallestDeviation = 0.2;
  static constexpr double kLargestLogDeviation = 6, kBeyond = 10000;
  // A term that is smaller than a sum by this factor does not change it.
  static constexpr double kNegligible = 1e-20;
  // Below it, probabilities are computed as logarithms, because their factors may be too small for a double.
  static constexpr double kSmallestProbability = 1e-200;

  // One component, in steps: `deviation_y` and, with `slope`, the mean of y are those for a given x.
  struct Gaussian {
    double mean_x, mean_y, deviation_x, deviation_y, slope;
    double mean_y_at(int x) const { return mean_y + slope * (x - mean_x); }
  };

  // The ends of an interval of the standard normal distribution.
  struct Interval {
    double low, high;
  };

  int32_t token_of(int x, int y, int is_lifted) const {
    return ((x + largest_step_) * size_ + y + largest_step_) * 2 + is_lifted;
  }

  Gaussian gaussian_of(const float* outputs, int index) const {
    const float* const first = outputs + num_choices() + index;
    const auto deviation = [&](int parameter) {
      const double log_deviation = std::min<double>(first[parameter * gaussians_], kLargestLogDeviation);
      return kSmallestDeviation + kStepScale * std::exp(log_deviation);
    };
    return {kStepScale * first[0], kStepScale * first[gaussians_], deviation(2), deviation(3), first[4 * gaussians_]};
  }

  // Round half to even, as Python does.
  int whole_step(double value) const {
    const double largest = largest_step_;
    return static_cast<int>(std::nearbyint(std::min(std::max(value, -largest), largest)));
  }

  // Return the interval of a step, in deviations; a step at the edge includes what is beyond it. An interval on the right
  // of the mean is mirrored, since the values of the distribution at its two ends would both be near 1.
  Interval interval(int step, double mean, double deviation) const {
    const double low = ((step <= -largest_step_ ? -kBeyond : step - 0.5) - mean) / deviation;
    const double high = ((step >= largest_step_ ? kBeyond : step + 0.5) - mean) / deviation;
    return low + high > 0 ? Interval{-high, -low} : Interval{low, high};
  }

  static double mass(const Interval& interval) {
    return 0.5 * (std::erfc(-kRootOfHalf * interval.high) - std::erfc(-kRootOfHalf * interval.low));
  }

  static double log_mass(const Interval& interval) {
    const double log_left = log_cdf(interval.low), log_right = log_cdf(interval.high);
    return log_right + std::log(-std::expm1(log_left - log_right));
  }

  // Return the log-probability of a very unlikely point.
  double tail_log_prob(const float* outputs, int x, int y, const double* weights, double spread) const {
    // The largest term so far, and the sum of all terms relative to it.
    double peak = std::log(weights[gaussians_]) - 2 * std::log(size_), sum = weights[gaussians_] > 0 ? 1 : 0;
    for (int k = 0; k < gaussians_; ++k) {
      if (weights[k] == 0) continue;
      const Gaussian gaussian = gaussian_of(outputs, k);
      const double term = std::log(weights[k]) + log_mass(interval(x, gaussian.mean_x, gaussian.deviation_x * spread)) +
                          log_mass(interval(y, gaussian.mean_y_at(x), gaussian.deviation_y * spread));
      if (term > peak) {
        sum = sum * std::exp(peak - term) + 1;
        peak = term;
      } else {
        sum += std::exp(term - peak);
      }
    }
    return peak + std::log(sum);
  }

  // Return the logarithm of the standard normal distribution, far below the mean by its asymptotic series.
  static double log_cdf(double z) {
    constexpr double kLogRootOfTurn = 0.9189385332046727, kTail = -20;
    if (z > 0) return std::log1p(-0.5 * std::erfc(z * kRootOfHalf));
    if (z >= kTail) return std::log(0.5 * std::erfc(-z * kRootOfHalf));
    const double inverse_square = 1 / (z * z);
    const double series = 1 - inverse_square * (1 - 3 * inverse_square * (1 - 5 * inverse_square));
    return -z * z / 2 - kLogRootOfTurn - std::log(-z) + std::log(series);
  }

  int gaussians_, components_, largest_step_, size_, num_points_;
  bool has_end_;
};

}  // namespace seqloom::decoding
