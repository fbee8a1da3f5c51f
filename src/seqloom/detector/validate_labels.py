"""Validate labelled texts that a caller passes from Python."""

from typing import Any

import numpy as np
from jaxtyping import Bool

from seqloom.detector.confounds import shared_texts
from seqloom.errors import ConfigError
from seqloom.text_features.validate_texts import validate_texts

__all__ = ["MIN_TEXTS", "validate_labelled_texts"]

MIN_TEXTS = 40
"""Minimal number of distinct texts of each side."""


def validate_labelled_texts(texts: Any, labels: Any) -> tuple[list[str], Bool[np.ndarray, " texts"]]:
    """Return the texts as strings, and whether each was generated.

    Raises:
        ConfigError: a side has too few texts, a text is on both sides, or a label is neither 0 nor 1.
    """
    texts, values = validate_texts(texts), np.asarray(labels)
    if values.shape != (len(texts),):
        raise ConfigError(f"{len(texts)} texts have labels of shape {list(values.shape)}: pass one for each text")
    invalid = [label for label in values.tolist() if label not in (0, 1)]
    if invalid:
        raise ConfigError(f"the labels contain {invalid[0]!r}: use 1 for generated and 0 for real")
    generated = values.astype(bool)
    sides = [[text for text, label in zip(texts, generated, strict=True) if label == side] for side in (False, True)]
    for side, name in zip(sides, ("real", "generated"), strict=True):
        num_distinct = len(set(side))
        if num_distinct < MIN_TEXTS:
            raise ConfigError(
                f"{num_distinct} different {name} texts are too few to fit a detector: pass {MIN_TEXTS} or more"
            )
    if shared := shared_texts(*sides):
        raise ConfigError(
            f"{len(shared):,} generated texts are also among the real texts, such as {shared[0][:60]!r}: remove them "
            "from one side"
        )
    return texts, generated
