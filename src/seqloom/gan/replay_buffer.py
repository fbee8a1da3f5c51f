"""The last texts that a generator wrote: a discriminator learns from them more than once, and their variety is seen."""

import torch
from torch import Tensor
from torch.nn.functional import pad

from seqloom.gan.rollout import Rollout
from seqloom.gan.short_texts import TextBatch, concatenate

__all__ = ["ReplayBuffer"]


class ReplayBuffer:
    """Holds as many texts as there is room for, the newest last (a history as in Shrivastava et al. 2017).

    Args:
        room: number of texts.
        length: tokens of the longest text.
        boundary: the id that ends a text.

    Attributes:
        room: as given.
    """

    def __init__(self, room: int, length: int, boundary: int) -> None:
        self.room, self._length, self._boundary = room, length, boundary
        self._held: TextBatch | None = None

    def append(self, drafts: Rollout, wanted: TextBatch) -> TextBatch:
        """Add as many texts as a batch has, which were written to its ratings; they are given as they are held."""
        count, missing = len(wanted.ratings), self._length - drafts.tokens.shape[1]
        new = TextBatch(
            pad(drafts.tokens[:count], (0, missing), value=self._boundary),
            pad(drafts.kept[:count], (0, missing), value=False),
            wanted.ratings,
            wanted.levels,
        )
        old = self._held
        self._held = new if old is None else concatenate(old, new)
        self._held = self.latest(self.room)
        return new

    def latest(self, count: int) -> TextBatch:
        """The last that were put here; all where there are fewer."""
        return self._chosen(slice(-count, None))

    def sample(self, count: int, random: torch.Generator) -> TextBatch:
        """Some of them, with replacement."""
        held = self.latest(self.room)
        places = torch.randint(len(held.tokens), (count,), generator=random, device=random.device)
        return self._chosen(places)

    def ids(self) -> list[list[int]]:
        """The ids of each, without the boundary."""
        return self.latest(self.room).ids(self._boundary)

    def state_dict(self) -> dict[str, Tensor]:
        """What `restore` takes."""
        return {} if self._held is None else self._held._asdict()

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Hold what another one held.

        Raises:
            TypeError, ValueError: it is of another shelf.
        """
        held = TextBatch(**state) if state else None
        if held is not None and held.tokens.shape[1] != self._length:
            raise ValueError(f"got texts of {held.tokens.shape[1]} tokens: there is a place for {self._length} each")
        self._held = held

    def _chosen(self, places: slice | Tensor) -> TextBatch:
        assert self._held is not None
        return TextBatch(*(part[places] for part in self._held))
