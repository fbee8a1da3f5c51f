"""What reading does to text: line ends, Unicode normal forms, lower case.

The result never depends on where the text was cut. `fold` says what is done to a whole text;
`folded` does the same to a text that comes in pieces.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Literal, cast

from seqloom.config import ReadingConfig
from seqloom.corpora.document import CHUNK_CHARACTERS
from seqloom.corpora.segmentation import cut_words, passages, sentences

__all__ = ["bounded", "fold", "folded", "record_chunks", "uncut_line_ends"]


def fold(text: str, reading: ReadingConfig) -> str:
    """A whole text as `reading` wants it.

    Text in a normal form can leave it when it is lower-cased, so that it is normalised before and after.
    """
    if not reading.keep_newlines:
        text = _unix_line_ends(text)
    text = _normalized(text, reading.normalize)
    if reading.lowercase:
        text = _normalized(text.lower(), reading.normalize)
    return text


def folded(pieces: Iterable[str], reading: ReadingConfig) -> Iterator[str]:
    """`fold` for a text in pieces, in chunks of at most `CHUNK_CHARACTERS` characters, none empty."""
    pieces = uncut_line_ends(pieces)
    if reading.lowercase or reading.normalize:
        if not reading.keep_newlines:
            pieces = map(_unix_line_ends, pieces)
        pieces = _recut(pieces)
    for piece in pieces:
        yield from bounded(fold(piece, reading))


def record_chunks(record: str, reading: ReadingConfig) -> Iterator[str]:
    """A whole record, cut and folded as `reading` wants it, in chunks; an empty one stands between two passages."""
    if reading.sentences:
        parts: Iterable[str] = sentences(record)
    elif not reading.cut_words:
        parts = (record,)
    elif reading.passages:
        parts = passages(record, reading.cut_words)
    else:
        parts = (cut_words(record, reading.cut_words),)
    for number, part in enumerate(parts):
        if number:
            yield ""
        yield from bounded(fold(part, reading))


def bounded(text: str) -> Iterator[str]:
    """A text in chunks of at most `CHUNK_CHARACTERS` characters, none of them empty."""
    if 0 < len(text) <= CHUNK_CHARACTERS:
        yield text
        return
    for start in range(0, len(text), CHUNK_CHARACTERS):
        yield text[start : start + CHUNK_CHARACTERS]


def uncut_line_ends(pieces: Iterable[str]) -> Iterator[str]:
    """The same text in pieces that never end between the CR and the LF of one line end."""
    held = ""
    for piece in pieces:
        piece = held + piece
        held = "\r" if piece.endswith("\r") else ""
        yield piece[:-1] if held else piece
    if held:
        yield held


def _unix_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _normalized(text: str, form: str | None) -> str:
    if form is None:
        return text
    return unicodedata.normalize(cast(Literal["NFC", "NFD", "NFKC", "NFKD"], form), text)


def _recut(pieces: Iterable[str]) -> Iterator[str]:
    """The same text, cut only where what stands before and what comes after take no notice of one another.

    A text without such a place stays in one piece.
    """
    pending: list[str] = []
    for piece in pieces:
        at = next((at for at in range(len(piece) - 1, -1, -1) if _may_be_cut(piece, at)), None)
        if at is None:
            pending.append(piece)
        else:
            yield "".join([*pending, piece[:at]])
            pending = [piece[at:]]
    yield "".join(pending)


def _may_be_cut(text: str, at: int) -> bool:
    """Whether the two sides take no notice of one another; between ASCII letters or digits they never do."""
    pair = text[at - 1 : at + 1] if at else ""
    return _stands_alone(text[at]) or (pair.isascii() and pair.isalnum())


def _stands_alone(character: str) -> bool:
    """Whether a text may be cut before `character`, whatever comes before it.

    It must never compose with, nor be reordered past, what comes before; it must be no letter with case, nor
    anything that the rule of the final sigma looks through. White space, kana, Chinese characters and Korean
    syllables are such.
    """
    return (
        character in " \n\t"
        or "\u4e00" <= character <= "\u9fff"
        or "\u3041" <= character <= "\u3096"
        or "\u30a1" <= character <= "\u30fa"
        or "\uac00" <= character <= "\ud7a3"
    )
