"""Token stores: a corpus as fixed-width records in memory-mapped files, with the conditions of its documents.

A record of a store is one token id, or one vector of numbers for sequences that are not tokens.

A store is a folder with these files:

    records.bin        the token ids (or vectors) of all documents, one document after another
    offsets.bin        the index of each document's first record
    condition-N.bin    the rating or category index of each document, in one file per column
    groups.bin         the group of each document, where there are groups
    copies.bin         whether each document is an altered copy of another one, where there are copies
    store.json         types, sizes, names and checksums for the files above
    verified.json      size, time and inode of each file when its checksum was last compared

The files are mapped, so that the system can drop their pages whenever it needs memory.
"""

import contextlib
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from seqloom.checksums import checked_json, file_checksum
from seqloom.codecs.base import Codec
from seqloom.corpora.document import Corpus, Document, skipped_files
from seqloom.data.store_writer import STORE_FORMAT, VERIFIED_FILE, FileIdentity, StoreWriter, file_identity
from seqloom.errors import CodecError, RunError, SeqloomError, SourceError
from seqloom.files import creating_folder, open_own_file, read_own_file, write_checked_json

__all__ = ["StoreWriter", "TokenStore", "build_store", "open_store"]

_ID_TYPES = ("uint8", "uint16", "uint32")

_PROGRESS_UNITS = 1 << 20
"""Units (characters for text; see `Codec.unit`) between two calls of `progress`."""


@dataclass(frozen=True, kw_only=True)
class TokenStore:
    """A corpus on disk.

    Attributes:
        records: token ids [records], or numbers [records, width]; read-only, mapped.
        offsets: first record of each document, and one past the last record of all.
        conditions: rating or category index of each document, by column; NaN where unknown.
        categories: names of the category indices, by column; absent where the column holds numbers.
        groups: group of each document, from 0; None where the corpus has no groups.
        copies: whether each document is an altered copy, only for training; None where there are none.
        num_units: size of all documents, in the codec's unit.
        unit: the codec's unit, singular.
        skipped: number of parts skipped by the corpus and the store, by reason; skipped files do not count.
        lease: object that keeps the files from being removed from the cache; None outside of the cache.
    """

    records: Shaped[np.ndarray, "..."]
    offsets: Int[np.ndarray, " offsets"]
    conditions: Mapping[str, Float[np.ndarray, " documents"]]
    categories: Mapping[str, tuple[str, ...]]
    groups: Int[np.ndarray, " documents"] | None
    copies: Bool[np.ndarray, " documents"] | None = None
    num_units: int
    skipped: Mapping[str, int]
    unit: str = "character"
    lease: Any = field(default=None, repr=False, compare=False)

    @property
    def num_documents(self) -> int:
        """Number of documents."""
        return len(self.offsets) - 1

    @property
    def num_copies(self) -> int:
        """Number of documents that are altered copies."""
        return 0 if self.copies is None else int(self.copies.sum())

    @property
    def num_records(self) -> int:
        """Number of records in all documents."""
        return len(self.records)


def build_store(
    corpus: Corpus, codec: Codec[Any], folder: Path, *, progress: Callable[[int], None] | None = None
) -> TokenStore:
    """Encode a corpus into a store, document by document; `folder` appears only when it is complete.

    If the corpus has separate documents, each of them begins and ends with the codec's boundary token. A corpus that is
    one running sequence, such as a novel, gets no boundaries.

    Args:
        corpus: corpus to encode.
        codec: codec; it has a boundary if the corpus has documents.
        folder: folder of the new store.
        progress: function that is called now and then with the number of units encoded so far (see `Codec.unit`).

    Raises:
        SourceError: the corpus is empty or holds another kind of sequence.
        CodecError: a symbol is not in the vocabulary.
        SeqloomError: the disk is full or the folder is not writable.
    """
    meter = _Meter(progress)
    boundary = np.array([codec.boundary]) if corpus.has_separate_documents else np.zeros(0, np.int64)
    kind = codec.payload_type.kind
    num_empty = 0
    with creating_folder(folder) as temporary, StoreWriter(temporary, _narrowest_type(len(codec))) as writer:
        for document in corpus:
            if _append(document, codec, writer, boundary, meter):
                writer.end_document(document.conditions, document.group, is_copy=document.is_copy)
            else:
                num_empty += 1
        if not writer.num_records:
            raise SourceError(f"{corpus.name} holds no {kind}")
        # The same content may lie in other files later.
        skipped = Counter(corpus.skipped) - Counter(skipped_files(corpus))
        skipped[f"document without {kind}"] += num_empty
        without_zeros = +skipped
        writer.finish(num_units=meter.num_units, unit=codec.unit, skipped=without_zeros)
    return open_store(folder)


