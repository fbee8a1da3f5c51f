"""Whole texts in memory, with their groups, ratings, labels and further columns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from seqloom.config import ReadingConfig
from seqloom.corpora.corpus import SourceCorpus, open_corpus
from seqloom.corpora.document import Condition, Document
from seqloom.errors import ConfigError
from seqloom.plural import counted
from seqloom.reporter import Reporter, silent

__all__ = ["LabelledTexts", "read_labelled_texts", "read_rated", "read_texts"]

_GENERATED, _REAL = {"1", "1.0", "true"}, {"0", "0.0", "false"}

_NO_CELL = "(none)"


@dataclass(frozen=True)
class LabelledTexts:
    """Texts of a source.

    Attributes:
        texts: texts.
        groups: group of each text, from 0; each text is its own group where the source has none.
        truth: whether each text is generated; None where unknown.
        cells: cell of each text, by column.
        ratings: rating of each text; NaN without a rating column.
    """

    texts: list[str]
    groups: Int[np.ndarray, " texts"]
    truth: Bool[np.ndarray, " texts"] | None = None
    cells: Mapping[str, list[str]] = field(default_factory=dict)
    ratings: Float[np.ndarray, " texts"] = field(default_factory=lambda: np.zeros(0))

    def without(self, left_out: Bool[np.ndarray, " texts"]) -> "LabelledTexts":
        """Return the texts where `left_out` is False."""
        kept = np.flatnonzero(~left_out).tolist()
        return LabelledTexts(
            [self.texts[index] for index in kept],
            self.groups[kept],
            None if self.truth is None else self.truth[kept],
            {column: [values[index] for index in kept] for column, values in self.cells.items()},
            self.ratings[kept],
        )

    def beside(self, generated: "LabelledTexts") -> "LabelledTexts":
        """Return these texts as the real ones, followed by generated texts with the same columns."""
        return LabelledTexts(
            self.texts + generated.texts,
            np.concatenate([self.groups, self.groups.max(initial=-1) + 1 + generated.groups]),
            np.arange(len(self.texts) + len(generated.texts)) >= len(self.texts),
            {column: cells + generated.cells[column] for column, cells in self.cells.items()},
            np.concatenate([self.ratings, generated.ratings]),
        )

    def of(self, *, generated: bool) -> list[str]:
        """Return the generated or the real texts; the labels must be known."""
        return [text for text, side in zip(self.texts, self.sides(), strict=True) if side == generated]

    def sides(self) -> list[bool]:
        """Return whether each text is generated; the labels must be known."""
        assert self.truth is not None
        sides: list[bool] = self.truth.tolist()
        return sides


def read_labelled_texts(
    source: str | Path, reading: ReadingConfig, label: str | None, by: Sequence[str], note: Reporter
) -> LabelledTexts:
    """Read a table of real and generated texts; texts without a label are skipped.

    Args:
        source: table.
        reading: settings with the columns of text and group.
        label: column with 1 for generated and 0 for real texts; None if unknown.
        by: columns whose cells are kept.
        note: reporter of the numbers of texts read and skipped.

    Raises:
        UserError: the table or a column cannot be used, or all labels are equal.
    """
    columns = tuple(dict.fromkeys((*by, *((label,) if label else ()))))
    corpus = open_corpus(source, replace(reading, category=columns))
    labelled, skipped = _read(corpus, label=label, columns=by)
    if label is not None:
        _check_both_sides(label, labelled.sides())
    note(f"{corpus.name}: {len(labelled.texts):,} texts")
    _report_skipped({reason: count for reason, count in skipped.items() if not reason.startswith("missing")}, note)
    return labelled


def read_rated(
    source: str | Path | Sequence[str | Path], reading: ReadingConfig, note: Reporter = silent
) -> LabelledTexts:
    """Read the texts of a table that have a rating.

    Args:
        source: table.
        reading: settings with the columns, one rating among them.
        note: reporter of the numbers of texts read and skipped.

    Raises:
        SourceError: the source cannot be read or lacks a column.
        ConfigError: no text has a rating.
    """
    corpus = open_corpus(source, reading)
    (column,) = reading.rating[:1]
    rated, skipped = _read(corpus, rating=column)
    note(f"{corpus.name}: {len(rated.texts):,} rated texts in {counted(len(np.unique(rated.groups)), 'group')}")
    _report_skipped(skipped, note)
    if not rated.texts:
        raise ConfigError(f"{corpus.name} has no text with a rating in {column!r}: nothing can be learned")
    return rated


def read_texts(
    source: str | Path | Sequence[str | Path], reading: ReadingConfig, note: Reporter = silent
) -> LabelledTexts:
    """Read the texts of a source and their groups; texts of white space are skipped.

    Args:
        source: source.
        reading: reading settings.
        note: reporter of the numbers of texts read and skipped.

    Raises:
        UserError: the source cannot be read, or has no text.
    """
    corpus = open_corpus(source, reading)
    read, skipped = _read(corpus, skip_empty=True)
    note(f"{corpus.name}: {len(read.texts):,} texts in {len(np.unique(read.groups)):,} groups")
    _report_skipped(skipped, note)
    if not read.texts:
        raise ConfigError(f"{corpus.name} has no text: nothing can be learned")
    return read


def _read(
    corpus: SourceCorpus,
    *,
    rating: str | None = None,
    label: str | None = None,
    columns: Sequence[str] = (),
    skip_empty: bool = False,
) -> tuple[LabelledTexts, Mapping[str, int]]:
    """Read a corpus into memory.

    Args:
        corpus: corpus.
        rating: column of the ratings; documents without one are skipped.
        label: column of the labels; documents without one are skipped.
        columns: columns whose cells are kept.
        skip_empty: whether texts of white space are skipped.

    Returns:
        The texts, and the number of skipped documents by reason.
    """
    texts: list[str] = []
    labels: list[bool] = []
    ratings: list[float] = []
    group_labels: list[str] = []
    cells: dict[str, list[str]] = {column: [] for column in columns}
    num_empty = num_unlabelled = 0
    for document in corpus:
        number = None if rating is None else document.conditions[rating]
        is_generated = None if label is None else _label(label, document.conditions[label])
        if rating is not None and not isinstance(number, float):
            continue
        if label is not None and is_generated is None:
            num_unlabelled += 1
            continue
        text = str(document.text)
        if skip_empty and not text.strip():
            num_empty += 1
            continue
        group_labels.append(f"#{len(texts)}" if document.group is None else f"={document.group}")
        texts.append(text)
        labels.append(bool(is_generated))
        ratings.append(number if isinstance(number, float) else np.nan)
        for column, cell in _cells(document, columns):
            cells[column].append(_NO_CELL if cell is None else str(cell))
    truth = None if label is None else np.array(labels, bool)
    skipped = {**corpus.skipped, "row without a label": num_unlabelled, "empty text": num_empty}
    read = LabelledTexts(texts, _group_numbers(group_labels), truth, cells, np.array(ratings, np.float64))
    return read, {reason: count for reason, count in skipped.items() if count}


def _cells(document: Document, columns: Sequence[str]) -> Iterator[tuple[str, Condition]]:
    return ((column, document.conditions[column]) for column in columns)


def _group_numbers(labels: Sequence[str]) -> Int[np.ndarray, " texts"]:
    """Return the number of each group in order of appearance."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(label, len(numbers)) for label in labels], np.int64)


def _label(column: str, cell: object) -> bool | None:
    if cell is None:
        return None
    value = str(cell).strip().lower()
    if value not in _GENERATED | _REAL:
        raise ConfigError(f"`label` {column} holds {value[:40]!r}: use 1 for a generated text, and 0 for a real one")
    return value in _GENERATED


def _check_both_sides(label: str, sides: Sequence[bool]) -> None:
    if len(set(sides)) == 2:
        return
    problem = f"says that all texts are {'generated' if sides[0] else 'real'}" if sides else "is empty everywhere"
    raise ConfigError(
        f"`label` {label} {problem}, and figures need both real and generated texts: leave it out for a report without "
        "figures, or name the other texts with `generated`"
    )


def _report_skipped(skipped: Mapping[str, int], note: Reporter) -> None:
    for reason, count in skipped.items():
        note(f"skipped: {counted(count, reason)}")
