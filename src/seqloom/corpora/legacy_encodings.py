"""Guesses the legacy (non-Unicode) encoding of a text from statistics of its lines that are not ASCII.

A caller must decode the whole text to check a guess, and report the encoding to the user.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

__all__ = ["legacy_encodings"]

# Common encodings only: an exotic one that decodes to the same letters must not be reported instead.
_ENCODINGS = [
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
    *("latin_1", "iso8859_2", "iso8859_5", "iso8859_7", "iso8859_8", "iso8859_9", "iso8859_15"),
    *("koi8_r", "koi8_u", "cp437", "cp850", "cp852", "cp866", "mac_roman", "tis_620"),
    *("gb18030", "big5", "cp932", "euc_jp", "cp949"),
]
_WESTERN = ("cp1252", "latin_1")

_SAMPLE_BYTES = 1 << 18
"""Largest sample: number of bytes in the lines from which the encoding is guessed."""

_MIN_NON_ASCII_SHARE = 0.005
"""A smaller share of non-ASCII bytes means stray quotes and accents, too few for statistics."""

_CHAOS_TOLERANCE, _COHERENCE_TOLERANCE = 0.01, 0.02
"""A match that differs from the best match by no more than this counts as equally good."""


class _Match(NamedTuple):
    """Encodings that decode the sample to the same text.

    Attributes:
        encodings: Python codecs.
        chaos: share of implausible characters in the text, as `charset_normalizer` measures it; lower is better.
        coherence: similarity of the letter frequencies to those of a language; higher is better.
    """

    encodings: list[str]
    chaos: float
    coherence: float


def legacy_encodings(blocks: Iterable[bytes]) -> list[str]:
    """Return possible encodings of a text, the likeliest first.

    For a text with very few non-ASCII bytes, the Western European encodings come first. For any other text, the list is
    empty if the bytes do not look like text in any of the encodings.

    Args:
        blocks: bytes of the text; only the first are read, until there are enough lines for the statistics.
    """
    sample, non_ascii_share = _sample(blocks)
    matches = _matches(sample)
    likeliest_first = [encoding for match in matches for encoding in match.encodings]
    if non_ascii_share < _MIN_NON_ASCII_SHARE:
        return list(dict.fromkeys([*_WESTERN, *likeliest_first]))
    equally_good = {
        encoding
        for match in matches
        if match.chaos <= matches[0].chaos + _CHAOS_TOLERANCE
        and match.coherence >= matches[0].coherence - _COHERENCE_TOLERANCE
        for encoding in match.encodings
    }
    # Among equally good matches, the Western European encodings are the likeliest by far.
    return list(dict.fromkeys([*(encoding for encoding in _WESTERN if encoding in equally_good), *likeliest_first]))


def _sample(blocks: Iterable[bytes]) -> tuple[bytes, float]:
    """Return lines that are not ASCII, and the share of non-ASCII bytes among all bytes read."""
    sample = bytearray()
    num_bytes_read = 0
    for block in blocks:
        num_bytes_read += len(block)
        sample += b"".join(_non_ascii_lines(block))
        if len(sample) >= _SAMPLE_BYTES:
            break
    num_non_ascii = len(sample.translate(None, bytes(range(128))))
    if len(sample) > _SAMPLE_BYTES:
        # Cut after the last complete line, or anywhere if a single line fills the sample.
        del sample[sample.rfind(b"\n", 0, _SAMPLE_BYTES) + 1 or _SAMPLE_BYTES :]
    return bytes(sample), num_non_ascii / max(1, num_bytes_read)


def _non_ascii_lines(block: bytes) -> Iterator[bytes]:
    if not block.isascii():
        yield from (line for line in block.splitlines(keepends=True) if not line.isascii())


def _matches(sample: bytes) -> list[_Match]:
    """Return the possible encodings of the sample, the likeliest first."""
    from charset_normalizer import from_bytes

    # A full sample may end inside a multi-byte character, which would exclude the right encoding: try shorter samples.
    numbers_of_bytes_cut = range(4) if len(sample) == _SAMPLE_BYTES else range(1)
    results = [from_bytes(sample[: len(sample) - num_cut], cp_isolation=_ENCODINGS) for num_cut in numbers_of_bytes_cut]
    # The right cut gives the most plausible text. `charset_normalizer` returns the best match of a sample first.
    best_result = min(filter(None, results), key=lambda matches: matches[0].chaos, default=())
    return [_Match(match.could_be_from_charset, match.chaos, match.coherence) for match in best_result]
