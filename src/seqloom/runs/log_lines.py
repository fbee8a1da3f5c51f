"""The lines of a training log, each with its own checksum.

A line is a JSON object of numbers whose last field, "crc32", is the CRC-32 of the line without this field. A log of an
older version has no checksums; `seqloom.runs.log` adds them when the training is resumed.
"""

import json
import re
import zlib
from collections.abc import Mapping
from typing import Any

from seqloom.checksums import parse_json

__all__ = ["log_line", "parse_log"]

_CONTINUED = re.compile(rb', "crc32": \d+\}.', re.DOTALL)
_END = re.compile(rb', "crc32": (\d+)\}$')


def log_line(values: Mapping[str, Any]) -> str:
    """Return a line of the log, with its checksum and its line break."""
    text = json.dumps(values)
    return f'{text[:-1]}, "crc32": {zlib.crc32(text.encode())}}}\n'


def parse_log(content: bytes) -> tuple[list[dict[str, Any]], str | None]:
    """Return the lines before the first damaged line, without their checksums, and the fault of that line.

    A last line without a line break is incomplete: it is left out, and is no fault unless more follows its checksum.
    """
    *texts, rest = content.split(b"\n")
    needs_checksum = b'"crc32"' in content
    lines: list[dict[str, Any]] = []
    for number, text in enumerate(texts, start=1):
        line = _parse_line(text, needs_checksum=needs_checksum)
        if line is None:
            return lines, f"line {number} ({text[:60].decode(errors='replace')!r}) is not a line of a training log"
        lines.append(line)
    if _CONTINUED.search(rest):
        return lines, f"line {len(texts) + 1} has a damaged end"
    # An older version wrote no line break after the last line of a hand-made log.
    last = _parse_line(rest, needs_checksum=needs_checksum) if rest else None
    return lines if last is None else [*lines, last], None


def _parse_line(text: bytes, *, needs_checksum: bool) -> dict[str, Any] | None:
    end = _END.search(text)
    if needs_checksum and (end is None or int(end[1]) != zlib.crc32(text[: end.start()] + b"}")):
        return None
    try:
        line = parse_json(text)
    except ValueError:
        return None
    if not isinstance(line, dict):
        return None
    line.pop("crc32", None)
    is_log_line = isinstance(line.get("step"), int) and all(isinstance(value, int | float) for value in line.values())
    return line if is_log_line else None
