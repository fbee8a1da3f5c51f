"""Match the parts of a path against a pattern in which `**` stands for any number of folders."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

__all__ = ["matches_pattern"]


def matches_pattern(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Return whether the parts of a path match those of a pattern, such as `("**", "*.mid")`.

    Hidden names match only a part that begins with a dot, as in a shell.
    """
    if not pattern:
        return not parts
    if pattern[0] == "**":
        goes_deeper = bool(parts) and not parts[0].startswith(".") and matches_pattern(parts[1:], pattern)
        return goes_deeper or matches_pattern(parts, pattern[1:])
    is_visible = bool(parts) and (pattern[0].startswith(".") or not parts[0].startswith("."))
    return is_visible and fnmatchcase(parts[0], pattern[0]) and matches_pattern(parts[1:], pattern[1:])
