"""The patterns of texts, hashed: words, runs of words, words with gaps between them, and stretches of characters.

A hash of 64 bits is cut to a place among `PLACES`. Texts are read by the compiled kernels, or else all texts of a
portion at once by operations on arrays, to the same places.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int32, Int64, UInt8, UInt32, UInt64

from seqloom.kernels.text_hashing.patterns import read_patterns

__all__ = ["KINDS", "PLACES", "Pattern", "patterns", "place_of", "portions", "words_with_places"]

_BITS = 21

PLACES = 1 << _BITS
"""That each kind of pattern is hashed to."""

_RUNS: Mapping[str, tuple[int, ...]] = {
    "words": (0,),
    "pairs": (0, 1),
    "threes": (0, 1, 2),
    "fours": (0, 1, 2, 3),
    "fives": (0, 1, 2, 3, 4),
    "pairs over one": (0, 2),
    "pairs over two": (0, 3),
    "threes over one": (0, 1, 3),
}
"""The words of each kind of pattern, by how far they stand from the first; they run over marks of begin and end."""

_INSIDE = 4
"""Characters of a stretch within a word; its ends may be the blanks around the word."""

_STRETCHES: Mapping[str, int] = {"3 characters": 3, "4 characters": 4, "5 characters": 5, "7 characters": 7}
"""Stretches of characters as they stand, with capitals and white space."""

KINDS = (*_RUNS, "letters", *_STRETCHES)
"""The kinds of pattern, in order; "letters" are stretches within a word, without capitals."""

_AT_ONCE = 1 << 16
"""Characters of a portion: its arrays stay in the processor's cache, and there is enough to do for a thread."""

_MARK, _WORD, _SPACE, _APOSTROPHE, _UNKNOWN = 0, 1, 2, 3, 255
_CODE_POINTS = 0x110000

_FACTOR, _MIXER = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)
_BEGIN, _END = np.uint64(0x243F6A8885A308D3), np.uint64(0x13198A2E03707344)
_DROPPED = np.uint64(64 - _BITS)


class Pattern(NamedTuple):
    """All that texts have of one kind.

    Attributes:
        places: of each pattern, one text after another.
        counts: how many each text has.
    """

    places: Int32[np.ndarray, " found"]
    counts: Int64[np.ndarray, " texts"]


class _Read(NamedTuple):
    """Texts, one after another with a blank between them, as characters and as words.

    Attributes:
        codes: code points.
        lowered: in small letters.
        lengths: characters of each text.
        is_word: which characters are of words.
        begins: where each word, or run of other marks, begins.
        hashes: of each.
        counts: how many each text has.
    """

    codes: UInt32[np.ndarray, " characters"]
    lowered: UInt64[np.ndarray, " characters"]
    lengths: Int64[np.ndarray, " texts"]
    is_word: Bool[np.ndarray, " characters"]
    begins: Int64[np.ndarray, " words"]
    hashes: UInt64[np.ndarray, " words"]
    counts: Int64[np.ndarray, " texts"]


