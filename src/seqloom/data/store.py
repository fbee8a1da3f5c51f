"""Token stores: a corpus as fixed-width records in memory-mapped files, with its documents' conditions.

A store is a folder: `records.bin`, `offsets.bin`, one `condition-N.bin` a condition, perhaps `groups.bin`,
and `store.json`, which says how they are read. The files are mapped, so that the system can drop what it read
of them whenever it needs the memory.
"""

import json
import math
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from seqloom.codecs.base import Codec
from seqloom.corpora.document import Corpus, Document
from seqloom.data.store_writer import STORE_FORMAT, StoreWriter
from seqloom.errors import RunError, SourceError
from seqloom.files import cache_folder, replaced_folder

__all__ = ["StoreWriter", "TokenStore", "build_store", "cached_store", "open_store"]

_ID_TYPES = ("uint8", "uint16", "uint32")

_REPORTED = 1 << 20
"""Characters between two calls of `progress`."""


@dataclass(frozen=True, kw_only=True)
class TokenStore:
    """A corpus on disk.

    Attributes:
        records: token ids [records], or numbers [records, width] for strokes and series; read-only, mapped.
        offsets: where each document's records start, and one past the last document's end.
        conditions: by name, each document's rating or the index of its category; NaN where unknown.
        categories: the names that the indices of a condition stand for; absent where it is a number.
        groups: which group each document belongs to, from 0; None where the corpus has no groups.
        characters: characters in all documents.
        skipped: what the corpus and the store left out, by reason.
    """

    records: Shaped[np.ndarray, "..."]
    offsets: Int[np.ndarray, " offsets"]
    conditions: Mapping[str, Float[np.ndarray, " documents"]]
    categories: Mapping[str, tuple[str, ...]]
    groups: Int[np.ndarray, " documents"] | None
    characters: int
    skipped: Mapping[str, int]

    @property
    def num_documents(self) -> int:
        """Documents in the store."""
        return len(self.offsets) - 1

    @property
    def num_records(self) -> int:
        """Records in all documents."""
        return len(self.records)


def build_store(
    corpus: Corpus, codec: Codec, folder: Path, *, progress: Callable[[int], None] | None = None
) -> TokenStore:
    """Encode a corpus into a store, streaming; the folder appears at once, complete.

    The documents of a separate corpus stand between two boundaries; a running text has none.

    Args:
        corpus: what to encode.
        codec: what with; it has a boundary if the corpus is separate.
        folder: where the store shall be.
        progress: called now and then with the number of characters encoded so far.

    Raises:
        SourceError: the corpus holds no text.
        CodecError: a symbol is not in the vocabulary.
        SeqloomError: the disk is full or the folder cannot be written to.
    """
    meter = _Meter(progress)
    boundary = np.array([codec.boundary]) if corpus.separate else np.zeros(0, np.int64)
    empty = 0
    with replaced_folder(folder) as made, StoreWriter(made, _narrowest(len(codec))) as writer:
        for document in corpus:
            if _write(document, codec, writer, boundary, meter):
                writer.end_document(document.conditions, document.group)
            else:
                empty += 1
        if not writer.num_records:
            raise SourceError(f"{corpus.name} holds no text")
        skipped = Counter(corpus.skipped)
        skipped["document without text"] += empty
        writer.finish(characters=meter.characters, skipped=+skipped)
    return open_store(folder)


def cached_store(corpus: Corpus, codec: Codec, *, progress: Callable[[int], None] | None = None) -> TokenStore:
    """The store of `corpus` in the user's cache; built if it is not there, built anew if it is damaged.

    Args:
        corpus: what to encode.
        codec: what with.
        progress: as for `build_store`.

    Raises:
        SourceError, CodecError, SeqloomError: as `build_store`.
    """
    folder = cache_folder("stores") / f"{corpus.fingerprint[:16]}-{codec.fingerprint[:16]}"
    if folder.exists():
        try:
            return open_store(folder)
        except RunError:
            shutil.rmtree(folder)
    return build_store(corpus, codec, folder, progress=progress)


def open_store(folder: Path) -> TokenStore:
    """Map a store that `build_store` or `StoreWriter` made.

    Raises:
        RunError: it is missing, damaged or from a newer format.
    """
    try:
        stored = json.loads((folder / "store.json").read_text(encoding="utf-8"))
        if stored["format"] > STORE_FORMAT:
            raise RunError(f"the token store {folder} is from a newer version: install a newer seqloom")
        return _mapped_store(folder, stored)
    except FileNotFoundError as error:
        raise RunError(f"{folder} is no token store, or half of one: {error.filename} is missing") from None
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise RunError(f"the token store {folder} is damaged ({error}): delete it and build it anew") from None


def _mapped_store(folder: Path, stored: Mapping[str, Any]) -> TokenStore:
    documents, records, width = int(stored["documents"]), int(stored["records"]), stored["width"]
    columns: list[tuple[str, list[str] | None]] = [(name, names) for name, names in stored["conditions"]]
    offsets = _mapped(folder / "offsets.bin", "<i8", documents + 1)
    if offsets[0] != 0 or offsets[-1] != records:
        raise ValueError("its offsets do not span its records")
    return TokenStore(
        records=_mapped(folder / "records.bin", stored["dtype"], records, *([] if width is None else [width])),
        offsets=offsets,
        conditions={
            name: _mapped(folder / f"condition-{number}.bin", "<f8", documents)
            for number, (name, _) in enumerate(columns)
        },
        categories={name: tuple(names) for name, names in columns if names is not None},
        groups=_mapped(folder / "groups.bin", "<i8", documents) if stored["grouped"] else None,
        characters=int(stored["characters"]),
        skipped=dict(stored["skipped"]),
    )


def _mapped(path: Path, dtype: str, *shape: int) -> Shaped[np.ndarray, "..."]:
    item = np.dtype(dtype).newbyteorder("<")
    needed, found = math.prod(shape) * item.itemsize, path.stat().st_size
    if found != needed:
        raise ValueError(f"{path.name} has {found:,} bytes, not {needed:,}")
    return np.memmap(path, item, "r", shape=shape)


class _Meter:
    """Counts the characters that pass, and reports them now and then."""

    def __init__(self, progress: Callable[[int], None] | None) -> None:
        self.characters = 0
        self._progress = progress
        self._reported = 0

    def read(self, chunks: Iterable[str]) -> Iterator[str]:
        for chunk in chunks:
            yield chunk
            self.characters += len(chunk)
            if self._progress is not None and self.characters - self._reported >= _REPORTED:
                self._reported = self.characters
                self._progress(self.characters)


def _write(
    document: Document,
    codec: Codec,
    writer: StoreWriter,
    boundary: Int[np.ndarray, " boundary"],
    meter: _Meter,
) -> bool:
    """Write a document's tokens, its passages apart; False, and nothing is written, where it has none."""
    before = writer.num_records
    for passage in document.passages():
        for ids in codec.encode_chunks(meter.read(passage)):
            if writer.num_records == before:
                writer.append(boundary)
            writer.append(ids)
        if writer.num_records > before:
            writer.append(boundary)
    return writer.num_records > before


def _narrowest(num_ids: int) -> str:
    return next(name for name in _ID_TYPES if num_ids - 1 <= np.iinfo(name).max)
