"""The input of the first layer: token ids, whose products with the input weights are computed once as a table."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32

from seqloom.kernels.cores.numerics import layer_norm

__all__ = ["TokenInput", "token_products"]

Inputs = Float32[np.ndarray, " input"]


class TokenInput(NamedTuple):
    """How the first layer turns token ids into vectors.

    Attributes:
        vocabulary: number of token ids.
        embedding: vector of each token, one row per token; None for one-hot vectors.
    """

    vocabulary: int
    embedding: Float32[Any, "vocab embedding"] | None


def token_products(
    weight: Float32[np.ndarray, "out input"], tokens: TokenInput, norm: tuple[Inputs, Inputs] | None = None
) -> Float32[np.ndarray, "vocab out"]:
    """Return the product of `weight` with each token's input, a contiguous row per token.

    Args:
        weight: matrix of the first layer.
        tokens: input of the first layer.
        norm: gain and bias of a layer normalisation before the product; None without normalisation.
    """
    if norm is None and tokens.embedding is None:
        return np.ascontiguousarray(weight.T)
    blocks = _input_blocks(tokens)
    # The weights of a diverged training can overflow here: no warning, as scorers and samplers report infinite logits.
    with np.errstate(over="ignore", invalid="ignore"):
        return np.concatenate([(x if norm is None else layer_norm(x, *norm)) @ weight.T for x in blocks])


def _input_blocks(tokens: TokenInput, block_size: int = 256) -> Iterator[Float32[np.ndarray, "block input"]]:
    """Yield the vectors of all tokens in blocks: all one-hot vectors of a large vocabulary would fill the memory."""
    for start in range(0, tokens.vocabulary, block_size):
        if tokens.embedding is not None:
            yield tokens.embedding[start : start + block_size]
        else:
            yield np.eye(min(block_size, tokens.vocabulary - start), tokens.vocabulary, k=start, dtype=np.float32)
