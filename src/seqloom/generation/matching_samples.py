"""Draw texts again that end before they match a pattern, a JSON schema or a grammar.

Every token leads to a text that can still match, but a text can reach its maximum length before it does.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqloom.sampling import Sample

__all__ = ["MAX_DRAWS", "matching", "num_redraws", "single_piece"]

MAX_DRAWS = 20
"""Largest number of draws of a text."""

_DRAW_STEP = 1 << 32
"""Distance between the indices of the draws of one text; no request has as many texts."""


def matching(draw: Callable[[int, int], Iterator["Sample"]], count: int, first_index: int = 0) -> Iterator["Sample"]:
    """Yield samples that match their grammar; the last draw of one that never matches.

    A text depends on its index and the seed, not on the number of texts. A text that was drawn again has the index of
    its last draw, which is at least 2**32.

    Args:
        draw: function `(index of the first sample, number of samples) -> samples`.
        count: number of samples.
        first_index: index of the first sample.
    """
    for sample in draw(first_index, count):
        index, num_draws = sample.index, 1
        while sample.matched is False and num_draws < MAX_DRAWS:
            sample = next(draw(index + num_draws * _DRAW_STEP, 1))
            num_draws += 1
        yield sample


def num_redraws(samples: Iterable["Sample"]) -> int:
    """Return how many draws of samples were thrown away, from their indices."""
    return sum(sample.index // _DRAW_STEP for sample in samples)


def single_piece(sample: "Sample") -> Generator[str, None, "Sample"]:
    """Yield a finished sample as a stream of one piece; nothing for an empty text."""
    if sample.text:
        yield sample.text
    return sample
