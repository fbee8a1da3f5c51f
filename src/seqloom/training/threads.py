"""Restore torch's number of threads after a change."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["restored_threads"]


@contextmanager
def restored_threads() -> Iterator[None]:
    """Restore torch's number of threads at the end of the `with` block or of the decorated function."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)
