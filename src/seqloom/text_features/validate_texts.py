"""Validate texts and their groups that a caller passes from Python."""

from typing import Any

import numpy as np
from jaxtyping import Int

from seqloom.config.reading import MISSING_WORDS
from seqloom.corpora.table_cells import group_identity, is_missing
from seqloom.errors import ConfigError

__all__ = ["group_numbers", "validate_texts"]


def validate_texts(texts: Any) -> list[str]:
    """Return the texts as a list of strings; a lone surrogate becomes a question mark.

    Raises:
        ConfigError: the texts are one string or cannot be iterated, or one of them is not a string.
    """
    if isinstance(texts, str):
        raise ConfigError(f"the texts are one string, {texts[:40]!r}: pass a list of texts")
    try:
        strings = list(texts)
    except TypeError:
        raise ConfigError(f"the texts are {texts!r:.60}: pass a list of strings") from None
    non_strings = [value for value in strings if not isinstance(value, str)]
    if non_strings:
        raise ConfigError(f"the texts contain {non_strings[0]!r:.60}: pass strings")
    return [text.encode("utf-8", "replace").decode() for text in strings]


def group_numbers(groups: Any, num_texts: int) -> Int[np.ndarray, " texts"]:
    """Return a group number for each text, from 0; a text without a group has a number of its own.

    Groups are missing, and equal, as in the cells of a table (see `corpora.table_cells`).

    Raises:
        ConfigError: `groups` does not have one group for each text.
    """
    if groups is None:
        return np.arange(num_texts)
    group_names = list(groups)
    if len(group_names) != num_texts:
        raise ConfigError(f"{num_texts} texts have {len(group_names)} groups: pass one group for each text")
    number_by_name: dict[object, int] = {}
    labels = [
        index if is_missing(name, MISSING_WORDS) else group_identity(name) for index, name in enumerate(group_names)
    ]
    return np.array([number_by_name.setdefault(label, len(number_by_name)) for label in labels], np.int64)
