"""How a text stands to two language models: one of real text, and one of generated text.

Text that was drawn at temperature 1 is less likely than real text under a model of real text, and text that was drawn
from the likeliest tokens is more likely: every feature may tell in both directions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int32, Integer

from seqloom.codecs.text import TextCodec
from seqloom.data.batch import IGNORED
from seqloom.evaluation.scorer import TokenScorer
from seqloom.evaluation.scoring_windows import MAX_STREAMS, Piece, windows
from seqloom.sampling.transforms import non_finite_error

__all__ = ["FEATURES", "LanguageModelPair", "TokenStatistics", "likelihood_features", "token_statistics"]

_MOST_TOKENS = 4000
"""Of a text that are read."""

_RANKS = (1, 3, 10)
"""Between these ranks, the likeliest being 0, lie the bins of the rank histogram (GLTR, Gehrmann et al. 2019)."""

FEATURES = (
    "ratio", "total ratio", "log-probability", "log-probability, generated", "entropy", "entropy, generated",
    "curvature", "curvature, generated", "cross ratio", "log-rank", "log-rank, generated", "unevenness",
    "rank 0", "ranks to 2", "ranks to 9", "rank 0, generated", "ranks to 2, generated", "ranks to 9, generated",
)  # fmt: skip
"""What `likelihood_features` gives, in order; those without a word more are of the model of real text.

- ratio: mean log-probability under the model of real text less that under the model of generated text (Yao et al.
  2017); the total, dampened, grows with the text.
- curvature: how far the log-probability lies above its mean over what could have come, in its standard deviations
  (Fast-DetectGPT, Bao et al. 2024).
