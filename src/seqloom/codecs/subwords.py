"""Byte-pair encoding of UTF-8 bytes: a frequent word is one token, a rare word a few; any text can be encoded."""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Self

from seqloom.codecs.base import JsonObject
from seqloom.codecs.pretokenizer import PieceCodec, blocks, split_pieces, subword_pattern
from seqloom.codecs.utf8 import check_surrogates
from seqloom.codecs.vocabulary import NUM_BYTES
from seqloom.corpora.document import Corpus
from seqloom.errors import CodecError, ConfigError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["SubwordCodec"]

_DEFAULT_CAP = 2_048
"""In half a million characters, each of 2,048 ids still occurs about a hundred times: a token has three characters on
average."""

_SAMPLE_CHARACTERS = 8_000_000
"""Largest sample of text in which pairs of tokens are counted. More text would change no frequent pair, but take a
second per megabyte."""

_SAMPLE_BLOCK_CHARACTERS = 1 << 16
"""Number of characters in a block of the sample."""


class SubwordCodec(PieceCodec):
    """Byte-pair encoding (Sennrich et al. 2016) of bytes (Radford et al. 2019), fitted by `tokenizers`.

    Args:
        tokenizer: JSON of the fitted tokenizer.
        boundary: id between documents, one past the tokenizer's last id, or None.

    Raises:
        CodecError: the tokenizer is damaged.
    """

    level = "subword"

    def __init__(self, tokenizer: Mapping[str, Any], boundary: int | None) -> None:
        super().__init__()
        self._tokenizer_json = tokenizer
        self._spellings = _spellings(tokenizer)
        self.boundary = boundary
        if boundary not in (None, len(self._spellings)):
            raise CodecError(f"the codec is damaged: its boundary is {boundary!r}, not null or {len(self._spellings)}")

    @classmethod
    def fit(cls, corpus: Corpus, *, vocabulary: int | None = None) -> Self:
        """Learn which pairs of tokens to merge into one, from the corpus or from an even sample of a large one.

        Args:
            corpus: training corpus.
            vocabulary: largest number of ids, the 256 bytes and the boundary included; None is 2,048.

        Raises:
            ConfigError: `vocabulary` is too small for the bytes and the boundary.
        """
        cap = _DEFAULT_CAP if vocabulary is None else vocabulary
        smallest = NUM_BYTES + corpus.has_separate_documents
        if cap < smallest:
            raise ConfigError(f"`vocabulary` got {cap}: the level subword needs {smallest} or more here")
        tokenizer = _fit_tokenizer(_sample_blocks(corpus), cap - corpus.has_separate_documents)
        return cls(tokenizer, len(tokenizer["model"]["vocab"]) if corpus.has_separate_documents else None)

    def extend(self, corpus: Corpus) -> Self:
        """Return this codec, with a boundary if `corpus` needs one; it can encode any text already."""
        return type(self)(
            self._tokenizer_json, len(self._spellings) if corpus.has_separate_documents else self.boundary
        )

    @cached_property
    def token_bytes(self) -> tuple[bytes, ...]:
        """The UTF-8 bytes of each id; the boundary has none."""
        return self._spellings + ((b"",) if self.boundary is not None else ())

    def to_json(self) -> dict[str, Any]:
        """Return the id of the boundary and the tokenizer."""
        return {"level": self.level, "boundary": self.boundary, "tokenizer": self._tokenizer_json}

    @classmethod
    def from_json(cls, stored: JsonObject) -> Self:
        """Return the codec described by `to_json`.

        Raises:
            CodecError: the description is damaged.
        """
        tokenizer, boundary = stored.get("tokenizer"), stored.get("boundary", "missing")
        if not isinstance(tokenizer, Mapping) or not isinstance(boundary, int | None):
            raise CodecError("the codec is damaged: its tokenizer or boundary is missing")
        return cls(tokenizer, boundary)

    @classmethod
    def _pattern(cls) -> re.Pattern[str]:
        return subword_pattern()

    def _encode_pieces(self, pieces: list[str]) -> Iterator[Sequence[int]]:
        return (encoding.ids for encoding in self._tokenizer.encode_batch(pieces))

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        _use_one_thread()
        from tokenizers import Tokenizer

        try:
            return Tokenizer.from_str(json.dumps(self._tokenizer_json))
        except Exception as error:  # the library raises nothing narrower
            raise CodecError(f"the codec is damaged: its tokenizer does not load ({error})") from None


