"""Numbers with nouns in the singular or plural."""

import re

__all__ = ["counted"]

_NOUN = re.compile(
    r"\b(character|document|file|folder|group|line|name|rating|record|round|row|step|table|text|update)\b"
)


def counted(number: int, noun: str) -> str:
    """Return a number and a noun, such as "2 lines that are not JSON objects" for "line that is not a JSON object".

    Args:
        number: number.
        noun: noun in the singular, perhaps with a relative clause.
    """
    if number == 1:
        return f"1 {noun}"
    plural = _NOUN.sub(r"\1s", noun, count=1)
    plural = re.sub(r"^(\w+) that is not an? (.+?)( \(.*\))?$", r"\1 that are not \2s\3", plural)
    return f"{number:,} {plural.replace('s without its ', 's without their ')}"
