"""Codec of tunes in ABC notation: its tokens are those of the notation, so a text is its own list of labels."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from seqloom.codecs.base import TokenIds
from seqloom.codecs.named_tokens import NamedTokens
from seqloom.codecs.unknown_symbols import UnknownSymbol, describe_unknown
from seqloom.corpora.abc.parser import parse_tune
from seqloom.corpora.abc.tokens import NOTE, tokens_of
from seqloom.corpora.abc.tune import AbcTune, tune_from_text
from seqloom.errors import CodecError

__all__ = ["AbcCodec"]


class AbcCodec(NamedTokens[AbcTune]):
    """Fields, notes, lengths, bar lines and the other signs of ABC."""

    level = "abc"
    separator: ClassVar[str] = ""
    has_rules: ClassVar[bool] = True
    payload_type = AbcTune
    unit = "note"

    @classmethod
    def names_of(cls, payload: AbcTune) -> Sequence[str]:
        """Return the tokens of a tune."""
        return [token.text for token in tokens_of(payload.text)]

    @classmethod
    def payload_of(cls, names: Iterable[str]) -> AbcTune:
        """Return the tune of tokens; it may have faults, which the parser reports."""
        return tune_from_text("".join(names))

    @classmethod
    def is_unit(cls, name: str) -> bool:
        """Return whether a token is a note."""
        return NOTE.fullmatch(name) is not None

    def faults(self, ids: TokenIds) -> list[str]:
        """Return what the parser finds wrong in the tune of token ids."""
        tokens = self.vocabulary.tokens
        return parse_tune("".join(name for token in ids if isinstance(name := tokens[int(token)], str))).faults

    def encode_text(self, text: str, *, skip_unknown: bool = False) -> Int[np.ndarray, " tokens"]:
        """Return the token ids of a prompt, which is the beginning of a tune in ABC.

        Raises:
            CodecError: a token is not in the vocabulary, and `skip_unknown` is False.
        """
        unknown = self.unknown_symbols(text)
        if unknown and not skip_unknown:
            raise CodecError(describe_unknown(unknown, skippable=True))
        ids = self.vocabulary.ids
        return np.array([ids[token.text] for token in tokens_of(text) if token.text in ids], np.int64)

    def unknown_symbols(self, text: str) -> list[UnknownSymbol]:
        """Return the tokens of a prompt that the corpus lacks, with their positions."""
        ids = self.vocabulary.ids
        return [(token.position, token.text) for token in tokens_of(text) if token.text not in ids]

    def known_text(self, text: str) -> str:
        """Return a prompt without the tokens that the corpus lacks."""
        ids = self.vocabulary.ids
        return "".join(token.text for token in tokens_of(text) if token.text in ids)
