"""Which texts a detector learned from.

Every pattern of such a text stood in a text before: in itself. It is judged by what all the others know.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from jaxtyping import Bool, Int8, UInt64

__all__ = ["GENERATED_BEFORE", "NEW", "REAL_BEFORE", "KnownTexts", "digests"]

NEW, REAL_BEFORE, GENERATED_BEFORE = -1, 0, 1
"""What a text is to a detector: not known, or learned from as one side or the other."""


@dataclass(frozen=True)
class KnownTexts:
    """Digests of texts, ascending.

    Attributes:
        real: of real texts.
        generated: of generated ones.
    """

    real: UInt64[np.ndarray, " real"]
    generated: UInt64[np.ndarray, " generated"]

    @classmethod
    def of(cls, found: UInt64[np.ndarray, " texts"], generated: Bool[np.ndarray, " texts"]) -> "KnownTexts":
        """From the `digests` of texts, and which of them were generated."""
        return cls(np.unique(found[~generated]), np.unique(found[generated]))

    def sides(self, texts: Sequence[str]) -> Int8[np.ndarray, " texts"]:
        """`NEW`, `REAL_BEFORE` or `GENERATED_BEFORE` for each text."""
        found, sides = digests(texts), np.full(len(texts), NEW, np.int8)
        for side, known in ((REAL_BEFORE, self.real), (GENERATED_BEFORE, self.generated)):
            if len(known):
                at = np.searchsorted(known, found).clip(max=len(known) - 1)
                sides[known[at] == found] = side
        return sides

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What `from_arrays` needs."""
        return {"real": self.real, "generated": self.generated}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "KnownTexts":
        """What `to_arrays` described."""
        return cls(arrays["real"], arrays["generated"])


def digests(texts: Sequence[str]) -> UInt64[np.ndarray, " texts"]:
    """64 bits of each text, but for white space at its ends."""
    joined = b"".join(blake2b(text.strip().encode(), digest_size=8).digest() for text in texts)
    return np.frombuffer(joined, np.uint64)
