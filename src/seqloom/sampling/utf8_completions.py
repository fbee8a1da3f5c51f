"""Complete characters for incomplete UTF-8: enough of them to test a regular expression.

Up to 262,144 characters have the same first byte. Most regular expressions distinguish only a few classes of
characters, such as digits. Therefore one character of each class is tested instead of all.
"""

import re
import unicodedata
from collections.abc import Hashable
from functools import lru_cache

__all__ = ["completions", "uses_classes_only"]

_CLASS_ESCAPES = frozenset("wWdDsSbBnrtfvAZ")
"""Letters of escape sequences that name no single character beyond ASCII: classes, positions and control characters."""

_LINE_ENDS = "\x85\u2028\u2029"
"""Line ends beyond ASCII."""


def uses_classes_only(pattern: str) -> bool:
    r"""Return whether `pattern` distinguishes characters beyond ASCII only by `\w`, `\d`, `\s` and line ends."""
    escaped = re.findall(r"\\(.)", pattern, re.DOTALL)
    return (
        pattern.isascii()
        and all(char in _CLASS_ESCAPES or not char.isalnum() for char in escaped)
        and "[:" not in pattern
        and "(?" not in pattern.replace("(?:", "")
    )


@lru_cache(maxsize=4096)
def completions(start: bytes, classes_only: bool) -> tuple[tuple[Hashable, str], ...]:
    """Return characters whose UTF-8 begins with `start`, as pairs of a class and a character of that class.

    If only classes matter, the pairs contain one character of each class. Otherwise the class of a character is the
    character itself. Then all characters are returned if one byte is missing. If more bytes are missing, one character
    is returned for each combination of general category and script (the first word of the character's name).

    Args:
        start: first bytes of a character; at least one byte is missing.
        classes_only: result of `uses_classes_only` for the pattern.
    """
    chars = _characters_with_prefix(start)
    if not chars:  # the first bytes of a surrogate, which the decoder takes for an incomplete character
        return ()
    if classes_only:
        return tuple(_by_class(chars).items())
    num_missing = len(chars[0].encode()) - len(start)
    selected = chars if num_missing == 1 else "".join(_by_category_and_script(chars).values())
    return tuple((char, char) for char in selected)


def _characters_with_prefix(start: bytes) -> str:
    """Return all characters whose UTF-8 begins with `start`."""
    first_byte = start[0]
    num_bytes = 2 if first_byte < 0xE0 else 3 if first_byte < 0xF0 else 4
    leading_bits = first_byte & (0xFF >> (num_bytes + 1))
    for byte in start[1:]:
        leading_bits = leading_bits << 6 | byte & 0x3F
    num_missing_bits = 6 * (num_bytes - len(start))
    smallest_code = (0x80, 0x800, 0x10000)[num_bytes - 2]  # UTF-8 encodes lower codes in fewer bytes
    codes = range(
        max(leading_bits << num_missing_bits, smallest_code), min((leading_bits + 1) << num_missing_bits, 0x110000)
    )
    return "".join(chr(code) for code in codes if not 0xD800 <= code < 0xE000)  # without surrogates


def _by_class(chars: str) -> dict[Hashable, str]:
    """Return the first character of each class; each line end is a class of its own."""
    import regex

    digit, other_word_character, space, rest = r"\d", r"(?V1)[\w--\d]", r"\s", r"[^\w\s]"
    matches = {pattern: regex.search(pattern, chars) for pattern in (digit, other_word_character, space, rest)}
    examples: dict[Hashable, str] = {pattern: match[0] for pattern, match in matches.items() if match}
    return examples | {char: char for char in _LINE_ENDS if char in chars}


def _by_category_and_script(chars: str) -> dict[tuple[str, str], str]:
    """Return the first character of each combination of general category and script."""
    examples: dict[tuple[str, str], str] = {}
    for char in chars:
        script, _, _ = unicodedata.name(char, "").partition(" ")
        examples.setdefault((unicodedata.category(char), script), char)
    return examples
