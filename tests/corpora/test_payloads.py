import itertools
from dataclasses import FrozenInstanceError, dataclass
from typing import ClassVar

import pytest

from seqloom.corpora import CHUNK_CHARACTERS, Document, Payload, TextPayload
from seqloom.corpora.payloads import Rereadable
from seqloom.errors import SourceError


@dataclass(frozen=True)
class Series:
    kind: ClassVar[str] = "numbers"

    values: tuple[float, ...]


def test_a_text_is_read_any_number_of_times() -> None:
    readings = itertools.count()

    def read():
        next(readings)
        yield from ("one ", "text")

    payload = TextPayload(Rereadable(read))
    assert str(payload) == str(payload) == "one text"
    assert list(payload.chunks) == ["one ", "text"]
    assert next(readings) == 3


@pytest.mark.parametrize("length", [0, 1, CHUNK_CHARACTERS, CHUNK_CHARACTERS + 1])
def test_a_text_in_memory_has_bounded_chunks(length: int) -> None:
    payload = TextPayload.from_text("x" * length)
    assert str(payload) == "x" * length
    assert all(0 < len(chunk) <= CHUNK_CHARACTERS for chunk in payload.chunks)


def test_empty_chunks_separate_passages() -> None:
    payload = TextPayload(("a", "b", "", "", "c"))
    for _ in range(2):
        assert ["".join(chunks) for chunks in payload.passages()] == ["ab", "c"]


def test_payloads_are_frozen_and_name_their_kind() -> None:
    payload = TextPayload(("a",))
    assert isinstance(payload, Payload)
    assert isinstance(Series((1.0,)), Payload)
    with pytest.raises(FrozenInstanceError):
        payload.chunks = ()  # type: ignore[misc]


def test_a_document_of_another_kind_is_no_text() -> None:
    document = Document(Series((1.0, 2.0)), {"stars": 4.0}, "g")
    assert document.payload_as(Series).values == (1.0, 2.0)
    with pytest.raises(SourceError, match="the source holds numbers, but must hold text"):
        _ = document.text
