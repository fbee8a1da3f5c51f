"""Features of a text's likelihood under two language models: one of real text, one of generated text.

Text sampled at temperature 1 is less likely than real text under a model of real text, and text sampled from the most
likely tokens is more likely. So either a high or a low value of a feature may indicate a generated text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Integer

from seqloom.codecs.text import TextCodec
from seqloom.data.batch import IGNORED
from seqloom.evaluation.scorer import TokenScorer
from seqloom.evaluation.scoring_windows import MAX_STREAMS, Piece, windows
from seqloom.sampling.transforms import non_finite_error

__all__ = ["LIKELIHOOD_FEATURES", "LanguageModelPair", "TokenStatistics", "likelihood_features", "token_statistics"]

_MAX_TOKENS = 4000
"""Maximal number of tokens per text; further tokens are ignored."""

_RANK_BOUNDS = (1, 3, 10)
"""For each bound, a feature is the share of tokens with a lower rank; rank 0 is the most likely token (GLTR, Gehrmann
et al. 2019)."""

_SMALL = 1e-6
"""Small number that prevents a division by zero."""

LIKELIHOOD_FEATURES = (
    "ratio", "total ratio", "log-probability", "log-probability, generated", "entropy", "entropy, generated",
    "curvature", "curvature, generated", "cross ratio", "log-rank", "log-rank, generated", "unevenness",
    "rank 0", "ranks to 2", "ranks to 9", "rank 0, generated", "ranks to 2, generated", "ranks to 9, generated",
)  # fmt: skip
"""Names of the features of `likelihood_features`, in order. A feature is computed with the model of real text; if its
name ends with "generated", with the model of generated text.

- log-probability, entropy, log-rank: means over the tokens of a text; the log-rank is `log(1 + rank)`.
- rank 0, ranks to 2, ranks to 9: share of the tokens with these ranks.
- ratio: mean log-probability under the model of real text minus that under the model of generated text (Yao et al.
  2017). "total ratio" is the signed logarithm of the sum over the tokens, which grows with the text length.
- curvature: distance of the log-probability from its expectation, in standard deviations (Fast-DetectGPT, Bao et al.
  2024).
- cross ratio: log-perplexity under the model of real text over the mean cross-entropy of the two models (Binoculars,
  Hans et al. 2024).
