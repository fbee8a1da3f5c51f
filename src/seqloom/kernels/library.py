"""The compiled kernels: the library, its instruction sets, and which of them are in use.

The environment variable `SEQLOOM_KERNELS` names the instruction set to use: `amx`, `avx512bf16`, `avx512`, `avx2` or
`portable`. With `off`, numpy and torch do the work, and the library is not even opened.
"""

import ctypes
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from seqloom.errors import ConfigError, SeqloomError
from seqloom.kernels.build_hash import build_hash
from seqloom.kernels.library_file import check_complete
from seqloom.user_warnings import warn_user
from seqloom.version import __version__

__all__ = [
    "BFLOAT16_KERNELS",
    "KERNELS",
    "available_kernels",
    "chosen_kernels",
    "declare",
    "library",
    "training_kernels",
]

KERNELS = ("amx", "avx512bf16", "avx512", "avx2", "portable")
"""Names of all instruction sets, the fastest first."""

BFLOAT16_KERNELS = ("amx", "avx512bf16")
"""The instruction sets whose kernels multiply in bfloat16."""

_LIBRARY = Path(__file__).with_name("_native.so")
_SOURCES = Path(__file__).with_name("native")

_OUT_OF_MEMORY = 1
"""The status of a function that ran out of memory; see `native/runtime/status.h`."""


@cache
def library() -> ctypes.CDLL | None:
    """Return the compiled library; None if there is none that this package can use.

    If a library exists but cannot be used, a warning reports the reason and the remedy.
    """
    if not _LIBRARY.exists():
        return None
    try:
        check_complete(_LIBRARY)
        native = ctypes.CDLL(str(_LIBRARY))
        refusal = _refusal(native)
    except (OSError, AttributeError) as error:
        refusal = f"the library cannot be opened ({error})"
    if refusal is None:
        return native
    warn_user(
        f"the compiled kernels are not used: {refusal}; numpy and torch do their work. To build them again: "
        "python native_build.py in a source checkout, else install seqloom again",
        RuntimeWarning,
    )
    return None


def declare(
    functions: Mapping[str, Sequence[Any]],
    structures: Mapping[str, type[ctypes.Structure]] | None = None,
    *,
    remedy: str,
    error: type[SeqloomError] = SeqloomError,
) -> ctypes.CDLL:
    """Declare functions of the library, so that a call that fails raises an error; return the library.

    Args:
        functions: argument types of each function; every function returns a status.
        structures: ctypes structures that the functions read or fill, by their names in C++.
        remedy: advice for a user whose memory is too small.
        error: class of the errors that the functions raise.

    Raises:
        SeqloomError: there is no library, or its structures differ in size from those in Python.
    """
    native = library()
    if native is None:
        raise SeqloomError("the compiled kernels are not available: build them with python native_build.py")
    for name, structure in (structures or {}).items():
        size = native.seqloom_struct_size(name.encode())
        if size != ctypes.sizeof(structure):
            raise SeqloomError(
                f"the compiled kernels do not fit this package: {name} has {size} bytes in the library and "
                f"{ctypes.sizeof(structure)} in Python; build them again with python native_build.py"
            )
    check = _status_check(native, remedy, error)
    for name, arguments in functions.items():
        function = getattr(native, name)
        function.argtypes, function.restype, function.errcheck = arguments, ctypes.c_int, check
    return native


def available_kernels() -> tuple[str, ...]:
    """Return the compiled instruction sets that this processor can run, the fastest first.

    There are none if `SEQLOOM_KERNELS` is `off`.
    """
    return () if os.environ.get("SEQLOOM_KERNELS") == "off" else _compiled_kernels()


def chosen_kernels() -> str | None:
    """Return the instruction set in use; None if the compiled kernels are off.

    Raises:
        ConfigError: `SEQLOOM_KERNELS` names an unavailable instruction set.
    """
    requested, available = os.environ.get("SEQLOOM_KERNELS", ""), available_kernels()
    if requested == "off":
        return None
    if requested and requested not in available:
        allowed = ", ".join((*available, "off"))
        raise ConfigError(f"SEQLOOM_KERNELS is {requested!r}, which is not available here: choose from {allowed}")
    return requested or next(iter(available), None)


def training_kernels(precision: str) -> str | None:
    """Return the instruction set that trains in a precision, "float32" or "bfloat16"; None if torch has to train.

    Torch is faster than the portable kernels, which therefore train only if `SEQLOOM_KERNELS` names them.

    Raises:
        ConfigError: `SEQLOOM_KERNELS` names an unavailable instruction set.
    """
    chosen, in_bfloat16 = chosen_kernels(), precision == "bfloat16"
    if chosen is None:
        return None
    if os.environ.get("SEQLOOM_KERNELS"):
        return chosen if (chosen in BFLOAT16_KERNELS) == in_bfloat16 else None
    suitable = [name for name in available_kernels() if (name in BFLOAT16_KERNELS) == in_bfloat16]
    return next((name for name in suitable if name != "portable"), None)


@cache
def _compiled_kernels() -> tuple[str, ...]:
    native = library()
    if native is None:
        return ()
    names = (native.seqloom_kernels_name(index) for index in range(native.seqloom_num_kernels()))
    return tuple(name.decode() for name in names if name)


def _refusal(native: ctypes.CDLL) -> str | None:
    """Return the reason why a library must not be used; None if it may be used.

    A checkout and an installed wheel both contain the sources. The library must be built from exactly these sources.

    Raises:
        AttributeError: the library lacks a function: it is an old version, or not a library of seqloom.
    """
    for name in ("seqloom_version", "seqloom_build_hash", "seqloom_kernels_name", "seqloom_last_error"):
        getattr(native, name).restype = ctypes.c_char_p
    native.seqloom_struct_size.restype = ctypes.c_size_t
    version = native.seqloom_version().decode()
    if version != __version__:
        return f"the library is of version {version}, and the package of {__version__}"
    if build_hash(_SOURCES) not in (None, native.seqloom_build_hash().decode()):
        return "the library is stale: it was built from other sources than those in kernels/native"
    return None


def _status_check(
    native: ctypes.CDLL, remedy: str, error: type[SeqloomError]
) -> Callable[[int, Any, tuple[Any, ...]], int]:
    """Return the check that turns a failing status into an error."""

    def check(status: int, function: Any, arguments: tuple[Any, ...]) -> int:
        if status == 0:
            return status
        text = native.seqloom_last_error().decode(errors="replace")
        if status == _OUT_OF_MEMORY:
            raise error(f"the compiled kernels ran out of memory ({text}): {remedy}")
        raise error(f"the compiled kernels failed: {text} (in {function.__name__})")

    return check