- cross ratio: log-perplexity over cross-perplexity of the two models (Binoculars, Hans et al. 2024).
- unevenness: the standard deviation of the tokens' log-probabilities.
"""


@dataclass(frozen=True)
class TokenStatistics:
    """Of each token of a text, under the two models; nats.

    Attributes:
        log_probs: of the token under the models of real and of generated text.
        entropies: of what they predicted.
        variances: of the log-probability of a token that they would draw.
        ranks: how many tokens were likelier.
        cross: mean of the second model's negative log-probability over what the first would draw.
    """

    log_probs: Float64[np.ndarray, "2 time"]
    entropies: Float64[np.ndarray, "2 time"]
    variances: Float64[np.ndarray, "2 time"]
    ranks: Int32[np.ndarray, "2 time"]
    cross: Float64[np.ndarray, " time"]


@dataclass(frozen=True)
class LanguageModelPair:
    """A model of real text and one of generated text.

    Attributes:
        codec: of both.
        real: the model of real text.
        generated: that of generated text.
    """

    codec: TextCodec
    real: TokenScorer
    generated: TokenScorer

    def features(self, texts: Sequence[str]) -> Float32[np.ndarray, "texts features"]:
        """The `FEATURES` of each text; of a very long one, of how it begins."""
        found = np.zeros((len(texts), len(FEATURES)), np.float32)
        ids = [self.encoded(text) for text in texts]
        order = sorted(range(len(texts)), key=lambda place: len(ids[place]))
        statistics = token_statistics(self.real, self.generated, [ids[place] for place in order])
        for place, one in zip(order, statistics, strict=True):
            found[place] = likelihood_features(one)
        return found

    def encoded(self, text: str) -> Integer[np.ndarray, " time"]:
        """The ids of a text, after that of what comes before any; symbols that the models do not know are left out."""
        ids = self.codec.encode_text(text, skip_unknown=True)[:_MOST_TOKENS]
        return np.concatenate([[self.codec.bos_id], ids]).astype(np.int64)


def token_statistics(
    real: TokenScorer, generated: TokenScorer, texts: Sequence[Integer[np.ndarray, " time"]]
) -> Iterator[TokenStatistics]:
    """How each token of each text was predicted, after all that come before it; the first token is only read.

    Args:
        real: the model of real text.
        generated: that of generated text, with the same tokens.
        texts: ids; those of like length are best side by side.

    Raises:
        SeqloomError: the output of a model holds NaN or infinity.
    """
    for first in range(0, len(texts), MAX_STREAMS):
        yield from _side_by_side(real, generated, texts[first : first + MAX_STREAMS])


def likelihood_features(found: TokenStatistics) -> Float32[np.ndarray, " features"]:
    """The `FEATURES` of a text; zeros for a text of no token."""
    if found.cross.size == 0:
        return np.zeros(len(FEATURES), np.float32)
    ratio = found.log_probs[0] - found.log_probs[1]
    mean, entropy = found.log_probs.mean(axis=1), found.entropies.mean(axis=1)
    above = (found.log_probs + found.entropies).sum(axis=1)
    curvature = above / np.sqrt(found.variances.sum(axis=1) + 1e-6)
    log_rank = np.log1p(found.ranks).mean(axis=1)
    bins = [np.mean(found.ranks < most, axis=1) for most in _RANKS]
    values = [
        ratio.mean(), np.sign(ratio.sum()) * np.log1p(abs(ratio.sum())), *mean, *entropy,
        *curvature, mean[0] / min(-found.cross.mean(), -1e-6), *log_rank, found.log_probs[0].std(),
        *(part[0] for part in bins), *(part[1] for part in bins),
    ]  # fmt: skip
    return np.array(values, np.float32)


def _side_by_side(
    real: TokenScorer, generated: TokenScorer, texts: Sequence[Integer[np.ndarray, " time"]]
) -> Iterator[TokenStatistics]:
    readable = [text for text in texts if len(text) > 1]
    found = iter(_read(real, generated, readable) if readable else ())
    nothing = np.zeros((2, 0))
    for text in texts:
        yield (
            next(found)
            if len(text) > 1
            else TokenStatistics(nothing, nothing, nothing, nothing.astype(np.int32), nothing[0])
        )


def _read(
    real: TokenScorer, generated: TokenScorer, texts: Sequence[Integer[np.ndarray, " time"]]
) -> list[TokenStatistics]:
    stops = np.cumsum([len(text) for text in texts]).tolist()
    pieces = [Piece(stop - len(text), stop, stop - len(text) + 1) for text, stop in zip(texts, stops, strict=True)]
    shown = list(windows(np.concatenate(texts), pieces))
    parts = [
        _compared(window.targets, one, other)
        for (window, one), (_, other) in zip(real.logits(shown), generated.logits(shown), strict=True)
    ]
    asked = np.concatenate([window.targets != IGNORED for window in shown], axis=1)
    log_probs, entropies, variances, ranks, cross = (np.concatenate(part, axis=-1) for part in zip(*parts, strict=True))
    if not np.isfinite(log_probs).all():
        raise non_finite_error()
    return [
        TokenStatistics(
            log_probs[:, lane, here],
            entropies[:, lane, here],
            variances[:, lane, here],
            ranks[:, lane, here],
            cross[lane, here],
        )
        for lane, here in enumerate(asked)
    ]


def _compared(targets: np.ndarray, *logits: Float32[np.ndarray, "lanes time vocab"]) -> tuple[np.ndarray, ...]:
    """All statistics of a window's places, `[2, lanes, time]` but for the last; 0 where nothing is asked."""
    asked = targets != IGNORED
    logs = [_log_softmax(one[asked]) for one in logits]
    chances = [np.exp(one) for one in logs]
    chosen = targets[asked][:, None]
    log_probs = [np.take_along_axis(one, chosen, 1)[:, 0] for one in logs]
    entropies = [-np.einsum("nv,nv->n", chance, one) for chance, one in zip(chances, logs, strict=True)]
    squares = [np.einsum("nv,nv,nv->n", chance, one, one) for chance, one in zip(chances, logs, strict=True)]
    variances = [np.maximum(square - entropy**2, 0) for square, entropy in zip(squares, entropies, strict=True)]
    ranks = [(one > own[:, None]).sum(axis=1) for one, own in zip(logs, log_probs, strict=True)]
    cross = -np.einsum("nv,nv->n", chances[0], logs[1])

    def spread(values: list[np.ndarray], kind: type) -> np.ndarray:
        found = np.zeros((len(values), *asked.shape), kind)
        found[:, asked] = values
        return found

    return (
        spread(log_probs, np.float64),
        spread(entropies, np.float64),
        spread(variances, np.float64),
        spread(ranks, np.int32),
        spread([cross], np.float64)[0],
    )


def _log_softmax(logits: Float32[np.ndarray, "places vocab"]) -> Float32[np.ndarray, "places vocab"]:
    below = logits - logits.max(axis=1, keepdims=True)
    found: np.ndarray = below - np.log(np.exp(below).sum(axis=1, keepdims=True))
    return found
