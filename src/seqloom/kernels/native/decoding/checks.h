// Checks of the arguments of the C interface of decoding. A check that fails throws std::invalid_argument.
#pragma once

#include "decoding/streams.h"

namespace seqloom::decoding {

// Check the sizes of a model, and that no array that the model's core needs is null.
void check_model(const Model& model);

void check_sampling(const SamplingSettings& settings, int vocabulary);

// Check indices of streams and layers, and tokens, which are ids in the vocabulary. `check_optional_tokens` also allows
// negative numbers, which mean "no token".
void check_stream(const Streams& streams, int stream);
void check_layer(const Streams& streams, int layer);
void check_tokens(const Streams& streams, const int32_t* tokens, int64_t count);
void check_optional_tokens(const Streams& streams, const int32_t* tokens, int64_t count);
void check_scoring(const Streams& streams, const ScoringRequest& request);
// Check that sampling settings are set, that no running stream guides another one, and that no array is null.
void check_generation(const Streams& streams, const GenerationOutput& output);

}  // namespace seqloom::decoding
