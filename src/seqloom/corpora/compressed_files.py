"""Bytes of a file in bounded blocks, decompressed where the file is compressed.

Compression is detected from the first bytes of a file, never from its name.
"""

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from seqloom.errors import SourceError

__all__ = ["BLOCK_BYTES", "read_blocks"]

BLOCK_BYTES = 1 << 20
"""Number of bytes in every block; the last block may be shorter."""

_GZIP = b"\x1f\x8b"
_ZSTANDARD = b"\x28\xb5\x2f\xfd"
_ZSTANDARD_READ_BYTES = 1 << 16
"""Bytes read at once from a zstandard file. The library returns all of their decompressed content in one piece, which
must fit into memory."""

_MAX_ZSTANDARD_WINDOW_BYTES = 1 << 31
"""Largest distance that compressed data may refer back to; `zstd --long=31` writes files with this distance."""


def read_blocks(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file, with gzip and zstandard decompressed.

    Raises:
        SourceError: the file cannot be read, or its compressed content is damaged or truncated.
    """
    try:
        with open(path, "rb") as file:
            magic = file.read(4)
            file.seek(0)
            if magic.startswith(_GZIP):
                yield from _read_gzip(file, path)
            elif magic == _ZSTANDARD:
                yield from _in_blocks(_read_zstandard(file, path))
            else:
                yield from iter(lambda: file.read(BLOCK_BYTES), b"")
    except OSError as error:
        raise SourceError(
            f"cannot read {path}: {error.strerror or error}; check that the file is complete and readable"
        ) from error


def _read_gzip(file: IO[bytes], path: Path) -> Iterator[bytes]:
    import gzip

    try:
        with gzip.open(file) as decompressed:
            yield from iter(lambda: decompressed.read(BLOCK_BYTES), b"")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(path, "gzip", str(error)) from error


def _read_zstandard(file: IO[bytes], path: Path) -> Iterator[bytes]:
    import zstandard

    decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_ZSTANDARD_WINDOW_BYTES)
    frame = None  # a file may consist of several frames, each compressed independently
    try:
        for compressed in iter(lambda: file.read(_ZSTANDARD_READ_BYTES), b""):
            while compressed:
                frame = decompressor.decompressobj() if frame is None else frame
                yield frame.decompress(compressed)
                compressed = b""
                if frame.eof:
                    compressed, frame = frame.unused_data, None
    except zstandard.ZstdError as error:
        raise _damaged(path, "zstandard", str(error)) from error
    if frame is not None:
        raise _damaged(path, "zstandard", "it ends too early")


def _damaged(path: Path, compression: str, detail: str) -> SourceError:
    return SourceError(
        f"{path} is damaged: its {compression} data cannot be decompressed ({detail}); get the file again"
    )


def _in_blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in blocks of `BLOCK_BYTES`."""
    pending = bytearray()
    for piece in pieces:
        pending += piece
        while len(pending) >= BLOCK_BYTES:
            yield bytes(pending[:BLOCK_BYTES])
            del pending[:BLOCK_BYTES]
    if pending:
        yield bytes(pending)
