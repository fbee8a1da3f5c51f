"""A watermark: a secret key determines the draws, so that its owner can recognise the text later, without the model.

The method is that of Aaronson (2022). The key and the last `WIDTH` tokens, the context, assign a number `r` in (0, 1)
to every token. The token with the largest `log p - log(-log r)` is selected. By the Gumbel-max trick, a token is
selected with exactly its probability `p` over random keys. The `r` of selected tokens are biased towards 1. In any
other text they are uniform, so that `sum(-log(1 - r))` over n tokens follows Gamma(n, 1).

The same context would always select the same token. Therefore a context is used only once in a text: after a repeated
context, and for the first `WIDTH` tokens, the token is drawn with the seed. Texts of one key would also repeat each
other. Therefore contexts are divided into `GROUPS` groups, and each text uses one of `VARIANTS` variants of the noise
in each group; any two of `VARIANTS`^2 consecutive texts share the variant of at most one group. Detection takes the
best variant of each group, and the p-value accounts for that choice.

All numbers are 64-bit numbers of splitmix64 (Steele et al. 2014): `_mixed(state, place)` is number `place` of the
stream that starts at `state`. Starting from the key's number, the tokens of the context, the variant and the candidate
token each lead to the next state.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int, Integer, UInt64

from seqloom.config import validate
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
"""Number of groups of contexts; at most four."""

VARIANTS = 127
"""Number of variants per group. A prime, so that two texts differ in all groups but one."""

_MIN_PLACES = 60
"""With fewer scored tokens, a watermark often remains undetected."""

_SCHEME = b"seqloom watermark 1\n"
"""Version of the method; must change whenever the same key would select other tokens."""

_GROUP = np.array([1 << 32])
"""Place of the number that determines a context's group; the variants have the places before it."""

_STRIDE, _FIRST, _SECOND = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))

Numbers = UInt64[np.ndarray, "*shape"]
Noise = Float64[np.ndarray, " vocab"]


@dataclass(frozen=True)
class WatermarkTest:
    """Result of a watermark test.

    Attributes:
        places: number of scored tokens: those that the key could have selected.
        statistic: sum of `-log(1 - r)` over the scored tokens, with the best variants; for a single variant and an
            unmarked text, its expectation is `places`.
        p_value: probability of such a statistic for a text generated without the key; exact over all variants.
        variants: best variant of each group.
    """

    places: int
    statistic: float
    p_value: float
    variants: tuple[int, ...] = ()

    @property
    def short(self) -> bool:
        """Whether the text is too short to detect a watermark reliably."""
        return self.places < _MIN_PLACES


class Watermark:
    """The watermark of one text during its generation.

    Args:
        key: secret number.
        variants: variant of each group.
    """

    def __init__(self, key: int, variants: Sequence[int]) -> None:
        self._key, self._variants = key, np.array(variants)
        self._seen: set[int] = set()

    def noise(self, tokens: Sequence[int], vocabulary: int) -> Noise | None:
        """Return a number in (0, 1) for each candidate token; None if the next token is not marked.

        Call this once per token: the context counts as used afterwards.

        Args:
            tokens: ids generated so far.
            vocabulary: number of token ids.
        """
        if len(tokens) < WIDTH:
            return None
        state = _states(self._key, np.array([tokens[-WIDTH:]]))
        number = int(state[0])
        if number in self._seen:
            return None
        self._seen.add(number)
        variant = self._variants[_groups(state, len(self._variants))]
        return _uniforms(_mixed(_mixed(state, variant), np.arange(vocabulary)))


def make_watermark(config: SamplingConfig, index: int) -> Watermark | None:
    """Return the watermark of a sample; None if the settings request none."""
    if config.watermark is None:
        return None
    return Watermark(key_number(config.watermark), variants_of(config.seed, index))


def key_number(key: str) -> int:
    """Return the 64-bit number of a key."""
    return int.from_bytes(hashlib.sha256(_SCHEME + key.encode()).digest()[:8], "little")


