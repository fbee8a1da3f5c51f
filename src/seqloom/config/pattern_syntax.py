"""What a regular expression contains, as far as it matters to partial matching.

The package `regex` tells whether a text can be extended to a match (a partial match). For some constructs its answer is
wrong. A lazy repeat is answered as soon as its shortest match ends; since the whole text must match, a greedy repeat
stands for the same texts, and takes its place. The other constructs are refused.
"""

import re
from collections.abc import Iterator

__all__ = ["unsupported_construct", "with_greedy_repeats"]

_TOKEN = re.compile(
    r"""
    (?P<escape>\\[pPNx]\{[^}]*\}|\\(?s:.))
    | (?P<set>\[\^?\]?(?:\\(?s:.)|\[:\^?\w+:\]|[^\]\\])*\])
    | (?P<group>\(\?(?:P?<[A-Za-z_]\w*>|P?[=>&]|<[=!]|[=!>|:\#]|[A-Za-z0-9+-]*[:)]?))
    | (?P<fuzzy>\{[^{}]*[a-z][^{}]*\})
    | (?P<repeat>[*+?]|\{\d*,?\d*\})(?P<kind>[?+]?)
    | (?P<other>(?s:.))
    """,
    re.VERBOSE,
)

_GROUPS = {
    "(?=": "a lookahead", "(?!": "a lookahead", "(?<=": "a lookbehind", "(?<!": "a lookbehind",
    "(?>": "an atomic group", "(?|": "a branch reset",
}  # fmt: skip


def unsupported_construct(pattern: str) -> str | None:
    """Return the name of a construct whose partial matches are unreliable, such as "a lookahead"; None for none."""
    for match in _tokens(pattern):
        if match["kind"] == "+":
            return f"the possessive repeat {match[0]}"
        if match["fuzzy"] is not None:
            return f"the fuzzy match {match[0]}"
        if (group := match["group"]) is not None:
            if group in _GROUPS:
                return _GROUPS[group]
            flags = re.fullmatch(r"\(\?([A-Za-z]*).*", group)
            if flags is not None and "r" in flags[1]:
                return "a reverse match"
            if re.fullmatch(r"\(\?(R|[+-]?\d+|&).*", group) is not None or group == "(?P>":
                return "a recursion"
        if match["escape"] in (r"\K", r"\G"):
            return f"the sign {match['escape']}"
    return None


def with_greedy_repeats(pattern: str) -> str:
    """Return the pattern with greedy repeats in place of lazy ones; the same texts match it as a whole."""
    return "".join(
        f"{match['repeat']}" if match["repeat"] is not None and match["kind"] == "?" else match[0]
        for match in _tokens(pattern)
    )


def _tokens(pattern: str) -> Iterator[re.Match[str]]:
    return _TOKEN.finditer(pattern)
