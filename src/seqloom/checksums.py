"""Checksums within JSON files and Safetensors files, so that a changed byte is noticed when the file is read.

A JSON object ends with the field `"sha256"`: the hash of all bytes before this field. The header of a Safetensors file
begins with the metadata field `"sha256"`: the hash of the whole file with zeros in place of the hash. A changed byte of
the checksum itself is therefore noticed too. Files of older versions have no checksum; callers decide whether a file
must have one.
"""

import json
import mmap
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, BinaryIO, NamedTuple

__all__ = [
    "ArraysHeader",
    "ChecksumError",
    "arrays_with_checksum",
    "check_arrays",
    "checked_json",
    "file_checksum",
    "indented_json",
    "json_with_checksum",
    "parse_json",
    "read_arrays_header",
]

_JSON_END = re.compile(rb',\n  "sha256": "([0-9a-f]{64})"\n\}\n')
_JSON_END_BYTES = len(b',\n  "sha256": "') + 64 + len(b'"\n}\n')
_ARRAYS_START = b'{"__metadata__":{"sha256":"'
_LENGTH_BYTES, _HASH_BYTES = 8, 64
_NO_HASH = b"0" * _HASH_BYTES
_MAX_HEADER_BYTES = 100_000_000
"""Largest header of a Safetensors file, as in the library `safetensors`."""


class ChecksumError(ValueError):
    """A file was changed after it was written, or has no checksum although it must have one."""

    def __init__(self) -> None:
        super().__init__(
            "it was changed after it was written, so its checksum does not match; undo the change, or copy it again"
        )


class ArraysHeader(NamedTuple):
    """Header of a Safetensors file.

    Attributes:
        metadata: metadata of the file, without its checksum.
        tensors: description of each tensor (type, shape and position) by name.
        checksum: checksum in the file; None for a file without one.
    """

    metadata: dict[str, str]
    tensors: dict[str, Any]
    checksum: str | None

    @property
    def has_checksum(self) -> bool:
        """Whether the file has a checksum."""
        return self.checksum is not None


def json_with_checksum(value: Mapping[str, Any]) -> bytes:
    """Return a JSON object as indented UTF-8 text that ends with its checksum.

    Args:
        value: object with at least one field; "sha256" is not among them.
    """
    start = indented_json(value).removesuffix(b"\n}")
    return start + f',\n  "sha256": "{sha256(start).hexdigest()}"\n}}\n'.encode("ascii")


def indented_json(value: Any) -> bytes:
    """Return a value as indented JSON in UTF-8, or in ASCII if it has the name of a file that is not UTF-8."""
    try:
        return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, indent=2, allow_nan=False).encode("ascii")


def checked_json(content: bytes, *, required_from_format: int | None = None) -> Any:
    """Parse a JSON file and check its checksum, if it has one; the result does not contain the checksum.

    Args:
        content: bytes of the file.
        required_from_format: an object without a checksum is refused if its field "format" has this number or a higher
            one; 0 refuses every object without a checksum, and None accepts them all.

    Raises:
        ChecksumError: the checksum does not match, or is missing.
        ValueError: the content is not JSON, or an object in it has a key twice.
    """
    end = _JSON_END.fullmatch(content, max(0, len(content) - _JSON_END_BYTES))
    if end is not None and sha256(memoryview(content)[: end.start()]).hexdigest().encode() != end[1]:
        raise ChecksumError
    value = parse_json(content)
    if isinstance(value, dict):
        if end is not None:
            del value["sha256"]
        elif "sha256" in value or _requires_checksum(value, required_from_format):
            raise ChecksumError
    return value


def _requires_checksum(value: Mapping[str, Any], from_format: int | None) -> bool:
    if from_format is None:
        return False
    version = value.get("format", 0)
    return from_format == 0 or (isinstance(version, int) and version >= from_format)


def parse_json(content: bytes) -> Any:
    """Parse UTF-8 text as JSON.

    Raises:
        ValueError: the content is not JSON, is nested too deeply, or an object in it has a key twice.
    """
    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=_object_of_pairs)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _object_of_pairs(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"it has the key {next(name for name in names if names.count(name) > 1)!r} twice")
    return value


def arrays_with_checksum(content: bytes, metadata: Mapping[str, str]) -> tuple[bytes, memoryview]:
    """Return a Safetensors file with metadata and a checksum, in two parts: its beginning, and its arrays.

    Args:
        content: Safetensors file without metadata.
        metadata: further metadata. Its order is kept, so that equal arrays give equal files.
    """
    length = int.from_bytes(content[:_LENGTH_BYTES], "little")
    header = {"__metadata__": {"sha256": _NO_HASH.decode(), **metadata}}
    header |= json.loads(content[_LENGTH_BYTES : _LENGTH_BYTES + length])
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)  # the arrays begin at a multiple of 8 bytes
    start, arrays = len(text).to_bytes(_LENGTH_BYTES, "little") + text, memoryview(content)[_LENGTH_BYTES + length :]
    digest = sha256(start)
    digest.update(arrays)
    return _replace_hash(start, digest.hexdigest().encode("ascii")), arrays


def _replace_hash(start: bytes, digest: bytes) -> bytes:
    position = _LENGTH_BYTES + len(_ARRAYS_START)
    return start[:position] + digest + start[position + _HASH_BYTES :]


def check_arrays(content: bytes) -> ArraysHeader:
    """Check the header and the checksum of a Safetensors file, and return its header.

    Raises:
        ChecksumError: the checksum does not match.
        ValueError: the header is damaged, or names a tensor twice.
    """
    header = _parse_header(content)
    if header.has_checksum:
        position = _LENGTH_BYTES + len(_ARRAYS_START)
        digest = sha256(content[:position] + _NO_HASH)
        digest.update(memoryview(content)[position + _HASH_BYTES :])
        if digest.hexdigest().encode("ascii") != content[position : position + _HASH_BYTES]:
            raise ChecksumError
    return header


def read_arrays_header(file: BinaryIO) -> ArraysHeader:
    """Read the header of a Safetensors file without its arrays; the checksum is not checked.

    Raises:
        ValueError: the header is damaged, or names a tensor twice.
    """
    start = file.read(_LENGTH_BYTES)
    length = int.from_bytes(start, "little")
    if length > _MAX_HEADER_BYTES:
        raise ValueError("its header is too long")
    return _parse_header(start + file.read(length))


def _parse_header(content: bytes) -> ArraysHeader:
    length = int.from_bytes(content[:_LENGTH_BYTES], "little")
    if not 2 <= length <= min(_MAX_HEADER_BYTES, len(content) - _LENGTH_BYTES):
        raise ValueError("its header has no valid length")
    text = content[_LENGTH_BYTES : _LENGTH_BYTES + length]
    header = parse_json(text)
    if not isinstance(header, dict) or not isinstance(header.get("__metadata__", {}), dict):
        raise ValueError("its header is not a JSON object")
    metadata = header.pop("__metadata__", {})
    return ArraysHeader(
        {name: str(value) for name, value in metadata.items() if name != "sha256"},
        header,
        str(metadata["sha256"]) if text.startswith(_ARRAYS_START) and "sha256" in metadata else None,
    )


def file_checksum(file: BinaryIO) -> str:
    """Return the SHA-256 hash of an open file, in hexadecimal."""
    digest = sha256()
    if file.seek(0, 2):
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            digest.update(content)
    return digest.hexdigest()
