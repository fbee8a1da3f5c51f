"""Which encoding of before Unicode a text may be in, told by statistics from the lines that are not ASCII.

A guess only: whoever asks must decode the whole text with it, and say which encoding was taken.
"""

from collections.abc import Iterable, Iterator

__all__ = ["legacy_encodings"]

# Those in real use, so that no exotic cousin that decodes to the same letters is reported in their place.
_ENCODINGS = [
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
    *("latin_1", "iso8859_2", "iso8859_5", "iso8859_7", "iso8859_8", "iso8859_9", "iso8859_15"),
    *("koi8_r", "koi8_u", "cp437", "cp850", "cp852", "cp866", "mac_roman", "tis_620"),
    *("gb18030", "big5", "cp932", "euc_jp", "cp949"),
]
_WESTERN = ("cp1252", "latin_1")

_SAMPLE_BYTES = 1 << 18
_FEW = 0.005  # a smaller share of bytes that are not ASCII: stray quotes and accents, too few for statistics


def legacy_encodings(blocks: Iterable[bytes]) -> list[str]:
    """The encodings that a text may be in, the likeliest first; none where it does not look like text.

    Args:
        blocks: the text's bytes; read until there is enough to judge by.
    """
    sample, share = _sample(blocks)
    matches = _matches(sample)
    ordered = [encoding for match in matches for encoding in match[0]]
    if share < _FEW:
        return list(dict.fromkeys([*_WESTERN, *ordered]))
    ties = {
        encoding
        for encodings, chaos, coherence in matches
        if chaos <= matches[0][1] + 0.01 and coherence >= matches[0][2] - 0.02
        for encoding in encodings
    }
    # Where nothing speaks against them, the Western European ones are the likeliest by far.
    return list(dict.fromkeys([*(encoding for encoding in _WESTERN if encoding in ties), *ordered]))


def _sample(blocks: Iterable[bytes]) -> tuple[bytes, float]:
    """Lines that are not ASCII, wherever they stand, and which share of the bytes read is not ASCII."""
    sample = bytearray()
    num_read = 0
    for block in blocks:
        num_read += len(block)
        sample += b"".join(_strange_lines(block))
        if len(sample) >= _SAMPLE_BYTES:
            break
    num_strange = len(sample.translate(None, bytes(range(128))))
    if len(sample) > _SAMPLE_BYTES:
        del sample[sample.rfind(b"\n", 0, _SAMPLE_BYTES) + 1 or _SAMPLE_BYTES :]
    return bytes(sample), num_strange / max(1, num_read)


def _strange_lines(block: bytes) -> Iterator[bytes]:
    if not block.isascii():
        yield from (line for line in block.splitlines(keepends=True) if not line.isascii())


def _matches(sample: bytes) -> list[tuple[list[str], float, float]]:
    """Groups of encodings that give the same text, with its chaos and coherence, the likeliest first."""
    from charset_normalizer import from_bytes

    # A cut inside a character of several bytes would rule out the right encoding: try a few places.
    cuts = range(4) if len(sample) == _SAMPLE_BYTES else range(1)
    found = [from_bytes(sample[: len(sample) - cut], cp_isolation=_ENCODINGS) for cut in cuts]
    best = min(filter(None, found), key=lambda matches: matches[0].chaos, default=())
    return [(match.could_be_from_charset, match.chaos, match.coherence) for match in best]
