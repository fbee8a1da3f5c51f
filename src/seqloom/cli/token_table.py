"""Summarise token scores: the mean, the share of tokens among the likeliest, and the most surprising tokens."""

import heapq
import math
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from seqloom.cli.live_panel import one_line
from seqloom.cli.output import print_table, visible

if TYPE_CHECKING:
    from seqloom.codecs.text import TextCodec
    from seqloom.evaluation.token_scores import TokenScore

__all__ = ["Surprises"]

_RANKS = (1, 10, 100)
_MOST = 10
_CONTEXT_TOKENS = 30
_BAR = 30


class Surprises:
    """Running summary of token scores, in bounded memory.

    Args:
        codec: codec of the tokens.
    """

    def __init__(self, codec: "TextCodec") -> None:
        self._codec = codec
        self._nats = self._entropy = 0.0
        self._tokens = self._characters = 0
        self._within = [0] * len(_RANKS)
        self._most: list[tuple[float, int, str, str]] = []

    def add(self, document: Iterable["TokenScore"]) -> None:
        """Count one document."""
        characters = self._codec.units_per_token
        before: deque[int] = deque(maxlen=_CONTEXT_TOKENS)
        for score in document:
            self._nats -= score.log_prob
            self._entropy += score.entropy
            self._tokens += 1
            self._characters += int(characters[score.token])
            for index, limit in enumerate(_RANKS):
                self._within[index] += score.rank < limit
            if len(self._most) < _MOST or -score.log_prob > self._most[0][0]:
                self._remember(score, before)
            before.append(score.token)

    def _remember(self, score: "TokenScore", before: Iterable[int]) -> None:
        entry = (-score.log_prob, -self._tokens, self._codec.decode_text(before), self._spelled(score.token))
        if any(entry[2:] == other[2:] for other in self._most):
            return
        if len(self._most) < _MOST:
            heapq.heappush(self._most, entry)
        else:
            heapq.heapreplace(self._most, entry)

    def _spelled(self, token: int) -> str:
        return "(end)" if token == self._codec.boundary else self._codec.decode_text([token])

    def print(self) -> None:
        """Print the summary."""
        tokens = max(1, self._tokens)
        rows = [
            ("tokens", f"{self._tokens:,}"),
            ("nats per token", f"{self._nats / tokens:.4f}"),
            ("bits per character", f"{self._nats / math.log(2) / max(1, self._characters):.4f}"),
            ("entropy", f"{self._entropy / tokens:.4f} nats, on average"),
        ]
        shares = [count / tokens for count in self._within]
        for limit, share in zip(_RANKS, shares, strict=True):
            name = "likeliest" if limit == 1 else f"of the {limit} likeliest"
            rows.append((name, f"{share:6.1%}  {'█' * round(_BAR * share)}"))
        print_table(rows)
        if self._most:
            print("\nmost surprising tokens (nats, text before, token):")
        print_table(
            [
                (f"{nats:7.2f}", visible(one_line(before)).rjust(_CONTEXT_TOKENS), visible(one_line(token)))
                for nats, _, before, token in sorted(self._most, reverse=True)
            ]
        )
