"""Files in a zip archive as files of a source, such as `tunes.zip` or `tunes.zip/*.mid`.

A name that leads into an archive has the path of the archive and then a pattern, in which `*` stands for any text
within one folder, and `**` for any number of folders. Nothing is extracted to the disk, and memory is bounded, whatever
an archive says about itself.
"""

import functools
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from seqloom.corpora.compressed_files import BLOCK_BYTES, bounded
from seqloom.corpora.path_patterns import matches_pattern
from seqloom.errors import SourceError

__all__ = ["archive_and_pattern", "members", "read_member"]

_SUFFIX = ".zip"
_MAX_MEMBERS = 1_000_000
_ENCRYPTED = 1
"""Bit of a member's flags."""

_SYSTEM_FOLDER = "__MACOSX"
"""Folder that one operating system adds to archives, for its own use."""


def archive_and_pattern(path: Path) -> tuple[Path, str] | None:
    """Return the archive that a path leads into, and the pattern of its members ("" for all); None for other paths."""
    for archive in (path, *path.parents):
        if archive.suffix.lower() == _SUFFIX and archive.is_file():
            pattern = path.relative_to(archive).as_posix()
            return archive, "" if pattern == "." else pattern
    return None


def members(archive: Path, pattern: str, skipped: Counter[str]) -> list[str]:
    """Return the names of the files in an archive that match a pattern, sorted by folder and name.

    Hidden and encrypted files are left out and counted.

    Args:
        archive: path of the archive.
        pattern: pattern; "" for all files.
        skipped: counter of skipped files by reason.

    Raises:
        SourceError: the archive is damaged, has too many files, or none that matches.
    """
    try:
        infos = _opened(archive).infolist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise _damaged(archive, error) from error
    if len(infos) > _MAX_MEMBERS:
        raise SourceError(
            f"{archive} has {len(infos):,} files, more than {_MAX_MEMBERS:,}: extract it, and name a folder"
        )
    names: dict[str, None] = {}  # of files with the same name, the last one counts
    for info in infos:
        parts = PurePosixPath(info.filename).parts
        if info.is_dir() or not parts or not _matches(parts, pattern):
            continue
        if any(part.startswith(".") or part == _SYSTEM_FOLDER for part in parts):
            skipped["hidden file"] += 1
        elif info.flag_bits & _ENCRYPTED:
            skipped["encrypted file"] += 1
        else:
            names[info.filename] = None
    if not names:
        reasons = f" that can be read ({', '.join(skipped)})" if skipped else ""
        within = f" that matches {pattern!r}" if pattern else ""
        raise SourceError(f"{archive} has no file{within}{reasons}: check the name, or extract the archive")
    return sorted(names, key=lambda name: PurePosixPath(name).parts)


def _matches(parts: tuple[str, ...], pattern: str) -> bool:
    return not pattern or matches_pattern(parts, PurePosixPath(pattern).parts)


def read_member(archive: Path, name: str, max_bytes: float) -> Iterator[bytes]:
    """Yield the content of a file in an archive in bounded blocks.

    Raises:
        SourceError: the archive is damaged, or the content is larger than `max_bytes`.
    """
    try:
        with _opened(archive).open(name) as file:
            yield from bounded(iter(lambda: file.read(BLOCK_BYTES), b""), archive, max_bytes)
    except (OSError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise _damaged(archive, error) from error


def _opened(archive: Path) -> zipfile.ZipFile:
    """Return an archive, which stays open: reading its list of files again for each file takes long."""
    status = archive.stat()
    return _open(archive, status.st_size, status.st_mtime_ns, status.st_ino)


@functools.lru_cache(maxsize=4)
def _open(archive: Path, *identity: int) -> zipfile.ZipFile:
    return zipfile.ZipFile(archive)


def _damaged(archive: Path, error: Exception) -> SourceError:
    return SourceError(
        f"{archive} cannot be read as a zip archive ({error}): download it again, or extract it yourself"
    )
