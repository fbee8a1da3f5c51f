"""How many things were left out, in words."""

import re

__all__ = ["counted"]

_NOUN = re.compile(r"\b(character|document|file|folder|group|line|name|rating|record|row|step|table|text|thing)\b")


def counted(number: int, reason: str) -> str:
    """A number and what it counts: `counted(2, "line that is no JSON object")` is "2 lines that are no JSON objects".

    Args:
        number: how many.
        reason: what one of them is called.
    """
    if number == 1:
        return f"1 {reason}"
    plural = _NOUN.sub(r"\1s", reason, count=1)
    plural = re.sub(r"^(\w+) that is no (.+?)( \(.*\))?$", r"\1 that are no \2s\3", plural)
    return f"{number:,} {plural.replace('s without its ', 's without their ')}"
