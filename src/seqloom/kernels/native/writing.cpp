// Lanes that write: side by side a token at a time, or one alone with the drafts of the tokens that follow.
//
// With drafts, a text is drawn by speculative sampling (Leviathan et al. 2023, Chen et al. 2023) from heads that the
// model was trained with (Stern et al. 2018). What is drawn hangs on nothing but the drafts, so that it is the same
// whether a lane reads them at once with the token before them, as if they stood already, or one by one.
#include "decoding/lane.h"

namespace seqloom::decoding {

namespace {

// Tokens that one thread writes after it has given up on the others; and how many it could write alone before it does.
constexpr int kAloneAfterwards = 4096, kPatience = 64;

// Of so many steps, one goes the way that seems the slower, to see whether it still is.
constexpr int kTurns = 24;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

bool leads(const Team* team) { return !team || team->thread == 0; }

void meet(Team* team) {
  if (team) team->wait();
}

}  // namespace

void Lanes::set_sampling(const SamplingSettings& settings) {
  settings_ = settings;
  if (settings.bias) {
    bias_.assign(settings.bias, settings.bias + network_.vocabulary);
    settings_.bias = bias_.data();
  }
  const std::vector<int32_t>& drafted = network_.draft_tokens;
  SamplingSettings drafts = settings_;
  const auto boundary = std::find(drafted.begin(), drafted.end(), settings_.boundary);
  drafts.boundary = boundary == drafted.end() ? -1 : static_cast<int32_t>(boundary - drafted.begin());
  std::vector<float> draft_bias;
  if (settings_.bias)
    for (const int32_t token : drafted) draft_bias.push_back(settings_.bias[token]);
  drafts.bias = settings_.bias ? draft_bias.data() : nullptr;
  hands_.clear();
  for (int thread = 0; thread < threads_; ++thread) {
    hands_.push_back(std::make_unique<Hand>());
    Hand& hand = *hands_.back();
    hand.chain.reset(kernels_.new_chain(settings_, network_.vocabulary, static_cast<int>(network_.padded_vocabulary),
                                        nullptr));
    for (int number = 0; number < num_drafts(); ++number)
      hand.proposers.emplace_back(
          kernels_.new_chain(drafts, drafted.size(), static_cast<int>(network_.padded_drafts), drafted.data()));
  }
}

// A mark is of what is drawn, and of what is drawn at once.
int Lanes::num_drafts() const {
  return guided() || settings_.mark_width > 0 ? 0 : std::max(0, std::min(settings_.ahead - 1, network_.num_drafts));
}

void Lanes::begin(int lane, uint64_t seed, uint64_t index, const int32_t* recent, int num_recent,
                  uint64_t variants) {
  Lane& one = *lanes_[lane];
  one.uniforms = UniformStream(seed, index);
  one.history = std::make_unique<History>(network_.vocabulary, settings_);
  for (int i = 0; i < num_recent; ++i) one.history->add(recent[i]);
  const int width = settings_.mark_width;
  one.mark = width > 0 ? std::make_unique<Mark>(settings_.mark_key, width, settings_.mark_groups, variants) : nullptr;
  one.progress = {};
  one.progress.ending = kRunning;
  one.drafting = {};
}

void Lanes::end(int lane) { lanes_[lane]->progress.ending = kLength; }

Drafting Lanes::drafting(int lane) const {
  const Lane& one = *lanes_[lane];
  Drafting found = one.drafting;
  const double without = one.without.tokens_a_second();
  found.gain = without > 0 ? one.with_drafts.tokens_a_second() / without : 0;
  return found;
}

void Lanes::write(const Written& written) {
  std::vector<int> running;
  for (int lane = 0; lane < count(); ++lane) {
    written.counts[lane] = 0;
    if (lanes_[lane]->progress.ending == kRunning) running.push_back(lane);
  }
  const bool alone = could_step_together(running.size()) && alone_left_ > 0;
  const Clock::time_point start = Clock::now();
  share_out(running.size(), [&](Share share, int thread, Team* team) {
    // Rows of several lanes share the weights already.
    if (num_drafts() > 0 && network_.rows_at_once > 1 && share.end == share.begin + 1)
      write_ahead(running[share.begin], *hands_[thread], team, written);
    else
      write_some({running.begin() + share.begin, running.begin() + share.end}, *hands_[thread], team, written);
  });
  if (alone) {
    seconds_alone_ = seconds_since(start) / written.most;
    alone_left_ -= written.most;
  }
  if (gave_up_) alone_left_ = kAloneAfterwards;
  gave_up_ = false;
  for (int lane = 0; lane < count(); ++lane) written.endings[lane] = lanes_[lane]->progress.ending;
}

// The first thread of a team gives up on the others where they are slow to come, as they are on a machine that does much
// else: then less is written than there is room for.
bool Lanes::gives_up(Clock::time_point start, int num_tokens) const {
  return seconds_since(start) > seconds_alone_ * (num_tokens + kPatience);
}

// In a team all threads take the steps, and the first one draws.
void Lanes::write_some(const std::vector<int>& lanes, Hand& hand, Team* team, const Written& written) {
  std::vector<int> running = lanes;
  std::vector<Row> rows;
  const Clock::time_point start = Clock::now();
  for (int32_t place = 0; place < written.most && !running.empty(); ++place) {
    rows.clear();
    for (const int lane : running) {
      const int32_t token = lanes_[lane]->progress.pending;
      if (token == kNoToken) continue;
      rows.push_back(row(lane, token));
      if (guided()) rows.push_back(row(lane + count() / 2, token));
    }
    if (!rows.empty())
      network_.step(rows.data(), static_cast<int>(rows.size()), team);
    else
      meet(team);  // all have seen that there is nothing to read before the draw makes a token of it
    if (leads(team)) {
      for (const int lane : running)
        draw(lane, hand, guided() ? guided_logits(lane, hand) : logits(lane), kNoToken, written);
      if (team) gave_up_ = gives_up(start, place);
    }
    meet(team);
    draft(running, team);
    if (gave_up_) return;
    const auto ended = [this](int lane) { return lanes_[lane]->progress.ending != kRunning; };
    running.erase(std::remove_if(running.begin(), running.end(), ended), running.end());
  }
}

const float* Lanes::guided_logits(int lane, Hand& hand) const {
  if (!hand.guided) hand.guided = new_memory((network_.padded_vocabulary * sizeof(float) + 63) / 64 * 64);
  float* const mixed = reinterpret_cast<float*>(hand.guided.get());
  const float *told = logits(lane), *untold = logits(lane + count() / 2);
  for (size_t token = 0; token < network_.padded_vocabulary; ++token)
    mixed[token] = untold[token] + guidance_ * (told[token] - untold[token]);
  return mixed;
}

// One lane, which reads what it is likely to write before it is written.
void Lanes::write_ahead(int lane, Hand& hand, Team* team, const Written& written) {
  Lane& one = *lanes_[lane];
  const Clock::time_point start = Clock::now();
  while (true) {
    const Clock::time_point begun = Clock::now();
    if (leads(team)) guess(lane, hand, written.most - written.counts[lane]);
    meet(team);
    const Clock::time_point guessed = Clock::now();
    const int num_rows = static_cast<int>(one.rows.size());
    if (num_rows > 1)
      network_.read_many(one.rows.data(), num_rows, team);
    else if (num_rows == 1)
      network_.step(one.rows.data(), 1, team);
    if (leads(team)) {
      one.used = draw_while_guessed(lane, hand, written);
      if (team) gave_up_ = gives_up(start, written.counts[lane]);
    }
    meet(team);
    const double alone = seconds_since(guessed);
    if (num_rows > 1) network_.keep(one.rows.data(), one.used, team);
    draft({lane}, team);
    if (leads(team) && num_rows == 1) one.without.add(alone, one.used);
    if (leads(team) && num_rows > 1) one.with_drafts.add(seconds_since(begun), one.used);
    if (gave_up_ || one.progress.ending != kRunning || written.counts[lane] == written.most) return;
  }
}

// What the lane reads next: the token that was drawn last, and the drafts that would be drawn if each of them stood.
void Lanes::guess(int lane, Hand& hand, int room) {
  Lane& one = *lanes_[lane];
  const Progress& now = one.progress;
  one.rows.clear();
  if (now.pending == kNoToken) return;
  add_row(lane, now.pending);
  const double with_drafts = one.with_drafts.tokens_a_second();
  const bool slower = with_drafts > 0 && one.without.tokens_a_second() > with_drafts;
  if ((++one.turn % kTurns == 0) != slower) return;
  const int most = std::min({now.num_drafts - now.next_draft, network_.rows_at_once - 1, room - 1,
                             settings_.length - now.num_written - 1});
  UniformStream uniforms = one.uniforms;
  const History* history = one.history.get();
  for (int number = 0; number < most; ++number) {
    const int draft = now.next_draft + number;
    const double uniform = uniforms.next();
    uniforms.next();  // what the draft is judged by
    const bool early = now.num_written + number < settings_.min_length;
    const int32_t token = hand.proposers[draft]->propose(draft_logits(one, draft), *history, early, uniform);
    if (token < 0) return;
    add_row(lane, token);
    if (token == settings_.boundary) return;
    if (number + 1 < most && history->powers()) {
      if (number == 0) hand.guessed = *history;
      hand.guessed->add(token);
      history = &*hand.guessed;
    }
  }
}

// Draw a token, and more of them as long as they are what was guessed; how many rows have then been read.
int Lanes::draw_while_guessed(int lane, Hand& hand, const Written& written) {
  Lane& one = *lanes_[lane];
  if (one.rows.empty()) return draw(lane, hand, logits(lane), kNoToken, written), 1;
  for (size_t place = 0;; ++place) {
    const auto* const logits = reinterpret_cast<const float*>(one.rows[place].memory + network_.logits_at);
    const int32_t guess = place + 1 < one.rows.size() ? one.rows[place + 1].token : kNoToken;
    draw(lane, hand, logits, guess, written);
    if (one.progress.ending != kRunning || guess == kNoToken || one.progress.pending != guess) return place + 1;
  }
}

void Lanes::draw(int lane, Hand& hand, const float* logits, int32_t guess, const Written& written) {
  Lane& one = *lanes_[lane];
  Progress& now = one.progress;
  now.has_read = now.pending != kNoToken;
  Choice choice;
  if (!choose(one, hand, logits, guess, choice)) {
    now.ending = kNotFinite;
    return;
  }
  const size_t at = static_cast<size_t>(lane) * written.most + written.counts[lane]++;
  written.tokens[at] = choice.token;
  written.log_probs[at] = choice.log_prob;
  written.sampling_log_probs[at] = choice.sampling_log_prob;
  one.history->add(choice.token);
  if (one.mark) one.mark->add(choice.token);
  now.pending = choice.token;
  if (choice.token == settings_.boundary)
    now.ending = kBoundary;
  else if (++now.num_written == settings_.length)
    now.ending = kLength;
}

// A token without a draft: by the mark's own numbers where it is marked. A marked one uses up a uniform too.
bool Lanes::draw_next(Lane& one, Hand& hand, const float* logits, bool early, double uniform, Choice& choice) {
  Noise noise{};
  if (one.mark && one.mark->marks_next(noise))
    return hand.chain->choose_marked(logits, *one.history, early, noise, choice);
  return hand.chain->choose(logits, *one.history, early, uniform, choice);
}

// The next token, by the next draft where there is one; `guess` is that draft where it was drawn already. After a draft
// that did not stand, or the last one and the token after it, new drafts are due.
bool Lanes::choose(Lane& one, Hand& hand, const float* logits, int32_t guess, Choice& choice) {
  Progress& now = one.progress;
  ++one.drafting.tokens;
  if (now.next_draft == 0) ++one.drafting.steps;
  const bool early = now.num_written < settings_.min_length;
  if (now.next_draft == now.num_drafts) {
    now.drafts_due = true;
    return draw_next(one, hand, logits, early, one.uniforms.next(), choice);
  }
  Chain& proposer = *hand.proposers[now.next_draft];
  const double drafts = one.uniforms.next(), judges = one.uniforms.next();
  const int32_t draft =
      guess >= 0 ? guess : proposer.propose(draft_logits(one, now.next_draft), *one.history, early, drafts);
  if (draft < 0) {
    now.drafts_due = true;
    return hand.chain->choose(logits, *one.history, early, judges, choice);
  }
  const Proposal proposal = proposer.proposal();
  const Verdict verdict = hand.chain->verify(logits, *one.history, early, proposal, draft, judges, choice);
  ++one.drafting.drafted;
  if (verdict == Verdict::kAccepted) ++one.drafting.accepted, ++now.next_draft;
  if (verdict != Verdict::kRejected) return verdict == Verdict::kAccepted;
  now.drafts_due = true;
  hand.chain->redraw(logits, proposal, one.uniforms.next(), choice);
  return true;
}

const float* Lanes::draft_logits(const Lane& one, int number) const {
  return reinterpret_cast<const float*>(one.memory.get() + network_.drafts_at) + number * network_.padded_drafts;
}

// New drafts where they are due: of what follows the token that was drawn last, from what was read before it. A lane that
// has read nothing since it began has none.
void Lanes::draft(const std::vector<int>& lanes, Team* team) {
  if (num_drafts() == 0) return;
  std::vector<Row> rows;
  std::vector<Lane*> due;
  for (const int lane : lanes) {
    Lane& one = *lanes_[lane];
    if (!one.progress.drafts_due) continue;
    due.push_back(&one);
    if (one.progress.has_read && one.progress.ending == kRunning) rows.push_back(row(lane, one.progress.pending));
  }
  network_.draft(rows.data(), static_cast<int>(rows.size()), team);
  if (leads(team))
    for (Lane* one : due) {
      one->progress.drafts_due = false;
      one->progress.next_draft = 0;
      one->progress.num_drafts = one->progress.has_read ? num_drafts() : 0;
    }
  meet(team);
}

bool Lanes::distribution(int lane, double* log_probabilities) {
  const Lane& one = *lanes_[lane];
  const bool early = one.progress.num_written < settings_.min_length;
  return hands_[0]->chain->distribution(logits(lane), *one.history, early, log_probabilities);
}

}  // namespace seqloom::decoding
