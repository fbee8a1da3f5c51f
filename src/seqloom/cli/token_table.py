"""Summarise token scores: the mean, the share of tokens among the likeliest, and the most surprising tokens."""

import heapq
import math
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from seqloom.cli.output import print_table
from seqloom.display.live_panel import one_line
from seqloom.display.terminal import visible
from seqloom.percent import format_percent

if TYPE_CHECKING:
    from seqloom.codecs.base import Codec
    from seqloom.evaluation.token_scores import TokenScore

__all__ = ["ScoreSummary"]

_RANK_LIMITS = (1, 10, 100)
"""The table shows the share of tokens among the likeliest 1, 10 and 100 predictions."""

_NUM_SURPRISES = 10
_CONTEXT_TOKENS = 30
_BAR_WIDTH = 30


class ScoreSummary:
    """Running summary of token scores, in bounded memory.

    Args:
        codec: codec of the tokens.
    """

    def __init__(self, codec: "Codec[Any]") -> None:
        self._codec = codec
        self._nats = self._entropy = 0.0
        self._tokens = self._units = 0
        self._counts_by_rank_limit = [0] * len(_RANK_LIMITS)
        # Heap of (nats, minus the token's number, text before the token, text of the token), the lowest nats first.
        self._surprises: list[tuple[float, int, str, str]] = []

    def add(self, document: Iterable["TokenScore"]) -> None:
        """Add the scores of one document to the summary."""
        units = self._codec.units_per_token
        before: deque[int] = deque(maxlen=_CONTEXT_TOKENS)
        for score in document:
            self._nats -= score.log_prob
            self._entropy += score.entropy
            self._tokens += 1
            self._units += int(units[score.token])
            for index, limit in enumerate(_RANK_LIMITS):
                self._counts_by_rank_limit[index] += score.rank < limit
            if len(self._surprises) < _NUM_SURPRISES or -score.log_prob > self._surprises[0][0]:
                self._remember(score, before)
            before.append(score.token)

    def _remember(self, score: "TokenScore", before: Iterable[int]) -> None:
        """Add a token to the surprises, unless the same token after the same text is already among them."""
        before_text, token_text = self._codec.decode_text(before), self._token_text(score.token)
        known = {(other_before, other_token) for _, _, other_before, other_token in self._surprises}
        if (before_text, token_text) in known:
            return
        entry = (-score.log_prob, -self._tokens, before_text, token_text)
        if len(self._surprises) < _NUM_SURPRISES:
            heapq.heappush(self._surprises, entry)
        else:
            heapq.heapreplace(self._surprises, entry)

    def _token_text(self, token: int) -> str:
        return "(end)" if token == self._codec.boundary else self._codec.decode_text([token])

    def print(self) -> None:
        """Print the summary."""
        tokens = max(1, self._tokens)
        rows = [
            ("tokens", f"{self._tokens:,}"),
            ("nats per token", f"{self._nats / tokens:.4f}"),
            (f"bits per {self._codec.unit}", f"{self._nats / math.log(2) / max(1, self._units):.4f}"),
            ("entropy", f"{self._entropy / tokens:.4f} nats, on average"),
        ]
        shares = [count / tokens for count in self._counts_by_rank_limit]
        for limit, share in zip(_RANK_LIMITS, shares, strict=True):
            name = "most likely token" if limit == 1 else f"among the {limit} most likely"
            rows.append((name, f"{format_percent(share, min_decimals=1):>8}  {'█' * round(_BAR_WIDTH * share)}"))
        print_table(rows)
        if self._surprises:
            print("\nmost surprising tokens (nats, text before, token):")
        print_table(
            [
                (f"{nats:7.2f}", visible(one_line(before)).rjust(_CONTEXT_TOKENS), visible(one_line(token)))
                for nats, _, before, token in sorted(self._surprises, reverse=True)
            ]
        )
