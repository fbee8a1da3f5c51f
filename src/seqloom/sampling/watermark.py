"""A watermark: a secret key determines the draws, so that its owner can recognise the text later, without the model.

The method is that of Aaronson (2022). The last `WIDTH` tokens are the context. Key and context assign a number `r` in
(0, 1), the noise, to every candidate token. The token with the largest `log p - log(-log r)` is selected. By the
Gumbel-max trick, a token is selected with exactly its probability `p` over random keys. The `r` of selected tokens are
biased towards 1. In any other text they are uniform, so that `sum(-log(1 - r))` over n tokens follows Gamma(n, 1).

The same context would always select the same token. Therefore a context is used only once in a text: after a repeated
context, and for the first `WIDTH` tokens, the token is drawn with the seed. Texts of one key would also repeat each
other. Therefore contexts are divided into `GROUPS` groups, and each text uses one of `VARIANTS` variants of the noise
in each group; any two of `VARIANTS`^2 consecutive texts share the variant of at most one group. Detection takes the
best variant of each group, and the p-value accounts for that choice.

All numbers are 64-bit numbers of splitmix64 (Steele et al. 2014): `_mixed(state, position)` is the number at `position`
of the stream that starts at `state`. The noise of a candidate token comes from a chain of such numbers; each number is
the state of the next stream:

    key -> context token 1 -> ... -> context token `WIDTH` -> variant -> candidate token

At each arrow, the token or the variant is the position.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int, Integer, UInt64

from seqloom.config import validate
from seqloom.config.base import Check
from seqloom.config.sampling import SamplingConfig
from seqloom.config.settings import is_integer

__all__ = [
    "GROUPS",
    "VARIANTS",
    "WIDTH",
    "Noise",
    "Watermark",
    "WatermarkTest",
    "detect_watermark",
    "fingerprint",
    "key_number",
    "make_watermark",
    "variants_of",
]

WIDTH = 4
"""Number of context tokens. Changing a token also destroys the mark of this many tokens after it."""

GROUPS = 3
"""Number of groups of contexts; at most four, since the kernels receive the variants in one 64-bit number."""

VARIANTS = 127
"""Number of variants per group. A prime, so that two texts share the variant of at most one group."""

_MIN_SCORED_TOKENS = 60
"""With fewer scored tokens, a watermark often remains undetected."""

_MAX_BATCH_NUMBERS = 1 << 18
"""Maximum number of random numbers that detection computes at a time, which limits the memory."""

_SCHEME = b"seqloom watermark 1\n"
"""Version of the method; must change whenever the same key would select other tokens."""

_GROUP_POSITION = np.array([1 << 32])
"""Position of the number that determines a context's group, far above the positions of the variants."""

_STRIDE, _MULTIPLIER_1, _MULTIPLIER_2 = (
    np.uint64(constant) for constant in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)
"""Constants of splitmix64."""

Numbers = UInt64[np.ndarray, "*shape"]
Noise = Float64[np.ndarray, " vocab"]


@dataclass(frozen=True)
class WatermarkTest:
    """Result of a watermark test.

    Attributes:
        places: number of scored tokens: those that the key could have selected.
        statistic: sum of `-log(1 - r)` over the scored tokens, with the best variants; for a single variant and an
            unmarked text, the expectation of the sum is `places`.
        p_value: probability of a result at least as extreme for a text generated without the key; accounts exactly for
            the choice among the variants.
        variants: best variant of each group.
        row: number of the text's row in its table, from 1; None for a text that is not in a table.
    """

    places: int
    statistic: float
    p_value: float
    variants: tuple[int, ...] = ()
    row: int | None = None

    @property
    def short(self) -> bool:
        """Whether the text is too short to detect a watermark reliably."""
        return self.places < _MIN_SCORED_TOKENS


