r"""Translate a grammar in GBNF, the syntax of llama.cpp, to the Lark dialect of llguidance.

llguidance's own translation reads the rules. Before it, escapes become the characters that they stand for, and signs in
sets that its regular expressions read as operators (`&&`, `--`, `~~`) become escapes. After it, a grammar without
recursion becomes one terminal: a terminal is matched exactly, while a sequence of terminals takes as much text as
possible for each of them, so that `line "END"` would never end if a line may contain `END`.
"""

import re

__all__ = ["gbnf_to_llguidance"]

_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|#[^\n]*', re.DOTALL)
_CODE_POINT = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")
_SET_OPERATOR = re.compile(r"(?P<escape>\\.)|[&~]|(?<=-)-", re.DOTALL)
_RULE = re.compile(r"^(?P<name>\w+): (?P<body>.*(?:\n +\|.*)*)$", re.MULTILINE)
_NAME = re.compile(r'"(?:\\.|[^"\\])*"|/(?:\\.|[^/\\])*/|(?P<name>[A-Za-z_]\w*)')


def gbnf_to_llguidance(grammar: str) -> str:
    """Return a grammar in Lark.

    Raises:
        ValueError: the grammar is not GBNF.
    """
    from llguidance.gbnf_to_lark import gbnf_to_lark

    try:
        lark = gbnf_to_lark(_TOKEN.sub(_plain, grammar))
    except Exception as error:  # some faults are reported by exceptions of this type
        raise ValueError(str(error)) from None
    return _as_one_terminal(lark)


def _plain(token: re.Match[str]) -> str:
    """Return a string or a set without escapes by code point, and without signs that would be operators."""
    text = token[0]
    if text.startswith("#"):
        return text
    is_set = text.startswith("[")
    text = _CODE_POINT.sub(lambda match: _character(int(match[1] or match[2], 16), is_set=is_set), text)
    if not is_set:
        return text
    return _SET_OPERATOR.sub(lambda match: match["escape"] or f"\\x{ord(match[0]):02x}", text)


def _character(code_point: int, *, is_set: bool) -> str:
    if code_point >= 0x110000 or 0xD800 <= code_point < 0xE000:
        raise ValueError(f"U+{code_point:04X} is no character")
    if code_point < 0x80:  # may have a meaning in a set or a string
        return f"\\x{code_point:02x}" if is_set or chr(code_point) in '"\\' else chr(code_point)
    return chr(code_point)


def _as_one_terminal(lark: str) -> str:
    """Return a grammar with one terminal as its text, if it has no rule but `start`: its other names are terminals."""
    rules = {match["name"]: match["body"] for match in _RULE.finditer(lark)}
    if "start" not in rules or any(name.islower() for name in rules if name != "start"):
        return lark
    names = {match["name"] for match in _NAME.finditer(rules["start"]) if match["name"]}
    if not names <= rules.keys() - {"start"}:
        return lark
    return _RULE.sub(
        lambda rule: f"start: WHOLE_TEXT\nWHOLE_TEXT: {rule['body']}" if rule["name"] == "start" else rule[0], lark
    )
