r"""Regular expressions in two dialects: that of the package `regex`, which users write, and that of llguidance.

llguidance (the regular expressions of Rust) follows a pattern token by token. It has no constructs that look around or
back, and no possessive repeats, which it would read as two repeats. Some signs have another spelling there: `\Z` is
`\z`, `{,3}` is `{0,3}`, a brace that is no repeat needs a backslash, and so do some signs in a set.
"""

import re
from collections.abc import Iterator

__all__ = ["in_llguidance_syntax", "unsupported_construct"]

_TOKEN = re.compile(
    r"""
    (?P<escape>\\[pPNxgL]\{[^}]*\}|\\g<\w+>|\\\d+|\\(?s:.))
    | (?P<set>\[\^?\]?(?:\\(?s:.)|\[:\^?\w+:\]|[^\]\\])*\])
    | (?P<comment>\(\?\#[^)]*\))
    | (?P<group>\(\?(?:P?<[A-Za-z_]\w*>|P?[=>&]|<[=!]|[=!>|:]|[A-Za-z0-9+-]*[:)]?))
    | (?P<fuzzy>\{[^{}]*[a-z][^{}]*\})
    | (?P<repeat>[*+?]|\{\d+(?:,\d*)?\}|\{,\d*\})(?P<kind>[?+]?)
    | (?P<other>(?s:.))
    """,
    re.VERBOSE,
)

_GROUPS = {
    "(?=": "a lookahead", "(?!": "a lookahead", "(?<=": "a lookbehind", "(?<!": "a lookbehind",
    "(?>": "an atomic group", "(?|": "a branch reset", "(?P=": "a back-reference",
}  # fmt: skip

_BOUNDARIES = (r"\b", r"\B", r"\m", r"\M")

_POSIX_CLASSES = {
    "alpha": r"\p{Alphabetic}", "lower": r"\p{Lowercase}", "upper": r"\p{Uppercase}", "digit": r"\d", "space": r"\s",
    "alnum": r"\p{Alphabetic}\d", "word": r"\w",
}  # fmt: skip
"""Classes of all Unicode characters; in llguidance, the names stand for those of ASCII only."""

_SET_PART = re.compile(r"\\(?s:.)|\[:(?P<posix>\w+):\]|\[:\^\w+:\]|(?<=-)-|[\[&~]")


def unsupported_construct(pattern: str) -> str | None:
    """Return the name of a construct that llguidance does not support, such as "a lookahead"; None for none."""
    for match in _tokens(pattern):
        if match["kind"] == "+":
            return f"the possessive repeat {match[0]}"
        if match["fuzzy"] is not None:
            return f"the fuzzy match {match[0]}"
        if (escape := match["escape"]) is not None and (named := _unsupported_escape(escape)) is not None:
            return named
        if (group := match["group"]) is not None and (named := _unsupported_group(group)) is not None:
            return named
    return None


def _unsupported_escape(escape: str) -> str | None:
    if escape in _BOUNDARIES:
        return f"the word boundary {escape}"
    if re.fullmatch(r"\\[1-9]\d*|\\g<\w+>", escape) is not None:
        return f"the back-reference {escape}"
    return f"the sign {escape}" if escape in (r"\K", r"\G") else None


def _unsupported_group(group: str) -> str | None:
    if group in _GROUPS:
        return _GROUPS[group]
    flags = re.fullmatch(r"\(\?([A-Za-z]*).*", group)
    if flags is not None and "r" in flags[1]:
        return "a reverse match"
    is_recursion = re.fullmatch(r"\(\?(R|[+-]?\d+|&).*", group) is not None or group == "(?P>"
    return "a recursion" if is_recursion else None


def in_llguidance_syntax(pattern: str) -> str:
    """Return a supported pattern in the syntax of llguidance; the same texts match it as a whole.

    llguidance knows fewer characters than `regex`, which follows Unicode's latest version.
    """
    return "".join(map(_translated, _tokens(pattern)))


def _translated(token: re.Match[str]) -> str:
    text = token[0]
    if token["set"] is not None:
        return text[:1] + _SET_PART.sub(_translated_set_part, text[1:])
    if token["comment"] is not None:
        return ""
    if token["repeat"] is not None:
        return text.replace("{,", "{0,")
    if token["escape"] is not None:
        return {r"\Z": r"\z", r"\0": r"\x00"}.get(text, text)
    return f"\\{text}" if text in ("{", "}") else text


def _translated_set_part(part: re.Match[str]) -> str:
    if part["posix"] is not None:
        return _POSIX_CLASSES.get(part["posix"], part[0])
    return f"\\{part[0]}" if len(part[0]) == 1 else part[0]


def _tokens(pattern: str) -> Iterator[re.Match[str]]:
    return _TOKEN.finditer(pattern)
