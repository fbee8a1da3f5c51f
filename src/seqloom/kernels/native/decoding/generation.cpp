// Generation: many streams side by side, one token at a time, or a single stream with drafts.
//
// Drafts are tokens further ahead, drawn from the logits of draft heads, with which the model was trained (Stern et al.
// 2018). Speculative sampling (Leviathan et al. 2023, Chen et al. 2023) accepts or rejects them in order, so that the
// text has the distribution of text without drafts. A stream can read its pending token and all drafts in one pass,
// which is faster because the pass reads the weights only once. Whether it does so or reads the same drafts one by one
// changes the speed, not the text. "With drafts" below means that a pass reads them ahead, all at once.
//
// If the weights are large and the streams few, a team of threads computes each step together. The leader of the team
// draws the tokens.
#include "decoding/stream.h"

namespace seqloom::decoding {

namespace {

// The leader gives up on its team if the team is this many tokens slower than one thread alone (`falls_behind`).
constexpr int kPatienceTokens = 64;

// After that, one thread generates this many tokens alone before the team is tried again.
constexpr int kSoloTokensAfterFallback = 4096;

// Passes are with drafts or without, whichever was measured to be faster. One pass in this many is of the other kind,
// to measure whether that kind is still slower.
constexpr int kProbeInterval = 24;

// The letters "XTC", which identify the random numbers of XTC, as in `sampling/adaptive_filters.py`.
constexpr uint64_t kXtcSalt = 0x585443;

constexpr double kNatsPerBit = 0.69314718055994530942;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Return whether the thread draws tokens: it is the leader of its team, or works alone.
bool is_leader(const ThreadTeam* team) { return !team || team->thread == 0; }

void synchronize(ThreadTeam* team) {
  if (team) team->wait();
}

// Return whether choices are drawn from the model's own distribution.
bool equals_model(const SamplingSettings& settings) {
  return settings.temperature == 1 && settings.top_k == 0 && settings.top_p == 1 && settings.min_p == 0 &&
         settings.typical_p == 1 && settings.top_n_sigma == 0 && settings.dynatemp_range == 0 &&
         settings.xtc_probability == 0 && settings.mirostat_tau == 0;
}

}  // namespace

void Streams::set_sampling(const SamplingSettings& settings) {
  // What can fail comes first, so that a failure changes nothing.
  auto sampler = std::make_shared<Sampler>(kernels_, network_, settings, threads_);
  for (int stream = 0; stream < count(); ++stream) {
    end(stream);
    streams_[stream]->sampler = sampler;
  }
  sampler_ = std::move(sampler);
}

void Streams::set_stream_sampling(int stream, const SamplingSettings& settings) {
  auto sampler = std::make_shared<Sampler>(kernels_, network_, settings, threads_);
  end(stream);
  streams_[stream]->sampler = std::move(sampler);
}

// Draw a point: a choice by the chain, then a step from its Gaussian, whose covariance the temperature multiplies.
bool Streams::choose_point(Stream& record, Workspace& workspace, const float* outputs, Choice& choice) {
  const PointMixture& points = *network_.points;
  if (!points.is_finite(outputs)) return false;
  auto* const logits = reinterpret_cast<float*>(workspace.choice_logits.get());
  std::copy_n(outputs, points.num_choices(), logits);
  const TextState text = text_state(record, *record.history);
  const double uniform = record.uniforms.next(), uniform_1 = record.uniforms.next(), uniform_2 = record.uniforms.next();
  if (!workspace.chain->choose(logits, text, uniform, choice)) return false;
  const SamplingSettings& settings = record.sampler->settings();
  const double temperature = settings.temperature;
  choice.token = points.token(outputs, choice.token, temperature, uniform_1, uniform_2);
  points.choice_probabilities(outputs, workspace.model_choices.data());
  choice.log_prob = points.log_prob(outputs, choice.token, workspace.model_choices.data(), /*temperature=*/1);
  choice.sampling_log_prob = temperature == 0 ? 0 : choice.log_prob;  // at temperature 0 the token is certain
  if (temperature == 0 || (equals_model(settings) && !text.must_continue)) return true;
  if (!workspace.chain->distribution(logits, text, workspace.drawn_choices.data())) return false;
  for (double& drawn : workspace.drawn_choices) drawn = std::exp(drawn);
  choice.sampling_log_prob = points.log_prob(outputs, choice.token, workspace.drawn_choices.data(), temperature);
  return true;
}

// Return the number of drafts per step. There are none with guidance, because the tokens are then drawn from other
// logits than those that the drafts predict.
int Streams::num_drafts(const Stream& record) const { return guided() ? 0 : record.sampler->num_proposers(); }

void Streams::begin(int stream, uint64_t seed, uint64_t index, const int32_t* recent, int num_recent,
                    uint64_t variants) {
  Stream& record = *streams_[stream];
  const SamplingSettings& settings = record.sampler->settings();
  auto history = std::make_unique<RepetitionHistory>(network_.vocabulary, settings);
  for (int i = 0; i < num_recent; ++i) history->add(recent[i]);
  std::unique_ptr<Watermark> watermark;
  if (settings.watermark_width > 0)
    watermark = std::make_unique<Watermark>(settings.watermark_key, settings.watermark_width, settings.watermark_groups,
                                            variants);
  record.seed = seed;
  record.index = index;
  record.uniforms = UniformStream(seed, index);
  record.history = std::move(history);
  record.watermark = std::move(watermark);
  record.progress = {};
  record.progress.ending = kRunning;
  record.draft_statistics = {};
}

// Any value but kRunning ends the sample.
void Streams::end(int stream) { streams_[stream]->progress.ending = kLength; }

DraftStatistics Streams::draft_statistics(int stream) const {
  const Stream& record = *streams_[stream];
  DraftStatistics statistics = record.draft_statistics;
  const double without_drafts = record.without_drafts.tokens_per_second();
  statistics.gain = without_drafts > 0 ? record.with_drafts.tokens_per_second() / without_drafts : 0;
  return statistics;
}

void Streams::generate(const GenerationOutput& output) {
  std::vector<int> running;
  for (int stream = 0; stream < count(); ++stream) {
    output.counts[stream] = 0;
    if (streams_[stream]->progress.ending == kRunning) running.push_back(stream);
  }
  const bool measures_solo_speed = can_share_steps(running.size()) && solo_tokens_left_ > 0;
  const Clock::time_point start = Clock::now();
  distribute(running.size(), [&](ThreadRange range, int thread, ThreadTeam* team) {
    // Drafts are worthwhile for a single stream only: with several, a pass over the weights already serves several
    // rows.
    if (range.end == range.begin + 1 && num_drafts(*streams_[running[range.begin]]) > 0 && network_.rows_per_pass > 1)
      generate_with_drafts(running[range.begin], thread, team, output);
    else
      generate_batch({running.begin() + range.begin, running.begin() + range.end}, thread, team, output);
  });
  if (measures_solo_speed) {
    solo_seconds_per_token_ = seconds_since(start) / output.max_tokens;
    solo_tokens_left_ -= output.max_tokens;
  }
  if (abandoned_team_) solo_tokens_left_ = kSoloTokensAfterFallback;
  abandoned_team_ = false;
  for (int stream = 0; stream < count(); ++stream) output.endings[stream] = streams_[stream]->progress.ending;
}

// Return whether a team, which has drawn `num_tokens` tokens since `start`, is slower than one thread alone by more
// than the time of `kPatienceTokens` tokens. On a busy machine, for example, the other threads arrive late at the
// barrier. The leader then gives up on the team, and fewer tokens than `max_tokens` are generated.
bool Streams::falls_behind(Clock::time_point start, int num_tokens) const {
  return seconds_since(start) > solo_seconds_per_token_ * (num_tokens + kPatienceTokens);
}

// Generate in several streams, one token at a time. In a team, all threads compute the steps, and the leader draws.
void Streams::generate_batch(const std::vector<int>& streams, int thread, ThreadTeam* team,
                             const GenerationOutput& output) {
  std::vector<int> running = streams;
  std::vector<TokenRow> rows;
  const Clock::time_point start = Clock::now();
  for (int32_t num_drawn = 0; num_drawn < output.max_tokens && !running.empty(); ++num_drawn) {
    rows.clear();
    for (const int stream : running) {
      const int32_t token = streams_[stream]->progress.pending;
      if (token == kNoToken) continue;
      rows.push_back(make_row(stream, token));
      if (guided()) rows.push_back(make_row(stream + count() / 2, token));  // the unconditional partner
    }
    if (!rows.empty())
      network_.step(rows.data(), static_cast<int>(rows.size()), team);
    else
      synchronize(team);  // no thread may see the token drawn below before it has checked `pending`
    if (is_leader(team)) {
      for (const int stream : running) {
        Workspace& workspace = streams_[stream]->sampler->workspace(thread);
        draw(stream, workspace, guided() ? guided_logits(stream, workspace) : logits(stream), kNoToken, output);
      }
      if (team) abandoned_team_ = falls_behind(start, num_drawn);
    }
    synchronize(team);
    renew_drafts(running, team);
    if (abandoned_team_) return;
    const auto has_ended = [this](int stream) { return streams_[stream]->progress.ending != kRunning; };
    running.erase(std::remove_if(running.begin(), running.end(), has_ended), running.end());
  }
}

// Combine the logits of a stream and its partner (`set_guidance`). The result stays valid until the next call.
const float* Streams::guided_logits(int stream, Workspace& workspace) const {
  if (!workspace.guided_logits)
    workspace.guided_logits = new_memory((network_.padded_outputs * sizeof(float) + 63) / 64 * 64);
  float* const guided = reinterpret_cast<float*>(workspace.guided_logits.get());
  const float *conditional = logits(stream), *unconditional = logits(stream + count() / 2);
  for (size_t token = 0; token < network_.padded_outputs; ++token)
    guided[token] = unconditional[token] + guidance_ * (conditional[token] - unconditional[token]);
  return guided;
}

// Generate in one stream, which reads its drafts in the same pass as the token before them.
void Streams::generate_with_drafts(int stream, int thread, ThreadTeam* team, const GenerationOutput& output) {
  Stream& record = *streams_[stream];
  Workspace& workspace = record.sampler->workspace(thread);
  const Clock::time_point start = Clock::now();
  while (true) {
    const Clock::time_point step_start = Clock::now();
    if (is_leader(team)) propose_drafts(stream, workspace, output.max_tokens - output.counts[stream]);
    synchronize(team);
    const Clock::time_point pass_start = Clock::now();
    const int num_rows = static_cast<int>(record.rows.size());
    if (num_rows > 1)
      network_.read_many(record.rows.data(), num_rows, team);
    else if (num_rows == 1)
      network_.step(record.rows.data(), 1, team);
    if (is_leader(team)) {
      record.num_used_rows = accept_drafts(stream, workspace, output);
      if (team) abandoned_team_ = falls_behind(start, output.counts[stream]);
    }
    synchronize(team);
    // The time of a pass without drafts is that of a model without draft heads: proposing and renewing are left out.
    const double seconds_without_proposing = seconds_since(pass_start);
    if (num_rows > 1) network_.keep(record.rows.data(), record.num_used_rows, team);
    renew_drafts({stream}, team);
    if (is_leader(team) && num_rows == 1) record.without_drafts.add(seconds_without_proposing, record.num_used_rows);
    if (is_leader(team) && num_rows > 1) record.with_drafts.add(seconds_since(step_start), record.num_used_rows);
    if (abandoned_team_ || record.progress.ending != kRunning || output.counts[stream] == output.max_tokens) return;
  }
}

// Collect the rows of the next pass: the token that was drawn last, and drafts of the tokens after it, unless passes
// without drafts are faster. `max_tokens` is how many more tokens the current call of `generate` may draw.
void Streams::propose_drafts(int stream, Workspace& workspace, int max_tokens) {
  Stream& record = *streams_[stream];
  const Progress& progress = record.progress;
  record.rows.clear();
  if (progress.pending == kNoToken) return;
  add_row(stream, progress.pending);
  const double with_drafts = record.with_drafts.tokens_per_second();
  const bool drafts_are_slower = with_drafts > 0 && record.without_drafts.tokens_per_second() > with_drafts;
  const bool is_probe = ++record.num_passes % kProbeInterval == 0;
  if (is_probe != drafts_are_slower) return;  // a pass without drafts
  const int max_drafts = std::min({progress.num_drafts - progress.next_draft, network_.rows_per_pass - 1,
                                   max_tokens - 1, record.sampler->settings().length - progress.num_generated - 1});
  UniformStream uniforms = record.uniforms;  // a copy, because `choose` uses the same numbers
  const RepetitionHistory* history = record.history.get();
  for (int i = 0; i < max_drafts; ++i) {
    const int draft = progress.next_draft + i;
    const double uniform = uniforms.next();
    uniforms.next();  // `choose` verifies the draft with this number
    const TextState text = text_state(record, *history, /*num_ahead=*/i);
    const int32_t token = workspace.proposers[draft]->propose(draft_logits(record, draft), text, uniform);
    if (token < 0) return;
    add_row(stream, token);
    if (token == record.sampler->settings().boundary) return;
    // The penalties of the next draft also apply to this one.
    if (i + 1 < max_drafts && history->is_active()) {
      if (i == 0) workspace.draft_history = *history;
      workspace.draft_history->add(token);
      history = &*workspace.draft_history;
    }
  }
}

// Draw the token after the first row, and the tokens after further rows as long as each drawn token equals the draft
// that the next row has read. Return the number of rows after which a token was drawn.
int Streams::accept_drafts(int stream, Workspace& workspace, const GenerationOutput& output) {
  Stream& record = *streams_[stream];
  if (record.rows.empty()) {  // at the beginning of a sample: the stream already has its logits
    draw(stream, workspace, logits(stream), kNoToken, output);
    return 1;
  }
  for (size_t i = 0;; ++i) {
    const auto* const logits = reinterpret_cast<const float*>(record.rows[i].memory + network_.logits_offset);
    const int32_t draft_token = i + 1 < record.rows.size() ? record.rows[i + 1].token : kNoToken;
    draw(stream, workspace, logits, draft_token, output);
    if (record.progress.ending != kRunning || draft_token == kNoToken || record.progress.pending != draft_token)
      return i + 1;
  }
}

// Return the state of the text before the next token. `num_ahead` drafts, which `history` already contains, may precede
// that token; the result then lacks their surprise.
TextState Streams::text_state(const Stream& record, const RepetitionHistory& history, int num_ahead) const {
  const Progress& progress = record.progress;
  const SamplingSettings& settings = record.sampler->settings();
  const int32_t position = progress.num_generated + num_ahead;
  TextState text{history, /*must_continue=*/position < settings.min_length};
  if (settings.xtc_probability > 0)
    text.excludes_top_choices =
        UniformStream(record.seed, record.index, kXtcSalt, position).next() < settings.xtc_probability;
  // The limit of Mirostat 2.0 starts at twice the target. Each token decreases it by the learning rate times the excess
  // of its surprise.
  if (settings.mirostat_tau > 0)
    text.max_surprise = 2 * settings.mirostat_tau -
                        settings.mirostat_eta * (progress.surprise - progress.num_generated * settings.mirostat_tau);
  return text;
}

// Draw a token from the logits, write it to the output, and update the progress.
void Streams::draw(int stream, Workspace& workspace, const float* logits, int32_t draft_token,
                   const GenerationOutput& output) {
  Stream& record = *streams_[stream];
  Progress& progress = record.progress;
  progress.has_read_token = progress.pending != kNoToken;
  Choice choice;
  if (!(network_.points ? choose_point(record, workspace, logits, choice)
                        : choose(record, workspace, logits, draft_token, choice))) {
    progress.ending = kNotFinite;
    return;
  }
  const size_t position = static_cast<size_t>(stream) * output.max_tokens + output.counts[stream]++;
  output.tokens[position] = choice.token;
  output.log_probs[position] = choice.log_prob;
  output.sampling_log_probs[position] = choice.sampling_log_prob;
  record.history->add(choice.token);
  if (record.watermark) record.watermark->add(choice.token);
  progress.pending = choice.token;
  progress.surprise -= choice.sampling_log_prob / kNatsPerBit;
  const SamplingSettings& settings = record.sampler->settings();
  if (choice.token == settings.boundary)
    progress.ending = kBoundary;
  else if (++progress.num_generated == settings.length)
    progress.ending = kLength;
}

// Draw a token without a draft: by the noise of the watermark if the token is to be marked, otherwise by `uniform`. The
// caller draws `uniform` from the stream's random numbers in both cases.
bool Streams::draw_without_draft(Stream& record, Workspace& workspace, const float* logits, const TextState& text,
                                 double uniform, Choice& choice) {
  Noise noise{};
  if (record.watermark && record.watermark->watermarks_next(noise))
    return workspace.chain->choose_watermarked(logits, text, noise, choice);
  return workspace.chain->choose(logits, text, uniform, choice);
}

// Draw the next token; return false if the logits are not finite or exclude every token. If there is a next draft,
// accept it, or reject it and draw another token. `draft_token` is the next draft if it was drawn already, otherwise
// kNoToken. New drafts are due after a rejected draft, and after the token that follows the last draft.
bool Streams::choose(Stream& record, Workspace& workspace, const float* logits, int32_t draft_token, Choice& choice) {
  Progress& progress = record.progress;
  ++record.draft_statistics.tokens;
  if (progress.next_draft == 0) ++record.draft_statistics.steps;
  const TextState text = text_state(record, *record.history);
  if (progress.next_draft == progress.num_drafts) {
    progress.drafts_due = true;
    return draw_without_draft(record, workspace, logits, text, record.uniforms.next(), choice);
  }
  SamplerChain& proposer = *workspace.proposers[progress.next_draft];
  const double draft_uniform = record.uniforms.next(), verdict_uniform = record.uniforms.next();
  const int32_t draft =
      draft_token >= 0 ? draft_token : proposer.propose(draft_logits(record, progress.next_draft), text, draft_uniform);
  if (draft < 0) {  // no draft can be drawn
    progress.drafts_due = true;
    return workspace.chain->choose(logits, text, verdict_uniform, choice);
  }
  const Proposal proposal = proposer.proposal();
  const Verdict verdict = workspace.chain->verify(logits, text, proposal, draft, verdict_uniform, choice);
  ++record.draft_statistics.drafted;
  if (verdict == Verdict::kAccepted) ++record.draft_statistics.accepted, ++progress.next_draft;
  if (verdict != Verdict::kRejected) return verdict == Verdict::kAccepted;
  progress.drafts_due = true;
  workspace.chain->redraw(logits, proposal, record.uniforms.next(), choice);
  return true;
}

// Return the logits of a draft head. Head 0 predicts the token that is drawn next.
const float* Streams::draft_logits(const Stream& record, int draft) const {
  return reinterpret_cast<const float*>(record.memory.get() + network_.drafts_offset) + draft * network_.padded_drafts;
}

// Compute the logits of new drafts for the streams in which they are due. They predict the tokens after the one that
// was drawn last, from the layers' output before that token was read. A stream that has not read a token of its sample
// has no such output, and therefore no drafts.
void Streams::renew_drafts(const std::vector<int>& streams, ThreadTeam* team) {
  std::vector<TokenRow> rows;
  std::vector<Stream*> due;
  const auto drafts = [this](int stream) { return num_drafts(*streams_[stream]) > 0; };
  if (std::none_of(streams.begin(), streams.end(), drafts)) return;
  for (const int stream : streams) {
    Stream& record = *streams_[stream];
    if (!record.progress.drafts_due || num_drafts(record) == 0) continue;
    due.push_back(&record);
    if (record.progress.has_read_token && record.progress.ending == kRunning)
      rows.push_back(make_row(stream, record.progress.pending));
  }
  network_.draft(rows.data(), static_cast<int>(rows.size()), team);
  if (is_leader(team))
    for (Stream* record : due) {
      record->progress.drafts_due = false;
      record->progress.next_draft = 0;
      record->progress.num_drafts = record->progress.has_read_token ? num_drafts(*record) : 0;
    }
  synchronize(team);
}

bool Streams::distribution(int stream, double* log_probabilities) {
  const Stream& record = *streams_[stream];
  SamplerChain& chain = *record.sampler->workspace(/*thread=*/0).chain;
  return chain.distribution(logits(stream), text_state(record, *record.history), log_probabilities);
}

}  // namespace seqloom::decoding
