"""Validate labelled texts that a caller passes from Python."""

from typing import Any

import numpy as np
from jaxtyping import Bool

from seqloom.detector.confounds import shared_texts
from seqloom.errors import ConfigError
from seqloom.text_features.validate_texts import validate_texts

__all__ = ["MIN_TEXTS", "validate_labelled_texts"]

_MAX_SHOWN = 3
"""Largest number of texts that a message quotes."""

MIN_TEXTS = 40
"""Minimal number of distinct texts of each side."""


def validate_labelled_texts(texts: Any, labels: Any) -> tuple[list[str], Bool[np.ndarray, " texts"]]:
    """Return the texts as strings, and whether each text was generated.

    Args:
        texts: real and generated texts.
        labels: label of each text: 1 or True for generated, 0 or False for real.

    Raises:
        ConfigError: a side has too few texts, a text is on both sides, or a label is neither 0 nor 1.
    """
    texts, label_array = validate_texts(texts), np.asarray(labels)
    if label_array.shape != (len(texts),):
        raise ConfigError(
            f"{len(texts)} texts have labels of shape {list(label_array.shape)}: pass one label for each text"
        )
    invalid = [label for label in label_array.tolist() if label not in (0, 1)]
    if invalid:
        raise ConfigError(f"the labels contain {invalid[0]!r}: use 1 for generated and 0 for real")
    generated = label_array.astype(bool)
    sides = [[text for text, label in zip(texts, generated, strict=True) if label == side] for side in (False, True)]
    for side_texts, name in zip(sides, ("real", "generated"), strict=True):
        num_distinct = len(set(side_texts))
        if num_distinct < MIN_TEXTS:
            raise ConfigError(
                f"{num_distinct} different {name} texts are too few to fit a detector: give {MIN_TEXTS} or more"
            )
    if shared := shared_texts(*sides):
        examples = ", ".join(repr(text[:40]) for text in dict.fromkeys(shared[:_MAX_SHOWN]))
        raise ConfigError(
            f"{len(shared):,} generated texts are also among the real texts, such as {examples}: remove them from one "
            "side, or set `drop_shared` where a detector is fitted to files or tables"
        )
    return texts, generated
