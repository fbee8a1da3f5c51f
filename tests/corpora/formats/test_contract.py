"""One contract for every registered format, and for the one of the examples."""

import hashlib
import io
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from seqloom.config import ReadingConfig
from seqloom.corpora import Document, TextPayload
from seqloom.corpora.encodings import Refused
from seqloom.corpora.formats.base import Format, whole_content
from seqloom.corpora.sources import SourceFile
from seqloom.corpora.table_documents import RatingColumns
from seqloom.errors import SourceError
from seqloom.registry import FORMATS, import_part, resolve

MELODY = "examples.extensions.melody_format:MelodyFile"
PLAIN, TABLE = ReadingConfig(), ReadingConfig(text="text")


def parquet_file() -> bytes:
    content = io.BytesIO()
    parquet.write_table(pa.table({"text": ["a b", "c"]}), content)
    return content.getvalue()


def stroke_arrays() -> bytes:
    content = io.BytesIO()
    np.savez(content, drawing=np.array([[0, 0, 0], [9, 5, 1], [-3, 2, 1]], np.float32))
    return content.getvalue()


MIDI = bytes.fromhex("4d546864000000060001000100184d54726b0000000c00903c5a18803c0000ff2f00")
"""A quarter note, middle C."""

CONTENTS: dict[str, tuple[bytes, ReadingConfig, int]] = {
    "text": (b"a b\nc\n", PLAIN, 1),
    ".txt": (b"a b\nc\n", PLAIN, 1),
    ".md": (b"# a\n\nb c\n", PLAIN, 1),
    ".csv": (b"text,n\na b,1\nc,2\n", TABLE, 2),
    ".tsv": (b"text\tn\na b\t1\nc\t2\n", TABLE, 2),
    ".tab": (b"text\tn\na b\t1\nc\t2\n", TABLE, 2),
    ".jsonl": (b'{"text": "a b"}\n{"text": "c"}\n', TABLE, 2),
    ".ndjson": (b'{"text": "a b"}\n{"text": "c"}\n', TABLE, 2),
    ".parquet": (parquet_file(), TABLE, 2),
    ".npz": (stroke_arrays(), PLAIN, 1),
    ".svg": (b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0 L9 5 L3 9"/></svg>', PLAIN, 1),
    "quick-draw": (b'{"word": "a", "drawing": [[[0, 9], [0, 5]], [[3, 4], [3, 9]]]}\n' * 2, PLAIN, 2),
    ".abc": (b"X:1\nT:a\nM:C\nL:1/4\nK:G\nGABc|d4|]\n\nX:2\nK:C\nC4|]\n", PLAIN, 2),
    ".mid": (MIDI, PLAIN, 1),
    ".midi": (MIDI, PLAIN, 1),
    ".melody": (b"60\n62\n\n64\n", PLAIN, 2),
}
"""A small file of each format, how it is read, and its number of documents; a new format needs an entry."""

NAMES = [*FORMATS, ".melody"]


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(FORMATS.built_in, ".melody", MELODY)
    return str(request.param)


def examine(name: str, folder: Path, content: bytes) -> Format:
    path = folder / f"file{name if name.startswith('.') else ''}"
    path.write_bytes(content)
    file_format: type[Format] = resolve("format", name, FORMATS)
    return file_format.examine(SourceFile(name=path.name, path=path), CONTENTS[name][1])


def documents(file: Format, reading: ReadingConfig) -> list[Document]:
    return list(file.documents(reading, RatingColumns(), Counter()))


def test_a_file_is_examined(name: str, tmp_path: Path) -> None:
    content, _, _ = CONTENTS[name]
    file = examine(name, tmp_path, content)
    assert file.sha256 == hashlib.sha256(content).hexdigest()
    assert file.name
    assert file.version >= 1
    assert json.loads(json.dumps(file.identity)) == file.identity


def test_documents_have_the_declared_payload(name: str, tmp_path: Path) -> None:
    content, reading, number = CONTENTS[name]
    file = examine(name, tmp_path, content)
    payloads = [document.payload for document in documents(file, reading)]
    assert len(payloads) == number
    assert all(type(payload) is file.payload_type for payload in payloads)


def test_a_file_can_be_read_again(name: str, tmp_path: Path) -> None:
    content, reading, _ = CONTENTS[name]
    file = examine(name, tmp_path, content)

    def contents() -> list[object]:
        return [
            "".join(document.payload.chunks) if isinstance(document.payload, TextPayload) else document.payload
            for document in documents(file, reading)
        ]

    assert contents() == contents()


def test_the_content_is_a_part_of_the_identity(name: str, tmp_path: Path) -> None:
    content, _, _ = CONTENTS[name]
    file = examine(name, tmp_path, content)
    assert replace(file, sha256="0" * 64).identity != file.identity


@pytest.mark.parametrize("content", [b"", b" \n\n", bytes(range(256)) * 4])
def test_what_is_not_of_the_format_is_refused(name: str, tmp_path: Path, content: bytes) -> None:
    with pytest.raises((Refused, SourceError)):
        examine(name, tmp_path, content)


def test_a_location_is_that_of_a_format() -> None:
    assert all(issubclass(import_part(place), Format) for place in FORMATS.values())


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(b"1234")
    source_file = SourceFile(name="a.mid", path=tmp_path / "a.mid")
    assert whole_content(source_file, 4, "MIDI file") == b"1234"
    with pytest.raises(Refused, match="has more than 0 MiB, too much for a MIDI file"):
        whole_content(source_file, 3, "MIDI file")
