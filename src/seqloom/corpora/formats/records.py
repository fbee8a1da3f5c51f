"""Records of a text: lines, paragraphs, or the text between two marks.

Only one record at a time is in memory. Skipped parts (empty lines, text outside the marks) are counted by reason.
"""

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from seqloom.corpora.normalization import join_line_ends

__all__ = ["lines", "split_records"]


def lines(chunks: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a text, each with its LF, CR or CRLF; no other character ends a line."""
    pending: list[str] = []
    for chunk in join_line_ends(chunks):
        for line in io.StringIO(chunk, newline=""):
            pending.append(line)
            if line.endswith(("\n", "\r")):
                yield "".join(pending)
                pending.clear()
    if pending:
        yield "".join(pending)


def split_records(chunks: Iterable[str], records: str, tally: Counter[str]) -> Iterator[str]:
    """Yield the records of a text.

    Args:
        chunks: text, cut anywhere.
        records: "line", "blank" (paragraphs), or an opening and a closing mark.
        tally: counter of skipped parts by reason, which this function increases.
    """
    if records == "line":
        return _by_line(chunks, tally)
    if records == "blank":
        return _by_blank_line(chunks)
    return _by_marks(chunks, opening=records[0], closing=records[1], tally=tally)


def _by_line(chunks: Iterable[str], tally: Counter[str]) -> Iterator[str]:
    for line in lines(chunks):
        if line.isspace():
            tally["empty line"] += 1
        else:
            yield line.rstrip("\r\n")


def _by_blank_line(chunks: Iterable[str]) -> Iterator[str]:
    record: list[str] = []
    for line in lines(chunks):
        if not line.isspace():
            record.append(line)
        elif record:
            yield "".join(record).rstrip("\r\n")
            record.clear()
    if record:
        yield "".join(record).rstrip("\r\n")


def _by_marks(chunks: Iterable[str], opening: str, closing: str, tally: Counter[str]) -> Iterator[str]:
    """Yield the text between the marks. An opening mark inside a record starts the record again."""
    mark = re.compile(f"([{re.escape(opening + closing)}])")
    record: list[str] | None = None  # None outside a record
    for part in (part for chunk in chunks for part in mark.split(chunk)):
        if part == opening:
            tally["record without its closing mark"] += record is not None
            record = []
        elif part == closing and record is not None:
            yield from _nonempty("".join(record), tally)
            record = None
        elif record is not None:
            record.append(part)
        else:
            tally["character outside the marks"] += len("".join(part.split()))  # white space does not count
    tally["record without its closing mark"] += record is not None


def _nonempty(record: str, tally: Counter[str]) -> Iterator[str]:
    """Yield a record, or count it if it is nothing but white space."""
    if record and not record.isspace():
        yield record
    else:
        tally["empty record"] += 1
