"""Checks of arrays whose addresses the compiled library receives: it knows neither their types nor their shapes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqloom.errors import SeqloomError

__all__ = ["check_array", "check_indices"]


def check_array(name: str, array: np.ndarray, dtype: Any, shape: Sequence[int | None]) -> np.ndarray:
    """Return an array as a contiguous array, after checking its type and its shape.

    Args:
        name: name of the array in messages.
        array: array.
        dtype: type of its numbers.
        shape: its shape; None stands for any size of an axis.

    Raises:
        SeqloomError: the array has another type or shape.
    """
    is_shape = len(array.shape) == len(shape) and all(
        expected in (None, size) for size, expected in zip(array.shape, shape, strict=True)
    )
    if array.dtype != dtype or not is_shape:
        sizes = ", ".join("any" if size is None else str(size) for size in shape)
        raise SeqloomError(
            f"{name} are {array.dtype} numbers of shape {list(array.shape)}, but must be {np.dtype(dtype)} of shape "
            f"[{sizes}]: the model is damaged, or its parts do not belong together; copy it again"
        )
    return np.ascontiguousarray(array)


def check_indices(name: str, indices: np.ndarray, size: int) -> None:
    """Check that all indices are below `size`, and none is negative.

    Raises:
        SeqloomError: an index is out of range.
    """
    if indices.size and not 0 <= indices.min() <= indices.max() < size:
        raise SeqloomError(
            f"{name} are from {indices.min()} to {indices.max()}, but must be from 0 to {size - 1}: the files do not "
            "belong together; copy them again"
        )
