// Streams that read text which is there already, and say how it stands to what they predicted.
#include <cstring>

#include "decoding/streams.h"

namespace seqloom::decoding {

void Streams::score(const ScoringRequest& request) {
  distribute(count(), [&](ThreadRange range, int, ThreadTeam* team) {
    std::vector<TokenRow> read, asked;
    std::vector<size_t> places;
    for (int32_t time = 0; time < request.time; ++time) {
      read.clear(), asked.clear(), places.clear();
      for (size_t stream = range.begin; stream < range.end; ++stream) {
        const size_t place = stream * request.time + time;
        if (request.tokens[place] < 0) continue;
        read.push_back(row(static_cast<int>(stream), request.tokens[place]));
        if (request.targets[place] < 0) continue;
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
        const Score found = network_.score(asked[i], request.targets[places[i]]);
        request.log_probs[places[i]] = found.log_prob;
        request.entropies[places[i]] = found.entropy;
        request.ranks[places[i]] = found.rank;
        if (request.logits)
          std::memcpy(request.logits + places[i] * network_.vocabulary, asked[i].memory + network_.logits_at,
                      network_.vocabulary * sizeof(float));
      }
    }
  });
}

}  // namespace seqloom::decoding
