"""Read detectors of formats 5 and 6, which had no regressions on n-grams, so that they give the same probabilities.

In the current format, such a detector has regressions without a known n-gram, which have no weight in its stacks.
"""

from typing import Any

import numpy as np

from seqloom.detector.ngram_regression import REGRESSION_MEMBERS
from seqloom.text_features.model_archive import ArrayLoader

__all__ = ["OLDEST_FORMAT", "migrate_to_7", "with_new_members"]

OLDEST_FORMAT = 5
"""Oldest format of a detector that can be read."""

_CLASS_OFFSETS = np.array([0.0, -1.5, -2.5], np.float32)
"""Offsets of the logits of generated texts, hard negatives and spliced texts. The bias contains them since format 7."""

_NO_NGRAMS: dict[str, np.ndarray] = {
    "places": np.zeros(0, np.uint32),
    "table": np.zeros((2, 0), np.float32),
    "bias": np.zeros(()),
}
"""Arrays of a regression on n-grams that knows none."""

_NUM_FEATURES_PER_OUTPUT = 5
"""Features of a stack that each output of a member has: itself, its square, and its products with three lengths."""


def migrate_to_7(stored: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON values of a detector of format 6 in format 7."""
    return {**stored, "slow": True, "common": []}


def with_new_members(arrays_of: ArrayLoader) -> ArrayLoader:
    """Return a loader of the arrays of a detector of format 5 or 6 that gives them as in format 7."""
    num_classes = len(arrays_of("light")["bias"])

    def migrated(part: str) -> dict[str, np.ndarray]:
        arrays = arrays_of(part)
        if part in REGRESSION_MEMBERS:
            return _NO_NGRAMS
        if part == "reference":
            return {side: np.pad(values, ((0, 0), (len(REGRESSION_MEMBERS), 0))) for side, values in arrays.items()}
        if "centre" not in arrays:
            return arrays
        arrays = {**arrays, "bias": arrays["bias"] + _CLASS_OFFSETS[: len(arrays["bias"])]}
        if part == "stack":  # its first inputs are the class logits of the light stack
            mean = arrays["centre"].copy()
            mean[:num_classes] += _CLASS_OFFSETS[:num_classes]
            return {**arrays, "centre": mean}
        return _with_new_inputs(arrays) if part == "light" else arrays

    return migrated


def _with_new_inputs(stack: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Put inputs without a weight in front of the inputs of a stack."""
    num_new, num_outputs = len(REGRESSION_MEMBERS), len(stack["centre"])
    blocks = stack["weight"][: _NUM_FEATURES_PER_OUTPUT * num_outputs].reshape(
        _NUM_FEATURES_PER_OUTPUT, num_outputs, -1
    )
    padded = np.pad(blocks, ((0, 0), (num_new, 0), (0, 0))).reshape(-1, blocks.shape[-1])
    return {
        **stack,
        "centre": np.pad(stack["centre"], (num_new, 0)),
        "spread": np.pad(stack["spread"], (num_new, 0), constant_values=1),
        "weight": np.concatenate([padded, stack["weight"][_NUM_FEATURES_PER_OUTPUT * num_outputs :]]),
    }
