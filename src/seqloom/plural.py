"""Numbers with nouns in the singular or plural."""

import re
from collections.abc import Mapping

__all__ = ["counted", "first_part"]

_COUNTABLE = re.compile(
    r"\b(cell|character|column|document|draw|element|file|folder|group|line|minute|name|note|place|rating|record|rollback|round|row|step|table|text|token|update)\b"
)
"""Nouns that `counted` can put into the plural; a phrase without one of them stays in the singular."""


def counted(number: int, phrase: str) -> str:
    """Return a number and a noun, such as "2 lines that are not JSON objects" for "line that is not a JSON object".

    Args:
        number: number of things.
        phrase: noun in the singular, optionally with other words before it and a relative clause after it.
    """
    if number == 1:
        return f"1 {phrase}"
    plural = _COUNTABLE.sub(r"\1s", phrase, count=1)
    # "lines that is not a JSON object" becomes "lines that are not JSON objects"; a final bracket stays at the end.
    plural = re.sub(r"^(\w+) that is not an? (.+?)( \(.*\))?$", r"\1 that are not \2s\3", plural)
    # "rows without its text" becomes "rows without their text".
    return f"{number:,} {plural.replace('s without its ', 's without their ')}"


def first_part(measures: Mapping[str, float]) -> str:
    """Return ", first N of M tokens" if only the first part of a text was scored, else "".

    Args:
        measures: measures of the text: `tokens` that were scored, and `of_tokens`, all of the text, if there are more.
    """
    if "of_tokens" not in measures:
        return ""
    return f", first {measures['tokens']:,.0f} of {counted(int(measures['of_tokens']), 'token')}"
