// Scores of existing text: how well the model predicts each token.
#include <cstring>

#include "decoding/streams.h"

namespace seqloom::decoding {

void Streams::score(const ScoringRequest& request) {
  distribute(count(), [&](ThreadRange range, int, ThreadTeam* team) {
    std::vector<TokenRow> read, scored;
    std::vector<size_t> positions;  // of the scored tokens in the arrays of the request
    for (int32_t time = 0; time < request.time; ++time) {
      read.clear(), scored.clear(), positions.clear();
      for (size_t stream = range.begin; stream < range.end; ++stream) {
        const size_t position = stream * request.time + time;
        if (request.tokens[position] < 0) continue;
        read.push_back(row(static_cast<int>(stream), request.tokens[position]));
        if (request.targets[position] < 0) continue;
        scored.push_back(read.back());
        positions.push_back(position);
      }
      if (read.empty()) continue;
      network_.read(read.data(), static_cast<int>(read.size()), team);
      if (scored.empty()) {
        if (team) team->wait();  // `predict` would wait until all threads have computed their parts of the state
        continue;
      }
      network_.predict(scored.data(), static_cast<int>(scored.size()), team);
      if (team && team->thread != 0) continue;
      for (size_t i = 0; i < scored.size(); ++i) {
        const Score score = network_.score(scored[i], request.targets[positions[i]]);
        request.log_probs[positions[i]] = score.log_prob;
        request.entropies[positions[i]] = score.entropy;
        request.ranks[positions[i]] = score.rank;
        if (request.logits)
          std::memcpy(request.logits + positions[i] * network_.vocabulary, scored[i].memory + network_.logits_offset,
                      network_.vocabulary * sizeof(float));
      }
    }
  });
}

}  // namespace seqloom::decoding
