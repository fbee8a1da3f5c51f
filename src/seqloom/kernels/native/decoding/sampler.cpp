#include "decoding/sampler.h"

#include <algorithm>

namespace seqloom::decoding {

Sampler::Sampler(const Kernels& kernels, const Network& network, const SamplingSettings& settings, int threads)
    : kernels_(kernels), network_(network), settings_(settings), workspaces_(threads) {
  if (settings.bias) bias_.assign(settings.bias, settings.bias + network.vocabulary);
  if (settings.dry_breakers) dry_breakers_.assign(settings.dry_breakers, settings.dry_breakers + network.vocabulary);
  settings_.bias = settings.bias ? bias_.data() : nullptr;
  settings_.dry_breakers = settings.dry_breakers ? dry_breakers_.data() : nullptr;
  // Draft logits belong to `draft_tokens`, not to the whole vocabulary: translate boundary and bias.
  const std::vector<int32_t>& draft_tokens = network.draft_tokens;
  draft_settings_ = settings_;
  const auto boundary = std::find(draft_tokens.begin(), draft_tokens.end(), settings.boundary);
  draft_settings_.boundary =
      boundary == draft_tokens.end() ? -1 : static_cast<int32_t>(boundary - draft_tokens.begin());
  if (settings.bias)
    for (const int32_t token : draft_tokens) draft_bias_.push_back(bias_[token]);
  draft_settings_.bias = settings.bias ? draft_bias_.data() : nullptr;
  // Several drafts are drawn before the surprise of the first one is known, which Mirostat would need.
  draft_settings_.mirostat_tau = 0;
  // There are no drafts with a watermark, because its noise determines the tokens.
  const bool has_drafts = settings.watermark_width == 0;
  num_proposers_ = has_drafts ? std::max(0, std::min(settings.tokens_per_step - 1, network.num_drafts)) : 0;
  workspaces_[0] = new_workspace();  // what lacks memory fails here, before any stream changes
}

Workspace& Sampler::workspace(int thread) {
  if (!workspaces_[thread]) workspaces_[thread] = new_workspace();
  return *workspaces_[thread];
}

std::unique_ptr<Workspace> Sampler::new_workspace() const {
  auto workspace = std::make_unique<Workspace>();
  if (network_.points)
    add_chain_of_points(*workspace);
  else
    workspace->chain.reset(kernels_.new_sampler_chain(settings_, network_.vocabulary,
                                                      static_cast<int>(network_.padded_outputs), /*tokens=*/nullptr));
  for (int draft = 0; draft < num_proposers_; ++draft)
    workspace->proposers.emplace_back(kernels_.new_sampler_chain(draft_settings_, network_.draft_tokens.size(),
                                                                 static_cast<int>(network_.padded_drafts),
                                                                 network_.draft_tokens.data()));
  return workspace;
}

// Make the chain that draws one of the choices of `PointMixture`; biases and penalties of tokens do not act on these.
void Sampler::add_chain_of_points(Workspace& workspace) const {
  constexpr float kPaddingLogit = -3.0e38f;  // as in `network.h`
  constexpr size_t kPadding = 64;            // floats, at least a vector of any instruction set
  const size_t count = network_.points->num_choices(), padded = (count + kPadding - 1) / kPadding * kPadding;
  SamplingSettings settings = settings_;
  settings.boundary = network_.points->end_choice();
  workspace.chain.reset(
      kernels_.new_sampler_chain(settings, static_cast<int>(count), static_cast<int>(padded), /*tokens=*/nullptr));
  workspace.choice_logits = new_memory(padded * sizeof(float));
  auto* const logits = reinterpret_cast<float*>(workspace.choice_logits.get());
  std::fill(logits + count, logits + padded, kPaddingLogit);
  workspace.model_choices.resize(count);
  workspace.drawn_choices.resize(count);
}

}  // namespace seqloom::decoding
