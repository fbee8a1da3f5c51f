"""Where one record of a text ends and the next begins: lines, paragraphs, or what stands between two marks.

One record at a time is held in memory. What stands between records and is more than a separator is counted.
"""

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from seqloom.corpora.normalization import uncut_line_ends

__all__ = ["lines", "split_records"]

Tally = Counter[str]


def lines(pieces: Iterable[str]) -> Iterator[str]:
    """The lines of a text in pieces, each with its LF, CR or CRLF; no other character ends a line."""
    pending: list[str] = []
    for piece in uncut_line_ends(pieces):
        for line in io.StringIO(piece, newline=""):
            pending.append(line)
            if line.endswith(("\n", "\r")):
                yield "".join(pending)
                pending.clear()
    if pending:
        yield "".join(pending)


def split_records(pieces: Iterable[str], records: str, tally: Tally) -> Iterator[str]:
    """The records of a text.

    Args:
        pieces: the text, cut anywhere.
        records: "line", "blank", or an opening and a closing mark.
        tally: counts what is left out, by reason.
    """
    if records == "line":
        return _by_line(pieces, tally)
    if records == "blank":
        return _by_blank_line(pieces)
    return _by_marks(pieces, records[0], records[1], tally)


def _by_line(pieces: Iterable[str], tally: Tally) -> Iterator[str]:
    for line in lines(pieces):
        if line.isspace():
            tally["empty line"] += 1
        else:
            yield line.rstrip("\r\n")


def _by_blank_line(pieces: Iterable[str]) -> Iterator[str]:
    record: list[str] = []
    for line in lines(pieces):
        if not line.isspace():
            record.append(line)
        elif record:
            yield "".join(record).rstrip("\r\n")
            record.clear()
    if record:
        yield "".join(record).rstrip("\r\n")


def _by_marks(pieces: Iterable[str], opening: str, closing: str, tally: Tally) -> Iterator[str]:
    """What stands between the marks; an opening mark inside a record begins it anew."""
    mark = re.compile(f"([{re.escape(opening + closing)}])")
    record: list[str] | None = None
    for part in (part for piece in pieces for part in mark.split(piece)):
        if part == opening:
            tally["record without its closing mark"] += record is not None
            record = []
        elif part == closing and record is not None:
            yield from _marked("".join(record), tally)
            record = None
        elif record is not None:
            record.append(part)
        else:
            tally["character outside the marks"] += len("".join(part.split()))
    tally["record without its closing mark"] += record is not None


def _marked(record: str, tally: Tally) -> Iterator[str]:
    if record and not record.isspace():
        yield record
    else:
        tally["empty record"] += 1
