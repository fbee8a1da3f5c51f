"""Name the nearest argument when a caller misspells one."""

import difflib
import inspect
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

__all__ = ["suggests_arguments"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


def suggests_arguments(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Return the function with a better error for unknown keyword arguments, in place of Python's own.

    The signature stays, so editors complete and check the arguments as before.
    """
    names = [name for name in inspect.signature(function).parameters if name != "self"]

    @wraps(function)
    def _call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        for name in kwargs:
            if name not in names:
                near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
                hint = f": did you mean {near[0]}?" if near else f": its arguments are {', '.join(names)}"
                raise TypeError(f"{function.__name__} has no argument {name!r}{hint}")
        return function(*args, **kwargs)

    return _call
