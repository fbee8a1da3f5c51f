// Streams that read text which is there already, and say how it stands to what they predicted.
#include <cstring>

#include "decoding/streams.h"

namespace seqloom::decoding {

void Streams::score(const ScoringRequest& scored) {
  distribute(count(), [&](ThreadRange range, int, ThreadTeam* team) {
    std::vector<TokenRow> read, asked;
    std::vector<size_t> places;
    for (int32_t time = 0; time < scored.time; ++time) {
      read.clear(), asked.clear(), places.clear();
      for (size_t stream = range.begin; stream < range.end; ++stream) {
        const size_t place = stream * scored.time + time;
        if (scored.tokens[place] < 0) continue;
        read.push_back(row(static_cast<int>(stream), scored.tokens[place]));
        if (scored.targets[place] < 0) continue;
        asked.push_back(read.back());
        places.push_back(place);
      }
      if (read.empty()) continue;
      network_.read(read.data(), static_cast<int>(read.size()), team);
      if (asked.empty()) {
        if (team) team->wait();  // for the others' parts of what is remembered, as `predict` does
        continue;
      }
      network_.predict(asked.data(), static_cast<int>(asked.size()), team);
      if (team && team->thread != 0) continue;
      for (size_t i = 0; i < asked.size(); ++i) {
        const Score found = network_.score(asked[i], scored.targets[places[i]]);
        scored.log_probs[places[i]] = found.log_prob;
        scored.entropies[places[i]] = found.entropy;
        scored.ranks[places[i]] = found.rank;
        if (scored.logits)
          std::memcpy(scored.logits + places[i] * network_.vocabulary, asked[i].memory + network_.logits_at,
                      network_.vocabulary * sizeof(float));
      }
    }
  });
}

}  // namespace seqloom::decoding
