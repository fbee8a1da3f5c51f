"""A watermark: draws that a secret key decides, so that who has the key can tell the text again, without the model.

After Aaronson (2022). A key and the last `WIDTH` tokens, the context, give a number `r` in (0, 1) to every token; what
comes is the token with the largest `log p - log(-log r)`. That is Gumbel's trick: over keys a token comes with its
probability `p`, exactly. The `r` of what came lean towards 1, while in a text that knows nothing of the key each is
uniform, so that `sum(-log(1 - r))` over n of them follows Gamma(n, 1).

The same context would always decide alike. So within a text it decides once: after tokens that stood there before, and
before the first `WIDTH`, the draw is the seed's. And lest the texts of a key fall into one another's words, each has
variants of its own of the mark: contexts fall into `GROUPS` groups, and for each group a text has one of `VARIANTS`
variants, so that of `VARIANTS`^2 texts in a row no two have more than one in common. Who looks for the mark takes the
best variant of each group, and the p-value accounts for that.

All hangs on 64-bit numbers, mixed as by splitmix64 (Steele et al. 2014): `mixed(state, place)` is the number at that
place of the stream that begins from `state`. From the key's number each token of the context in order leads to the next
state, then the variant does, and then the token that may come.
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
    "fingerprint",
    "key_number",
    "make_watermark",
    "test_watermark",
    "variants_of",
]

WIDTH = 4
"""Tokens that a draw hangs on. A token that is changed takes so many more marked ones with it."""

GROUPS = 3
"""Of contexts; four at most."""

VARIANTS = 127
"""For each group. A prime, so that two texts differ in all groups but one."""

LEAST_PLACES = 60
"""Of fewer, marked text is often not to be told from other text."""

_SCHEME = b"seqloom watermark 1\n"
"""Changes when the same key would mark otherwise."""

_GROUP = np.array([1 << 32])
"""The place of the number that says which group a context is in; those of variants come before it."""

_STRIDE, _FIRST, _SECOND = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))

Numbers = UInt64[np.ndarray, "*shape"]
Noise = Float64[np.ndarray, " vocab"]


@dataclass(frozen=True)
class WatermarkTest:
    """How much a text looks as if a key had marked it.

    Attributes:
        places: tokens that could have been marked.
        statistic: the sum of `-log(1 - r)` over them, by the best variants; of one variant, `places` is to be expected.
        p_value: how often a text that knows nothing of the key comes to as much: exact, all variants considered.
        variants: the best one of each group.
    """

    places: int
    statistic: float
    p_value: float
    variants: tuple[int, ...] = ()

    @property
    def short(self) -> bool:
        """Whether the text is so short that the mark may not be found in it, if it is there."""
        return self.places < LEAST_PLACES


class Watermark:
    """The mark of one text while it is written.

    Args:
        key: the secret number.
        variants: of each group.
    """

    def __init__(self, key: int, variants: Sequence[int]) -> None:
        self._key, self._variants = key, np.array(variants)
        self._seen: set[int] = set()

    def noise(self, tokens: Sequence[int], vocabulary: int) -> Noise | None:
        """A number in (0, 1) for each token that may follow; None where the next one is not marked.

        Args:
            tokens: that were written so far; to be asked for once after each.
            vocabulary: how many there are.
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
    """What marks the sample of an index; None where no mark is asked for."""
    if config.watermark is None:
        return None
    return Watermark(key_number(config.watermark), variants_of(config.seed, index))


def key_number(key: str) -> int:
    """The 64 bits that a key stands for."""
    return int.from_bytes(hashlib.sha256(_SCHEME + key.encode()).digest()[:8], "little")


def fingerprint(key: str) -> str:
    """By which its owner knows a key again: the first 8 digits of its sha256."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def variants_of(seed: int, index: int) -> tuple[int, ...]:
    """The variants of a sample: lines of different slopes in a plane, which meet in one point at most."""
    begin = int(_mixed(np.array([int(seed)], np.uint64), np.zeros(1, np.int64))[0])
    row, column = divmod(begin + int(index), VARIANTS)
    return tuple((column + group * row) % VARIANTS for group in range(GROUPS))


def test_watermark(
    tokens: Sequence[int] | Integer[np.ndarray, " tokens"],
    key: str,
    *,
    width: int = WIDTH,
    groups: int = GROUPS,
    variants: int = VARIANTS,
) -> WatermarkTest:
    """Look for a key's mark in a text.

    A place is a token after `width` others that did not stand together earlier in the text: there, and only there, text
    is marked. Of a text that was written without the key the p-value is uniform, whatever the text: what is random
    is the key. With one group and one variant it is that of Gamma(places, 1). Groups are independent, and put together
    by Fisher's method (1925).

    Args:
        tokens: the text's ids, without boundaries.
        key: the secret.
        width: tokens that a draw hangs on.
        groups: of contexts.
        variants: that are looked for, of each group.

    Raises:
        ConfigError: the key is empty, or a number is out of range.
    """
    validate(
        (isinstance(key, str) and key != "", f"`key` got {key!r}: give the secret that the text was marked by"),
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
    """The sum of `-log(1 - r)` by each variant."""
    found = np.zeros(variants)
    at_once = max(1, (1 << 18) // variants)
    for start in range(0, len(states), at_once):
        place = slice(start, start + at_once)
        marked = _mixed(states[place, None], np.arange(variants)[None])
        found -= np.log1p(-_uniforms(_mixed(marked, tokens[place, None]))).sum(axis=0)
    return found


def _p_value(largest: Float64[np.ndarray, " groups"], places: Int[np.ndarray, " groups"], variants: int) -> float:
    """How often the largest of so many independent sums is as large, all groups that have places taken together."""
    from scipy.special import gammaincc

    alone = np.clip(gammaincc(places[places > 0], largest[places > 0]), 1e-300, 1 - 1e-16)
    best = -np.expm1(variants * np.log1p(-alone))
    return float(gammaincc(len(best), -np.log(best).sum()))


def _groups(states: UInt64[np.ndarray, " places"], groups: int) -> Int[np.ndarray, " places"]:
    return (_mixed(states, _GROUP) % np.uint64(groups)).astype(np.int64)


def _states(key: int, contexts: Int[np.ndarray, "places width"]) -> UInt64[np.ndarray, " places"]:
    """What the tokens of each context lead to."""
    states = np.full(len(contexts), key, np.uint64)
    for column in contexts.T:
        states = _mixed(states, column)
    return states


def _mixed(states: Numbers, places: Int[np.ndarray, "*places"]) -> Numbers:
    """The number at a place of the stream that each state begins. Arrays of numbers wrap around silently."""
    values = states + _STRIDE * (places.astype(np.uint64) + np.uint64(1))
    values = (values ^ (values >> np.uint64(30))) * _FIRST
    values = (values ^ (values >> np.uint64(27))) * _SECOND
    mixed: Numbers = values ^ (values >> np.uint64(31))
    return mixed


def _uniforms(numbers: Numbers) -> Float64[np.ndarray, "*shape"]:
    """The middle of one of 2^52 equal parts of (0, 1): neither end is among them."""
    uniforms: Float64[np.ndarray, "*shape"] = ((numbers >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52
    return uniforms
