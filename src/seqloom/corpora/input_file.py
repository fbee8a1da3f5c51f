"""Chooses the format of a file, by its suffix or, for the table formats, by its content."""

from pathlib import PurePath
from typing import cast

from seqloom.config import ReadingConfig
from seqloom.corpora.encodings import Refused
from seqloom.corpora.formats.base import Format
from seqloom.corpora.formats.delimited import CsvFile, TsvFile, csv_header
from seqloom.corpora.formats.jsonl import JsonLinesFile
from seqloom.corpora.formats.parquet import ParquetFile
from seqloom.corpora.formats.quick_draw import QuickDrawFile, is_quick_draw
from seqloom.corpora.formats.text import TextFile
from seqloom.corpora.payloads import TextPayload
from seqloom.corpora.sources import SourceFile
from seqloom.errors import SourceError
from seqloom.registry import FORMATS, resolve

__all__ = ["examine"]

_COMPRESSION_SUFFIXES = (".gz", ".zst")


def examine(source_file: SourceFile, reading: ReadingConfig) -> Format:
    """Choose the format of a file and read every byte of the file once.

    Raises:
        Refused: no format can read the file. If it is one of many in a folder, the caller skips and counts it.
        SourceError: the text cannot be decoded with the named encoding, or a column is missing.
    """
    source_file.check_size()
    file_format = format_by_suffix(source_file.name)
    if reading.kind == TextPayload.kind and file_format.payload_type is not TextPayload:
        file_format = TextFile
    if file_format is JsonLinesFile and not reading.text and reading.kind != TextPayload.kind:
        file_format = QuickDrawFile if is_quick_draw(source_file) else file_format
    # Where `reading.text` names a column, the file must be a table, whatever its suffix.
    if reading.text and next(source_file.read_blocks(), b"").startswith(ParquetFile.magic):
        file_format = ParquetFile
    elif reading.text and file_format is TextFile:
        return _examine_table(source_file, reading)
    return file_format.examine(source_file, reading)


def format_by_suffix(name: str) -> type[Format]:
    """Return the format registered for the suffix of a file name (`.csv` for `a.csv.gz`); text for other suffixes."""
    path = PurePath(name.lower())
    suffix = path.with_suffix("").suffix if path.suffix in _COMPRESSION_SUFFIXES else path.suffix
    return cast(type[Format], resolve("format", suffix if suffix and suffix in FORMATS else "text", FORMATS))


def _examine_table(source_file: SourceFile, reading: ReadingConfig) -> Format:
    """Examine a table without a known suffix: JSON or CSV, by its first characters."""
    name = source_file.name
    if not source_file.named_by_user:  # in a folder, a file without the suffix of a table format is skipped
        raise Refused("file that is not a table", f"{name} is not a table, and `text` names a column")
    decoded = TextFile.decode(source_file, reading)
    opening = ("{",) if reading.table_rules == 1 else ("{", "[")
    is_json = next(decoded.text_chunks(), "").lstrip().startswith(opening)
    if is_json:
        return decoded.as_format(JsonLinesFile).with_detected_layout(reading)
    columns, delimiter = csv_header(decoded.text_chunks(), reading.text)
    if reading.text not in columns:
        raise SourceError(
            f"{name} does not begin like a table with a column {reading.text!r}: name a table (plain text is read by "
            "'seqloom train' and 'seqloom score' without `text`)"
        )
    is_tsv = delimiter == TsvFile.unquoted_delimiter and reading.table_rules > 1
    return decoded.as_format(TsvFile if is_tsv else CsvFile).with_detected_delimiter(reading)
