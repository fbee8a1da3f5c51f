"""Drawing a token: by one uniform number and a look into the cumulative distribution, or by a number for each token."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float32, Float64

__all__ = ["gumbel_argmax", "inverse_cdf", "normals", "uniforms"]

_NOISE = 0x6E6F697365
"""Sets what `normals` draws apart from what `uniforms` draws."""


def uniforms(seed: int, index: int) -> Iterator[float]:
    """Uniform numbers in [0, 1) for the tokens of one sample, in order.

    The generator is counter-based (Philox 4x64-10, Salmon et al. 2011) with the key (seed, index): what a
    sample draws
    does not depend on which other samples are drawn, nor when.
    """
    generator = np.random.Generator(np.random.Philox(key=np.array([seed, index], np.uint64)))
    while True:
        yield float(generator.random())


def normals(seed: int, index: int, count: int) -> Float32[np.ndarray, " count"]:
    """Normal numbers of one sample, which depend on nothing else either."""
    generator = np.random.Generator(np.random.Philox(key=np.array([seed ^ _NOISE, index], np.uint64)))
    return generator.standard_normal(count, np.float32)


def inverse_cdf(log_probabilities: Float64[np.ndarray, " vocab"], uniform: float) -> int:
    """The token at `uniform` of the cumulative distribution; never one whose probability is 0."""
    cumulative = np.cumsum(np.exp(log_probabilities))
    target = uniform * cumulative[-1]
    # Rounding may put the target on the total; the first id to reach the total is then the last that can be
    # drawn.
    last = int(np.searchsorted(cumulative, cumulative[-1], side="left"))
    return min(int(np.searchsorted(cumulative, target, side="right")), last)


def gumbel_argmax(log_probabilities: Float64[np.ndarray, " vocab"], noise: Float64[np.ndarray, " vocab"]) -> int:
    """The token with the largest log-probability plus Gumbel noise, made of a number in (0, 1) for each token."""
    return int(np.argmax(log_probabilities - np.log(-np.log(noise))))
