"""Guesses the legacy (non-Unicode) encoding of a text from statistics of its lines that are not ASCII.

A caller must decode the whole text to check a guess, and report the encoding to the user.
"""

from collections.abc import Iterable, Iterator

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
_MIN_NON_ASCII = 0.005  # a smaller share of bytes means stray quotes and accents, too few for statistics


def legacy_encodings(blocks: Iterable[bytes]) -> list[str]:
    """Return possible encodings of a text, the likeliest first; an empty list where it does not look like text.

    Args:
        blocks: bytes of the text; read until the sample is large enough.
    """
    sample, share = _sample(blocks)
    matches = _matches(sample)
    ordered = [encoding for match in matches for encoding in match[0]]
    if share < _MIN_NON_ASCII:
        return list(dict.fromkeys([*_WESTERN, *ordered]))
    ties = {
        encoding
        for encodings, chaos, coherence in matches
        if chaos <= matches[0][1] + 0.01 and coherence >= matches[0][2] - 0.02
        for encoding in encodings
    }
    # Among equally good matches, the Western European encodings are the likeliest by far.
    return list(dict.fromkeys([*(encoding for encoding in _WESTERN if encoding in ties), *ordered]))


def _sample(blocks: Iterable[bytes]) -> tuple[bytes, float]:
    """Return lines that are not ASCII, and the share of non-ASCII bytes among all bytes read."""
    sample = bytearray()
    num_read = 0
    for block in blocks:
        num_read += len(block)
        sample += b"".join(_non_ascii_lines(block))
        if len(sample) >= _SAMPLE_BYTES:
            break
    num_non_ascii = len(sample.translate(None, bytes(range(128))))
    if len(sample) > _SAMPLE_BYTES:
        del sample[sample.rfind(b"\n", 0, _SAMPLE_BYTES) + 1 or _SAMPLE_BYTES :]
    return bytes(sample), num_non_ascii / max(1, num_read)


def _non_ascii_lines(block: bytes) -> Iterator[bytes]:
    if not block.isascii():
        yield from (line for line in block.splitlines(keepends=True) if not line.isascii())


def _matches(sample: bytes) -> list[tuple[list[str], float, float]]:
    """Return groups of encodings that give the same text, with its chaos and coherence, the likeliest first."""
    from charset_normalizer import from_bytes

    # A cut inside a multi-byte character would exclude the right encoding: try a few cuts.
    cuts = range(4) if len(sample) == _SAMPLE_BYTES else range(1)
    results = [from_bytes(sample[: len(sample) - cut], cp_isolation=_ENCODINGS) for cut in cuts]
    best = min(filter(None, results), key=lambda matches: matches[0].chaos, default=())
    return [(match.could_be_from_charset, match.chaos, match.coherence) for match in best]
