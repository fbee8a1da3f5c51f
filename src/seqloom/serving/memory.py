"""Give memory that is free back to the system.

The allocator of glibc keeps freed memory in an arena for each thread. With many short requests, the free parts between
those in use add up, and the process seems to grow.
"""

import asyncio
import ctypes
from collections.abc import Callable

__all__ = ["keep_small"]

_SECONDS = 10.0


async def keep_small() -> None:
    """Give free memory back each ten seconds until the task is cancelled; does nothing where the system cannot."""
    trim = _trim_function()
    while trim is not None:
        await asyncio.sleep(_SECONDS)
        await asyncio.to_thread(trim, 0)


def _trim_function() -> Callable[[int], int] | None:
    """Return `malloc_trim` of the C library; None if it has none."""
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    return trim
