"""Byte-pair encoding of UTF-8 bytes: frequent words are one token, rare ones a few; it can spell any text."""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Self

from seqloom.codecs.pretokenizer import PieceCodec, blocks, split, subword_pattern
from seqloom.codecs.utf8 import spellable
from seqloom.codecs.vocabulary import NUM_BYTES
from seqloom.corpora.document import Corpus
from seqloom.errors import CodecError, ConfigError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["SubwordCodec"]

_DEFAULT_CAP = 2_048
"""In half a million characters each id still occurs a hundred times, and a token spells three characters."""

_SAMPLE_CHARACTERS = 8_000_000
"""Pairs are counted in at most so much text: more moves no frequent pair, and takes a second a megabyte."""

_SAMPLE_BLOCK = 1 << 16


class SubwordCodec(PieceCodec):
    """Byte-pair encoding (Sennrich et al. 2016) of bytes (Radford et al. 2019), fitted by `tokenizers`.

    Args:
        tokenizer: the fitted tokenizer's own JSON.
        boundary: the id between documents, the one after the tokenizer's last, or None.

    Raises:
        CodecError: the tokenizer is damaged.
    """

    level = "subword"

    def __init__(self, tokenizer: Mapping[str, Any], boundary: int | None) -> None:
        super().__init__()
        self._stored = tokenizer
        self._spellings = _spellings(tokenizer)
        self.boundary = boundary
        if boundary not in (None, len(self._spellings)):
            raise CodecError(f"the codec is damaged: its boundary is {boundary!r}, not null or {len(self._spellings)}")

    @classmethod
    def fit(cls, corpus: Corpus, *, vocabulary: int | None = None) -> Self:
        """Learn the merges from the corpus, or from an even sample of it if it is large.

        Args:
            corpus: what to read.
            vocabulary: at most so many ids, the 256 bytes and the boundary included; None is 2,048.

        Raises:
            ConfigError: the cap is below the bytes and the boundary.
        """
        cap = _DEFAULT_CAP if vocabulary is None else vocabulary
        needed = NUM_BYTES + corpus.separate
        if cap < needed:
            raise ConfigError(f"`vocabulary` got {cap}: the level subword needs {needed} or more here")
        tokenizer = _fitted(_sample(corpus), cap - corpus.separate)
        return cls(tokenizer, len(tokenizer["model"]["vocab"]) if corpus.separate else None)

    def extend(self, corpus: Corpus) -> Self:
        """This codec, with a boundary if `corpus` needs one; it can spell everything already."""
        return type(self)(self._stored, len(self._spellings) if corpus.separate else self.boundary)

    @cached_property
    def token_bytes(self) -> tuple[bytes, ...]:
        """The UTF-8 bytes that each id stands for; the boundary's are empty."""
        return self._spellings + ((b"",) if self.boundary is not None else ())

    def to_json(self) -> dict[str, Any]:
        """The boundary's id and the tokenizer."""
        return {"level": self.level, "boundary": self.boundary, "tokenizer": self._stored}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The codec that `to_json` described.

        Raises:
            CodecError: the description is damaged.
        """
        tokenizer, boundary = stored.get("tokenizer"), stored.get("boundary", "missing")
        if not isinstance(tokenizer, Mapping) or not isinstance(boundary, int | None):
            raise CodecError("the codec is damaged: it lacks its tokenizer, or does not say whether it has a boundary")
        return cls(tokenizer, boundary)

    @classmethod
    def _pattern(cls) -> re.Pattern[str]:
        return subword_pattern()

    def _spell(self, pieces: list[str]) -> Iterator[Sequence[int]]:
        return (encoding.ids for encoding in self._tokenizer.encode_batch(pieces))

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        _quiet()
        from tokenizers import Tokenizer

        try:
            return Tokenizer.from_str(json.dumps(self._stored))
        except Exception as error:  # the library raises nothing narrower
            raise CodecError(f"the codec is damaged: its tokenizer does not load ({error})") from None


def _sample(corpus: Corpus) -> list[str]:
    """The corpus in blocks; whenever there is too much of it, every other block is dropped from there on."""
    kept: list[str] = []
    stride, size = 1, 0
    passages = (passage for document in corpus for passage in document.passages())
    all_blocks = (block for passage in passages for block in _filled(spellable(passage), _SAMPLE_BLOCK))
    for number, block in enumerate(all_blocks):
        if number % stride:
            continue
        kept.append(block)
        size += len(block)
        while size > _SAMPLE_CHARACTERS and len(kept) > 1:
            kept = kept[::2]
            stride *= 2
            size = sum(map(len, kept))
    return kept


def _filled(chunks: Iterable[str], size: int) -> Iterator[str]:
    """The text of `chunks` in blocks of `size` characters, however it was chunked; the last may be shorter."""
    rest = ""
    for chunk in chunks:
        text = rest + chunk
        full = len(text) // size * size
        yield from blocks([text[:full]], size)
        rest = text[full:]
    if rest:
        yield rest


def _fitted(texts: list[str], num_tokens: int) -> dict[str, Any]:
    """The JSON of a byte-level BPE tokenizer with at most `num_tokens` ids."""
    _quiet()
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    # A piece is handed over whole: the cuts are made before, by one rule for any text.
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=num_tokens,
        min_frequency=2,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    pieces = (pieces for text in texts for pieces in split([text], subword_pattern()))
    tokenizer.train_from_iterator(pieces, trainer)
    fitted: dict[str, Any] = json.loads(tokenizer.to_str())
    return fitted


def _quiet() -> None:
    """Keep `tokenizers` to one thread: with more, it warns on standard error whenever the process forks."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def _spellings(tokenizer: Mapping[str, Any]) -> tuple[bytes, ...]:
    """The bytes of each id.

    Raises:
        CodecError: the ids have gaps, or a byte cannot be spelled.
    """
    try:
        vocabulary: Mapping[str, int] = tokenizer["model"]["vocab"]
        by_id = sorted(vocabulary.items(), key=lambda item: item[1])
        value = _byte_values()
        spellings = tuple(bytes(value[symbol] for symbol in token) for token, _ in by_id)
        ids = [index for _, index in by_id]
    except (KeyError, TypeError, AttributeError):
        raise CodecError("the codec is damaged: its tokenizer has no byte-level vocabulary") from None
    if ids != list(range(len(ids))) or not set(_byte_values()) <= vocabulary.keys():
        raise CodecError("the codec is damaged: its tokenizer lacks ids or bytes")
    return spellings


@cache
def _byte_values() -> dict[str, int]:
    """The byte that each character of a byte-level token stands for.

    Printable Latin-1 characters stand for themselves, U+0100 and on for the rest (Radford et al. 2019).
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [value for value in range(NUM_BYTES) if value not in printable]
    codes = printable + [NUM_BYTES + number for number in range(len(others))]
    return {chr(code): value for code, value in zip(codes, printable + others, strict=True)}