class Watermark:
    """The watermark of one text during its generation.

    Args:
        key: secret number, see `key_number`.
        variants: variant of the noise in each group.
    """

    def __init__(self, key: int, variants: Sequence[int]) -> None:
        self._key, self._variants = key, np.array(variants)
        self._seen: set[int] = set()

    def noise(self, tokens: Sequence[int], vocabulary: int) -> Noise | None:
        """Return the noise of each candidate token; None if the next token is not marked.

        Call this once per token: the context counts as used afterwards.

        Args:
            tokens: ids generated so far.
            vocabulary: number of token ids.
        """
        if len(tokens) < WIDTH:
            return None
        state = _states(self._key, np.array([tokens[-WIDTH:]]))  # of one context
        context_number = int(state.item())
        if context_number in self._seen:
            return None
        self._seen.add(context_number)
        variant = self._variants[_groups(state, len(self._variants))]
        return _uniforms(_mixed(_mixed(state, variant), np.arange(vocabulary)))


def make_watermark(config: SamplingConfig, index: int) -> Watermark | None:
    """Return the watermark of a sample; None if the settings request none."""
    if config.watermark is None:
        return None
    return Watermark(key_number(config.watermark), variants_of(config.seed, index))


def _key_checks(key: Any) -> Iterator[Check]:
    """Check that a key is a text that has an encoding; bytes of a shell that are not UTF-8 become half a character."""
    yield isinstance(key, str) and key != "", f"`key` got {key!r}: give the secret key of the watermark"
    is_text = not isinstance(key, str) or not any("\ud800" <= character <= "\udfff" for character in key)
    yield is_text, f"`key` got {key!r}, which is not text in UTF-8: give a key of whole characters"


def key_number(key: str) -> int:
    """Return the 64-bit number of a key.

    Raises:
        ConfigError: the key is empty or not a text.
    """
    validate(*_key_checks(key))
    return int.from_bytes(hashlib.sha256(_SCHEME + key.encode()).digest()[:8], "little")


def fingerprint(key: str) -> str:
    """Return the first 8 hexadecimal digits of a key's SHA-256, which identify it without disclosing it.

    Raises:
        ConfigError: the key is empty or not a text.
    """
    validate(*_key_checks(key))
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def variants_of(seed: int, index: int) -> tuple[int, ...]:
    """Return the variant of each group for a sample.

    Consecutive samples are points of a plane, in rows of `VARIANTS` points. Each group divides the plane into parallel
    lines that are numbered modulo `VARIANTS`, and the variant is the number of the sample's line. Within `VARIANTS`
    rows, lines of different groups meet in at most one point. Therefore two samples share the variant of at most one
    group.
    """
    start = int(_mixed(np.array([int(seed)], np.uint64), np.zeros(1, np.int64)).item())
    row, column = divmod(start + int(index), VARIANTS)
    return tuple((column + group * row) % VARIANTS for group in range(GROUPS))


def detect_watermark(
    tokens: Sequence[int] | Integer[np.ndarray, " tokens"],
    key: str,
    *,
    width: int = WIDTH,
    groups: int = GROUPS,
    variants: int = VARIANTS,
) -> WatermarkTest:
    """Test a text for the watermark of a key.

    Only tokens whose context of `width` tokens occurs for the first time are scored, since only these can be marked.
    For any text generated without the key, the p-value is uniformly distributed over random keys. With one group and
    one variant, the p-value is the tail probability of Gamma(places, 1). The groups are independent, and their p-values
    are combined by Fisher's method (1925).

    Args:
        tokens: ids of the text, without boundaries.
        key: secret key.
        width: number of context tokens.
        groups: number of groups of contexts.
        variants: number of variants per group.

    Raises:
        ConfigError: the key is empty, or a number is out of range.
    """
    validate(
        *_key_checks(key),
        *[
            (is_integer(value, 1), f"{name} got {value!r}: choose a whole number from 1 up")
            for name, value in (("width", width), ("groups", groups), ("variants", variants))
        ],
    )
    ids = np.asarray(tokens, np.int64)
    if len(ids) <= width:
        return WatermarkTest(places=0, statistic=0.0, p_value=1.0)
    windows = np.lib.stride_tricks.sliding_window_view(ids, width + 1)
    states, first_windows = np.unique(_states(key_number(key), windows[:, :-1]), return_index=True)
    group_of, next_tokens = _groups(states, groups), windows[first_windows, -1]
    sums = np.zeros((groups, variants))
    for group in range(groups):
        in_group = group_of == group
        sums[group] = _noise_sums(states[in_group], next_tokens[in_group], variants)
    p_value = _p_value(sums.max(axis=1), np.bincount(group_of, minlength=groups), variants)
    return WatermarkTest(
        places=len(first_windows),
        statistic=float(sums.max(axis=1).sum()),
        p_value=p_value,
        variants=tuple(sums.argmax(axis=1).tolist()),
    )


