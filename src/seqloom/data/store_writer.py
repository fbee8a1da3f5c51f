"""Writes the files of a token store, streaming, so that memory stays flat.

`seqloom.data.store` describes the files.
"""

import math
from collections.abc import Mapping
from contextlib import ExitStack
from hashlib import blake2b, sha256
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
from jaxtyping import Shaped

from seqloom import disk
from seqloom.checksums import file_checksum
from seqloom.corpora.document import Condition
from seqloom.errors import SourceError
from seqloom.files import write_checked_json

__all__ = ["STORE_FORMAT", "VERIFIED_FILE", "FileIdentity", "StoreWriter", "file_identity"]

STORE_FORMAT = 4
"""Version of the file format."""

VERIFIED_FILE = "verified.json"
"""Name of the file with the identities of the files whose checksums were compared."""

FileIdentity = list[int]
"""Size, time of the last change in nanoseconds and number (inode) of a file; see `file_identity`."""

_BUFFERED_NUMBERS = 1 << 13
"""Number of values that are gathered before they are written to a file."""


def file_identity(path: Path) -> FileIdentity:
    """Return size, time and number of a file. A file with the same identity is taken to have the same content."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ino]


class StoreWriter:
    """Writes a store document by document; the store is complete once `finish` has returned.

    Args:
        folder: empty folder.
        dtype: type of the numbers: "uint8", "uint16" or "uint32" for token ids, "float32" for other records.
        width: numbers in a record; None for token ids, which are single numbers.
    """

    def __init__(self, folder: Path, dtype: str, width: int | None = None) -> None:
        self.num_documents = 0
        self.num_records = 0
        self._folder = folder
        self._dtype = np.dtype(dtype).newbyteorder("<")
        self._width = width
        self._files = ExitStack()
        self._hashed: dict[str, _HashedFile] = {}
        self._records = self._open("records.bin")
        self._offsets = _Numbers(self._open("offsets.bin"), "<i8")
        self._groups = _Numbers(self._open("groups.bin"), "<i8")
        self._copies = _Numbers(self._open("copies.bin"), "?")
        self._offsets.append(0)
        self._num_copies = 0
        self._has_groups = False
        self._columns: dict[str, _Column] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def append(self, records: Shaped[np.ndarray, "..."]) -> None:
        """Add records to the current document."""
        self._records.write(np.ascontiguousarray(records, self._dtype).data)
        self.num_records += len(records)

    def end_document(
        self, conditions: Mapping[str, Condition] | None = None, group: str | None = None, *, is_copy: bool = False
    ) -> None:
        """Close the current document.

        Args:
            conditions: numbers and categories by column.
            group: group label, or None. Where other documents have groups, a document without one forms its own group.
            is_copy: whether the document is an altered copy of another one, and only for training.

        Raises:
            SourceError: a condition is a number in one document and a category in another.
        """
        conditions = conditions or {}
        for name in conditions:
            if name not in self._columns:
                file = self._open(f"condition-{len(self._columns)}.bin")
                self._columns[name] = _Column(file, name, self.num_documents)
        for name, column in self._columns.items():
            column.add(conditions.get(name))
        self._has_groups |= group is not None
        # The prefixes keep document 7, if it has no group, apart from the documents of a group with the label "7".
        self._groups.append(_hash(f"#{self.num_documents}" if group is None else f"={group}"))
        self._offsets.append(self.num_records)
        self._copies.append(is_copy)
        self._num_copies += is_copy
        self.num_documents += 1

    def finish(self, *, num_units: int, unit: str, skipped: Mapping[str, int]) -> None:
        """Flush everything to the disk, and describe it in `store.json`.

        Args:
            num_units: size of all documents in the codec's unit.
            unit: name of that unit in the singular, such as "character".
            skipped: number of skipped parts, by reason.
        """
        for numbers in (self._offsets, self._groups, self._copies, *self._columns.values()):
            numbers.write()
        self._files.close()
        _number_groups(self._folder / "groups.bin", keep=self._has_groups)
        if not self._num_copies:
            disk.unlink(self._folder / "copies.bin")
        checksums = self._checksums()
        description = {
            "format": STORE_FORMAT,
            "dtype": self._dtype.name,
            "width": self._width,
            "documents": self.num_documents,
            "records": self.num_records,
            "conditions": [[name, column.names] for name, column in self._columns.items()],
            "grouped": self._has_groups,
            "copies": self._num_copies,
            "num_units": num_units,
            "unit": unit,
            "skipped": dict(skipped),
            "files": checksums,
        }
        write_checked_json(self._folder / "store.json", description)
        for path in self._folder.iterdir():
            with disk.open_file(path, "update") as file:
                disk.sync(file)
        identities = {name: file_identity(self._folder / name) for name in checksums}
        write_checked_json(self._folder / VERIFIED_FILE, {"files": identities})

    def _checksums(self) -> dict[str, str]:
        """Return the checksums of all files by name; they are those of the numbers that were to be written."""
        left_out = {"groups.bin"} if self._num_copies else {"groups.bin", "copies.bin"}
        checksums = {name: file.checksum() for name, file in self._hashed.items() if name not in left_out}
        if self._has_groups:
            with open(self._folder / "groups.bin", "rb") as groups:  # it was replaced after it was written
                checksums["groups.bin"] = file_checksum(groups)
        return checksums

    def _open(self, name: str) -> "_HashedFile":
        file = self._files.enter_context(disk.open_file(self._folder / name, "new"))
        self._hashed[name] = _HashedFile(file)
        return self._hashed[name]


class _HashedFile:
    """A file that hashes what is written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._hash = file, sha256()

    def write(self, data: bytes | memoryview) -> None:
        self._file.write(data)
        self._hash.update(data)

    def checksum(self) -> str:
        return self._hash.hexdigest()


