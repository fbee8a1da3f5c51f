"""Bytes of a file in bounded blocks, unpacked where the file is compressed. Knows nothing of text.

Compression is told from a file's first bytes, never from its name.
"""

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from seqloom.errors import SourceError

__all__ = ["BLOCK_BYTES", "read_blocks"]

BLOCK_BYTES = 1 << 20
"""Every block but the last holds exactly this many bytes."""

_GZIP = b"\x1f\x8b"
_ZSTANDARD = b"\x28\xb5\x2f\xfd"
_PACKED_BYTES = 1 << 16  # read at once from a zstandard file: what they unpack to must fit into memory


def read_blocks(path: Path) -> Iterator[bytes]:
    """Read a file from the first byte to the last; gzip and zstandard are unpacked on the way.

    Raises:
        SourceError: the file cannot be read, or its compressed content is damaged or cut short.
    """
    try:
        with open(path, "rb") as file:
            magic = file.read(4)
            file.seek(0)
            if magic.startswith(_GZIP):
                yield from _gunzipped(file, path)
            elif magic == _ZSTANDARD:
                yield from _resized(_unzstandard(file, path))
            else:
                yield from iter(lambda: file.read(BLOCK_BYTES), b"")
    except OSError as error:
        raise SourceError(
            f"cannot read {path}: {error.strerror or error}; check that the file is whole and may be read"
        ) from error


def _gunzipped(file: IO[bytes], path: Path) -> Iterator[bytes]:
    import gzip

    try:
        with gzip.open(file) as unpacked:
            yield from iter(lambda: unpacked.read(BLOCK_BYTES), b"")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(path, "gzip", str(error)) from error


def _unzstandard(file: IO[bytes], path: Path) -> Iterator[bytes]:
    import zstandard

    decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 31)
    frame = None
    try:
        for packed in iter(lambda: file.read(_PACKED_BYTES), b""):
            while packed:
                frame = decompressor.decompressobj() if frame is None else frame
                yield frame.decompress(packed)
                packed = b""
                if frame.eof:
                    packed, frame = frame.unused_data, None
    except zstandard.ZstdError as error:
        raise _damaged(path, "zstandard", str(error)) from error
    if frame is not None:
        raise _damaged(path, "zstandard", "it ends too early")


def _damaged(path: Path, kind: str, detail: str) -> SourceError:
    return SourceError(f"{path} is damaged: its {kind} data cannot be unpacked ({detail}); get the file again")


def _resized(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks of `BLOCK_BYTES`."""
    pending = bytearray()
    for block in blocks:
        pending += block
        while len(pending) >= BLOCK_BYTES:
            yield bytes(pending[:BLOCK_BYTES])
            del pending[:BLOCK_BYTES]
    if pending:
        yield bytes(pending)
