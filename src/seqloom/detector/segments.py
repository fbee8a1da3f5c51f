"""Segments of a text. If a generated and a real text are spliced, the detector's logits differ between segments."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from seqloom.detector.training_set import MIN_WORDS

__all__ = ["SEGMENT_OUTPUTS", "extreme_logits", "split_segments"]

_SEGMENTS_PER_TEXT = {"half": 2, "quarter": 4}

SEGMENT_OUTPUTS = tuple(f"{extreme} {size}" for size in _SEGMENTS_PER_TEXT for extreme in ("surest", "least sure"))
"""Names of the outputs of `extreme_logits`, in order."""


def split_segments(texts: Sequence[str]) -> list[str]:
    """Return the halves and quarters of each text, by words; a text that is too short to divide is repeated instead."""
    segments = []
    for text in texts:
        words = text.split(" ")
        for number in _SEGMENTS_PER_TEXT.values():
            bounds = [round(len(words) * part / number) for part in range(number + 1)]
            undivided = len(words) < number * MIN_WORDS
            segments += [
                text if undivided else " ".join(words[bounds[part] : bounds[part + 1]]) for part in range(number)
            ]
    return segments


def extreme_logits(logits: Float[np.ndarray, " segments"]) -> Float[np.ndarray, "texts outputs"]:
    """Return the highest and lowest logit of each text's halves, and of its quarters, for `split_segments`."""
    by_text = logits.reshape(-1, sum(_SEGMENTS_PER_TEXT.values()))
    by_size = np.split(by_text, np.cumsum(list(_SEGMENTS_PER_TEXT.values()))[:-1], axis=1)
    return np.stack([extreme for part in by_size for extreme in (part.max(axis=1), part.min(axis=1))], axis=1)
