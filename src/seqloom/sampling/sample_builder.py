"""A sample while it is written, from tokens that come in chunks."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float64, Int32

from seqloom.sampling.sample import FinishReason, Sample, SpeculativeStats
from seqloom.sampling.stop_strings import TextBuffer

__all__ = ["SampleBuilder", "Spell", "make_detokenizer"]

Tokens = Int32[np.ndarray, " time"]

Spell = Callable[[Tokens], bytes]
"""The bytes of tokens."""


class SampleBuilder:
    """One sample's tokens and text so far: the same however the tokens were chunked.

    Args:
        index: which sample of its seed.
        seed: of the draws.
        stops: the strings that end the text, in UTF-8.
        min_length: tokens before which no stop string counts.
        spell: the bytes of tokens.
    """

    def __init__(self, index: int, seed: int, stops: Sequence[bytes], min_length: int, spell: Spell) -> None:
        self._index, self._seed, self._stops, self._min_length, self._spell = index, seed, stops, min_length, spell
        self._longest = max(map(len, stops), default=1)
        self._text = TextBuffer(stops)
        self._pieces: list[str] = []
        self._tokens: list[Tokens] = [np.zeros(0, np.int32)]
        self._nats: list[Float64[np.ndarray, "two time"]] = [np.zeros((2, 0))]
        self._num_tokens = 0

    @property
    def stopped(self) -> bool:
        """Whether a stop string was found: what comes after it is dropped."""
        return self._text.stopped

    def add(self, tokens: Tokens, nats: Float64[np.ndarray, "two drawn"]) -> str:
        """Write tokens.

        Args:
            tokens: the next ones; the boundary is none of them.
            nats: of each draw, under the model and under what was drawn from; one more where the boundary was drawn.

        Returns:
            The text that can be shown now.
        """
        before = self._num_tokens
        early = min(max(0, self._min_length - before), len(tokens))
        piece = self._write(tokens[:early]) if early else ""
        if self._num_tokens >= self._min_length:
            self._text.watch()
            piece += self._write(tokens[early:])
        self._nats.append(nats[:, : self._num_tokens - before] if self.stopped else nats)
        return self._shown(piece)

    def finish(self, reason: FinishReason, drafting: SpeculativeStats | None = None) -> tuple[str, Sample]:
        """The text that was held back, and the sample."""
        piece = self._shown(self._text.finish())
        log_prob, sampling_log_prob = map(math.fsum, np.concatenate(self._nats, axis=1).tolist())
        sample = Sample(
            index=self._index,
            seed=self._seed,
            tokens=tuple(np.concatenate(self._tokens).tolist()),
            text="".join(self._pieces),
            log_prob=log_prob,
            sampling_log_prob=sampling_log_prob,
            finish_reason="stop" if self.stopped else reason,
            speculative=drafting,
        )
        return piece, sample

    def _write(self, tokens: Tokens) -> str:
        """Add the tokens up to a stop string; one at a time only where there may be one."""
        spelled = self._spell(tokens)
        if not self._may_stop(spelled):
            piece = self._text.add(spelled)
        else:
            piece, count = "", 0
            while count < len(tokens) and not self.stopped:
                piece += self._text.add(self._spell(tokens[count : count + 1]))
                count += 1
            tokens = tokens[:count]
        self._tokens.append(tokens)
        self._num_tokens += len(tokens)
        return piece

    def _may_stop(self, spelled: bytes) -> bool:
        window = bytes(self._text.written[-self._longest :]) + spelled if self._stops else b""
        return any(stop in window for stop in self._stops)

    def _shown(self, piece: str) -> str:
        if piece:
            self._pieces.append(piece)
        return piece


def make_detokenizer(token_bytes: Sequence[bytes], boundary: int | None) -> Spell:
    """What spells tokens of this vocabulary; a table does it where each token but the boundary is one byte."""
    if all(len(piece) == 1 or token == boundary for token, piece in enumerate(token_bytes)):
        table = np.array([piece[0] if len(piece) == 1 else 0 for piece in token_bytes], np.uint8)
        return lambda tokens: table[tokens].tobytes()
    return lambda tokens: b"".join([token_bytes[token] for token in tokens.tolist()])
