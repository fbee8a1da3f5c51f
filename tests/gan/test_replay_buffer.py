"""The last texts are held in their order, as many as there is room for, and come back exactly."""

import pytest
import torch

from seqloom.gan.replay_buffer import Shelf
from seqloom.gan.rollout import Drafts
from seqloom.gan.short_texts import Batch

BOUNDARY = 9


def drafts(*rows):
    tokens = torch.tensor(rows)
    before = (tokens == BOUNDARY).cumsum(1) - (tokens == BOUNDARY).long()
    return Drafts(tokens, before == 0, None, None, BOUNDARY)


def wanted(*levels):
    held = torch.tensor(levels)
    return Batch(torch.zeros(len(held), 1), torch.zeros(len(held), 1), held[:, None], held)


def test_the_newest_stand_last_and_the_oldest_leave():
    shelf = Shelf(3, 4, BOUNDARY)
    shelf.put(drafts([1, BOUNDARY], [2, 3]), wanted(0.1, 0.2))
    put = shelf.put(drafts([4, 5, BOUNDARY], [6, BOUNDARY, BOUNDARY], [7, 7, 7]), wanted(0.3, 0.4))
    assert put.ids(BOUNDARY) == [[4, 5], [6]]
    assert shelf.ids() == [[2, 3], [4, 5], [6]]
    assert shelf.newest(2).levels.tolist() == torch.tensor([0.3, 0.4]).tolist()
    assert shelf.newest(3).kept.sum(1).tolist() == [2, 3, 2]
    again = Shelf(3, 4, BOUNDARY)
    again.restore(shelf.state())
    assert again.ids() == shelf.ids()
    with pytest.raises(ValueError, match="texts of 4 tokens"):
        Shelf(3, 5, BOUNDARY).restore(shelf.state())


def test_any_of_them_may_be_drawn():
    shelf = Shelf(4, 2, BOUNDARY)
    shelf.put(drafts([1, BOUNDARY], [2, BOUNDARY], [3, BOUNDARY], [4, BOUNDARY]), wanted(1.0, 2.0, 3.0, 4.0))
    drawn = shelf.drawn(200, torch.Generator().manual_seed(0))
    assert set(drawn.tokens[:, 0].tolist()) == {1, 2, 3, 4}
    assert torch.equal(drawn.tokens[:, 0].float(), drawn.levels)
