"""Characters that unfinished UTF-8 may become: enough of them to learn what a regular expression permits.

A lead byte stands for up to 262,144 characters. Most expressions tell few kinds apart, so one character of
each kind is tried in place of all.
"""

import re
import unicodedata
from collections.abc import Hashable
from functools import lru_cache

__all__ = ["completions", "uses_classes_only"]

_ESCAPES = frozenset("wWdDsSbBnrtfvAZ")
_LINE_ENDS = "\x85\u2028\u2029"


def uses_classes_only(pattern: str) -> bool:
    r"""Whether `\w`, `\d`, `\s` and line ends are all that `pattern` knows beyond ASCII."""
    escaped = re.findall(r"\\(.)", pattern, re.DOTALL)
    return (
        pattern.isascii()
        and all(sign in _ESCAPES or not sign.isalnum() for sign in escaped)
        and "[:" not in pattern
        and "(?" not in pattern.replace("(?:", "")
    )


@lru_cache(maxsize=4096)
def completions(start: bytes, classes_only: bool) -> tuple[tuple[Hashable, str], ...]:
    """Characters whose UTF-8 begins with `start`, each with its kind: those of one kind need but one trial.

    Where classes are all that matters, there is one of each class. Else every character is a kind of its own:
    all are given if one byte is missing; if more are, one of each general category and script (by the first
    word of its name).

    Args:
        start: the first bytes of a character, at least one of them missing.
        classes_only: see `sees_classes_only`.
    """
    signs = _beginning_with(start)
    if classes_only:
        return tuple(_by_class(signs).items())
    size = len(signs[0].encode())
    chosen = signs if size - len(start) == 1 else "".join(_by_name(signs).values())
    return tuple((sign, sign) for sign in chosen)


def _beginning_with(start: bytes) -> str:
    size = 2 if start[0] < 0xE0 else 3 if start[0] < 0xF0 else 4
    value = start[0] & (0xFF >> (size + 1))
    for byte in start[1:]:
        value = value << 6 | byte & 0x3F
    bits = 6 * (size - len(start))
    least = (0x80, 0x800, 0x10000)[size - 2]
    codes = range(max(value << bits, least), min((value + 1) << bits, 0x110000))
    return "".join(chr(code) for code in codes if not 0xD800 <= code < 0xE000)


def _by_class(signs: str) -> dict[Hashable, str]:
    import regex

    found = {kind: regex.search(kind, signs) for kind in (r"\d", r"(?V1)[\w--\d]", r"\s", r"[^\w\s]")}
    kinds: dict[Hashable, str] = {kind: match[0] for kind, match in found.items() if match}
    return kinds | {sign: sign for sign in _LINE_ENDS if sign in signs}


def _by_name(signs: str) -> dict[tuple[str, str], str]:
    kinds: dict[tuple[str, str], str] = {}
    for sign in signs:
        script = unicodedata.name(sign, "").partition(" ")[0]
        kinds.setdefault((unicodedata.category(sign), script), sign)
    return kinds
