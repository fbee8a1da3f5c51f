"""Bytes of a file in bounded blocks, decompressed where the file is compressed.

Memory is bounded, whatever a file contains, and so is the size of decompressed content.

Compression is detected from the first bytes of a file, never from its name.
"""

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from seqloom.errors import SourceError

__all__ = ["BLOCK_BYTES", "DEFAULT_MAX_BYTES", "bounded", "check_opened_size", "read_blocks"]

BLOCK_BYTES = 1 << 20
"""Number of bytes in every block; the last block may be shorter."""

_GZIP = b"\x1f\x8b"
_ZSTANDARD = b"\x28\xb5\x2f\xfd"
_ZSTANDARD_READ_BYTES = 1 << 10
"""Bytes read at once from a zstandard file. The library returns all of their decompressed content in one piece. Four
bytes can stand for 128 KiB, so that a piece has at most 32 MiB."""

_ZSTANDARD_WINDOW_LOG = 28
"""Logarithm of the largest distance in bytes that compressed data may refer back to, which must fit into memory."""

DEFAULT_MAX_BYTES = float(1 << 34)
"""Default of the largest size of decompressed content."""

_MAX_RATIO_GZIP, _MAX_RATIO_ZSTANDARD = 1_032, 1 << 15
"""Largest number of bytes that one byte of compressed data stands for."""


def check_opened_size(path: Path, max_bytes: float) -> None:
    """Check the size of the decompressed content of a file, where the size of the file leaves a doubt.

    Decompression alone is much faster than reading the content as text.

    Raises:
        SourceError: the content is larger than `max_bytes`, the file is damaged or cannot be read.
    """
    try:
        with open(path, "rb") as file:
            magic, size = file.read(4), path.stat().st_size
    except OSError:
        return  # `read_blocks` reports it
    is_gzip = magic.startswith(_GZIP)
    if (is_gzip or magic == _ZSTANDARD) and size * (_MAX_RATIO_GZIP if is_gzip else _MAX_RATIO_ZSTANDARD) > max_bytes:
        for _ in read_blocks(path, max_bytes):
            pass


def read_blocks(path: Path, max_bytes: float = DEFAULT_MAX_BYTES) -> Iterator[bytes]:
    """Yield the bytes of a file, with gzip and zstandard decompressed.

    Args:
        path: path of the file.
        max_bytes: largest size of decompressed content; the size of other files is not limited.

    Raises:
        SourceError: the file cannot be read, or its compressed content is damaged, truncated or too large.
    """
    try:
        with open(path, "rb") as file:
            magic = file.read(4)
            file.seek(0)
            if magic.startswith(_GZIP):
                yield from bounded(_read_gzip(file, path), path, max_bytes)
            elif magic == _ZSTANDARD:
                yield from _in_blocks(bounded(_read_zstandard(file, path), path, max_bytes))
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

    decompressor = zstandard.ZstdDecompressor(max_window_size=1 << _ZSTANDARD_WINDOW_LOG)
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
        if "too much memory" in str(error):
            raise SourceError(
                f"{path} needs a zstandard window of more than {1 << _ZSTANDARD_WINDOW_LOG - 20} MiB: open it with "
                "the program zstd, and name the result"
            ) from error
        raise _damaged(path, "zstandard", str(error)) from error
    if frame is not None:
        raise _damaged(path, "zstandard", "it ends too early")


def bounded(pieces: Iterable[bytes], path: Path, max_bytes: float) -> Iterator[bytes]:
    """Yield the same pieces.

    Raises:
        SourceError: together, the pieces are larger than `max_bytes`.
    """
    num_bytes = 0
    for piece in pieces:
        num_bytes += len(piece)
        if num_bytes > max_bytes:
            raise SourceError(
                f"{path} has {path.stat().st_size:,} bytes, and more than {_format_size(max_bytes)} when it is opened: "
                "if it can be trusted, decompress it and name the result, or raise `max_size` of a training"
            )
        yield piece


def _format_size(num_bytes: float) -> str:
    return f"{num_bytes / 2**30:g} GiB" if num_bytes >= 1 << 30 else f"{round(num_bytes):,} bytes"


def _damaged(path: Path, compression: str, detail: str) -> SourceError:
    return SourceError(
        f"{path} is damaged: its {compression} data cannot be decompressed ({detail}); get the file again"
    )


def _in_blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in blocks of `BLOCK_BYTES`."""
    pending = bytearray()
    for piece in pieces:
        pending += piece
        num_whole = len(pending) // BLOCK_BYTES * BLOCK_BYTES
        for start in range(0, num_whole, BLOCK_BYTES):
            yield bytes(pending[start : start + BLOCK_BYTES])
        del pending[:num_whole]
    if pending:
        yield bytes(pending)
