"""Altered copies of documents: more training text of the same style, such as a piece of music in other keys.

Only training reads the copies: validation and held-out text consist of originals, so that figures stay comparable.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Protocol, Self, runtime_checkable

from seqloom.config import ReadingConfig
from seqloom.corpora.document import Document
from seqloom.corpora.payloads import Payload
from seqloom.errors import ConfigError

__all__ = ["AlterableMusic", "is_augmented", "with_copies"]


@runtime_checkable
class AlterableMusic(Protocol):
    """A payload of music, of which there are copies in other keys and tempos."""

    def altered(self, semitones: int, tempo_factor: float) -> Self | None:
        """Return a copy in another key and tempo; None if the copy would leave the range of the instrument."""
        ...


def is_augmented(reading: ReadingConfig) -> bool:
    """Return whether the settings request altered copies."""
    return bool(reading.transpose or reading.vary_tempo)


def with_copies(documents: Iterable[Document], reading: ReadingConfig) -> Iterator[Document]:
    """Yield each document, and then its altered copies, which belong to the same group.

    Raises:
        ConfigError: the documents hold something else than music.
    """
    num_copies = number = 0
    for number, document in enumerate(documents, 1):
        group = f"document {number}" if document.group is None else document.group
        yield replace(document, group=group)
        for payload in _copies(document.payload, reading):
            num_copies += 1
            yield replace(document, payload=payload, group=group, is_copy=True)
    if number and not num_copies:
        setting = "transpose" if reading.transpose else "vary_tempo"
        raise ConfigError(f"`{setting}` changes nothing in these {document.payload.kind}: leave it out")


def _copies(payload: Payload, reading: ReadingConfig) -> Iterator[Any]:
    """Yield the copies: all transpositions, with tempos that are spread evenly over the requested range."""
    if not isinstance(payload, AlterableMusic):
        setting = "transpose" if reading.transpose else "vary_tempo"
        raise ConfigError(f"`{setting}` alters music, and the source holds {payload.kind}: leave it out")
    steps = [step for size in range(1, reading.transpose + 1) for step in (-size, size)] or [0, 0]
    for index, semitones in enumerate(steps):
        position = index / (len(steps) - 1)  # 0 for the slowest copy, 1 for the fastest
        copy = payload.altered(semitones, 1 + reading.vary_tempo / 100 * (2 * position - 1))
        if copy is not None:
            yield copy
