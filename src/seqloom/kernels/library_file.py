"""Check that the file of a library is complete, before it is loaded.

The loader maps the file into memory. A program that reads a page beyond the end of a truncated file is ended by the
system with SIGBUS, which Python cannot catch.
"""

import struct
from pathlib import Path

__all__ = ["check_complete"]

_HEADER = struct.Struct("<16x HHIQQQI HHHHHH")
"""ELF header of 64-bit little-endian files, after the 16 bytes that identify the format."""

_SEGMENT = struct.Struct("<II QQQQQQ")
"""Entry of the program header table."""

_ELF_64_BIT_LITTLE_ENDIAN = b"\x7fELF\x02\x01"


def check_complete(path: Path) -> None:
    """Check that a library in the ELF format (Linux) has all bytes that its header announces.

    Files of other formats and other processors are not checked: their loaders refuse truncated files themselves.

    Raises:
        OSError: the file is truncated or cannot be read.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        header = file.read(_HEADER.size)
        if not header.startswith(_ELF_64_BIT_LITTLE_ENDIAN):
            return
        if len(header) < _HEADER.size:
            raise _truncated(size, _HEADER.size)
        fields = _HEADER.unpack(header)
        segments_start, sections_start = fields[4:6]
        segment_size, num_segments, section_size, num_sections = fields[8:12]
        segments_end = segments_start + segment_size * num_segments
        ends = [segments_end, sections_start + section_size * num_sections]
        if segment_size == _SEGMENT.size and segments_end <= size:
            file.seek(segments_start)
            for segment in _SEGMENT.iter_unpack(file.read(segment_size * num_segments)):
                offset, size_in_file = segment[2], segment[5]
                ends.append(offset + size_in_file)
    if max(ends) > size:
        raise _truncated(size, max(ends))


def _truncated(size: int, announced: int) -> OSError:
    return OSError(f"the file is truncated: it has {size:,} bytes, and its header announces {announced:,}")
