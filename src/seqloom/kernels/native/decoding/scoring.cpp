// Scores of existing text: how well the model predicts each token.
#include <cstring>

#include "decoding/streams.h"

namespace seqloom::decoding {

void Streams::score(const ScoringRequest& request) {
  distribute(count(), [&](ThreadRange range, int, ThreadTeam* team) {
    std::vector<TokenRow> read_rows, scored_rows;
    std::vector<size_t> positions;  // index of each scored token in the arrays of the request
    for (int32_t time = 0; time < request.time; ++time) {
      read_rows.clear(), scored_rows.clear(), positions.clear();
      for (size_t stream = range.begin; stream < range.end; ++stream) {
        const size_t position = stream * request.time + time;
        if (request.tokens[position] < 0) continue;
        read_rows.push_back(make_row(static_cast<int>(stream), request.tokens[position]));
        if (request.targets[position] < 0) continue;
        scored_rows.push_back(read_rows.back());
        positions.push_back(position);
      }
      if (read_rows.empty()) continue;
      network_.read(read_rows.data(), static_cast<int>(read_rows.size()), team);
      if (scored_rows.empty()) {
        if (team) team->wait();  // `predict` would wait until all threads have computed their parts of the state
        continue;
      }
      network_.predict(scored_rows.data(), static_cast<int>(scored_rows.size()), team);
      if (team && team->thread != 0) continue;
      for (size_t i = 0; i < scored_rows.size(); ++i) {
        const Score score = network_.score(scored_rows[i], request.targets[positions[i]]);
        request.log_probs[positions[i]] = score.log_prob;
        request.entropies[positions[i]] = score.entropy;
        request.ranks[positions[i]] = score.rank;
        if (request.logits)
          std::memcpy(request.logits + positions[i] * network_.num_outputs,
                      scored_rows[i].memory + network_.logits_offset, network_.num_outputs * sizeof(float));
      }
    }
  });
}

}  // namespace seqloom::decoding
