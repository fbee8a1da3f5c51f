"""The compiled kernels: which there are, which this processor can run, and which are in use.

`SEQLOOM_KERNELS` names the instruction set to use (`amx`, `avx512bf16`, `avx512`, `avx2`, `portable`), or `off`; then
the library is not even opened.
"""

import ctypes
import os
from functools import cache
from pathlib import Path

from seqloom.errors import ConfigError
from seqloom.version import __version__

__all__ = ["BFLOAT16", "available_kernels", "chosen_kernels", "library", "training_kernels"]

BFLOAT16 = ("amx", "avx512bf16")
"""The instruction sets whose products are of bfloat16."""

_LIBRARY = Path(__file__).with_name("_native.so")


@cache
def library() -> ctypes.CDLL | None:
    """The compiled library, or None where it was not built, cannot be loaded, or is not of this version."""
    try:
        found = ctypes.CDLL(str(_LIBRARY))
        found.seqloom_version.restype = found.seqloom_kernels_name.restype = ctypes.c_char_p
        return found if found.seqloom_version().decode() == __version__ else None
    except (OSError, AttributeError):
        return None


def available_kernels() -> tuple[str, ...]:
    """The instruction sets that were compiled and that this processor can run, the fastest first; none where `off`."""
    return () if os.environ.get("SEQLOOM_KERNELS") == "off" else _compiled_kernels()


def chosen_kernels() -> str | None:
    """The instruction set in use; None where the compiled kernels are not.

    Raises:
        ConfigError: `SEQLOOM_KERNELS` names one that is not there.
    """
    wanted, there = os.environ.get("SEQLOOM_KERNELS", ""), available_kernels()
    if wanted == "off":
        return None
    if wanted and wanted not in there:
        allowed = ", ".join((*there, "off"))
        raise ConfigError(f"SEQLOOM_KERNELS is {wanted!r}, which is not to be had here: choose from {allowed}")
    return wanted or next(iter(there), None)


def training_kernels(precision: str) -> str | None:
    """The instruction set that training in a precision uses; None where torch does better.

    Raises:
        ConfigError: `SEQLOOM_KERNELS` names one that is not there.
    """
    chosen = chosen_kernels()
    if chosen is None or os.environ.get("SEQLOOM_KERNELS"):
        return chosen if chosen is None or (chosen in BFLOAT16) == (precision == "bfloat16") else None
    fitting = [name for name in available_kernels() if (name in BFLOAT16) == (precision == "bfloat16")]
    return next((name for name in fitting if name != "portable"), None)


@cache
def _compiled_kernels() -> tuple[str, ...]:
    native = library()
    if native is None:
        return ()
    names = (native.seqloom_kernels_name(index) for index in range(native.seqloom_num_kernels()))
    return tuple(name.decode() for name in names if name)
