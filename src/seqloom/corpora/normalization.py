"""Normalisation of text: line ends, Unicode normal forms, lower case.

`fold` normalises a text in one string, and `fold_chunks` a text in chunks: wherever the text is cut into chunks, the
result is that of `fold` for the joined text.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Literal, cast

from seqloom.config import ReadingConfig
from seqloom.corpora.payloads import bounded_chunks
from seqloom.corpora.segmentation import cut_words, passages, sentences

__all__ = ["fold", "fold_chunks", "join_line_ends", "record_chunks"]


def fold(text: str, reading: ReadingConfig) -> str:
    """Return a whole text, normalised as `reading` says.

    Lower-casing can break a Unicode normal form. The text is therefore normalised before and after it.
    """
    if not reading.keep_newlines:
        text = _unix_line_ends(text)
    text = _normalize(text, reading.normalize)
    if reading.lowercase:
        text = _normalize(text.lower(), reading.normalize)
    return text


def fold_chunks(chunks: Iterable[str], reading: ReadingConfig) -> Iterator[str]:
    """Normalise a text as `reading` says; yield it in chunks of at most `CHUNK_CHARACTERS`, none of them empty."""
    chunks = join_line_ends(chunks)
    if reading.lowercase or reading.normalize:
        if not reading.keep_newlines:
            chunks = map(_unix_line_ends, chunks)
        chunks = _cut_safely(chunks)
    for chunk in chunks:
        yield from bounded_chunks(fold(chunk, reading))


def record_chunks(record: str, reading: ReadingConfig) -> Iterator[str]:
    """Cut a record (into sentences, or by its number of words) and normalise it, both as `reading` says.

    Yield the result in chunks. An empty chunk separates two passages (see `payloads.TextPayload`).
    """
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
        yield from bounded_chunks(fold(part, reading))


def join_line_ends(chunks: Iterable[str]) -> Iterator[str]:
    """Yield the same text in chunks that never end between the CR and the LF of one line end."""
    pending = ""
    for chunk in chunks:
        chunk = pending + chunk
        pending = "\r" if chunk.endswith("\r") else ""
        yield chunk[:-1] if pending else chunk
    if pending:
        yield pending


def _unix_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _normalize(text: str, form: str | None) -> str:
    if form is None:
        return text
    return unicodedata.normalize(cast(Literal["NFC", "NFD", "NFKC", "NFKD"], form), text)


def _cut_safely(chunks: Iterable[str]) -> Iterator[str]:
    """Yield the same text, cut only where neither side influences the normalisation of the other.

    A text that cannot be cut safely stays in one chunk.
    """
    pending: list[str] = []
    for chunk in chunks:
        cut = next((index for index in range(len(chunk) - 1, -1, -1) if _is_safe_cut(chunk, index)), None)
        if cut is None:
            pending.append(chunk)
        else:
            yield "".join([*pending, chunk[:cut]])
            pending = [chunk[cut:]]
    yield "".join(pending)


def _is_safe_cut(text: str, index: int) -> bool:
    """Return whether a cut before `text[index]` is safe; a cut between two ASCII letters or digits always is."""
    pair = text[index - 1 : index + 1] if index else ""
    return _is_independent(text[index]) or (pair.isascii() and pair.isalnum())


def _is_independent(character: str) -> bool:
    """Return whether a cut before `character` is safe after any text.

    It is safe before white space, kana, Chinese characters and Korean syllables. None of them composes with the text
    before it, moves past combining marks before it, or has case. A Greek sigma at the end of a word has another
    lower-case form: to find this end, Python looks past some characters, such as apostrophes, but past none of these.
    """
    return (
        character in " \n\t"
        or "\u4e00" <= character <= "\u9fff"
        or "\u3041" <= character <= "\u3096"
        or "\u30a1" <= character <= "\u30fa"
        or "\uac00" <= character <= "\ud7a3"
    )
