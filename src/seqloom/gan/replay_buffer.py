"""The last texts that a generator wrote: a discriminator learns from them more than once, and their variety is seen."""

import torch
from torch import Tensor
from torch.nn.functional import pad

from seqloom.gan.rollout import Drafts
from seqloom.gan.short_texts import Batch, joined

__all__ = ["Shelf"]


class Shelf:
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
        self._held: Batch | None = None

    def put(self, drafts: Drafts, wanted: Batch) -> Batch:
        """Add as many texts as a batch has, which were written to its ratings; they are given as they are held."""
        count, missing = len(wanted.ratings), self._length - drafts.tokens.shape[1]
        new = Batch(
            pad(drafts.tokens[:count], (0, missing), value=self._boundary),
            pad(drafts.kept[:count], (0, missing), value=False),
            wanted.ratings,
            wanted.levels,
        )
        old = self._held
        self._held = new if old is None else joined(old, new)
        self._held = self.newest(self.room)
        return new

    def newest(self, count: int) -> Batch:
        """The last that were put here; all where there are fewer."""
        return self._chosen(slice(-count, None))

    def drawn(self, count: int, random: torch.Generator) -> Batch:
        """Some of them, with replacement."""
        held = self.newest(self.room)
        places = torch.randint(len(held.tokens), (count,), generator=random, device=random.device)
        return self._chosen(places)

    def ids(self) -> list[list[int]]:
        """The ids of each, without the boundary."""
        return self.newest(self.room).ids(self._boundary)

    def state(self) -> dict[str, Tensor]:
        """What `restore` takes."""
        return {} if self._held is None else self._held._asdict()

    def restore(self, state: dict[str, Tensor]) -> None:
        """Hold what another one held.

        Raises:
            TypeError, ValueError: it is of another shelf.
        """
        held = Batch(**state) if state else None
        if held is not None and held.tokens.shape[1] != self._length:
            raise ValueError(f"got texts of {held.tokens.shape[1]} tokens: there is a place for {self._length} each")
        self._held = held

    def _chosen(self, places: slice | Tensor) -> Batch:
        assert self._held is not None
        return Batch(*(part[places] for part in self._held))
