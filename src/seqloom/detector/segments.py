"""Parts of a text: where a generated text is spliced with a real one, one part tells and another does not."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from seqloom.detector.training_set import LEAST_WORDS

__all__ = ["PARTS", "parts_of", "surest_and_least"]

_CUTS = {"half": 2, "quarter": 4}

PARTS = tuple(f"{grade} {name}" for name in _CUTS for grade in ("surest", "least sure"))
"""What `surest_and_least` gives, in order."""


def parts_of(texts: Sequence[str]) -> list[str]:
    """The halves and quarters of each text, by words; a text that is too short for them stands for them itself."""
    found = []
    for text in texts:
        words = text.split(" ")
        for number in _CUTS.values():
            ends = [round(len(words) * part / number) for part in range(number + 1)]
            whole = len(words) < number * LEAST_WORDS
            found += [text if whole else " ".join(words[ends[part] : ends[part + 1]]) for part in range(number)]
    return found


def surest_and_least(logits: Float[np.ndarray, " parts"]) -> Float[np.ndarray, "texts answers"]:
    """The highest and lowest logit of each text's halves, and of its quarters, from those of `parts_of`."""
    of_texts = logits.reshape(-1, sum(_CUTS.values()))
    cuts = np.split(of_texts, np.cumsum(list(_CUTS.values()))[:-1], axis=1)
    return np.stack([edge for cut in cuts for edge in (cut.max(axis=1), cut.min(axis=1))], axis=1)
