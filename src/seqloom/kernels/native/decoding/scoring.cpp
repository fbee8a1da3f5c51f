// Scoring of existing text.
#include <cstring>

#include "decoding/streams.h"

namespace seqloom::decoding {

void Streams::score(const ScoringRequest& request) {
  distribute(count(), [&](ThreadRange range, int, ThreadTeam* team) {
    std::vector<TokenRow> read, scored;
    std::vector<size_t> places;
    for (int32_t time = 0; time < request.time; ++time) {
      read.clear(), scored.clear(), places.clear();
      for (size_t stream = range.begin; stream < range.end; ++stream) {
        const size_t place = stream * request.time + time;
        if (request.tokens[place] < 0) continue;
        read.push_back(row(static_cast<int>(stream), request.tokens[place]));
        if (request.targets[place] < 0) continue;
        scored.push_back(read.back());
        places.push_back(place);
      }
      if (read.empty()) continue;
      network_.read(read.data(), static_cast<int>(read.size()), team);
      if (scored.empty()) {
        if (team) team->wait();  // for the other threads' parts of the state, as `predict` does
        continue;
      }
      network_.predict(scored.data(), static_cast<int>(scored.size()), team);
      if (team && team->thread != 0) continue;
      for (size_t i = 0; i < scored.size(); ++i) {
        const Score score = network_.score(scored[i], request.targets[places[i]]);
        request.log_probs[places[i]] = score.log_prob;
        request.entropies[places[i]] = score.entropy;
        request.ranks[places[i]] = score.rank;
        if (request.logits)
          std::memcpy(request.logits + places[i] * network_.vocabulary, scored[i].memory + network_.logits_at,
                      network_.vocabulary * sizeof(float));
      }
    }
  });
}

}  // namespace seqloom::decoding