def fingerprint(key: str) -> str:
    """Return the first 8 hexadecimal digits of a key's SHA-256, which identify it without disclosing it."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def variants_of(seed: int, index: int) -> tuple[int, ...]:
    """Return the variants of a sample.

    Each group maps a sample's point in a plane to one of `VARIANTS` parallel lines. Lines of different groups meet in
    at most one point, so two samples share at most one variant.
    """
    begin = int(_mixed(np.array([int(seed)], np.uint64), np.zeros(1, np.int64))[0])
    row, column = divmod(begin + int(index), VARIANTS)
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
    one variant it is the tail probability of Gamma(places, 1). The groups are independent and combined by Fisher's
    method (1925).

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
        (
            isinstance(key, str) and key != "",
            f"`key` got {key!r}: give the secret key of the watermark",
        ),
        *[
            (is_integer(value, 1), f"{name} got {value!r}: choose a whole number from 1 up")
            for name, value in (("width", width), ("groups", groups), ("variants", variants))
        ],
    )
    ids = np.asarray(tokens, np.int64)
    if len(ids) <= width:
        return WatermarkTest(0, 0.0, 1.0)
    windows = np.lib.stride_tricks.sliding_window_view(ids, width + 1)
    states, first = np.unique(_states(key_number(key), windows[:, :-1]), return_index=True)
    group_of, next_tokens = _groups(states, groups), windows[first, -1]
    sums = np.zeros((groups, variants))
    for group in range(groups):
        inside = group_of == group
        sums[group] = _sums(states[inside], next_tokens[inside], variants)
    p_value = _p_value(sums.max(axis=1), np.bincount(group_of, minlength=groups), variants)
    return WatermarkTest(len(first), float(sums.max(axis=1).sum()), p_value, tuple(sums.argmax(axis=1).tolist()))


def _sums(
    states: UInt64[np.ndarray, " places"], tokens: Int[np.ndarray, " places"], variants: int
) -> Float64[np.ndarray, " variants"]:
    """Return the sum of `-log(1 - r)` for each variant."""
    sums = np.zeros(variants)
    batch = max(1, (1 << 18) // variants)
    for start in range(0, len(states), batch):
        places = slice(start, start + batch)
        variant_states = _mixed(states[places, None], np.arange(variants)[None])
        sums -= np.log1p(-_uniforms(_mixed(variant_states, tokens[places, None]))).sum(axis=0)
    return sums


def _p_value(largest: Float64[np.ndarray, " groups"], places: Int[np.ndarray, " groups"], variants: int) -> float:
    """Return the probability that the largest of `variants` independent sums is this large, over all groups."""
    from scipy.special import gammaincc

    single = np.clip(gammaincc(places[places > 0], largest[places > 0]), 1e-300, 1 - 1e-16)
    best = -np.expm1(variants * np.log1p(-single))
    return float(gammaincc(len(best), -np.log(best).sum()))


def _groups(states: UInt64[np.ndarray, " places"], groups: int) -> Int[np.ndarray, " places"]:
    return (_mixed(states, _GROUP) % np.uint64(groups)).astype(np.int64)


def _states(key: int, contexts: Int[np.ndarray, "places width"]) -> UInt64[np.ndarray, " places"]:
    """Return the state of each context."""
    states = np.full(len(contexts), key, np.uint64)
    for column in contexts.T:
        states = _mixed(states, column)
    return states


def _mixed(states: Numbers, places: Int[np.ndarray, "*places"]) -> Numbers:
    """Return number `place` of the stream of each state. Integer arrays wrap around without a warning."""
    values = states + _STRIDE * (places.astype(np.uint64) + np.uint64(1))
    values = (values ^ (values >> np.uint64(30))) * _FIRST
    values = (values ^ (values >> np.uint64(27))) * _SECOND
    mixed: Numbers = values ^ (values >> np.uint64(31))
    return mixed


def _uniforms(numbers: Numbers) -> Float64[np.ndarray, "*shape"]:
    """Return the midpoint of one of 2^52 equal parts of (0, 1), so that neither end occurs."""
    uniforms: Float64[np.ndarray, "*shape"] = ((numbers >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52
    return uniforms
