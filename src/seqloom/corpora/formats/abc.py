"""Collections of tunes in ABC notation: each tune is a document."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from seqloom.config import ReadingConfig
from seqloom.corpora.abc.tune import HEADER_NAMES, AbcTune, normal_tune, tune_from_text
from seqloom.corpora.document import Condition, Document
from seqloom.corpora.encodings import Refused
from seqloom.corpora.formats.base import Format
from seqloom.corpora.formats.text import TextFile
from seqloom.corpora.sources import SourceFile
from seqloom.corpora.table_documents import RatingColumns
from seqloom.errors import ConfigError
from seqloom.registry import unknown_name

__all__ = ["AbcFile"]

_MAX_TUNE_CHARACTERS = 100_000
_NAMED_FIELDS = frozenset("RMOAGLCBD")
"""Header fields that a message about an unknown category proposes; others are titles, numbers and remarks."""

_FIELD = re.compile(r"([A-Za-z]):(.*)")
_LINE_END = re.compile(r"\r\n?|\n")


@dataclass(frozen=True, kw_only=True)
class AbcFile(Format):
    """A file of tunes, each of which begins with the field X."""

    name = "abc"
    payload_type = AbcTune
    separates_documents = True
    has_headers = True

    @classmethod
    def examine(cls, source_file: SourceFile, reading: ReadingConfig) -> Self:
        """Read a file once, to hash it and to check that it has tunes."""
        decoded = TextFile.decode(source_file, reading)
        file = cls(
            source_file=source_file,
            sha256=decoded.sha256,
            encoding=decoded.encoding,
            encoding_detected=decoded.encoding_detected,
            damage=decoded.damage,
        )
        if next(file._tunes(reading), None) is None:
            raise Refused(
                "file without tunes in ABC",
                f"{source_file.name} has no tune in ABC: a tune begins with a line such as X:1, and K: is the last "
                "field before its music",
            )
        return file

    def documents(self, reading: ReadingConfig, ratings: RatingColumns, tally: Counter[str]) -> Iterator[Document]:
        """Yield the tunes; a tune that is no ABC is skipped and counted.

        Raises:
            ConfigError: a category is no header, or a header that no tune has.
        """
        missing, known = set(reading.category), dict.fromkeys(("key", "metre"))
        for header, body in self._tunes(reading):
            if len(body) > _MAX_TUNE_CHARACTERS:
                tally["tune that is too long"] += 1
                continue
            text = normal_tune(header, body)
            if text is None:
                tally["tune with several voices"] += bool(re.search(r"^V:|\[V:", body, re.MULTILINE))
                tally["tune that is not ABC"] += not re.search(r"^V:|\[V:", body, re.MULTILINE)
                continue
            conditions = _conditions(header, text, reading.category)
            missing -= {column for column, value in conditions.items() if value is not None}
            known |= dict.fromkeys(field for field in header if field in _NAMED_FIELDS)
            yield Document(tune_from_text(text), conditions)
        if missing:
            name = sorted(missing)[0]
            choices = unknown_name("header", name, known).partition(": ")[2]
            raise ConfigError(f"`category` got {name!r}, and no tune has this header: {choices}")

    def _tunes(self, reading: ReadingConfig) -> Iterator[tuple[dict[str, str], str]]:
        """Yield the header and the music of each tune."""
        decoded = TextFile.decode(self.source_file, reading)
        return _split(_LINE_END.split("".join(decoded.text_chunks())))


def _split(lines: Iterable[str]) -> Iterator[tuple[dict[str, str], str]]:
    """Yield the header and the music of each tune; text between tunes is left out, such as the header of a file."""
    header: dict[str, str] | None = None
    body: list[str] | None = None
    for line in lines:
        match = _FIELD.match(line)
        if match is not None and match[1] == "X":
            if header is not None and body is not None:
                yield header, "\n".join(body)
            header, body = {}, None
        elif header is None:
            continue
        elif body is not None and not line.strip() and any(map(str.strip, body)):  # an empty line ends a tune
            yield header, "\n".join(body)
            header = body = None
        elif body is not None:
            body.append(line)
        elif match is not None:
            header.setdefault(match[1], match[2].partition("%")[0].strip())
            if match[1] == "K":
                body = []
    if header is not None and body is not None:
        yield header, "\n".join(body)


def _conditions(header: dict[str, str], text: str, columns: Iterable[str]) -> dict[str, Condition]:
    """Return the values of the named header fields; None where a tune lacks one.

    Raises:
        ConfigError: a column is no header field.
    """
    values: dict[str, Condition] = {}
    for column in columns:
        field = HEADER_NAMES.get(column.lower(), column)
        if len(field) != 1 or not field.isalpha():
            raise ConfigError(
                f"`category` got {column!r}: name a header of tunes, as its letter or one of {', '.join(HEADER_NAMES)}"
            )
        in_text = re.search(rf"^{field}:(.*)$", text, re.MULTILINE)
        values[column] = (in_text[1] if in_text else header.get(field)) or None
    return values
