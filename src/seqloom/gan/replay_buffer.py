"""Keep recent generated texts, for the discriminator to learn from more than once."""

import torch
from torch import Tensor
from torch.nn.functional import pad

from seqloom.gan.rollout import Rollout
from seqloom.gan.short_texts import TextBatch, concatenate

__all__ = ["ReplayBuffer"]

_STORED_NAMES = ("tokens", "kept", "ratings", "levels")
"""Keys of the fields of `TextBatch`, in order, in a stored training state.

They are those of the first version, so that old files can be read: "ratings" is the key of `conditions`, and "levels"
is the key of `ratings`.
"""


class ReplayBuffer:
    """A first-in, first-out buffer of generated texts (like the image history of Shrivastava et al. 2017).

    Args:
        capacity: number of texts.
        length: number of tokens to which every text is padded.
        boundary: end-of-text id.

    Attributes:
        capacity: number of texts.
    """

    def __init__(self, capacity: int, length: int, boundary: int) -> None:
        self.capacity, self._length, self._boundary = capacity, length, boundary
        self._texts: TextBatch | None = None

    def append(self, rollout: Rollout, requested: TextBatch) -> TextBatch:
        """Add the texts that were generated for a batch, and return them padded to the buffer's length.

        Args:
            rollout: generated texts, one for each text in `requested`; further texts are left out, such as those that
                the generator's training generates at a low temperature.
            requested: batch with the conditions and ratings that the texts were generated for.
        """
        count, padding = len(requested.conditions), self._length - rollout.tokens.shape[1]
        new = TextBatch(
            pad(rollout.tokens[:count], (0, padding), value=self._boundary),
            pad(rollout.mask[:count], (0, padding), value=False),
            requested.conditions,
            requested.ratings,
        )
        old = self._texts
        self._texts = new if old is None else concatenate(old, new)
        self._texts = self.latest(self.capacity)
        return new

    def latest(self, count: int) -> TextBatch:
        """Return the newest `count` texts, oldest first; all texts if there are fewer."""
        return self._select(slice(-count, None))

    def sample(self, count: int, random: torch.Generator) -> TextBatch:
        """Return `count` random texts, drawn with replacement."""
        texts = self.latest(self.capacity)
        indices = torch.randint(len(texts.tokens), (count,), generator=random, device=random.device)
        return self._select(indices)

    def ids(self) -> list[list[int]]:
        """Return the token ids of each text, without the boundary."""
        return self.latest(self.capacity).ids(self._boundary)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the tensors that `load_state_dict` accepts."""
        return {} if self._texts is None else dict(zip(_STORED_NAMES, self._texts, strict=True))

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Replace the contents with those of another buffer.

        Raises:
            KeyError, ValueError: the state lacks a tensor, or has texts that are padded to another length.
        """
        texts = TextBatch(*(state[name] for name in _STORED_NAMES)) if state else None
        if texts is not None and texts.tokens.shape[1] != self._length:
            raise ValueError(
                f"got texts of {texts.tokens.shape[1]} tokens, but those of the buffer have {self._length}"
            )
        self._texts = texts

    def _select(self, indices: slice | Tensor) -> TextBatch:
        assert self._texts is not None
        return TextBatch(*(part[indices] for part in self._texts))