def _noise_sums(
    states: UInt64[np.ndarray, " scored"], tokens: Int[np.ndarray, " scored"], variants: int
) -> Float64[np.ndarray, " variants"]:
    """Return the sum of `-log(1 - r)` over the scored tokens, for each variant.

    Args:
        states: state of the context of each token.
        tokens: scored tokens.
        variants: number of variants.
    """
    sums = np.zeros(variants)
    batch_size = max(1, _MAX_BATCH_NUMBERS // variants)
    for start in range(0, len(states), batch_size):
        batch = slice(start, start + batch_size)
        variant_states = _mixed(states[batch, None], np.arange(variants)[None])
        sums -= np.log1p(-_uniforms(_mixed(variant_states, tokens[batch, None]))).sum(axis=0)
    return sums


def _p_value(largest: Float64[np.ndarray, " groups"], num_scored: Int[np.ndarray, " groups"], variants: int) -> float:
    """Return the combined p-value of all groups.

    Args:
        largest: largest sum among the variants of each group.
        num_scored: number of scored tokens of each group.
        variants: number of variants.
    """
    from scipy.special import gammaincc

    has_scored = num_scored > 0
    # Probability that one variant has a sum this large by chance, and that the best of all variants has one.
    one_variant_p = np.clip(gammaincc(num_scored[has_scored], largest[has_scored]), 1e-300, 1 - 1e-16)
    best_variant_p = -np.expm1(variants * np.log1p(-one_variant_p))
    return float(gammaincc(len(best_variant_p), -np.log(best_variant_p).sum()))


def _groups(states: UInt64[np.ndarray, " contexts"], groups: int) -> Int[np.ndarray, " contexts"]:
    """Return the group of each context."""
    return (_mixed(states, _GROUP_POSITION) % np.uint64(groups)).astype(np.int64)


def _states(key: int, contexts: Int[np.ndarray, "contexts width"]) -> UInt64[np.ndarray, " contexts"]:
    """Return the state of each context: the number at the end of the chain of its tokens."""
    states = np.full(len(contexts), key, np.uint64)
    for column in contexts.T:
        states = _mixed(states, column)
    return states


def _mixed(states: Numbers, positions: Int[np.ndarray, "*positions"]) -> Numbers:
    """Return the number at a position of the stream that starts at each state.

    The states are arrays, not numbers, because only integer arrays wrap around without a warning.
    """
    values = states + _STRIDE * (positions.astype(np.uint64) + np.uint64(1))
    values = (values ^ (values >> np.uint64(30))) * _MULTIPLIER_1
    values = (values ^ (values >> np.uint64(27))) * _MULTIPLIER_2
    mixed: Numbers = values ^ (values >> np.uint64(31))
    return mixed


def _uniforms(numbers: Numbers) -> Float64[np.ndarray, "*shape"]:
    """Convert 64-bit numbers to numbers in (0, 1): midpoints of 2^52 equal parts, so that neither 0 nor 1 occurs."""
    uniforms: Float64[np.ndarray, "*shape"] = ((numbers >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52
    return uniforms
