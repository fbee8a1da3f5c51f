"""Whole texts in memory, with their groups, ratings, labels and further columns.

A label says whether a text is generated or real. Texts of one group (of one author, for example) are not independent.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from seqloom.config import ReadingConfig
from seqloom.corpora.corpus import SourceCorpus, open_corpus
from seqloom.corpora.document import Condition, Document
from seqloom.errors import ConfigError
from seqloom.plural import counted
from seqloom.reporter import Reporter, silent

__all__ = ["LabelledTexts", "read_labelled_texts", "read_rated", "read_texts"]

_GENERATED_LABELS, _REAL_LABELS = {"1", "1.0", "true"}, {"0", "0.0", "false"}

_EMPTY_CELL = "(none)"
"""Value that stands for an empty cell in `LabelledTexts.cells`."""


@dataclass(frozen=True)
class LabelledTexts:
    """The texts of a source, in order, with further values of each text.

    Attributes:
        texts: content of each text.
        groups: number of each text's group, from 0; a text without a group has a number that no other text has.
        is_generated: label of each text: True for a generated text, False for a real one; None without labels.
        cells: cell of each text in further columns, by column; "(none)" for an empty cell.
        ratings: rating of each text; NaN if no rating column was read.
    """

    texts: list[str]
    groups: Int[np.ndarray, " texts"]
    is_generated: Bool[np.ndarray, " texts"] | None = None
    cells: Mapping[str, list[str]] = field(default_factory=dict)
    ratings: Float[np.ndarray, " texts"] = field(default_factory=lambda: np.zeros(0))

    def without(self, left_out: Bool[np.ndarray, " texts"]) -> "LabelledTexts":
        """Return the texts where `left_out` is False."""
        kept = np.flatnonzero(~left_out).tolist()
        return LabelledTexts(
            texts=[self.texts[index] for index in kept],
            groups=self.groups[kept],
            is_generated=None if self.is_generated is None else self.is_generated[kept],
            cells={column: [cells[index] for index in kept] for column, cells in self.cells.items()},
            ratings=self.ratings[kept],
        )

    def with_generated(self, generated: "LabelledTexts") -> "LabelledTexts":
        """Return these texts, labelled as real, followed by the texts of `generated`, labelled as generated.

        No group of the result has both real and generated texts.

        Args:
            generated: generated texts; their `cells` must have at least the columns of `self.cells`.
        """
        return LabelledTexts(
            texts=self.texts + generated.texts,
            groups=np.concatenate([self.groups, self.groups.max(initial=-1) + 1 + generated.groups]),
            is_generated=np.arange(len(self.texts) + len(generated.texts)) >= len(self.texts),
            cells={column: cells + generated.cells[column] for column, cells in self.cells.items()},
            ratings=np.concatenate([self.ratings, generated.ratings]),
        )

    def texts_where(self, *, generated: bool) -> list[str]:
        """Return the generated texts if `generated` is True, else the real ones; the texts must have labels."""
        return [text for text, label in zip(self.texts, self.labels(), strict=True) if label == generated]

    def labels(self) -> list[bool]:
        """Return `is_generated` as a list; the texts must have labels."""
        assert self.is_generated is not None
        labels: list[bool] = self.is_generated.tolist()
        return labels


class _Label(NamedTuple):
    """Column of the labels.

    Attributes:
        column: name of the column.
        value: label of generated texts; None for 1.
    """

    column: str
    value: str | None = None

    @classmethod
    def parse(cls, text: str) -> "_Label":
        """Return the label that "COLUMN" or "COLUMN=VALUE" names."""
        column, sign, value = text.partition("=")
        return cls(column, value.strip().lower()) if sign else cls(column)

    def is_generated(self, cell: object) -> bool | None:
        """Return True for a generated text, False for a real one, and None for an empty cell."""
        if cell is None:
            return None
        value = str(cell).strip().lower()
        if self.value is not None:
            return value == self.value
        if value not in _GENERATED_LABELS | _REAL_LABELS:
            raise ConfigError(
                f"`label` {self.column} holds {value[:40]!r}: use 1 for a generated text, and 0 for a real one; or "
                f"name the label of generated texts, as in {self.column}={value[:20]}"
            )
        return value in _GENERATED_LABELS


def read_labelled_texts(
    source: str | Path, reading: ReadingConfig, label: str | None, kept_columns: Sequence[str], note: Reporter
) -> LabelledTexts:
    """Read a table of real and generated texts; skip rows whose label is empty.

    Args:
        source: table.
        reading: reading settings, which name the columns of the text and the group.
        label: column with 1 for generated and 0 for real texts; or "COLUMN=VALUE" for a column in which VALUE stands
            for generated texts, and all else for real ones; None for texts without labels.
        kept_columns: columns to keep in `LabelledTexts.cells`.
        note: function that is called with a line on the number of texts, and with a line for each reason for skipping.

    Raises:
        UserError: the table or a column cannot be used, or all labels are equal.
    """
    parsed = None if label is None else _Label.parse(label)
    columns = [*kept_columns, parsed.column] if parsed else kept_columns
    corpus = _open(source, replace(reading, category=tuple(dict.fromkeys(columns))), note)
    labelled, skipped = _read(corpus, label=parsed, kept_columns=kept_columns)
    if label is not None:
        _check_both_labels(label, labelled.labels())
    note(f"{corpus.name}: {len(labelled.texts):,} texts")
    # The reasons "missing ..." count empty cells; the texts of these rows are kept.
    _report_skipped({reason: count for reason, count in skipped.items() if not reason.startswith("missing")}, note)
    return labelled


def read_rated(
    source: str | Path | Sequence[str | Path], reading: ReadingConfig, note: Reporter = silent
) -> LabelledTexts:
    """Read the texts of a table that have a rating.

    Args:
        source: table.
        reading: reading settings; only the first column in `rating` is read.
        note: function that is called with a line on the number of texts, and with a line for each reason for skipping.

    Raises:
        SourceError: the source cannot be read, lacks a column, or has a rating column that does not hold numbers.
        ConfigError: no text has a rating.
    """
    corpus = _open(source, reading, note)
    (column,) = reading.rating[:1]
    rated, skipped = _read(corpus, rating_column=column)
    note(f"{corpus.name}: {len(rated.texts):,} rated texts in {counted(len(np.unique(rated.groups)), 'group')}")
    _report_skipped(skipped, note)
    if not rated.texts:
        raise ConfigError(f"{corpus.name} has no text with a rating in {column!r}: nothing can be learned")
    return rated


def read_texts(
    source: str | Path | Sequence[str | Path], reading: ReadingConfig, note: Reporter = silent
) -> LabelledTexts:
    """Read the texts of a source and their groups; skip texts that are nothing but white space.

    Args:
        source: catalogue name, file, folder, glob or "-", or several of these.
        reading: reading settings.
        note: function that is called with a line on the number of texts, and with a line for each reason for skipping.

    Raises:
        UserError: the source cannot be read, or has no text.
    """
    corpus = _open(source, reading, note)
    labelled, skipped = _read(corpus, skip_empty=True)
    note(f"{corpus.name}: {len(labelled.texts):,} texts in {len(np.unique(labelled.groups)):,} groups")
    _report_skipped(skipped, note)
    if not labelled.texts:
        raise ConfigError(f"{corpus.name} has no text: nothing can be learned")
    return labelled


def _open(source: str | Path | Sequence[str | Path], reading: ReadingConfig, note: Reporter) -> SourceCorpus:
    """Open a source and report how its text was decoded."""
    corpus = open_corpus(source, reading)
    for line in corpus.notes:
        note(line)
    return corpus


def _read(
    corpus: SourceCorpus,
    *,
    rating_column: str | None = None,
    label: "_Label | None" = None,
    kept_columns: Sequence[str] = (),
    skip_empty: bool = False,
) -> tuple[LabelledTexts, Mapping[str, int]]:
    """Read a corpus into memory.

    Args:
        corpus: corpus.
        rating_column: column of the ratings; documents without a rating are skipped. None reads no ratings.
        label: column of the labels; documents without a label are skipped. None reads no labels.
        kept_columns: columns to keep in `LabelledTexts.cells`.
        skip_empty: whether texts that are nothing but white space are skipped.

    Returns:
        The texts, and the number of skipped documents by reason.
    """
    texts: list[str] = []
    labels: list[bool] = []
    ratings: list[float] = []
    group_labels: list[str] = []
    cells: dict[str, list[str]] = {column: [] for column in kept_columns}
    num_empty = num_unlabelled = 0
    for document in corpus:
        rating = None if rating_column is None else document.conditions[rating_column]
        is_generated = None if label is None else label.is_generated(document.conditions[label.column])
        if rating_column is not None and not isinstance(rating, float):
            continue  # the corpus itself counts missing ratings
        if label is not None and is_generated is None:
            num_unlabelled += 1
            continue
        text = str(document.text)
        if skip_empty and not text.strip():
            num_empty += 1
            continue
        # The prefixes differ, so that text 7, if it has no group, is not in one group with the texts of a group "7".
        group_labels.append(f"#{len(texts)}" if document.group is None else f"={document.group}")
        texts.append(text)
        labels.append(bool(is_generated))
        ratings.append(rating if isinstance(rating, float) else np.nan)
        for column, cell in _cells(document, kept_columns):
            cells[column].append(_EMPTY_CELL if cell is None else str(cell))
    skipped = {**corpus.skipped, "row without a label": num_unlabelled, "empty text": num_empty}
    labelled = LabelledTexts(
        texts=texts,
        groups=_group_numbers(group_labels),
        is_generated=None if label is None else np.array(labels, bool),
        cells=cells,
        ratings=np.array(ratings, np.float64),
    )
    return labelled, {reason: count for reason, count in skipped.items() if count}


def _cells(document: Document, columns: Sequence[str]) -> Iterator[tuple[str, Condition]]:
    return ((column, document.conditions[column]) for column in columns)


def _group_numbers(group_labels: Sequence[str]) -> Int[np.ndarray, " texts"]:
    """Return the group number of each text: groups are numbered from 0 in order of appearance."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(label, len(numbers)) for label in group_labels], np.int64)


def _check_both_labels(column: str, labels: Sequence[bool]) -> None:
    if len(set(labels)) == 2:
        return
    problem = f"says that all texts are {'generated' if labels[0] else 'real'}" if labels else "is empty everywhere"
    raise ConfigError(
        f"`label` {column} {problem}, and figures need both real and generated texts: leave out `label` for a "
        "report without figures, or name the other texts with `generated`"
    )


def _report_skipped(skipped: Mapping[str, int], note: Reporter) -> None:
    for reason, count in skipped.items():
        # The text of a row without a group or a name is kept.
        is_kept = reason.startswith(("missing group", "missing name"))
        note(f"{'incomplete, but used' if is_kept else 'skipped'}: {counted(count, reason)}")
