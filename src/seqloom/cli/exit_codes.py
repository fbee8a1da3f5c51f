"""Exit codes beyond those of the errors."""

__all__ = ["INTERRUPTED"]

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 and the number of the signal."""
