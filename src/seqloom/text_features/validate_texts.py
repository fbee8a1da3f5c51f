"""Texts and their groups as a person gives them from Python, checked."""

from typing import Any

import numpy as np
from jaxtyping import Int

from seqloom.errors import ConfigError

__all__ = ["checked_texts", "numbered_groups"]


def checked_texts(given: Any) -> list[str]:
    """Texts as a list; half a surrogate pair becomes a question mark.

    Raises:
        ConfigError: one of them is no string.
    """
    if isinstance(given, str):
        raise ConfigError(f"the texts are one string, {given[:40]!r}: give a list of texts")
    try:
        texts = list(given)
    except TypeError:
        raise ConfigError(f"the texts are {given!r:.60}: give a list of strings") from None
    wrong = [one for one in texts if not isinstance(one, str)]
    if wrong:
        raise ConfigError(f"the texts hold {wrong[0]!r:.60}: give strings")
    return [text.encode("utf-8", "replace").decode() for text in texts]


def numbered_groups(groups: Any, texts: int) -> Int[np.ndarray, " texts"]:
    """The group of each text as a number; without groups each is one.

    Raises:
        ConfigError: there are more or fewer than texts.
    """
    if groups is None:
        return np.arange(texts)
    names = list(groups)
    if len(names) != texts:
        raise ConfigError(f"{texts} texts have {len(names)} groups: give one for each")
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(str(name), len(numbers)) for name in names])
