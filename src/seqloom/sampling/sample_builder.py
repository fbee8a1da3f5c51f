"""Build a sample from tokens that arrive in chunks.

The boundary is the token that ends a text; it adds no bytes.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float64, Int32

from seqloom.sampling.sample import FinishReason, Sample, SpeculativeStats
from seqloom.sampling.stop_strings import TextBuffer

__all__ = ["Detokenizer", "SampleBuilder", "make_detokenizer"]

Tokens = Int32[np.ndarray, " time"]

Detokenizer = Callable[[Tokens], bytes]
"""Function from token ids to their bytes, joined."""


class SampleBuilder:
    """Collect the tokens and the text of one sample; the result does not depend on how the tokens are chunked.

    Args:
        index: index of the sample.
        seed: seed of the draws.
        stops: stop strings in UTF-8.
        min_length: number of tokens after which stop strings count.
        detokenize: function from tokens to bytes.
        first_token_prefix: first bytes of the first token, which belong to the prompt and not to the text.
        text_before: bytes of the prompt, in which a stop string may begin.
    """

    def __init__(
        self,
        index: int,
        seed: int,
        stops: Sequence[bytes],
        min_length: int,
        detokenize: Detokenizer,
        first_token_prefix: bytes = b"",
        text_before: bytes = b"",
    ) -> None:
        self._index, self._seed, self._stops, self._min_length = index, seed, stops, min_length
        self._detokenize, self._first_token_prefix = detokenize, first_token_prefix
        self._longest_stop = max(map(len, stops), default=1)
        self._buffer = TextBuffer(stops, text_before)
        self._pieces: list[str] = []
        self._tokens: list[Tokens] = [np.zeros(0, np.int32)]
        self._log_probs: list[Float64[np.ndarray, "distributions time"]] = [np.zeros((2, 0))]
        self._num_tokens = 0

    @property
    def num_tokens(self) -> int:
        """Number of tokens so far, those of a stop string included."""
        return self._num_tokens

    @property
    def stopped(self) -> bool:
        """Whether a stop string was found; later tokens are dropped."""
        return self._buffer.stopped

    def add(self, tokens: Tokens, log_probs: Float64[np.ndarray, "distributions drawn"]) -> str:
        """Append tokens.

        Args:
            tokens: next tokens, without the boundary.
            log_probs: log-probabilities of the drawn tokens in nats: under the model (row 0), and under the
                distribution from which each token was drawn (row 1). If the boundary was drawn, the last column belongs
                to it.

        Returns:
            The text that has become final: no later token can turn its end into a stop string.
        """
        num_before = self._num_tokens
        num_without_stops = min(max(0, self._min_length - num_before), len(tokens))
        piece = self._append(tokens[:num_without_stops]) if num_without_stops else ""
        if self._num_tokens >= self._min_length:
            self._buffer.enable_stops()
            piece += self._append(tokens[num_without_stops:])
        num_appended = self._num_tokens - num_before  # fewer than `tokens` if a stop string was found
        self._log_probs.append(log_probs[:, :num_appended] if self.stopped else log_probs)
        return self._keep_piece(piece)

    def finish(self, reason: FinishReason, speculative: SpeculativeStats | None = None) -> tuple[str, Sample]:
        """Return the text that `add` has not returned yet, and the sample."""
        piece = self._keep_piece(self._buffer.finish())
        log_prob, sampling_log_prob = map(math.fsum, np.concatenate(self._log_probs, axis=1).tolist())
        sample = Sample(
            index=self._index,
            seed=self._seed,
            tokens=tuple(np.concatenate(self._tokens).tolist()),
            text="".join(self._pieces),
            log_prob=log_prob,
            sampling_log_prob=sampling_log_prob,
            finish_reason="stop" if self.stopped else reason,
            speculative=speculative,
        )
        return piece, sample

    def _append(self, tokens: Tokens) -> str:
        """Append the tokens up to a stop string, and return the text that has become final.

        The tokens are appended together or, if they complete a stop string, one by one until it is complete.
        """
        data = self._text_bytes(tokens, self._num_tokens)
        if not self._contains_stop(data):
            piece = self._buffer.add(data)
        else:
            piece, count = "", 0
            while count < len(tokens) and not self.stopped:
                piece += self._buffer.add(self._text_bytes(tokens[count : count + 1], self._num_tokens + count))
                count += 1
            tokens = tokens[:count]
        self._tokens.append(tokens)
        self._num_tokens += len(tokens)
        return piece

    def _text_bytes(self, tokens: Tokens, position: int) -> bytes:
        """Return the bytes that tokens add to the text; `position` is the number of tokens before them."""
        data = self._detokenize(tokens)
        return data if position else data.removeprefix(self._first_token_prefix)

    def _contains_stop(self, data: bytes) -> bool:
        """Return whether `data` may complete a stop string after the text so far."""
        recent = self._buffer.recent(self._longest_stop) + data if self._stops else b""
        return any(stop in recent for stop in self._stops)

    def _keep_piece(self, piece: str) -> str:
        if piece:
            self._pieces.append(piece)
        return piece


def make_detokenizer(token_bytes: Sequence[bytes], boundary: int | None) -> Detokenizer:
    """Return a detokenizer; it uses a lookup table if every token except the boundary is one byte."""
    if all(len(piece) == 1 or token == boundary for token, piece in enumerate(token_bytes)):
        table = np.array([piece[0] if len(piece) == 1 else 0 for piece in token_bytes], np.uint8)
        return lambda tokens: table[tokens].tobytes()
    bytes_of = token_bytes.__getitem__
    return lambda tokens: b"".join(map(bytes_of, tokens.tolist()))
