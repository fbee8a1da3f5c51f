"""Texts of one or both sides, whether each was generated where that is known, and the columns that divide them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from seqloom.config import ReadingConfig
from seqloom.corpora.corpus import open_corpus
from seqloom.errors import ConfigError
from seqloom.plural import counted

__all__ = ["LabelledTexts", "RatedTexts", "Texts", "read_labelled_texts", "read_rated", "read_texts"]

_GENERATED, _REAL = {"1", "1.0", "true"}, {"0", "0.0", "false"}

Note = Callable[[str], None]


@dataclass(frozen=True)
class LabelledTexts:
    """Texts of a source.

    Attributes:
        texts: as they were read.
        groups: which belong together; each is its own where the source has no groups.
        truth: whether each was generated; None where that is not known.
        cells: of each column that divides them.
    """

    texts: list[str]
    groups: Int[np.ndarray, " texts"]
    truth: Bool[np.ndarray, " texts"] | None
    cells: Mapping[str, list[str]]

    def without(self, left_out: Bool[np.ndarray, " texts"]) -> "LabelledTexts":
        """The others."""
        kept = np.flatnonzero(~left_out).tolist()
        return LabelledTexts(
            [self.texts[place] for place in kept],
            self.groups[kept],
            None if self.truth is None else self.truth[kept],
            {column: [values[place] for place in kept] for column, values in self.cells.items()},
        )

    def beside(self, generated: "LabelledTexts") -> "LabelledTexts":
        """These texts, all real, and generated ones with the same columns."""
        return LabelledTexts(
            self.texts + generated.texts,
            np.concatenate([self.groups, self.groups.max(initial=-1) + 1 + generated.groups]),
            np.arange(len(self.texts) + len(generated.texts)) >= len(self.texts),
            {column: cells + generated.cells[column] for column, cells in self.cells.items()},
        )

    def of(self, *, generated: bool) -> list[str]:
        """The texts of one side, where it is known."""
        return [text for text, side in zip(self.texts, self.sides(), strict=True) if side == generated]

    def sides(self) -> list[bool]:
        """Return whether each text was generated."""
        assert self.truth is not None
        sides: list[bool] = self.truth.tolist()
        return sides


def read_labelled_texts(
    source: str | Path, reading: ReadingConfig, label: str | None, by: Sequence[str], note: Note
) -> LabelledTexts:
    """Read a source; a text whose side its label does not say is left out.

    Args:
        source: a table.
        reading: names the columns of text and group.
        label: the column that says 1 of a generated text and 0 of a real one; None is not known.
        by: columns whose cells are kept.
        note: is told what is read and left out.

    Raises:
        UserError: the table or a column is not usable, or the labels are of one side.
    """
    columns = tuple(dict.fromkeys((*by, *((label,) if label else ()))))
    corpus = open_corpus(source, replace(reading, category=columns))
    texts: list[str] = []
    groups: list[int] = []
    sides: list[bool] = []
    cells: dict[str, list[str]] = {column: [] for column in by}
    numbers: dict[str, int] = {}
    unsaid = 0
    for document in corpus:
        side = None if label is None else _side(label, document.conditions[label])
        if label is not None and side is None:
            unsaid += 1
            continue
        group = f"={document.group}" if document.group is not None else f"#{len(texts)}"
        texts.append("".join(document.chunks))
        groups.append(numbers.setdefault(group, len(numbers)))
        sides.append(bool(side))
        for column in by:
            cell = document.conditions[column]
            cells[column].append("(none)" if cell is None else str(cell))
    if label is not None and len(set(sides)) < 2:
        only = f"says that all are {'generated' if sides[0] else 'real'}" if sides else "is empty everywhere"
        raise ConfigError(
            f"`label` {label} {only}, and figures need both sides: leave it out for a report without them, or name the "
            "other side with `generated`"
        )
    note(f"{corpus.name}: {len(texts):,} texts")
    skipped = {**corpus.skipped, **({"row without a label": unsaid} if unsaid else {})}
    for reason, count in skipped.items():
        if not reason.startswith("missing"):
            note(f"skipped: {counted(count, reason)}")
    return LabelledTexts(texts, np.array(groups, np.int64), np.array(sides, bool) if label else None, cells)


def _side(label: str, cell: object) -> bool | None:
    if cell is None:
        return None
    said = str(cell).strip().lower()
    if said not in _GENERATED | _REAL:
        raise ConfigError(f"`label` {label} holds {said[:40]!r}: 1 says that a text was generated, 0 that it is real")
    return said in _GENERATED


class RatedTexts(NamedTuple):
    """Texts that have a rating.

    Attributes:
        texts: as they were read.
        ratings: of each.
        groups: which belong together; each is its own where the source has no groups.
    """

    texts: list[str]
    ratings: Float[np.ndarray, " texts"]
    groups: Int[np.ndarray, " texts"]


def read_rated(
    source: str | Path | Sequence[str | Path], reading: ReadingConfig, note: Note = lambda line: None
) -> RatedTexts:
    """The texts of a source that have a rating, with it and their group.

    Args:
        source: a table.
        reading: names its columns; one rating.
        note: is told what is read and what is left out.

    Raises:
        SourceError: the source cannot be read, or has no such columns.
        ConfigError: none of its texts has a rating.
    """
    corpus = open_corpus(source, reading)
    texts: list[str] = []
    ratings: list[float] = []
    groups: list[int] = []
    numbers: dict[str, int] = {}
    for document in corpus:
        whole = "".join(document.chunks)
        number = document.conditions[reading.rating[0]]
        if not isinstance(number, float):
            continue
        label = f"={document.group}" if document.group is not None else f"#{len(texts)}"
        texts.append(whole)
        ratings.append(number)
        groups.append(numbers.setdefault(label, len(numbers)))
    note(f"{corpus.name}: {len(texts):,} rated texts in {counted(len(numbers), 'group')}")
    for reason, count in corpus.skipped.items():
        note(f"skipped: {counted(count, reason)}")
    if not texts:
        raise ConfigError(f"{corpus.name} has no text with a rating in {reading.rating[0]!r}: nothing can be learned")
    return RatedTexts(texts, np.array(ratings), np.array(groups))


class Texts(NamedTuple):
    """Texts of a source.

    Attributes:
        texts: as they were read.
        groups: which belong together; each is its own where the source has no groups.
    """

    texts: list[str]
    groups: Int[np.ndarray, " texts"]


def read_texts(
    source: str | Path | Sequence[str | Path], reading: ReadingConfig, note: Note = lambda line: None
) -> Texts:
    """The texts of a source and their groups; those without a word are left out.

    Raises:
        UserError: the source cannot be read, or has no text.
    """
    corpus = open_corpus(source, reading)
    texts: list[str] = []
    groups: list[int] = []
    numbers: dict[str, int] = {}
    empty = 0
    for document in corpus:
        whole = "".join(document.chunks)
        if not whole.strip():
            empty += 1
            continue
        label = f"={document.group}" if document.group is not None else f"#{len(texts)}"
        texts.append(whole)
        groups.append(numbers.setdefault(label, len(numbers)))
    note(f"{corpus.name}: {len(texts):,} texts in {len(numbers):,} groups")
    for reason, count in ({**corpus.skipped, "empty text": empty} if empty else corpus.skipped).items():
        note(f"skipped: {counted(count, reason)}")
    if not texts:
        raise ConfigError(f"{corpus.name} has no text: nothing can be learned")
    return Texts(texts, np.array(groups))
