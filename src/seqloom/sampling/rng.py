"""Random numbers of a sample, and the draw of a token from them."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float32, Float64

__all__ = ["gumbel_argmax", "inverse_cdf", "normals", "uniforms"]

_NORMALS_SALT = 0x6E6F697365
"""The letters "noise", a part of the key of `normals`: makes its numbers independent of those of `uniforms`."""


def uniforms(seed: int, index: int) -> Iterator[float]:
    """Yield uniform numbers in [0, 1) for the tokens of one sample, in order.

    The generator is counter-based (Philox 4x64-10, Salmon et al. 2011) with the key (seed, index), so a sample does not
    depend on other samples.
    """
    generator = np.random.Generator(np.random.Philox(key=np.array([seed, index], np.uint64)))
    while True:
        yield float(generator.random())


def normals(seed: int, index: int, count: int) -> Float32[np.ndarray, " count"]:
    """Return standard normal numbers of one sample, which depend only on seed and index."""
    generator = np.random.Generator(np.random.Philox(key=np.array([seed ^ _NORMALS_SALT, index], np.uint64)))
    return generator.standard_normal(count, np.float32)


def inverse_cdf(log_probabilities: Float64[np.ndarray, " vocab"], uniform: float) -> int:
    """Return the first token at which the cumulative probability exceeds `uniform`; never one with probability 0."""
    cumulative = np.cumsum(np.exp(log_probabilities))
    target = uniform * cumulative[-1]
    # Rounding may make the target equal to the total, which no token exceeds. Then the last token with a probability
    # above 0 is selected: the first token that reaches the total.
    last_possible = int(np.searchsorted(cumulative, cumulative[-1], side="left"))
    return min(int(np.searchsorted(cumulative, target, side="right")), last_possible)


def gumbel_argmax(log_probabilities: Float64[np.ndarray, " vocab"], noise: Float64[np.ndarray, " vocab"]) -> int:
    """Return the token with the largest sum of log-probability and Gumbel noise.

    Args:
        log_probabilities: log-probability of each token.
        noise: uniform number in (0, 1) for each token, from which its Gumbel noise is computed.
    """
    return int(np.argmax(log_probabilities - np.log(-np.log(noise))))
