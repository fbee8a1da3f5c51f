"""Exit codes beyond those of the errors."""

__all__ = ["INTERRUPTED"]

INTERRUPTED = 130
"""Exit code after Ctrl-C: by convention, 128 plus the number of the signal, which is 2 for SIGINT."""
