"""The input of the first layer: token ids, whose products with the input weights are computed once as a table."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, Int32

from seqloom.kernels.cores.numerics import layer_norm

__all__ = ["TokenInput", "token_products"]

Inputs = Float32[np.ndarray, " input"]


class TokenInput(NamedTuple):
    """How the first layer turns token ids into vectors.

    Attributes:
        num_rows: number of token ids, or of rows for their parts (see `kernels.token_parts`).
        embedding: vector of each row; None for one-hot vectors.
        parts: rows whose sum is the vector of each token, -1 for none; None if row i belongs to token i.
    """

    num_rows: int
    embedding: Float32[Any, "rows embedding"] | None
    parts: Int32[Any, "vocab parts"] | None = None

    def look_up(self, table: Float32[np.ndarray, "rows out"], token: int) -> Float32[np.ndarray, " out"]:
        """Return the sum of a token's rows of a table."""
        rows = np.array([token]) if self.parts is None else self.parts[token]
        total: Float32[np.ndarray, " out"] = table[rows[rows >= 0]].sum(0)
        return total


def token_products(
    weight: Float32[np.ndarray, "out input"], tokens: TokenInput, norm: tuple[Inputs, Inputs] | None = None
) -> Float32[np.ndarray, "rows out"]:
    """Return the product of `weight` with each row of the input, contiguous.

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
    """Yield the vectors of all rows in blocks: all one-hot vectors of a large vocabulary would fill the memory."""
    for start in range(0, tokens.num_rows, block_size):
        if tokens.embedding is not None:
            yield tokens.embedding[start : start + block_size]
        else:
            yield np.eye(min(block_size, tokens.num_rows - start), tokens.num_rows, k=start, dtype=np.float32)
