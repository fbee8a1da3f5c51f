"""Detect whether a file is text and in which encoding, and hash it.

An encoding is accepted only after the whole file was decoded with it. UTF-8 takes one pass over the bytes. A Unicode
text with a few invalid bytes, such as a character that was cut at the end of the file, is still a Unicode text: the
invalid bytes are counted, and read as U+FFFD.
"""

import codecs
import contextlib
import hashlib
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Literal, NamedTuple

from seqloom.corpora.legacy_encodings import legacy_encodings
from seqloom.corpora.utf16_alignment import misaligned_from
from seqloom.errors import ConfigError, SourceError
from seqloom.plural import counted

__all__ = ["Blocks", "Damage", "Refused", "Scan", "Undecodable", "check_encoding", "decode_blocks", "scan"]

Blocks = Callable[[], Iterator[bytes]]
"""Function that returns a source's bytes from the first to the last, at every call."""

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark is the beginning of this one
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CODECS_KEEPING_MARK = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
"""Codecs that leave a byte-order mark in the text."""

_BINARY_SIGNATURES = (
    (b"PK\x03\x04", "a zip archive (or a file based on one: npz, docx, epub)"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a", "a rar archive"),
    (b"\x1f\x8b", "compressed with gzip, perhaps twice"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstandard, perhaps twice"),
    (b"\x5d\x00\x00", "compressed with lzma"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ\x00", "compressed with xz"),
    (b"%PDF-", "a PDF document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document of the old kind"),
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"RIFF", "a RIFF file (sound, film or image)"),
    (b"OggS", "an Ogg file"),
    (b"fLaC", "a FLAC file"),
    (b"ID3", "an MP3 file"),
    (b"MThd", "a MIDI file"),
    (b"\x7fELF", "a program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"PAR1", "a Parquet table"),
)
"""First bytes of binary files, and what such a file is."""

_CONTROL_BYTES = bytes({*range(32), 127} - set(b"\t\n\v\f\r\b\x1b"))
"""Control characters that a text file rarely holds."""

_HEAD_BYTES = 1 << 16
"""Number of bytes at the beginning of a source that are searched for signs of binary data and of UTF-16."""

_DECODED_BYTES = 1 << 15
"""Bytes decoded at once. Much longer strings are slow: the allocator returns their memory to the system and requests it
again for every block."""


_REPLACEMENT = "\ufffd"
"""Character that stands for undecodable bytes."""

_MIN_MULTIBYTE_PER_PLACE = 5
"""Smallest number of valid multi-byte characters for each damaged place, if UTF-8 is a guess. Text in a legacy encoding
has many invalid bytes, and hardly any that form a multi-byte character by chance."""

_MIN_MULTIBYTE_PER_PLACE_IN_ASCII, _MIN_ASCII_SHARE = 2, 0.9
"""The same number for a text with at least this share of ASCII characters, which few legacy encodings lead to."""

_MIN_CHARACTERS_PER_PLACE = 100
"""Smallest number of characters for each damaged place in a text whose encoding is certain."""


class Damage(NamedTuple):
    """Places of a Unicode text where bytes are invalid.

    Attributes:
        num_places: number of places; each is read as U+FFFD.
        first: clause that says which bytes the first place has, and where it is.
    """

    num_places: int
    first: str


@dataclass(frozen=True, kw_only=True)
class Scan:
    """Result of reading all bytes of a source.

    Attributes:
        encoding: Python codec that decodes all bytes.
        is_detected: False where the user named the encoding.
        sha256: hash of the bytes, in hexadecimal.
        is_blank: whether the text is white space only.
        damage: places with invalid bytes; None if there are none.
    """

    encoding: str
    is_detected: bool
    sha256: str
    is_blank: bool
    damage: Damage | None = None


class Refused(SourceError):
    """A file that no format can read. In a folder with other files, the caller skips and counts it instead of failing.

    Args:
        reason: kind of file, for the count.
        fault: error message.
    """

    def __init__(self, reason: str, fault: str) -> None:
        self.reason = reason
        super().__init__(fault)


class Undecodable(Exception):
    """Bytes are invalid in an encoding; the message is a clause that says which bytes, and where they are."""


def check_encoding(name: str) -> None:
    """Check that `name` is an encoding of text.

    Raises:
        ConfigError: `name` is not an encoding of text; the message lists similar names.
    """
    try:
        codecs.getincrementaldecoder(name)
        with contextlib.suppress(UnicodeError):
            b"a".decode(name)  # raises LookupError for codecs from bytes to bytes, such as hex
    except (LookupError, ValueError):
        from encodings.aliases import aliases

        similar = get_close_matches(name.lower().replace("-", "_"), {*aliases, *aliases.values()}, n=3)
        hint = f"; did you mean {' or '.join(similar)}?" if similar else ""
        raise ConfigError(
            f"`encoding` got {name!r}, which is not a text encoding: choose one such as utf-8, cp1252 or gb18030{hint}"
        ) from None


def decode_blocks(
    blocks: Iterable[bytes], encoding: str, errors: Literal["strict", "replace", "ignore"] = "strict"
) -> Iterator[str]:
    """Decode blocks of bytes, and yield the text piece by piece, without a leading byte-order mark.

    Args:
        blocks: bytes.
        encoding: Python codec.
        errors: what becomes of invalid bytes: an error, one U+FFFD for each place, or nothing.

    Raises:
        Undecodable: the bytes are not in `encoding`, and `errors` is "strict".
    """
    canonical = codecs.lookup(encoding).name
    decoder = codecs.getincrementaldecoder("utf-8-sig" if canonical == "utf-8" else encoding)(errors)
    may_start_with_mark = canonical in _CODECS_KEEPING_MARK
    num_bytes_read = 0
    try:
        for block in _bounded(blocks):
            num_bytes_read += len(block)
            text = decoder.decode(block)
            if may_start_with_mark and text:
                text, may_start_with_mark = text.removeprefix("\ufeff"), False
            yield text
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        # `error.object` starts with bytes kept from earlier blocks and ends with the last byte read.
        position = num_bytes_read - len(error.object) + error.start
        invalid = " ".join(f"0x{byte:02X}" for byte in error.object[error.start : error.end][:4])
        raise Undecodable(f"{invalid} at byte {position:,} cannot be decoded") from error
    except UnicodeError as error:
        raise Undecodable(f"within the first {num_bytes_read:,} bytes: {error}") from error


def _bounded(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in blocks of at most `_DECODED_BYTES`."""
    for block in blocks:
        for start in range(0, len(block), _DECODED_BYTES):
            yield block[start : start + _DECODED_BYTES]


def scan(blocks: Blocks, name: str, named_encoding: str | None = None, *, strict: bool = False) -> Scan:
    """Detect the encoding of a source, decode all of it, and hash it.

    UTF-8 takes one pass over the bytes; other encodings take another pass for each attempt.

    Args:
        blocks: function that returns the bytes.
        name: name of the source in messages.
        named_encoding: encoding named by the user, or None to detect it.
        strict: whether to refuse a Unicode text in which a few bytes are invalid.

    Raises:
        Refused: the source is empty, binary, or in an unknown encoding.
        SourceError: the source is not in the named encoding, or not in the one that its byte-order mark promises; or a
            few bytes are invalid, and `strict` is set.
    """
    head = _head(blocks)
    if not head:
        raise Refused("empty file", f"{name} is empty: choose a source that holds text")
    kind = next((kind for signature, kind in _BINARY_SIGNATURES if head.startswith(signature)), None)
    # Without control characters the file is a text after all: a text may begin with "RIFF" too.
    if kind and head.translate(None, _CONTROL_BYTES) != head:
        raise _binary(name, f"it is {kind}")
    marked_encoding = next((encoding for mark, encoding in _BYTE_ORDER_MARKS if head.startswith(mark)), None)
    if encoding := named_encoding or marked_encoding:
        return _scan_as(blocks, name, encoding, is_named=bool(named_encoding), strict=strict)
    for encoding in _candidates(blocks, head, name):
        try:
            scanned = _decode_all(blocks, encoding, is_detected=True)
        except Undecodable as error:
            damaged = _decode_damaged(blocks, name, encoding, error, is_certain=encoding != "utf-8", is_detected=True)
            if damaged is None:
                continue
            scanned = _accepted(damaged, name, strict=strict)
        if encoding == "utf-8" and _control_share(head) > 0.3:
            raise _binary(name, "many of its bytes are control characters")
        return scanned
    raise Refused(
        "file in an unknown encoding",
        f"{name} is not UTF-8 and its encoding could not be detected: set `encoding`, for example to cp1252",
    )


def _scan_as(blocks: Blocks, name: str, encoding: str, *, is_named: bool, strict: bool) -> Scan:
    """Decode a source in the encoding that the user named, or else in the encoding of its byte-order mark."""
    try:
        return _decode_all(blocks, encoding, is_detected=not is_named)
    except Undecodable as error:
        damaged = _decode_damaged(blocks, name, encoding, error, is_certain=True, is_detected=not is_named)
        if damaged is not None:
            return _accepted(damaged, name, strict=strict)
        if is_named:
            raise SourceError(
                f"{name} is not in {encoding}: {error}; set another `encoding`, or leave it out to detect it"
            ) from error
        raise SourceError(
            f"{name} begins with the byte-order mark of {encoding}, but {error}; repair the file, or set its `encoding`"
        ) from error


def _accepted(scanned: Scan, name: str, *, strict: bool) -> Scan:
    """Return the scan of a damaged source.

    Raises:
        SourceError: `strict` is set.
    """
    if strict and scanned.damage is not None:
        raise SourceError(
            f"{name} is {scanned.encoding} text with {counted(scanned.damage.num_places, 'damaged place')} "
            f"({scanned.damage.first}): repair the file"
        )
    return scanned


def _decode_damaged(
    blocks: Blocks, name: str, encoding: str, error: Undecodable, *, is_certain: bool, is_detected: bool
) -> Scan | None:
    """Decode a source with U+FFFD in place of invalid bytes.

    Args:
        blocks: function that returns the bytes.
        name: name of the source in messages.
        encoding: Python codec.
        error: first invalid place.
        is_certain: whether the encoding is more than a guess: the user named it, a byte-order mark shows it, or the
            zero bytes of UTF-16 do.
        is_detected: False if the user named the encoding.

    Returns:
        The scan; None if the encoding is not Unicode, or too many bytes are invalid.

    Raises:
        SourceError: a UTF-16 text has lost a byte.
    """
    if not codecs.lookup(encoding).name.startswith("utf"):
        return None
    # Both readings have the U+FFFD of the text itself, and one has those of the damage, too.
    num_places = num_characters = num_multibyte = 0
    try:
        for text in decode_blocks(blocks(), encoding, "ignore"):
            num_places -= text.count(_REPLACEMENT)
            num_characters += len(text)
            num_multibyte += 0 if text.isascii() else len(text) - len(text.encode("ascii", "ignore"))
        num_places += sum(text.count(_REPLACEMENT) for text in decode_blocks(blocks(), encoding, "replace"))
    except Undecodable:  # a byte-order mark is missing
        return None
    is_ascii = num_characters - num_multibyte >= _MIN_ASCII_SHARE * (num_characters + num_places)
    num_per_place = _MIN_MULTIBYTE_PER_PLACE_IN_ASCII if is_ascii else _MIN_MULTIBYTE_PER_PLACE
    limit = num_characters / _MIN_CHARACTERS_PER_PLACE if is_certain else num_multibyte / num_per_place
    if num_places > limit:
        return None
    if codecs.lookup(encoding).name.startswith("utf-16") and (position := misaligned_from(blocks())) is not None:
        raise SourceError(
            f"{name} is {encoding} text in which a byte is missing or added near byte {position:,}: everything after "
            "it would be read wrongly; repair the file"
        )
    scanned = _decode_all(blocks, encoding, is_detected=is_detected, errors="replace")
    return replace(scanned, damage=Damage(num_places, str(error)))


def _decode_all(
    blocks: Blocks, encoding: str, *, is_detected: bool, errors: Literal["strict", "replace"] = "strict"
) -> Scan:
    digest = hashlib.sha256()

    def hashed() -> Iterator[bytes]:
        for block in blocks():
            digest.update(block)
            yield block

    is_blank = True
    for text in decode_blocks(hashed(), encoding, errors):
        is_blank = is_blank and (not text or text.isspace())
    return Scan(encoding=encoding, is_detected=is_detected, sha256=digest.hexdigest(), is_blank=is_blank)


def _candidates(blocks: Blocks, head: bytes, name: str) -> Iterator[str]:
    """Yield possible encodings, the likeliest first. The legacy ones come last, because their detection costs a pass.

    Raises:
        Refused: the source is neither UTF-16 nor UTF-8, and holds many control characters.
    """
    utf_16 = _utf_16_encoding(head)
    # UTF-8 can decode UTF-16 text that is ASCII, but then every second character is a zero, a control character.
    is_utf_16_first = utf_16 is not None and _control_share(head) > 0.2
    if utf_16 and is_utf_16_first:
        yield utf_16
    yield "utf-8"
    if utf_16 and not is_utf_16_first:
        yield utf_16
    if _control_share(head) > 0.02:
        raise _binary(name, "it is not UTF-8 and holds many control characters")
    yield from legacy_encodings(blocks())


def _head(blocks: Blocks) -> bytes:
    return next(blocks(), b"")[:_HEAD_BYTES]


def _binary(name: str, reason: str) -> Refused:
    return Refused("binary file", f"{name} is not text: {reason}; choose a text file or a table, or unpack it first")


def _control_share(head: bytes) -> float:
    """Return the share of control characters, or 0 if there are no more than 8 of them."""
    num_control = len(head) - len(head.translate(None, _CONTROL_BYTES))
    return num_control / len(head) if num_control > 8 else 0.0


def _utf_16_encoding(head: bytes) -> str | None:
    """Return the variant of UTF-16 that the bytes, which have no byte-order mark, are in; None if they are not UTF-16.

    In UTF-16 the zero bytes (of spaces, line ends, Latin letters) are all on one side of the byte pairs.
    """
    zeros_first, zeros_second = head[0::2].count(0), head[1::2].count(0)  # zero bytes on each side of the pairs
    most_zeros, fewest_zeros = max(zeros_first, zeros_second), min(zeros_first, zeros_second)
    if most_zeros < 0.003 * len(head) or most_zeros < 20 * fewest_zeros:
        return None
    encoding = "utf-16-be" if zeros_first > zeros_second else "utf-16-le"
    text = head[: len(head) // 2 * 2].decode(encoding, "replace")
    # Unassigned characters, private ones, halves of surrogate pairs, and what stands for undecodable bytes.
    num_implausible = sum(unicodedata.category(symbol) in ("Cn", "Co", "Cs") or symbol == "\ufffd" for symbol in text)
    return None if num_implausible > 0.02 * len(text) + 1 else encoding
