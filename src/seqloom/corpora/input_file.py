"""One file, looked at: is it text or a table, in which encoding, with which columns. Gives its documents."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import PurePath

from seqloom.config import ReadingConfig
from seqloom.corpora.builtin import python_docs
from seqloom.corpora.compressed_files import read_blocks
from seqloom.corpora.document import Document
from seqloom.corpora.encodings import Blocks, Refused, Undecodable, decoded, scan
from seqloom.corpora.formats.delimited import Row, check_columns, csv_header, csv_rows, json_keys, json_rows, listed
from seqloom.corpora.formats.parquet import parquet_columns, parquet_rows
from seqloom.corpora.formats.records import split_records
from seqloom.corpora.normalization import folded, record_chunks
from seqloom.corpora.sources import Place
from seqloom.corpora.table_documents import RatingJudge, rated_documents
from seqloom.errors import SourceError

__all__ = ["Input", "examine"]

Tally = Counter[str]

_KINDS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
_PACKED = (".gz", ".zst")


@dataclass(frozen=True, kw_only=True)
class Input:
    """One file of a corpus and how it is read.

    Attributes:
        place: where it is.
        kind: "text", "csv", "jsonl" or "parquet".
        blocks: reads its bytes.
        sha256: of its bytes, in hexadecimal.
        encoding: of its text; "" for Parquet.
        detected: False where the person named the encoding.
        delimiter: between the cells of "csv".
    """

    place: Place
    kind: str
    blocks: Blocks
    sha256: str
    encoding: str
    detected: bool = False
    delimiter: str = ","

    def documents(self, reading: ReadingConfig, judge: RatingJudge, tally: Tally) -> Iterator[Document]:
        """The file's documents, first to last.

        Args:
            reading: as it was given to `examine`.
            judge: is shown every rating.
            tally: counts what is left out, by reason.
        """
        if self.kind != "text":
            yield from rated_documents(self._rows(reading, tally), self.place.name, reading, judge, tally)
        elif reading.records:
            for record in split_records(self.pieces(), reading.records, tally):
                yield Document(chunks=record_chunks(record, reading))
        else:
            yield Document(chunks=folded(self.pieces(), reading))

    def pieces(self) -> Iterator[str]:
        """The text as it stands in the file, cut anywhere.

        Raises:
            SourceError: the file is no longer what it was.
        """
        try:
            yield from decoded(self.blocks(), self.encoding)
        except Undecodable as error:
            raise SourceError(f"{self.place.name} changed while it was being read: {error}; start again") from error

    def _rows(self, reading: ReadingConfig, tally: Tally) -> Iterator[Row]:
        if self.kind == "parquet":
            assert self.place.path is not None
            return parquet_rows(self.place.path, _columns(reading))
        if self.kind == "jsonl":
            return json_rows(self.pieces(), tally)
        return csv_rows(self.pieces(), self.delimiter, tally)


def examine(place: Place, reading: ReadingConfig) -> Input:
    """Look at a file: every byte once, to hash it and to be sure of its encoding.

    Raises:
        Refused: the file is not what can be read; a folder's reader leaves it out.
        SourceError: its text cannot be decoded as asked, or a column is not there.
    """
    blocks: Blocks = partial(read_blocks, place.path) if place.path else _built_in
    kind = _kind_by_name(place.name)
    if kind == "parquet" or (reading.text and next(blocks(), b"").startswith(b"PAR1")):
        return _examine_parquet(place, reading, blocks)
    if kind == "text" and reading.text and not place.named:
        raise Refused("file that is no table", f"{place.name} is no table, and `text` names a column")
    seen = scan(blocks, place.name, reading.encoding)
    if seen.blank:
        raise Refused("file of white space", f"{place.name} holds nothing but white space: choose one with text")
    found = Input(
        place=place,
        kind=kind,
        blocks=blocks,
        sha256=seen.sha256,
        encoding=seen.encoding,
        detected=seen.detected,
    )
    return found if kind == "text" and not reading.text else _with_columns(found, reading)


def _built_in() -> Iterator[bytes]:
    yield python_docs().encode()


def _kind_by_name(name: str) -> str:
    path = PurePath(name.lower())
    return _KINDS.get(path.with_suffix("").suffix if path.suffix in _PACKED else path.suffix, "text")


def _examine_parquet(place: Place, reading: ReadingConfig, blocks: Blocks) -> Input:
    assert place.path is not None
    _check_columns(place.name, reading, parquet_columns(place.path))
    digest = hashlib.sha256()
    for block in blocks():
        digest.update(block)
    return Input(place=place, kind="parquet", blocks=blocks, sha256=digest.hexdigest(), encoding="")


def _with_columns(found: Input, reading: ReadingConfig) -> Input:
    """The same table with its columns checked and its delimiter told."""
    name = found.place.name
    kind = found.kind
    if kind == "text":
        kind = "jsonl" if "".join(islice(found.pieces(), 1)).lstrip().startswith("{") else "csv"
    if kind == "jsonl":
        columns, delimiter = json_keys(found.pieces()), ""
    else:
        columns, delimiter = csv_header(found.pieces(), reading.text, "\t,;|" if kind == "tsv" else ",;\t|")
    if found.kind == "text" and reading.text not in columns:
        raise SourceError(
            f"{name} does not begin like a table with a column {reading.text!r}: leave `text` out to read it as text"
        )
    _check_columns(name, reading, columns)
    return replace(found, kind="csv" if kind == "tsv" else kind, delimiter=delimiter)


def _check_columns(name: str, reading: ReadingConfig, columns: Sequence[str]) -> None:
    if reading.text is None:
        raise Refused(
            "table without `text`",
            f"{name} is a table: name the column that holds the text with `text` ({listed(columns)})",
        )
    check_columns(name, _columns(reading), columns)


def _columns(reading: ReadingConfig) -> list[str]:
    return [
        column for column in (reading.text, *reading.rating, *reading.category, reading.group) if column is not None
    ]
