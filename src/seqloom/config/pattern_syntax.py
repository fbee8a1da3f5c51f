r"""Regular expressions in two dialects: that of the package `regex`, which users write, and that of llguidance.

llguidance (the regular expressions of Rust) follows a pattern token by token. It has no constructs that look around or
back, and no possessive repeats, which it would read as two repeats. Some signs have another spelling there: `\Z` is
`\z`, `{,3}` is `{0,3}`, a brace that is no repeat needs a backslash, and so do some signs in a set.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator

__all__ = ["in_llguidance_syntax", "normalized_pattern", "repeated_size", "unsupported_construct"]

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
    "alpha": r"\p{Alphabetic}", "lower": r"\p{Lowercase}", "upper": r"\p{Uppercase}", "digit": "0-9", "space": r"\s",
    "alnum": r"\p{Alphabetic}0-9", "word": r"\w", "^alpha": r"\P{Alphabetic}", "^lower": r"\P{Lowercase}",
    "^upper": r"\P{Uppercase}", "^space": r"\S", "^word": r"\W",
}  # fmt: skip
"""Classes of all Unicode characters; in llguidance, the names stand for those of ASCII only. Others are refused."""

_SET_PART = re.compile(r"\\(?s:.)|\[:(?P<posix>\^?\w+):\]|(?<=-)-|[\[&~]")


def unsupported_construct(pattern: str) -> str | None:
    """Return the name of a construct that llguidance does not support, such as "a lookahead"; None for none."""
    for match in _tokens(pattern):
        if match["kind"] == "+":
            return f"the possessive repeat {match[0]}"
        if (members := match["set"]) is not None and (named := _unsupported_set(members)) is not None:
            return named
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


def _unsupported_set(members: str) -> str | None:
    classes = re.findall(r"\[:(\^?\w+):\]", members)
    if unknown := [name for name in classes if name not in _POSIX_CLASSES]:
        return f"the class [:{unknown[0]}:]"
    return "a range from the sign - in a set" if re.search(r"^\[\^?--[^\]]|[^\\]--[^\]]", members) else None


def _unsupported_group(group: str) -> str | None:
    if group in _GROUPS:
        return _GROUPS[group]
    flags = re.fullmatch(r"\(\?([A-Za-z]*).*", group)
    if flags is not None and "r" in flags[1]:
        return "a reverse match"
    if flags is not None and "x" in flags[1].partition("-")[0]:
        return "the verbose flag x"
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
        opening = re.match(r"\[\^?\]?", text)
        assert opening is not None
        start = opening[0].replace("]", r"\]")  # a bracket that comes first is a member
        return start + _SET_PART.sub(_translated_set_part, text[len(opening[0]) :])
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


def repeated_size(pattern: str) -> int:
    """Return about how many characters a pattern has when its repeats are spelled out."""
    sizes, last = [0], [0]  # of each open group: of all its parts, and of the last one
    for match in _tokens(pattern):
        if match["repeat"] is not None:
            times = max([1, *map(int, re.findall(r"\d+", match["repeat"]))])
            sizes[-1] += last[-1] * (times - 1)
            last[-1] *= times
        elif (match["group"] is not None and not match["group"].endswith(")")) or match[0] == "(":
            sizes.append(0)
            last.append(0)
        elif match[0] == ")" and len(sizes) > 1:
            size = sizes.pop()
            last.pop()
            sizes[-1] += size
            last[-1] = size
        else:
            sizes[-1] += 1
            last[-1] = 1
    return sum(sizes)


def normalized_pattern(pattern: str, normalize: Callable[[str], str]) -> str:
    """Return a pattern whose literal characters are transformed, so that it matches transformed texts.

    A character that becomes several ones is a group, so that a repeat applies to all of them. In a set, such a
    character stays as it is.

    Args:
        pattern: supported pattern.
        normalize: transformation, such as to a normal form of Unicode.
    """
    result: list[str] = []
    literals = ""
    for match in [*_tokens(pattern), None]:
        if match is not None and match["other"] is not None and match[0] not in ".^$|()":
            literals += match[0]
            continue
        if literals:
            is_repeated = match is not None and match["repeat"] is not None
            result.append(_normalized_literals(literals, normalize, is_repeated=is_repeated))
            literals = ""
        if match is not None:
            result.append(match[0] if match["set"] is None else _normalized_set(match[0], normalize))
    return "".join(result)


def _normalized_literals(text: str, normalize: Callable[[str], str], *, is_repeated: bool) -> str:
    whole = normalize(text)
    if whole == text:
        return text
    if not is_repeated:
        return re.escape(whole)
    composed = unicodedata.normalize("NFC", text)  # the repeat is that of the last character, with its accents
    before, last = normalize(composed[:-1]), normalize(composed[-1])
    return re.escape(before) + (f"(?:{re.escape(last)})" if len(last) > 1 else re.escape(last))


def _normalized_set(text: str, normalize: Callable[[str], str]) -> str:
    return "".join(changed if len(changed := normalize(character)) == 1 else character for character in text)


def _tokens(pattern: str) -> Iterator[re.Match[str]]:
    return _TOKEN.finditer(pattern)
