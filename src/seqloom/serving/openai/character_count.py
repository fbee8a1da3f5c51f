"""The number of characters in a text whose bytes arrive token by token."""

import codecs

__all__ = ["CharacterCount"]


class CharacterCount:
    """Counts the characters that have begun; bytes that are no UTF-8 become characters of their own, as in the text.

    Args:
        number: number of characters before the bytes.

    Attributes:
        number: number of characters that have begun so far.
    """

    def __init__(self, number: int) -> None:
        self.number = self._num_finished = number
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, spelling: bytes) -> None:
        """Count the characters of some more bytes."""
        self._num_finished += len(self._decoder.decode(spelling))
        unfinished, _ = self._decoder.getstate()
        self.number = self._num_finished + bool(unfinished)
