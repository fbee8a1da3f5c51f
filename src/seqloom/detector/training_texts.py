"""Read the real and the generated texts that a detector learns from."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from seqloom.config import ReadingConfig
from seqloom.corpora.labelled_texts import read_labelled_texts, read_texts
from seqloom.detector.confounds import comparable_text
from seqloom.plural import counted
from seqloom.reporter import Reporter

__all__ = ["Sides", "TrainingTexts", "read_sides"]


class Sides(NamedTuple):
    """Texts as they were read.

    Attributes:
        real: real texts.
        groups: group of each real text.
        generated: generated texts.
    """

    real: list[str]
    groups: Int[np.ndarray, " real"]
    generated: list[str]


class TrainingTexts(NamedTuple):
    """Real and generated texts.

    Attributes:
        texts: the texts.
        generated: whether each text was generated.
        groups: number of each text's group; the texts of a group are used together for training or calibration.
    """

    texts: list[str]
    generated: Bool[np.ndarray, " texts"]
    groups: Int[np.ndarray, " texts"]

    @classmethod
    def join(cls, real: list[str], groups: Int[np.ndarray, " real"], generated: list[str]) -> "TrainingTexts":
        """Return real texts with their groups, followed by generated texts, each of which is a group by itself."""
        generated_groups = groups.max(initial=-1) + 1 + np.arange(len(generated))
        is_generated = np.arange(len(real) + len(generated)) >= len(real)
        return cls(real + generated, is_generated, np.concatenate([groups, generated_groups]))

    def select(self, indices: Int[np.ndarray, " chosen"]) -> "TrainingTexts":
        """Return the texts at `indices`."""
        return TrainingTexts([self.texts[index] for index in indices], self.generated[indices], self.groups[indices])

    def without_shared(self, note: Reporter) -> "TrainingTexts":
        """Return the texts without those that are on both sides, which are dropped from both; report their number."""
        keys = [comparable_text(text) for text in self.texts]
        sides = [{key for key, label in zip(keys, self.generated, strict=True) if label == side} for side in (0, 1)]
        shared = sides[0] & sides[1]
        if not shared:
            return self
        is_shared = np.array([key in shared for key in keys])
        num_real, num_generated = int((is_shared & ~self.generated).sum()), int((is_shared & self.generated).sum())
        note(
            f"dropped: {num_real:,} real and {num_generated:,} generated copies of "
            f"{counted(len(shared), 'text')} that occurred on both sides"
        )
        return self.select(np.flatnonzero(~is_shared))


def read_sides(
    real: str | Path | Sequence[str | Path],
    generated: Sequence[str | Path],
    reading: ReadingConfig,
    *,
    label: str | None,
    generated_text: str | None,
    note: Reporter,
) -> Sides:
    """Read the texts of both sides.

    Args:
        real: source of real texts; with `label`, one table of real and generated texts.
        generated: further sources of generated texts.
        reading: reading settings of `real`.
        label: column of the labels, as in `read_labelled_texts`; None if all texts of `real` are real.
        generated_text: column of the text in `generated`; None for the column in `reading`.
        note: function that receives the numbers of texts.

    Raises:
        UserError: a source cannot be read, or lacks a column.
    """
    if label is None:
        source = read_texts(real, reading, note)
        sides = Sides(source.texts, source.groups, [])
    else:
        labelled = read_labelled_texts(str(real), reading, label, (), note)
        is_real = ~np.array(labelled.labels())
        sides = Sides(
            labelled.texts_where(generated=False), labelled.groups[is_real], labelled.texts_where(generated=True)
        )
    others = replace(reading, group=None, pool=None, text=generated_text or reading.text)
    return sides._replace(
        generated=[*sides.generated, *(text for file in generated for text in read_texts(file, others, note).texts)]
    )
