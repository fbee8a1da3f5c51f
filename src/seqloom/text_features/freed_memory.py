"""Let the C library keep the memory of freed arrays."""

import contextlib
import ctypes
import functools
import sys

__all__ = ["keep_freed_memory"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Numbers of two parameters of `mallopt`, as in the header `malloc.h` of glibc."""

_BYTES = 1 << 30
"""Size up to which freed memory is kept."""


@functools.cache
def keep_freed_memory() -> None:
    """Let glibc keep freed memory of up to 1 GiB for the next array; do nothing with another C library.

    By default, glibc returns every array above 32 MiB to the system, which fills each new one with zeros again, page by
    page. A network with so large a gradient, which every update allocates, takes up to twice as long.
    """
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        for parameter in (_MMAP_THRESHOLD, _TRIM_THRESHOLD):
            library.mallopt(parameter, _BYTES)
