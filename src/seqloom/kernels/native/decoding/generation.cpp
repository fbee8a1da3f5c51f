// Streams that write: side by side a token at a time, or one alone with the drafts of the tokens that inherit_state.
//
// With drafts, a text is drawn by speculative sampling (Leviathan et al. 2023, Chen et al. 2023) from heads that the
// model was trained with (Stern et al. 2018). What is drawn depends on nothing but the drafts, so that it is the same
// whether a stream reads them at once with the token before them, as if they stood already, or one by one.
#include "decoding/stream.h"

namespace seqloom::decoding {

namespace {

// Tokens that one thread writes after it has given up on the others; and how many it could write alone before it does.
constexpr int kSoloTokensAfterFallback = 4096, kPatience = 64;

// Of so many steps, one goes the way that seems the slower, to see whether it still is.
constexpr int kProbeInterval = 24;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

bool is_leader(const ThreadTeam* team) { return !team || team->thread == 0; }

void synchronize(ThreadTeam* team) {
  if (team) team->wait();
}

}  // namespace

void Streams::set_sampling(const SamplingSettings& settings) {
  std::vector<float> bias;
  if (settings.bias) bias.assign(settings.bias, settings.bias + network_.vocabulary);
  const std::vector<int32_t>& drafted = network_.draft_tokens;
  SamplingSettings drafts = settings;
  const auto boundary = std::find(drafted.begin(), drafted.end(), settings.boundary);
  drafts.boundary = boundary == drafted.end() ? -1 : static_cast<int32_t>(boundary - drafted.begin());
  std::vector<float> draft_bias;
  if (settings.bias)
    for (const int32_t token : drafted) draft_bias.push_back(bias[token]);
  drafts.bias = settings.bias ? draft_bias.data() : nullptr;
  // A watermark marks tokens as they are drawn, and guidance draws from other logits: both do without drafts.
  const bool has_drafts = !guided() && settings.watermark_width == 0;
  const int num_proposers = has_drafts ? std::max(0, std::min(settings.tokens_per_step - 1, network_.num_drafts)) : 0;
  std::vector<std::unique_ptr<Workspace>> workspaces;
  for (int thread = 0; thread < threads_; ++thread) {
    workspaces.push_back(std::make_unique<Workspace>());
    Workspace& workspace = *workspaces.back();
    workspace.chain.reset(kernels_.new_sampler_chain(settings, network_.vocabulary,
                                                     static_cast<int>(network_.padded_vocabulary), nullptr));
    for (int number = 0; number < num_proposers; ++number)
      workspace.proposers.emplace_back(
          kernels_.new_sampler_chain(drafts, drafted.size(), static_cast<int>(network_.padded_drafts), drafted.data()));
  }
  // Nothing fails from here on.
  for (int stream = 0; stream < count(); ++stream) end(stream);
  settings_ = settings;
  bias_ = std::move(bias);
  settings_.bias = settings.bias ? bias_.data() : nullptr;
  workspaces_ = std::move(workspaces);
  num_proposers_ = num_proposers;
}

int Streams::num_drafts() const { return guided() ? 0 : num_proposers_; }

void Streams::begin(int stream, uint64_t seed, uint64_t index, const int32_t* recent, int num_recent,
                    uint64_t variants) {
  auto history = std::make_unique<RepetitionHistory>(network_.vocabulary, settings_);
  for (int i = 0; i < num_recent; ++i) history->add(recent[i]);
  std::unique_ptr<Watermark> watermark;
  if (settings_.watermark_width > 0)
    watermark = std::make_unique<Watermark>(settings_.watermark_key, settings_.watermark_width,
                                            settings_.watermark_groups, variants);
  Stream& one = *streams_[stream];
  one.uniforms = UniformStream(seed, index);
  one.history = std::move(history);
  one.watermark = std::move(watermark);
  one.progress = {};
  one.progress.ending = kRunning;
  one.draft_statistics = {};
}

void Streams::end(int stream) { streams_[stream]->progress.ending = kLength; }

DraftStatistics Streams::draft_statistics(int stream) const {
  const Stream& one = *streams_[stream];
  DraftStatistics statistics = one.draft_statistics;
  const double without = one.without.tokens_per_second();
  statistics.gain = without > 0 ? one.with_drafts.tokens_per_second() / without : 0;
  return statistics;
}

void Streams::generate(const GenerationOutput& output) {
  std::vector<int> running;
  for (int stream = 0; stream < count(); ++stream) {
    output.counts[stream] = 0;
    if (streams_[stream]->progress.ending == kRunning) running.push_back(stream);
  }
  const bool alone = can_share_steps(running.size()) && solo_tokens_left_ > 0;
  const Clock::time_point start = Clock::now();
  distribute(running.size(), [&](ThreadRange range, int thread, ThreadTeam* team) {
    // Rows of several streams share the weights already.
    if (num_drafts() > 0 && network_.rows_per_pass > 1 && range.end == range.begin + 1)
      generate_with_drafts(running[range.begin], *workspaces_[thread], team, output);
    else
      generate_batch({running.begin() + range.begin, running.begin() + range.end}, *workspaces_[thread], team, output);
  });
  if (alone) {
    solo_seconds_per_token_ = seconds_since(start) / output.max_tokens;
    solo_tokens_left_ -= output.max_tokens;
  }
  if (abandoned_team_) solo_tokens_left_ = kSoloTokensAfterFallback;
  abandoned_team_ = false;
  for (int stream = 0; stream < count(); ++stream) output.endings[stream] = streams_[stream]->progress.ending;
}

// The first thread of a team gives up on the others where they are slow to come, as they are on a machine that does much
// else: then less is output than there is room for.
bool Streams::falls_behind(Clock::time_point start, int num_tokens) const {
  return seconds_since(start) > solo_seconds_per_token_ * (num_tokens + kPatience);
}

// In a team all threads take the steps, and the first one draws.
void Streams::generate_batch(const std::vector<int>& streams, Workspace& workspace, ThreadTeam* team,
                             const GenerationOutput& output) {
  std::vector<int> running = streams;
  std::vector<TokenRow> rows;
  const Clock::time_point start = Clock::now();
  for (int32_t place = 0; place < output.max_tokens && !running.empty(); ++place) {
    rows.clear();
    for (const int stream : running) {
      const int32_t token = streams_[stream]->progress.pending;
      if (token == kNoToken) continue;
      rows.push_back(row(stream, token));
      if (guided()) rows.push_back(row(stream + count() / 2, token));
    }
    if (!rows.empty())
      network_.step(rows.data(), static_cast<int>(rows.size()), team);
    else
      synchronize(team);  // all have seen that there is nothing to read before the draw makes a token of it
    if (is_leader(team)) {
      for (const int stream : running)
        draw(stream, workspace, guided() ? guided_logits(stream, workspace) : logits(stream), kNoToken, output);
      if (team) abandoned_team_ = falls_behind(start, place);
    }
    synchronize(team);
    draft(running, team);
    if (abandoned_team_) return;
    const auto ended = [this](int stream) { return streams_[stream]->progress.ending != kRunning; };
    running.erase(std::remove_if(running.begin(), running.end(), ended), running.end());
  }
}

const float* Streams::guided_logits(int stream, Workspace& workspace) const {
  if (!workspace.guided) workspace.guided = new_memory((network_.padded_vocabulary * sizeof(float) + 63) / 64 * 64);
  float* const mix = reinterpret_cast<float*>(workspace.guided.get());
  const float *told = logits(stream), *untold = logits(stream + count() / 2);
  for (size_t token = 0; token < network_.padded_vocabulary; ++token)
    mix[token] = untold[token] + guidance_ * (told[token] - untold[token]);
  return mix;
}

// One stream, which reads what it is likely to write before it is output.
void Streams::generate_with_drafts(int stream, Workspace& workspace, ThreadTeam* team, const GenerationOutput& output) {
  Stream& one = *streams_[stream];
  const Clock::time_point start = Clock::now();
  while (true) {
    const Clock::time_point begun = Clock::now();
    if (is_leader(team)) propose_drafts(stream, workspace, output.max_tokens - output.counts[stream]);
    synchronize(team);
    const Clock::time_point draft_history = Clock::now();
    const int num_rows = static_cast<int>(one.rows.size());
    if (num_rows > 1)
      network_.read_many(one.rows.data(), num_rows, team);
    else if (num_rows == 1)
      network_.step(one.rows.data(), 1, team);
    if (is_leader(team)) {
      one.used = accept_drafts(stream, workspace, output);
      if (team) abandoned_team_ = falls_behind(start, output.counts[stream]);
    }
    synchronize(team);
    const double alone = seconds_since(draft_history);
    if (num_rows > 1) network_.keep(one.rows.data(), one.used, team);
    draft({stream}, team);
    if (is_leader(team) && num_rows == 1) one.without.add(alone, one.used);
    if (is_leader(team) && num_rows > 1) one.with_drafts.add(seconds_since(begun), one.used);
    if (abandoned_team_ || one.progress.ending != kRunning || output.counts[stream] == output.max_tokens) return;
  }
}

// What the stream reads next: the token that was drawn last, and the drafts that would be drawn if each of them stood.
void Streams::propose_drafts(int stream, Workspace& workspace, int room) {
  Stream& one = *streams_[stream];
  const Progress& now = one.progress;
  one.rows.clear();
  if (now.pending == kNoToken) return;
  add_row(stream, now.pending);
  const double with_drafts = one.with_drafts.tokens_per_second();
  const bool slower = with_drafts > 0 && one.without.tokens_per_second() > with_drafts;
  if ((++one.turn % kProbeInterval == 0) != slower) return;
  const int most = std::min({now.num_drafts - now.next_draft, network_.rows_per_pass - 1, room - 1,
                             settings_.length - now.num_generated - 1});
  UniformStream uniforms = one.uniforms;
  const RepetitionHistory* history = one.history.get();
  for (int number = 0; number < most; ++number) {
    const int draft = now.next_draft + number;
    const double uniform = uniforms.next();
    uniforms.next();  // what the draft is judged by
    const bool early = now.num_generated + number < settings_.min_length;
    const int32_t token = workspace.proposers[draft]->propose(draft_logits(one, draft), *history, early, uniform);
    if (token < 0) return;
    add_row(stream, token);
    if (token == settings_.boundary) return;
    if (number + 1 < most && history->powers()) {
      if (number == 0) workspace.draft_history = *history;
      workspace.draft_history->add(token);
      history = &*workspace.draft_history;
    }
  }
}

// Draw a token, and more of them as long as they are what was draft_history; how many rows have then been read.
int Streams::accept_drafts(int stream, Workspace& workspace, const GenerationOutput& output) {
  Stream& one = *streams_[stream];
  if (one.rows.empty()) return draw(stream, workspace, logits(stream), kNoToken, output), 1;
  for (size_t place = 0;; ++place) {
    const auto* const logits = reinterpret_cast<const float*>(one.rows[place].memory + network_.logits_at);
    const int32_t draft_token = place + 1 < one.rows.size() ? one.rows[place + 1].token : kNoToken;
    draw(stream, workspace, logits, draft_token, output);
    if (one.progress.ending != kRunning || draft_token == kNoToken || one.progress.pending != draft_token)
      return place + 1;
  }
}

void Streams::draw(int stream, Workspace& workspace, const float* logits, int32_t draft_token,
                   const GenerationOutput& output) {
  Stream& one = *streams_[stream];
  Progress& now = one.progress;
  now.has_read = now.pending != kNoToken;
  Choice choice;
  if (!choose(one, workspace, logits, draft_token, choice)) {
    now.ending = kNotFinite;
    return;
  }
  const size_t at = static_cast<size_t>(stream) * output.max_tokens + output.counts[stream]++;
  output.tokens[at] = choice.token;
  output.log_probs[at] = choice.log_prob;
  output.sampling_log_probs[at] = choice.sampling_log_prob;
  one.history->add(choice.token);
  if (one.watermark) one.watermark->add(choice.token);
  now.pending = choice.token;
  if (choice.token == settings_.boundary)
    now.ending = kBoundary;
  else if (++now.num_generated == settings_.length)
    now.ending = kLength;
}

// A token without a draft: by the watermark's own numbers where it is marked. A marked one uses up a uniform too.
bool Streams::draw_next(Stream& one, Workspace& workspace, const float* logits, bool early, double uniform,
                        Choice& choice) {
  Noise noise{};
  if (one.watermark && one.watermark->watermarks_next(noise))
    return workspace.chain->choose_watermarked(logits, *one.history, early, noise, choice);
  return workspace.chain->choose(logits, *one.history, early, uniform, choice);
}

// The next token, by the next draft where there is one; `draft_token` is that draft where it was drawn already. After a draft
// that did not stand, or the last one and the token after it, new drafts are due.
bool Streams::choose(Stream& one, Workspace& workspace, const float* logits, int32_t draft_token, Choice& choice) {
  Progress& now = one.progress;
  ++one.draft_statistics.tokens;
  if (now.next_draft == 0) ++one.draft_statistics.steps;
  const bool early = now.num_generated < settings_.min_length;
  if (now.next_draft == now.num_drafts) {
    now.drafts_due = true;
    return draw_next(one, workspace, logits, early, one.uniforms.next(), choice);
  }
  SamplerChain& proposer = *workspace.proposers[now.next_draft];
  const double drafts = one.uniforms.next(), judges = one.uniforms.next();
  const int32_t draft =
      draft_token >= 0 ? draft_token : proposer.propose(draft_logits(one, now.next_draft), *one.history, early, drafts);
  if (draft < 0) {
    now.drafts_due = true;
    return workspace.chain->choose(logits, *one.history, early, judges, choice);
  }
  const Proposal proposal = proposer.proposal();
  const Verdict verdict = workspace.chain->verify(logits, *one.history, early, proposal, draft, judges, choice);
  ++one.draft_statistics.drafted;
  if (verdict == Verdict::kAccepted) ++one.draft_statistics.accepted, ++now.next_draft;
  if (verdict != Verdict::kRejected) return verdict == Verdict::kAccepted;
  now.drafts_due = true;
  workspace.chain->redraw(logits, proposal, one.uniforms.next(), choice);
  return true;
}

const float* Streams::draft_logits(const Stream& one, int number) const {
  return reinterpret_cast<const float*>(one.memory.get() + network_.drafts_at) + number * network_.padded_drafts;
}

// New drafts where they are due: of what follows the token that was drawn last, from what was read before it. A stream that
// has read nothing since it began has none.
void Streams::draft(const std::vector<int>& streams, ThreadTeam* team) {
  if (num_drafts() == 0) return;
  std::vector<TokenRow> rows;
  std::vector<Stream*> due;
  for (const int stream : streams) {
    Stream& one = *streams_[stream];
    if (!one.progress.drafts_due) continue;
    due.push_back(&one);
    if (one.progress.has_read && one.progress.ending == kRunning) rows.push_back(row(stream, one.progress.pending));
  }
  network_.draft(rows.data(), static_cast<int>(rows.size()), team);
  if (is_leader(team))
    for (Stream* one : due) {
      one->progress.drafts_due = false;
      one->progress.next_draft = 0;
      one->progress.num_drafts = one->progress.has_read ? num_drafts() : 0;
    }
  synchronize(team);
}

bool Streams::distribution(int stream, double* log_probabilities) {
  const Stream& one = *streams_[stream];
  const bool early = one.progress.num_generated < settings_.min_length;
  return workspaces_[0]->chain->distribution(logits(stream), *one.history, early, log_probabilities);
}

}  // namespace seqloom::decoding
