// Checks of what crosses the C interface of decoding; each throws std::invalid_argument.
#pragma once

#include "decoding/streams.h"

namespace seqloom::decoding {

// Check the shape of a model and that every array that its core needs is there.
void check_model(const Model& model);

void check_sampling(const SamplingSettings& settings, int vocabulary);

// Check arguments against the streams. Tokens are ids in the vocabulary; `check_optional_tokens` also allows negative
// ones, which stand for no token.
void check_stream(const Streams& streams, int stream);
void check_layer(const Streams& streams, int layer);
void check_tokens(const Streams& streams, const int32_t* tokens, int64_t count);
void check_optional_tokens(const Streams& streams, const int32_t* tokens, int64_t count);
void check_scoring(const Streams& streams, const ScoringRequest& request);
// Check that sampling is set, that every running stream may generate, and that the arrays are there.
void check_generation(const Streams& streams, const GenerationOutput& output);

}  // namespace seqloom::decoding