- unevenness: standard deviation of the log-probabilities of the tokens.
"""


@dataclass(frozen=True)
class TokenStatistics:
    """Statistics of each token of a text under the models of real (row 0) and generated text (row 1), in nats.

    Attributes:
        log_probs: log-probability of the token.
        entropies: entropy of the predicted distribution.
        variances: variance of the log-probability of a token sampled from the predicted distribution.
        ranks: number of more likely tokens.
        cross_entropies: expected surprisal, under the model of generated text, of a token sampled from the model of
            real text.
    """

    log_probs: Float64[np.ndarray, "2 time"]
    entropies: Float64[np.ndarray, "2 time"]
    variances: Float64[np.ndarray, "2 time"]
    ranks: Int32[np.ndarray, "2 time"]
    cross_entropies: Float64[np.ndarray, " time"]


@dataclass(frozen=True)
class LanguageModelPair:
    """A language model of real text and one of generated text.

    Attributes:
        codec: codec of both models.
        real: model of real text.
        generated: model of generated text.
    """

    codec: TextCodec
    real: TokenScorer
    generated: TokenScorer

    def features(self, texts: Sequence[str]) -> Float32[np.ndarray, "texts features"]:
        """Return the `LIKELIHOOD_FEATURES` of the first 4000 tokens of each text."""
        features = np.zeros((len(texts), len(LIKELIHOOD_FEATURES)), np.float32)
        ids = [self.encode(text) for text in texts]
        order = sorted(range(len(texts)), key=lambda index: len(ids[index]))
        statistics = token_statistics(self.real, self.generated, [ids[index] for index in order])
        for index, text_statistics in zip(order, statistics, strict=True):
            features[index] = likelihood_features(text_statistics)
        return features

    def encode(self, text: str) -> Integer[np.ndarray, " time"]:
        """Return the id that marks the start, and the ids of the first 4000 tokens of a text.

        Symbols outside the vocabulary are skipped.
        """
        ids = self.codec.encode_text(text, skip_unknown=True)[:_MAX_TOKENS]
        return np.concatenate([[self.codec.bos_id], ids]).astype(np.int64)


def token_statistics(
    real: TokenScorer, generated: TokenScorer, texts: Sequence[Integer[np.ndarray, " time"]]
) -> Iterator[TokenStatistics]:
    """Yield the statistics of each text, for all of its tokens but the first.

    Args:
        real: model of real text.
        generated: model of generated text, with the same vocabulary.
        texts: ids of each text; sorting the texts by length saves time, because a batch takes as long as its longest
            text.

    Raises:
        SeqloomError: the output of a model contains NaN or infinity.
    """
    for start in range(0, len(texts), MAX_STREAMS):
        yield from _batch_statistics(real, generated, texts[start : start + MAX_STREAMS])


def likelihood_features(statistics: TokenStatistics) -> Float32[np.ndarray, " features"]:
    """Return the `LIKELIHOOD_FEATURES` of a text; zeros for a text without tokens."""
    if statistics.cross_entropies.size == 0:
        return np.zeros(len(LIKELIHOOD_FEATURES), np.float32)
    ratio = statistics.log_probs[0] - statistics.log_probs[1]
    log_prob, entropy = statistics.log_probs.mean(axis=1), statistics.entropies.mean(axis=1)
    # The expectation of the log-probability is the negative entropy.
    excess = (statistics.log_probs + statistics.entropies).sum(axis=1)
    curvature = excess / np.sqrt(statistics.variances.sum(axis=1) + _SMALL)
    log_rank = np.log1p(statistics.ranks).mean(axis=1)
    rank_shares = [np.mean(statistics.ranks < bound, axis=1) for bound in _RANK_BOUNDS]
    values = [
        ratio.mean(), np.sign(ratio.sum()) * np.log1p(abs(ratio.sum())), *log_prob, *entropy,
        *curvature, log_prob[0] / min(-statistics.cross_entropies.mean(), -_SMALL), *log_rank,
        statistics.log_probs[0].std(),
        *(share[0] for share in rank_shares), *(share[1] for share in rank_shares),
    ]  # fmt: skip
    return np.array(values, np.float32)


def _batch_statistics(
    real: TokenScorer, generated: TokenScorer, texts: Sequence[Integer[np.ndarray, " time"]]
) -> Iterator[TokenStatistics]:
    """Yield the statistics of each text; texts without tokens are not scored."""
    nonempty = [text for text in texts if len(text) > 1]
    statistics = iter(_score(real, generated, nonempty) if nonempty else ())
    no_tokens = np.zeros((2, 0))
    empty = TokenStatistics(
        log_probs=no_tokens,
        entropies=no_tokens,
        variances=no_tokens,
        ranks=no_tokens.astype(np.int32),
        cross_entropies=no_tokens[0],
    )
    for text in texts:
        yield next(statistics) if len(text) > 1 else empty


def _score(
    real: TokenScorer, generated: TokenScorer, texts: Sequence[Integer[np.ndarray, " time"]]
) -> list[TokenStatistics]:
    """Return the statistics of texts that are scored in one batch, one row of the batch per text.

    The texts are joined into one array, in which each text is a piece. The models read all pieces in parallel, in
    windows of a few hundred tokens. All tokens of a text but the first are targets, which the models predict.
    """
    stops = np.cumsum([len(text) for text in texts]).tolist()
    starts = [stop - len(text) for text, stop in zip(texts, stops, strict=True)]
    pieces = [Piece(start, stop, first_scored=start + 1) for start, stop in zip(starts, stops, strict=True)]
    scored_windows = list(windows(np.concatenate(texts), pieces))
    window_statistics = [
        _window_statistics(window.targets, real_logits, generated_logits)
        for (window, real_logits), (_, generated_logits) in zip(
            real.logits(scored_windows), generated.logits(scored_windows), strict=True
        )
    ]
    is_target = np.concatenate([window.targets != IGNORED for window in scored_windows], axis=1)
    log_probs, entropies, variances, ranks, cross_entropies = (
        np.concatenate(arrays, axis=-1) for arrays in zip(*window_statistics, strict=True)
    )
    if not np.isfinite(log_probs).all():
        raise non_finite_error()
    return [
        TokenStatistics(
            log_probs=log_probs[:, row, is_target_in_row],
            entropies=entropies[:, row, is_target_in_row],
            variances=variances[:, row, is_target_in_row],
            ranks=ranks[:, row, is_target_in_row],
            cross_entropies=cross_entropies[row, is_target_in_row],
        )
        for row, is_target_in_row in enumerate(is_target)
    ]


def _window_statistics(targets: np.ndarray, *logits: Float32[np.ndarray, "batch time vocab"]) -> tuple[np.ndarray, ...]:
    """Return the attributes of `TokenStatistics` for a window, in order; 0 where a target is ignored.

    Args:
        targets: ids of the tokens to predict, or `IGNORED` after the end of a text.
        logits: logits of the model of real text, and of the model of generated text.

    Returns:
        Arrays `[2, batch, time]`; the last is `[batch, time]`.
    """
    is_target = targets != IGNORED
    log_softmax = [_log_softmax(values[is_target]) for values in logits]
    softmax = [np.exp(values) for values in log_softmax]
    tokens = targets[is_target][:, None]
    log_probs = [np.take_along_axis(values, tokens, 1)[:, 0] for values in log_softmax]
    entropies = [-np.einsum("nv,nv->n", p, log_p) for p, log_p in zip(softmax, log_softmax, strict=True)]
    squares = [np.einsum("nv,nv,nv->n", p, log_p, log_p) for p, log_p in zip(softmax, log_softmax, strict=True)]
    variances = [np.maximum(square - entropy**2, 0) for square, entropy in zip(squares, entropies, strict=True)]
    ranks = [(log_p > log_prob[:, None]).sum(axis=1) for log_p, log_prob in zip(log_softmax, log_probs, strict=True)]
    cross_entropies = -np.einsum("nv,nv->n", softmax[0], log_softmax[1])
    return (
        _scatter(log_probs, is_target, np.float64),
        _scatter(entropies, is_target, np.float64),
        _scatter(variances, is_target, np.float64),
        _scatter(ranks, is_target, np.int32),
        _scatter([cross_entropies], is_target, np.float64)[0],
    )


def _scatter(values: list[np.ndarray], is_target: Bool[np.ndarray, "batch time"], dtype: type) -> np.ndarray:
    """Return arrays `[values, batch, time]` with the values where `is_target` is True, and zeros elsewhere."""
    scattered = np.zeros((len(values), *is_target.shape), dtype)
    scattered[:, is_target] = values
    return scattered


def _log_softmax(logits: Float32[np.ndarray, "positions vocab"]) -> Float32[np.ndarray, "positions vocab"]:
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs: np.ndarray = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return log_probs