def portions(texts: Sequence[str]) -> list[slice]:
    """Texts in portions that are best read at once."""
    ends = np.cumsum([len(text) for text in texts])
    cuts = np.flatnonzero(np.diff(ends // _AT_ONCE)) + 1
    return [slice(*pair) for pair in pairwise([0, *cuts.tolist(), len(texts)]) if pair[1] > pair[0]]


def patterns(texts: Sequence[str]) -> dict[str, Pattern]:
    """All patterns of some texts, by kind in the order of `KINDS`; a portion of texts is best.

    Args:
        texts: one at least, without lone surrogates.
    """
    codes, lengths = _codes(texts)
    runs = [steps for kind, steps in _RUNS.items() if kind != "words"]
    compiled = read_patterns(
        codes, lengths, *_characters(codes), bits=_BITS, runs=runs, stretches=tuple(_STRETCHES.values())
    )
    if compiled is not None:
        return {kind: Pattern(*found) for kind, found in zip(KINDS, compiled, strict=True)}
    read = _read(texts)
    found = dict(_word_runs(read))
    found["letters"] = _letters(read)
    for kind, length in _STRETCHES.items():
        found[kind] = _stretches(read.codes.astype(np.uint64), read.lengths, length)
    return found


def words_with_places(text: str) -> list[tuple[str, int]]:
    """Each word, or run of other marks, of a text as it is spelled there, and the place of its pattern."""
    read = _read([text])
    spelled = [text[start:stop].split(maxsplit=1)[0] for start, stop in pairwise([*read.begins.tolist(), len(text)])]
    return list(zip(spelled, place_of(read.hashes).tolist(), strict=True))


def place_of(hashes: UInt64[np.ndarray, " any"]) -> Int32[np.ndarray, " any"]:
    """The place of a pattern, or of a pair of them, by a hash or a number: its highest bits once it is mixed."""
    found: np.ndarray = (_mixed(_mixed(hashes)) >> _DROPPED).astype(np.int32)
    return found


def _codes(texts: Sequence[str]) -> tuple[UInt32[np.ndarray, " characters"], Int64[np.ndarray, " texts"]]:
    """The characters of texts, one after another with a blank between them, and how many each has."""
    return np.frombuffer(" ".join(texts).encode("utf-32-le"), np.uint32), np.array([len(text) for text in texts])


def _read(texts: Sequence[str]) -> _Read:
    codes, lengths = _codes(texts)
    kinds, small = _characters(codes)
    kind = _joined(kinds[codes])
    lowered = small[codes].astype(np.uint64)
    begins = np.flatnonzero((kind != _SPACE) & (np.diff(kind, prepend=np.uint8(_SPACE)) != 0))
    spans = np.diff(begins, append=len(codes))
    within = np.arange(begins[0], len(codes)) - np.repeat(begins, spans) if len(begins) else np.zeros(0, np.int64)
    powers = _powers(int(spans.max(initial=0)))
    spelled = (lowered + np.uint64(1)) * (kind != _SPACE)
    hashes = (
        np.add.reduceat(spelled[begins[0] :] * powers[within], begins - begins[0])
        if len(begins)
        else np.zeros(0, np.uint64)
    )
    ends = np.cumsum(lengths + 1)
    counts = np.diff(np.searchsorted(begins, ends), prepend=0)
    return _Read(codes, lowered, lengths, kind == _WORD, begins, hashes, counts)


def _joined(kind: UInt8[np.ndarray, " characters"]) -> UInt8[np.ndarray, " characters"]:
    """Where an apostrophe stands between letters it is one of them, and a mark elsewhere."""
    apostrophe = kind == _APOSTROPHE
    between = np.zeros(len(kind), bool)
    between[1:-1] = (kind[:-2] == _WORD) & (kind[2:] == _WORD)
    return np.where(apostrophe, np.where(between, _WORD, _MARK), kind).astype(np.uint8)


def _word_runs(read: _Read) -> Iterator[tuple[str, Pattern]]:
    texts = len(read.counts)
    yield "words", Pattern(place_of(read.hashes), read.counts)
    before = 2 * np.repeat(np.arange(texts), read.counts) + 1
    marked = np.empty(len(read.hashes) + 2 * texts, np.uint64)
    marked[np.arange(len(read.hashes)) + before] = read.hashes
    ends = np.cumsum(read.counts + 2)
    marked[ends - 1] = _END
    marked[ends - read.counts - 2] = _BEGIN
    for number, (kind, steps) in enumerate(_RUNS.items()):
        if kind == "words":
            continue
        reach = steps[-1]
        mixed = np.full(max(0, len(marked) - reach), number, np.uint64)
        for step in steps:
            mixed = _mixed(mixed * _FACTOR + marked[step : step + len(mixed)])
        counts = np.maximum(read.counts + 2 - reach, 0)
        yield kind, Pattern(place_of(mixed[_within(read.counts + 2, reach)]), counts)


def _letters(read: _Read) -> Pattern:
    blank = np.uint64(ord(" "))
    letters = np.pad(np.where(read.is_word, read.lowered, blank), 1, constant_values=blank)
    inside = read.is_word[:-1] & read.is_word[1:]
    places, _ = _stretches(letters, np.array([len(letters)]), _INSIDE)
    owner = np.repeat(np.arange(len(read.lengths)), read.lengths + 1)[: len(inside)]
    return Pattern(places[inside], np.bincount(owner[inside], minlength=len(read.lengths)))


def _stretches(
    characters: UInt64[np.ndarray, " characters"], lengths: Int64[np.ndarray, " texts"], length: int
) -> Pattern:
    """The places of all stretches of a length, and how many each text has."""
    mixed = np.full(max(0, len(characters) - length + 1), length, np.uint64)
    for step in range(length):
        mixed = (mixed + characters[step : step + len(mixed)]) * _FACTOR
    if len(lengths) > 1:
        mixed = mixed[_within(lengths + 1, length)]
    return Pattern(place_of(mixed), np.maximum(lengths - length + 1, 0))


def _within(lengths: Int64[np.ndarray, " texts"], reach: int) -> Bool[np.ndarray, " windows"]:
    """Of the windows that reach so much further over texts of some lengths: those that lie in one text."""
    ends = np.cumsum(lengths)
    found = np.ones(max(0, int(ends[-1]) - reach), bool)
    for back in range(1, reach + 1):
        crossing = ends[:-1] - back
        found[crossing[(crossing >= 0) & (crossing < len(found))]] = False
    return found


def _mixed(hashes: UInt64[np.ndarray, " any"]) -> UInt64[np.ndarray, " any"]:
    found: np.ndarray = (hashes ^ (hashes >> np.uint64(31))) * _MIXER
    return found


def _powers(count: int) -> UInt64[np.ndarray, " powers"]:
    """Of the factor, from the first power on."""
    return np.full(count, _FACTOR).cumprod(dtype=np.uint64)


def _characters(
    codes: UInt32[np.ndarray, " characters"],
) -> tuple[UInt8[np.ndarray, " code_points"], UInt32[np.ndarray, " code_points"]]:
    """What each character is, and its small letter, by code point; what no text has had yet is unknown."""
    kinds, small = _known_characters()
    for code in np.unique(codes[kinds[codes] == _UNKNOWN]).tolist():
        letter = chr(code)
        small[code] = ord(lowered) if len(lowered := letter.lower()) == 1 else code
        kinds[code] = _kind_of(letter)
    return kinds, small


def _kind_of(letter: str) -> int:
    if letter.isalnum() or letter == "_" or unicodedata.category(letter).startswith("M"):
        return _WORD
    if letter in "'\u2019":
        return _APOSTROPHE
    return _SPACE if letter.isspace() else _MARK


@cache
def _known_characters() -> tuple[UInt8[np.ndarray, " code_points"], UInt32[np.ndarray, " code_points"]]:
    return np.full(_CODE_POINTS, _UNKNOWN, np.uint8), np.zeros(_CODE_POINTS, np.uint32)
