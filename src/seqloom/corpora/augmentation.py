"""Altered copies of documents: more training text of the same style, such as a piece of music in other keys.

Only training reads the copies: validation and held-out text consist of originals, so that figures stay comparable.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Protocol, Self, runtime_checkable

from seqloom.config import ReadingConfig
from seqloom.corpora.document import Document
from seqloom.corpora.payloads import Payload
from seqloom.errors import ConfigError

__all__ = ["ALTERATIONS", "AlterableDrawing", "AlterableMusic", "is_augmented", "with_copies"]

ALTERATIONS = ("transpose", "vary_tempo", "stretch", "turn")
"""Settings of reading that request altered copies."""

_NUM_DRAWINGS = 24
"""Number of copies of a drawing."""


@runtime_checkable
class AlterableMusic(Protocol):
    """A payload of music, of which there are copies in other keys and tempos."""

    def altered(self, semitones: int, tempo_factor: float) -> Self | None:
        """Return a copy in another key and tempo; None if the copy would leave the range of the instrument."""
        ...


@runtime_checkable
class AlterableDrawing(Protocol):
    """A payload that is drawn, of which there are distorted copies."""

    def distorted(self, squeeze: float, turn: float, count: int, seed: int) -> Iterator[Self]:
        """Yield copies that are squeezed, turned and slanted at random, and that lack some points."""
        ...


def is_augmented(reading: ReadingConfig) -> bool:
    """Return whether the settings request altered copies."""
    return bool(_requested(reading))


def with_copies(documents: Iterable[Document], reading: ReadingConfig) -> Iterator[Document]:
    """Yield each document, and then its altered copies, which belong to the same group.

    Raises:
        ConfigError: the settings do not alter documents of this kind.
    """
    num_copies = number = 0
    for number, document in enumerate(documents, 1):
        group = f"document {number}" if document.group is None else document.group
        yield replace(document, group=group)
        for payload in _copies(document.payload, reading, number):
            num_copies += 1
            yield replace(document, payload=payload, group=group, is_copy=True)
    if number and not num_copies:
        raise ConfigError(f"`{_requested(reading)}` changes nothing in these {document.payload.kind}: leave it out")


def _requested(reading: ReadingConfig) -> str:
    """Return the name of the first setting that requests copies; empty if there is none."""
    return next((name for name in ALTERATIONS if getattr(reading, name)), "")


def _copies(payload: Payload, reading: ReadingConfig, number: int) -> Iterator[Any]:
    """Yield the copies of document `number`."""
    if reading.transpose or reading.vary_tempo:
        if not isinstance(payload, AlterableMusic):
            raise ConfigError(f"`{_requested(reading)}` alters music, and these are {payload.kind}: leave it out")
        yield from _copies_of_music(payload, reading)
    if reading.stretch or reading.turn:
        if not isinstance(payload, AlterableDrawing):
            raise ConfigError(f"`{_requested(reading)}` alters drawings, and these are {payload.kind}: leave it out")
        yield from payload.distorted(reading.stretch / 100, math.radians(reading.turn), _NUM_DRAWINGS, seed=number)


def _copies_of_music(payload: AlterableMusic, reading: ReadingConfig) -> Iterator[Any]:
    """Yield all transpositions, with tempos that are spread evenly over the requested range."""
    steps = [step for size in range(1, reading.transpose + 1) for step in (-size, size)] or [0, 0]
    for index, semitones in enumerate(steps):
        position = index / (len(steps) - 1)  # 0 for the slowest copy, 1 for the fastest
        copy = payload.altered(semitones, 1 + reading.vary_tempo / 100 * (2 * position - 1))
        if copy is not None:
            yield copy