def _sample_blocks(corpus: Corpus) -> list[str]:
    """Return blocks of text from all over the corpus, with `_SAMPLE_CHARACTERS` characters at most.

    Whenever the blocks exceed that size, every other block is dropped, and only half as many of the later blocks are
    taken from then on.
    """
    sampled: list[str] = []
    stride, num_characters = 1, 0
    passages = (passage for document in corpus for passage in document.text.passages())
    checked = (check_surrogates(passage) for passage in passages)
    all_blocks = (block for chunks in checked for block in _full_blocks(chunks, _SAMPLE_BLOCK_CHARACTERS))
    for number, block in enumerate(all_blocks):
        if number % stride:
            continue
        sampled.append(block)
        num_characters += len(block)
        while num_characters > _SAMPLE_CHARACTERS and len(sampled) > 1:
            sampled = sampled[::2]
            stride *= 2
            num_characters = sum(map(len, sampled))
    return sampled


def _full_blocks(chunks: Iterable[str], block_characters: int) -> Iterator[str]:
    """Yield the text of `chunks` in blocks of `block_characters` each; only the last block may be shorter."""
    rest = ""
    for chunk in chunks:
        text = rest + chunk
        num_full = len(text) // block_characters * block_characters
        yield from blocks([text[:num_full]], block_characters)
        rest = text[num_full:]
    if rest:
        yield rest


def _fit_tokenizer(texts: list[str], num_tokens: int) -> dict[str, Any]:
    """Fit a byte-level BPE tokenizer with at most `num_tokens` ids; return its JSON."""
    _use_one_thread()
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    # `split_pieces` has already cut the text, and `use_regex=False` keeps the library from cutting it again.
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=num_tokens,
        min_frequency=2,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    pieces = (pieces for text in texts for pieces in split_pieces([text], subword_pattern()))
    tokenizer.train_from_iterator(pieces, trainer)
    fitted: dict[str, Any] = json.loads(tokenizer.to_str())
    return fitted


def _use_one_thread() -> None:
    """Limit `tokenizers` to one thread: with more, it prints a warning to standard error whenever the process forks."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def _spellings(tokenizer: Mapping[str, Any]) -> tuple[bytes, ...]:
    """Return the bytes of each id.

    Raises:
        CodecError: the ids have gaps, or a byte has no token.
    """
    try:
        vocabulary: Mapping[str, int] = tokenizer["model"]["vocab"]
        by_id = sorted((index, token) for token, index in vocabulary.items())
        byte_values = _byte_values()
        spellings = tuple(bytes(byte_values[symbol] for symbol in token) for _, token in by_id)
        ids = [index for index, _ in by_id]
    except (KeyError, TypeError, AttributeError):
        raise CodecError("the codec is damaged: its tokenizer has no byte-level vocabulary") from None
    if ids != list(range(len(ids))) or not set(_byte_values()) <= vocabulary.keys():
        raise CodecError("the codec is damaged: its tokenizer lacks ids or bytes")
    return spellings


@cache
def _byte_values() -> dict[str, int]:
    """Return the byte that each character of a byte-level token stands for.

    A printable Latin-1 character stands for the byte with its code; U+0100 and the following characters stand for the
    other bytes (Radford et al. 2019).
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [value for value in range(NUM_BYTES) if value not in printable]
    codes = printable + [NUM_BYTES + number for number in range(len(others))]
    return {chr(code): value for code, value in zip(codes, printable + others, strict=True)}
