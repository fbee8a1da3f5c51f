"""Hashed patterns of texts: words, word n-grams, word n-grams with gaps, and character n-grams.

A hash of 64 bits is reduced to one of `NUM_BUCKETS` buckets. The compiled kernels extract the patterns; without them,
array operations process a whole chunk of texts at once and give the same buckets.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int32, Int64, UInt8, UInt32, UInt64

from seqloom.kernels.text_hashing.patterns import read_patterns

__all__ = [
    "NUM_BUCKETS", "PATTERN_KINDS", "HashedPatterns", "bucket_of", "chunk_texts", "extract_patterns", "mix",
    "within_one_text", "words_with_buckets",
]  # fmt: skip

_BITS = 21

NUM_BUCKETS = 1 << _BITS
"""Number of hash buckets of each kind of pattern."""

_WORD_OFFSETS: Mapping[str, tuple[int, ...]] = {
    "words": (0,),
    "pairs": (0, 1),
    "threes": (0, 1, 2),
    "fours": (0, 1, 2, 3),
    "fives": (0, 1, 2, 3, 4),
    "pairs over one": (0, 2),
    "pairs over two": (0, 3),
    "threes over one": (0, 1, 3),
}
"""Offsets of a pattern's words from its first word: "pairs over one" are two words with one word between them.

Two markers, at the beginning and the end of each text, count as words.
"""

_LETTERS_LENGTH = 4
"""Length of a character n-gram within a word. It may include the space before or after the word."""

_CHARACTER_LENGTHS: Mapping[str, int] = {
    "2 characters": 2, "3 characters": 3, "4 characters": 4, "5 characters": 5, "7 characters": 7,
}  # fmt: skip
"""Lengths of the character n-grams, which include capitals and white space."""

PATTERN_KINDS = (*_WORD_OFFSETS, "letters", *_CHARACTER_LENGTHS)
"""The kinds of pattern, in order; "letters" are lower-case character n-grams within a word."""

_CHUNK_CHARACTERS = 1 << 16
"""Characters per chunk: the arrays of a chunk fit into the processor's cache, and a thread has enough work."""

_PUNCTUATION, _WORD, _SPACE, _APOSTROPHE, _UNKNOWN = 0, 1, 2, 3, 255
"""Kinds of character: punctuation mark, word character, white space, apostrophe, and not yet classified."""

_NUM_CODE_POINTS = 0x110000

_FACTOR, _MIXER = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)
"""Odd multipliers of the hash functions."""

_BEGIN_HASH, _END_HASH = np.uint64(0x243F6A8885A308D3), np.uint64(0x13198A2E03707344)
"""Hashes of the markers at the beginning and the end of a text."""

_DROPPED_BITS = np.uint64(64 - _BITS)
"""Number of low bits of a hash that its bucket does not depend on."""


class HashedPatterns(NamedTuple):
    """All patterns of one kind in some texts.

    Attributes:
        buckets: bucket of each pattern, one text after another.
        counts: number of patterns of each text.
    """

    buckets: Int32[np.ndarray, " patterns"]
    counts: Int64[np.ndarray, " texts"]


class _TokenizedTexts(NamedTuple):
    """Characters and words of texts that are joined by single spaces.

    Attributes:
        codes: code point of each character.
        lowered: code point of each character in lower case.
        lengths: number of characters of each text.
        is_word: whether each character belongs to a word.
        word_starts: index of the first character of each word; a run of punctuation marks counts as a word.
        word_hashes: hash of each word.
        word_counts: number of words of each text.
    """

    codes: UInt32[np.ndarray, " characters"]
    lowered: UInt64[np.ndarray, " characters"]
    lengths: Int64[np.ndarray, " texts"]
    is_word: Bool[np.ndarray, " characters"]
    word_starts: Int64[np.ndarray, " words"]
    word_hashes: UInt64[np.ndarray, " words"]
    word_counts: Int64[np.ndarray, " texts"]


