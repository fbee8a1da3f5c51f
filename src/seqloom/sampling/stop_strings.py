"""Stop strings, and the part of a text that can be shown already.

Everything is in bytes, so that stop strings and characters are found across token boundaries.
"""

import codecs
from collections.abc import Sequence

__all__ = ["TextBuffer", "find_stop", "partial_stop_length"]

Data = bytes | bytearray


def find_stop(data: Data, stops: Sequence[bytes], start: int = 0) -> int | None:
    """Return the offset of the first stop string at or after `start`, or None.

    The first stop string is the one that ends first; of those that end together, the longest. So the cut does not
    depend on how the text is split into tokens.
    """
    matches = [(at + len(stop), at) for stop in stops if (at := data.find(stop, start)) >= 0]
    return min(matches)[1] if matches else None


def partial_stop_length(data: Data, stops: Sequence[bytes], start: int = 0) -> int:
    """Return how many bytes at the end of `data`, from `start` on, may be the beginning of a stop string."""
    longest = max((len(stop) for stop in stops), default=1) - 1
    for count in range(min(longest, len(data) - start), 0, -1):
        tail = bytes(data[len(data) - count :])
        if any(len(stop) > count and stop.startswith(tail) for stop in stops):
            return count
    return 0


class TextBuffer:
    """The bytes of one text during its generation.

    Args:
        stops: stop strings.

    Attributes:
        text: all bytes so far, including those of a stop string.
        stopped: whether a stop string was found.
    """

    def __init__(self, stops: Sequence[bytes]) -> None:
        self.text = bytearray()
        self.stopped = False
        self._stops = stops
        self._longest = max((len(stop) for stop in stops), default=1)
        self._start: int | None = None
        self._released = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def enable_stops(self) -> None:
        """Search for stop strings from here on."""
        if self._start is None:
            self._start = len(self.text)

    def add(self, piece: bytes) -> str:
        """Append a token's bytes; return the text that has become final."""
        searched = len(self.text)
        self.text += piece
        end = len(self.text)
        if self._start is not None and self._stops:
            cut = find_stop(self.text, self._stops, max(self._start, searched - self._longest + 1))
            if cut is not None:
                self.stopped = True
                return self._release(cut, final=True)
            end -= partial_stop_length(self.text, self._stops, self._start)
        return self._release(end)

    def finish(self) -> str:
        """Return the remaining text; an incomplete character becomes U+FFFD."""
        return "" if self.stopped else self._release(len(self.text), final=True)

    def _release(self, end: int, *, final: bool = False) -> str:
        piece = self._decoder.decode(bytes(self.text[self._released : end]), final)
        self._released = end
        return piece
