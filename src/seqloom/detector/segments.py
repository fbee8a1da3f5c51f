"""Segments of a text. If a generated and a real text are spliced, the detector's logits differ between segments.

The segments of a text are its two halves and its four quarters, in this order.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from seqloom.detector.training_set import MIN_WORDS

__all__ = ["SEGMENT_OUTPUTS", "extreme_logits", "split_segments"]

_SEGMENTS_PER_TEXT = {"half": 2, "quarter": 4}

SEGMENT_OUTPUTS = tuple(f"{extreme} {unit}" for unit in _SEGMENTS_PER_TEXT for extreme in ("surest", "least sure"))
"""Names of the outputs of `extreme_logits`, in order. "surest" is the highest logit of the halves or quarters; it
belongs to the segment that was most probably generated. "least sure" is the lowest logit."""


def split_segments(texts: Sequence[str]) -> list[str]:
    """Return the halves and quarters of each text, divided between words.

    If the halves or the quarters of a text would have fewer than five words, the whole text replaces each of them.
    """
    segments = []
    for text in texts:
        words = text.split(" ")
        for num_segments in _SEGMENTS_PER_TEXT.values():
            if len(words) < num_segments * MIN_WORDS:
                segments += [text] * num_segments
                continue
            bounds = [round(len(words) * index / num_segments) for index in range(num_segments + 1)]
            segments += [" ".join(words[start:stop]) for start, stop in pairwise(bounds)]
    return segments


def extreme_logits(logits: Float[np.ndarray, " segments"]) -> Float[np.ndarray, "texts outputs"]:
    """Return the highest and lowest logit of each text's halves, and of its quarters.

    Args:
        logits: logit of each segment from `split_segments`; a higher logit indicates a generated segment.
    """
    by_text = logits.reshape(-1, sum(_SEGMENTS_PER_TEXT.values()))
    halves_and_quarters = np.split(by_text, np.cumsum(list(_SEGMENTS_PER_TEXT.values()))[:-1], axis=1)
    return np.stack(
        [extreme for segments in halves_and_quarters for extreme in (segments.max(axis=1), segments.min(axis=1))],
        axis=1,
    )