def chunk_texts(texts: Sequence[str]) -> list[slice]:
    """Return slices that divide the texts into chunks of a size that `extract_patterns` processes efficiently."""
    ends = np.cumsum([len(text) for text in texts])
    cuts = np.flatnonzero(np.diff(ends // _CHUNK_CHARACTERS)) + 1
    return [slice(start, stop) for start, stop in pairwise([0, *cuts.tolist(), len(texts)]) if stop > start]


def extract_patterns(texts: Sequence[str]) -> dict[str, HashedPatterns]:
    """Return all patterns of the texts by kind, in the order of `PATTERN_KINDS`.

    Args:
        texts: one or more texts without lone surrogates; chunks from `chunk_texts` are processed fastest.
    """
    codes, lengths = _code_points(texts)
    word_offsets = [offsets for kind, offsets in _WORD_OFFSETS.items() if kind != "words"]
    compiled = read_patterns(
        codes,
        lengths,
        *_character_tables(codes),
        bits=_BITS,
        word_offsets=word_offsets,
        character_lengths=tuple(_CHARACTER_LENGTHS.values()),
    )
    if compiled is not None:  # otherwise, the compiled kernels are unavailable
        return {kind: HashedPatterns(*arrays) for kind, arrays in zip(PATTERN_KINDS, compiled, strict=True)}
    tokenized = _tokenize(texts)
    patterns = dict(_word_patterns(tokenized))
    patterns["letters"] = _letter_patterns(tokenized)
    for kind, length in _CHARACTER_LENGTHS.items():
        patterns[kind] = _character_patterns(tokenized.codes.astype(np.uint64), tokenized.lengths, length)
    return patterns


def words_with_buckets(text: str) -> list[tuple[str, int]]:
    """Return each word of a text in its original spelling, and its bucket; a run of punctuation marks is a word."""
    tokenized = _tokenize([text])
    bounds = pairwise([*tokenized.word_starts.tolist(), len(text)])
    words = [text[start:stop].split(maxsplit=1)[0] for start, stop in bounds]
    return list(zip(words, bucket_of(tokenized.word_hashes).tolist(), strict=True))


def bucket_of(hashes: UInt64[np.ndarray, " any"]) -> Int32[np.ndarray, " any"]:
    """Return the bucket of each hash or number: the highest bits of the mixed value."""
    buckets: np.ndarray = (mix(mix(hashes)) >> _DROPPED_BITS).astype(np.int32)
    return buckets


def _code_points(texts: Sequence[str]) -> tuple[UInt32[np.ndarray, " characters"], Int64[np.ndarray, " texts"]]:
    """Return the code points of texts joined by single spaces, and the length of each text."""
    return np.frombuffer(" ".join(texts).encode("utf-32-le"), np.uint32), np.array([len(text) for text in texts])


def _tokenize(texts: Sequence[str]) -> _TokenizedTexts:
    """Divide texts into words and hash the words.

    The hash of a word is the sum of `(c[i] + 1) * _FACTOR**(i + 1)` over its lower-case code points `c`.
    """
    codes, lengths = _code_points(texts)
    kind_of_code, lower_of_code = _character_tables(codes)
    kinds = _resolve_apostrophes(kind_of_code[codes])
    lowered = lower_of_code[codes].astype(np.uint64)
    starts = np.flatnonzero((kinds != _SPACE) & (np.diff(kinds, prepend=np.uint8(_SPACE)) != 0))
    # From here on, each word extends up to the next word: white space after it has value 0 and does not count.
    lengths_of_words = np.diff(starts, append=len(codes))
    positions = (
        np.arange(starts[0], len(codes)) - np.repeat(starts, lengths_of_words) if len(starts) else np.zeros(0, np.int64)
    )
    powers = _factor_powers(int(lengths_of_words.max(initial=0)))
    values = (lowered + np.uint64(1)) * (kinds != _SPACE)
    hashes = (
        np.add.reduceat(values[starts[0] :] * powers[positions], starts - starts[0])
        if len(starts)
        else np.zeros(0, np.uint64)
    )
    ends = np.cumsum(lengths + 1)  # with the joining spaces
    counts = np.diff(np.searchsorted(starts, ends), prepend=0)
    return _TokenizedTexts(codes, lowered, lengths, kinds == _WORD, starts, hashes, counts)


def _resolve_apostrophes(kinds: UInt8[np.ndarray, " characters"]) -> UInt8[np.ndarray, " characters"]:
    """Turn apostrophes between letters into letters, and all others into punctuation marks."""
    is_apostrophe = kinds == _APOSTROPHE
    between_letters = np.zeros(len(kinds), bool)
    between_letters[1:-1] = (kinds[:-2] == _WORD) & (kinds[2:] == _WORD)
    return np.where(is_apostrophe, np.where(between_letters, _WORD, _PUNCTUATION), kinds).astype(np.uint8)


def _word_patterns(tokenized: _TokenizedTexts) -> Iterator[tuple[str, HashedPatterns]]:
    """Yield the words and the word n-grams, with and without gaps."""
    num_texts = len(tokenized.word_counts)
    yield "words", HashedPatterns(bucket_of(tokenized.word_hashes), tokenized.word_counts)
    # The words with their markers: begin, words of text 0, end, begin, words of text 1, end, and so on.
    num_markers_before = 2 * np.repeat(np.arange(num_texts), tokenized.word_counts) + 1
    marked = np.empty(len(tokenized.word_hashes) + 2 * num_texts, np.uint64)
    marked[np.arange(len(tokenized.word_hashes)) + num_markers_before] = tokenized.word_hashes
    ends = np.cumsum(tokenized.word_counts + 2)
    marked[ends - 1] = _END_HASH
    marked[ends - tokenized.word_counts - 2] = _BEGIN_HASH
    for kind_number, (kind, offsets) in enumerate(_WORD_OFFSETS.items()):
        if kind == "words":
            continue
        reach = offsets[-1]
        # The number of the kind enters the hash, so that equal words of two kinds get different hashes.
        mixed = np.full(max(0, len(marked) - reach), kind_number, np.uint64)
        for offset in offsets:
            mixed = mix(mixed * _FACTOR + marked[offset : offset + len(mixed)])
        counts = np.maximum(tokenized.word_counts + 2 - reach, 0)
        yield kind, HashedPatterns(bucket_of(mixed[within_one_text(tokenized.word_counts + 2, reach)]), counts)


def _letter_patterns(tokenized: _TokenizedTexts) -> HashedPatterns:
    """Return the lower-case character n-grams within words."""
    space = np.uint64(ord(" "))
    letters = np.pad(np.where(tokenized.is_word, tokenized.lowered, space), 1, constant_values=space)
    # The padding moves n-gram i one character back: its middle characters are i and i + 1. If both belong to a word,
    # its outer characters belong to the same word or are the spaces around it.
    inside = tokenized.is_word[:-1] & tokenized.is_word[1:]
    buckets, _ = _character_patterns(letters, np.array([len(letters)]), _LETTERS_LENGTH)
    num_texts = len(tokenized.lengths)
    text_of_pattern = np.repeat(np.arange(num_texts), tokenized.lengths + 1)[: len(inside)]
    return HashedPatterns(buckets[inside], np.bincount(text_of_pattern[inside], minlength=num_texts))


def _character_patterns(
    characters: UInt64[np.ndarray, " characters"], lengths: Int64[np.ndarray, " texts"], length: int
) -> HashedPatterns:
    """Return all character n-grams of one length in texts that are joined by single spaces."""
    mixed = np.full(max(0, len(characters) - length + 1), length, np.uint64)
    for offset in range(length):
        mixed = (mixed + characters[offset : offset + len(mixed)]) * _FACTOR
    if len(lengths) > 1:
        # Keep the n-grams within one text. The space that joins it to the next text counts as its last character. An
        # n-gram must not end with this space, so the character after the n-gram must belong to the text, too.
        mixed = mixed[within_one_text(lengths + 1, length)]
    return HashedPatterns(bucket_of(mixed), np.maximum(lengths - length + 1, 0))


def within_one_text(lengths: Int64[np.ndarray, " texts"], reach: int) -> Bool[np.ndarray, " windows"]:
    """Return whether each window of `reach + 1` elements lies within one of the texts."""
    ends = np.cumsum(lengths)
    inside = np.ones(max(0, int(ends[-1]) - reach), bool)
    for distance in range(1, reach + 1):
        crossing = ends[:-1] - distance
        inside[crossing[(crossing >= 0) & (crossing < len(inside))]] = False
    return inside


def mix(hashes: UInt64[np.ndarray, " any"]) -> UInt64[np.ndarray, " any"]:
    """Spread the bits of each hash, so that similar inputs get different buckets."""
    mixed: np.ndarray = (hashes ^ (hashes >> np.uint64(31))) * _MIXER
    return mixed


def _factor_powers(count: int) -> UInt64[np.ndarray, " powers"]:
    """Return the first powers of the hash factor, from exponent 1."""
    return np.full(count, _FACTOR).cumprod(dtype=np.uint64)


def _character_tables(
    codes: UInt32[np.ndarray, " characters"],
) -> tuple[UInt8[np.ndarray, " code_points"], UInt32[np.ndarray, " code_points"]]:
    """Return tables from code point to kind of character and to lower case, complete for the characters of `codes`."""
    kinds, lower = _shared_tables()
    for code in np.unique(codes[kinds[codes] == _UNKNOWN]).tolist():
        character = chr(code)
        lower[code] = ord(lowered) if len(lowered := character.lower()) == 1 else code
        kinds[code] = _kind_of(character)
    return kinds, lower


def _kind_of(character: str) -> int:
    if character.isalnum() or character == "_" or unicodedata.category(character).startswith("M"):
        return _WORD
    if character in "'\u2019":
        return _APOSTROPHE
    return _SPACE if character.isspace() else _PUNCTUATION


@cache
def _shared_tables() -> tuple[UInt8[np.ndarray, " code_points"], UInt32[np.ndarray, " code_points"]]:
    """Return the tables of the whole process, to which `_character_tables` adds characters when they first occur."""
    return np.full(_NUM_CODE_POINTS, _UNKNOWN, np.uint8), np.zeros(_NUM_CODE_POINTS, np.uint32)
