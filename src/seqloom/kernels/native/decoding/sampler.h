// Sampling settings that streams share, and what each thread needs to draw tokens by them.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "decoding/memory.h"
#include "decoding/model.h"
#include "decoding/sampling.h"
#include "runtime/kernels.h"

namespace seqloom::decoding {

// What one thread needs to sample.
struct Workspace {
  std::unique_ptr<SamplerChain> chain;
  // The chains that draw the drafts, one for each draft head.
  std::vector<std::unique_ptr<SamplerChain>> proposers;
  // The stream's history plus the drafts that were drawn in this pass.
  std::optional<RepetitionHistory> draft_history;
  // Logits after guidance (`Streams::set_guidance`), allocated when they are first needed.
  Memory guided_logits;
  // For points (`mixture.h`): the padded logits of the choices, and the probabilities of the choices, under the model and
  // under the distribution that is drawn from.
  Memory choice_logits;
  std::vector<double> model_choices, drawn_choices;
};

class Sampler {
 public:
  // Copies the arrays of the settings. The network must outlive the sampler.
  Sampler(const Kernels& kernels, const Network& network, const SamplingSettings& settings, int threads);

  const SamplingSettings& settings() const { return settings_; }
  // Number of draft heads that the settings use.
  int num_proposers() const { return num_proposers_; }
  // Return the workspace of a thread, which is made when the thread first needs it.
  Workspace& workspace(int thread);

 private:
  std::unique_ptr<Workspace> new_workspace() const;
  void add_chain_of_points(Workspace& workspace) const;

  const Kernels& kernels_;
  const Network& network_;
  SamplingSettings settings_, draft_settings_;
  std::vector<float> bias_, draft_bias_;  // what the fields `bias` of the settings point to
  std::vector<uint8_t> dry_breakers_;     // what the fields `dry_breakers` point to
  int num_proposers_;
  std::vector<std::unique_ptr<Workspace>> workspaces_;  // one per thread
};

}  // namespace seqloom::decoding