class _Numbers:
    """A buffered file of numbers."""

    def __init__(self, file: _HashedFile, dtype: str) -> None:
        self._file = file
        self._dtype = np.dtype(dtype)
        self._buffer: list[int | float] = []

    def append(self, number: int | float) -> None:
        self._buffer.append(number)
        if len(self._buffer) >= _BUFFERED_NUMBERS:
            self.write()

    def write(self) -> None:
        self._file.write(np.array(self._buffer, self._dtype).tobytes())
        self._buffer.clear()


class _Column(_Numbers):
    """One condition of all documents: ratings, or indices of category `names`.

    The first known value decides between the two by its type.

    Args:
        file: file of the column.
        name: name of the column.
        num_earlier: number of documents before the first that has this condition; it is unknown for them.
    """

    def __init__(self, file: _HashedFile, name: str, num_earlier: int) -> None:
        super().__init__(file, "<f8")
        self.name = name
        self._category_indices: dict[str, int] | None = None  # None for ratings
        self._first_value: Condition = None
        for _ in range(num_earlier):
            self.append(math.nan)

    @property
    def names(self) -> list[str] | None:
        return None if self._category_indices is None else list(self._category_indices)

    def add(self, value: Condition) -> None:
        if value is None:
            self.append(math.nan)
            return
        if self._first_value is None:
            self._first_value = value
            self._category_indices = {} if isinstance(value, str) else None
        if isinstance(value, str) and self._category_indices is not None:
            self.append(self._category_indices.setdefault(value, len(self._category_indices)))
        elif not isinstance(value, str) and self._category_indices is None:
            self.append(value)
        else:
            both = f"{self._first_value!r} in one document and {value!r} in another"
            raise SourceError(f"{self.name} is {both}: make it a number everywhere, or a name everywhere")


def _hash(name: str) -> int:
    """Return a 64-bit hash of a name; the chance of a collision among a hundred million names is 1 in 3,700."""
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little", signed=True)


def _number_groups(path: Path, *, keep: bool) -> None:
    """Replace the group hashes in a file by indices in order of appearance; delete the file if `keep` is False."""
    if not keep:
        disk.unlink(path)
        return
    _, first_seen, hash_rank = np.unique(np.fromfile(path, "<i8"), return_index=True, return_inverse=True)
    group_index = np.empty(len(first_seen), "<i8")
    group_index[np.argsort(first_seen)] = np.arange(len(first_seen))
    with disk.open_file(path, "update") as file:
        file.write(group_index[hash_rank].data)  # as many bytes as before
