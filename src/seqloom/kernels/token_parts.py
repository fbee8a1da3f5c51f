"""Tokens that consist of parts, such as the two steps and the pen of a point: each part has a row of the input table.

The number of a token below the product of `ModelConfig.factors` is a mixed-radix number, whose digits are its parts.
The rows of the first part come first, then those of the second, and so on, and at last a row for each token without
parts. The input of a token is the sum of the rows of its parts. A large vocabulary thus has a small table.
"""

import math

import numpy as np
from jaxtyping import Int32

from seqloom.config import ModelConfig

__all__ = ["num_input_rows", "rows_of_tokens"]


def num_input_rows(config: ModelConfig) -> int:
    """Return the number of rows of the input table: one for each token, or for each part and each token without any."""
    if not config.factors:
        return config.vocabulary
    return sum(config.factors) + config.vocabulary - math.prod(config.factors)


def rows_of_tokens(config: ModelConfig) -> Int32[np.ndarray, "vocab parts"] | None:
    """Return the rows of each token, -1 for a part that it lacks; None if tokens have no parts."""
    if not config.factors:
        return None
    product = math.prod(config.factors)
    first_rows = np.cumsum([0, *config.factors])
    rows = np.full((config.vocabulary, len(config.factors)), -1, np.int32)
    parts = np.unravel_index(np.arange(product), config.factors)
    rows[:product] = np.stack(parts, axis=1) + first_rows[:-1]
    rows[product:, 0] = first_rows[-1] + np.arange(config.vocabulary - product)
    return rows
