"""The interface of a sampling transform: a pure function of logits, and the spec that `registry.TRANSFORMS` names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int

__all__ = ["Context", "Logits", "Settings", "Transform", "TransformSpec"]

Logits = Float64[np.ndarray, " vocab"]

Settings = Mapping[str, Any]
"""Values of the settings of a transform, by name."""


@dataclass(frozen=True)
class Context:
    """Information for a transform besides the logits.

    Attributes:
        recent: ids of recent tokens, which a repetition penalty makes less likely; without boundaries.
        allowed: False for tokens that must not be drawn; None if all are allowed.
        seed: seed of the request.
        index: index of the sample.
        num_tokens: number of tokens generated so far.
        history: ids of the same recent tokens in their order, boundaries included.
        breakers: True for tokens that end a repeat; None if there are none.
        surprise: sum of the surprise of the generated tokens, in bits: the negative binary logarithm of the probability
            with which each was drawn.
    """

    recent: Int[np.ndarray, " recent"]
    allowed: Bool[np.ndarray, " vocab"] | None
    seed: int = 0
    index: int = 0
    num_tokens: int = 0
    history: Int[np.ndarray, " window"] = field(default_factory=lambda: np.zeros(0, np.int64))
    breakers: Bool[np.ndarray, " vocab"] | None = None
    surprise: float = 0.0

    def generator(self, salt: int) -> "np.random.Generator":
        """Return a generator of random numbers for a transform at this token.

        The numbers depend only on the seed, the index of the sample, the number of tokens and the salt (Philox 4x64-10,
        Salmon et al. 2011). Therefore a random transform gives the same text at any batch size.

        Args:
            salt: number below 2**64 that no other transform uses.
        """
        key = np.array([self.seed, self.index], np.uint64)
        # The draws of tokens use the same key with counters whose last number is 0. The `+ 1` avoids these counters.
        counter = np.array([0, 0, salt, self.num_tokens + 1], np.uint64)
        return np.random.Generator(np.random.Philox(key=key, counter=counter))


Transform = Callable[[Logits, Context], Logits]
"""Return new logits, minus infinity for removed tokens. Some token must remain, and the argument must not change."""


@dataclass(frozen=True, kw_only=True)
class TransformSpec:
    """Description of a sampling transform, to which one entry of `registry.TRANSFORMS` points.

    Attributes:
        position: place in the chain; transforms run in ascending order of their positions.
        bind: function from settings and vocabulary size to the transform; it raises `ConfigError` for settings that are
            out of range.
        is_off: function from settings to whether the transform would change nothing; such a transform is left out.
        fields: fields of `SamplingConfig` that are the settings of a built-in transform, which runs unless it is off;
            None for any other transform, which runs only if `SamplingConfig.transforms` requests it.
        defaults: settings of a transform whose `fields` are None, with their defaults.
    """

    position: int
    bind: Callable[[Settings, int], Transform]
    is_off: Callable[[Settings], bool] = lambda settings: False
    fields: tuple[str, ...] | None = None
    defaults: Mapping[str, float] = field(default_factory=dict)
