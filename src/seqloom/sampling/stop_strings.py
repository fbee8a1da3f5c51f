"""Stop strings, and the part of an unfinished text that can be shown already.

Everything is in bytes, so that stop strings and characters are found even if they are divided between tokens.
"""

import codecs
from collections.abc import Sequence

__all__ = ["TextBuffer", "find_stop", "partial_stop_length"]

Data = bytes | bytearray


def find_stop(data: Data, stops: Sequence[bytes], start: int = 0) -> int | None:
    """Return the offset of the first stop string at or after `start`; None if there is none.

    The first stop string is the one that ends first; of those that end together, the longest. Therefore the result does
    not depend on how the text is split into tokens.
    """
    matches = [(offset + len(stop), offset) for stop in stops if (offset := data.find(stop, start)) >= 0]
    if not matches:
        return None
    _, first_offset = min(matches)
    return first_offset


def partial_stop_length(data: Data, stops: Sequence[bytes], start: int = 0) -> int:
    """Return how many bytes at the end of `data`, from `start` on, may be the beginning of a stop string."""
    longest_beginning = max((len(stop) for stop in stops), default=1) - 1
    for count in range(min(longest_beginning, len(data) - start), 0, -1):
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
        self._longest_stop = max((len(stop) for stop in stops), default=1)
        self._stops_from: int | None = None  # offset; None until stop strings count
        self._num_released = 0  # bytes returned as text
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def enable_stops(self) -> None:
        """Search for stop strings in the bytes that follow; those before do not count."""
        if self._stops_from is None:
            self._stops_from = len(self.text)

    def add(self, piece: bytes) -> str:
        """Append bytes; return the text that has become final: no later byte can make it a part of a stop string."""
        num_searched = len(self.text)
        self.text += piece
        end = len(self.text)
        if self._stops_from is not None and self._stops:
            cut = find_stop(self.text, self._stops, max(self._stops_from, num_searched - self._longest_stop + 1))
            if cut is not None:
                self.stopped = True
                return self._release(cut, final=True)
            end -= partial_stop_length(self.text, self._stops, self._stops_from)
        return self._release(end)

    def finish(self) -> str:
        """Return the remaining text; an incomplete character becomes U+FFFD."""
        return "" if self.stopped else self._release(len(self.text), final=True)

    def _release(self, end: int, *, final: bool = False) -> str:
        """Return the new text up to byte `end`; `final` also decodes an incomplete character."""
        piece = self._decoder.decode(bytes(self.text[self._num_released : end]), final)
        self._num_released = end
        return piece
