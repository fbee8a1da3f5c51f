"""Where a text stops, and how much of it can be shown already.

Everything is in bytes, so that stop strings and characters are found across the borders of tokens.
"""

import codecs
from collections.abc import Sequence

__all__ = ["TextBuffer", "find_stop", "held_back"]

Data = bytes | bytearray


def find_stop(data: Data, stops: Sequence[bytes], start: int = 0) -> int | None:
    """Where the first stop string at or after `start` begins, or None.

    First is the one that ends first, as if bytes came one by one; of those that end together, the longest. So
    the cut does not depend on how the text was split into tokens.
    """
    found = [(at + len(stop), at) for stop in stops if (at := data.find(stop, start)) >= 0]
    return min(found)[1] if found else None


def held_back(data: Data, stops: Sequence[bytes], start: int = 0) -> int:
    """How many bytes at the end of `data`, none of them before `start`, may begin a stop string."""
    longest = max((len(stop) for stop in stops), default=1) - 1
    for count in range(min(longest, len(data) - start), 0, -1):
        tail = bytes(data[len(data) - count :])
        if any(len(stop) > count and stop.startswith(tail) for stop in stops):
            return count
    return 0


class TextBuffer:
    """The bytes of one text while it is written.

    Args:
        stops: the strings that end the text.

    Attributes:
        written: all bytes so far, those of a stop string included.
        stopped: whether a stop string was found.
    """

    def __init__(self, stops: Sequence[bytes]) -> None:
        self.written = bytearray()
        self.stopped = False
        self._stops = stops
        self._longest = max((len(stop) for stop in stops), default=1)
        self._start: int | None = None
        self._released = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def watch(self) -> None:
        """From here on stop strings count, if they begin after what was written before."""
        if self._start is None:
            self._start = len(self.written)

    def add(self, piece: bytes) -> str:
        """Write a token's bytes; give the text that can be shown now, which no later token will take back."""
        searched = len(self.written)
        self.written += piece
        end = len(self.written)
        if self._start is not None and self._stops:
            cut = find_stop(self.written, self._stops, max(self._start, searched - self._longest + 1))
            if cut is not None:
                self.stopped = True
                return self._release(cut, final=True)
            end -= held_back(self.written, self._stops, self._start)
        return self._release(end)

    def finish(self) -> str:
        """Give the text that was still held back; a character that was never finished becomes U+FFFD."""
        return "" if self.stopped else self._release(len(self.written), final=True)

    def _release(self, end: int, *, final: bool = False) -> str:
        piece = self._decoder.decode(bytes(self.written[self._released : end]), final)
        self._released = end
        return piece