def open_store(folder: Path, *, verify: bool = False) -> TokenStore:
    """Map a store written by `build_store` or `StoreWriter`.

    The checksum of a file is compared if its size, time or inode differ from those at the last comparison.

    Args:
        folder: folder of the store.
        verify: whether to compare all checksums.

    Raises:
        RunError: the store is missing, damaged or from another version.
    """
    try:
        stored = checked_json(read_own_file(folder / "store.json"), required_from_format=STORE_FORMAT)
        if stored["format"] > STORE_FORMAT:
            raise RunError(f"the token store {folder} is from a newer version: install a newer seqloom")
        if stored["format"] < STORE_FORMAT:
            raise RunError(f"the token store {folder} is from an older version: delete it and build it again")
        is_new_content = _check_files(folder, stored["files"], verify=verify)
        store = _map_store(folder, stored)
        if is_new_content and (np.diff(store.offsets) < 0).any():
            raise ValueError("its offsets are not ascending")
        return store
    except FileNotFoundError as error:
        raise RunError(f"{folder} is not a complete token store: {error.filename} is missing") from None
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise RunError(f"the token store {folder} is damaged ({error}): delete it and build it again") from None


def _map_store(folder: Path, stored: Mapping[str, Any]) -> TokenStore:
    num_documents, num_records, width = int(stored["documents"]), int(stored["records"]), stored["width"]
    columns: list[tuple[str, list[str] | None]] = [(name, names) for name, names in stored["conditions"]]
    offsets = _map_array(folder / "offsets.bin", "<i8", num_documents + 1)
    if offsets[0] != 0 or offsets[-1] != num_records:
        raise ValueError("its offsets do not span its records")
    record_shape = [num_records] if width is None else [num_records, width]
    return TokenStore(
        records=_map_array(folder / "records.bin", stored["dtype"], *record_shape),
        offsets=offsets,
        conditions={
            name: _map_array(folder / f"condition-{number}.bin", "<f8", num_documents)
            for number, (name, _) in enumerate(columns)
        },
        categories={name: tuple(names) for name, names in columns if names is not None},
        groups=_map_array(folder / "groups.bin", "<i8", num_documents) if stored["grouped"] else None,
        copies=_map_array(folder / "copies.bin", "?", num_documents) if stored.get("copies") else None,
        num_units=int(stored["num_units"]),
        unit=str(stored["unit"]),
        skipped=dict(stored["skipped"]),
    )


def _check_files(folder: Path, checksums: Mapping[str, str], *, verify: bool) -> bool:
    """Compare the checksums of the files that have changed since the last comparison, or of all files.

    Returns:
        Whether any checksum was compared.

    Raises:
        ValueError: a checksum does not match.
    """
    identities = {name: file_identity(folder / name) for name in checksums}
    verified = {} if verify else _verified_identities(folder)
    unverified = [name for name in checksums if verified.get(name) != identities[name]]
    for name in unverified:
        with open_own_file(folder / name) as file:
            if file_checksum(file) != checksums[name]:
                raise ValueError(f"{name} was changed after it was written")
    if unverified:
        with contextlib.suppress(SeqloomError):  # a folder that cannot be written to is checked every time
            write_checked_json(folder / VERIFIED_FILE, {"files": identities})
    return bool(unverified)


def _verified_identities(folder: Path) -> Mapping[str, FileIdentity]:
    try:
        return dict(checked_json(read_own_file(folder / VERIFIED_FILE), required_from_format=0)["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _map_array(path: Path, dtype: str, *shape: int) -> Shaped[np.ndarray, "..."]:
    item_type = np.dtype(dtype).newbyteorder("<")
    expected_bytes, num_bytes = math.prod(shape) * item_type.itemsize, path.stat().st_size
    if num_bytes != expected_bytes:
        raise ValueError(f"{path.name} has {num_bytes:,} bytes, not {expected_bytes:,}")
    return np.memmap(path, item_type, "r", shape=shape)


class _Meter:
    """Counts encoded units and reports their number every `_PROGRESS_UNITS`."""

    def __init__(self, progress: Callable[[int], None] | None) -> None:
        self.num_units = 0
        self._progress = progress
        self._num_reported = 0

    def add(self, num_units: int) -> None:
        self.num_units += num_units
        if self._progress is not None and self.num_units - self._num_reported >= _PROGRESS_UNITS:
            self._num_reported = self.num_units
            self._progress(self.num_units)


def _append(
    document: Document,
    codec: Codec[Any],
    writer: StoreWriter,
    boundary: Int[np.ndarray, " boundary"],
    meter: _Meter,
) -> bool:
    """Write the tokens of a document between two boundaries, and return True; return False if it has no tokens."""
    start = writer.num_records
    for encoded in codec.encode(document.payload_as(codec.payload_type)):
        if writer.num_records == start:
            writer.append(boundary)
        _check_ids(encoded.ids, codec)
        writer.append(encoded.ids)
        meter.add(encoded.num_units)
    if writer.num_records > start:
        writer.append(boundary)
    return writer.num_records > start


def _check_ids(ids: Int[np.ndarray, "..."], codec: Codec[Any]) -> None:
    """Check what a codec has encoded, which may be a codec of another distribution.

    Raises:
        CodecError: the ids are not a vector of whole numbers below the size of the vocabulary.
    """
    if ids.ndim != 1 or ids.dtype.kind not in "iu" or (ids.size and not 0 <= ids.min() <= ids.max() < len(codec)):
        raise CodecError(
            f"the codec of level {codec.level} encoded a text as {ids.dtype} numbers such as {ids.ravel()[:5].tolist()}"
            f": a token id must be a whole number from 0 to {len(codec) - 1}; correct the codec"
        )


def _narrowest_type(num_ids: int) -> str:
    return next(name for name in _ID_TYPES if num_ids - 1 <= np.iinfo(name).max)
