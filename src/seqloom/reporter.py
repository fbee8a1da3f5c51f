"""The type of a function that reports progress, one line of text per call."""

from collections.abc import Callable

__all__ = ["Reporter", "silent"]

Reporter = Callable[[str], None]
"""Receives one line of text for the user."""


def silent(line: str) -> None:
    """Report nothing."""
