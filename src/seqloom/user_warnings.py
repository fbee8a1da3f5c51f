"""Warn users at the line of their own code that called seqloom."""

import os
import sys
import warnings
from pathlib import Path

__all__ = ["warn_user"]

_PACKAGE = str(Path(__file__).parent) + os.sep


def warn_user(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn with the line outside this package that led here, rather than with a line of the package."""
    stack_level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, stack_level = frame.f_back, stack_level + 1
    warnings.warn(message, category, stacklevel=stack_level)
