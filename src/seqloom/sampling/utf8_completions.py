"""Complete characters for incomplete UTF-8: enough of them to test a regular expression.

A lead byte begins up to 262,144 characters. Most expressions distinguish only a few kinds, so one character of each
kind is tested instead of all.
"""

import re
import unicodedata
from collections.abc import Hashable
from functools import lru_cache

__all__ = ["completions", "uses_classes_only"]

_ESCAPES = frozenset("wWdDsSbBnrtfvAZ")
_LINE_ENDS = "\x85\u2028\u2029"


def uses_classes_only(pattern: str) -> bool:
    r"""Return whether `pattern` distinguishes characters beyond ASCII only by `\w`, `\d`, `\s` and line ends."""
    escaped = re.findall(r"\\(.)", pattern, re.DOTALL)
    return (
        pattern.isascii()
        and all(char in _ESCAPES or not char.isalnum() for char in escaped)
        and "[:" not in pattern
        and "(?" not in pattern.replace("(?:", "")
    )


@lru_cache(maxsize=4096)
def completions(start: bytes, classes_only: bool) -> tuple[tuple[Hashable, str], ...]:
    """Return characters whose UTF-8 begins with `start`, as pairs of kind and character.

    If only classes matter, there is one character of each class. Otherwise every character is a kind of its own: all
    are returned if one byte is missing; if more are missing, one of each general category and script (the first word of
    the character's name).

    Args:
        start: first bytes of a character; at least one byte is missing.
        classes_only: result of `uses_classes_only` for the pattern.
    """
    chars = _characters_with_prefix(start)
    if classes_only:
        return tuple(_by_class(chars).items())
    size = len(chars[0].encode())
    selected = chars if size - len(start) == 1 else "".join(_by_category_and_script(chars).values())
    return tuple((char, char) for char in selected)


def _characters_with_prefix(start: bytes) -> str:
    size = 2 if start[0] < 0xE0 else 3 if start[0] < 0xF0 else 4
    value = start[0] & (0xFF >> (size + 1))
    for byte in start[1:]:
        value = value << 6 | byte & 0x3F
    bits = 6 * (size - len(start))
    smallest = (0x80, 0x800, 0x10000)[size - 2]
    codes = range(max(value << bits, smallest), min((value + 1) << bits, 0x110000))
    return "".join(chr(code) for code in codes if not 0xD800 <= code < 0xE000)


def _by_class(chars: str) -> dict[Hashable, str]:
    import regex

    matches = {kind: regex.search(kind, chars) for kind in (r"\d", r"(?V1)[\w--\d]", r"\s", r"[^\w\s]")}
    kinds: dict[Hashable, str] = {kind: match[0] for kind, match in matches.items() if match}
    return kinds | {char: char for char in _LINE_ENDS if char in chars}


def _by_category_and_script(chars: str) -> dict[tuple[str, str], str]:
    kinds: dict[tuple[str, str], str] = {}
    for char in chars:
        script = unicodedata.name(char, "").partition(" ")[0]
        kinds.setdefault((unicodedata.category(char), script), char)
    return kinds
