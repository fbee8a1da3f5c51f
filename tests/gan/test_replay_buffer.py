"""The last texts are held in their order, as many as there is room for, and come back exactly."""

import pytest
import torch

from seqloom.gan.replay_buffer import ReplayBuffer
from seqloom.gan.rollout import Rollout
from seqloom.gan.short_texts import TextBatch

BOUNDARY = 9


def drafts(*rows):
    tokens = torch.tensor(rows)
    before = (tokens == BOUNDARY).cumsum(1) - (tokens == BOUNDARY).long()
    return Rollout(tokens, before == 0, None, None, BOUNDARY)


def wanted(*levels):
    held = torch.tensor(levels)
    return TextBatch(torch.zeros(len(held), 1), torch.zeros(len(held), 1), held[:, None], held)


def test_the_newest_stand_last_and_the_oldest_leave():
    shelf = ReplayBuffer(3, 4, BOUNDARY)
    shelf.append(drafts([1, BOUNDARY], [2, 3]), wanted(0.1, 0.2))
    put = shelf.append(drafts([4, 5, BOUNDARY], [6, BOUNDARY, BOUNDARY], [7, 7, 7]), wanted(0.3, 0.4))
    assert put.ids(BOUNDARY) == [[4, 5], [6]]
    assert shelf.ids() == [[2, 3], [4, 5], [6]]
    assert shelf.latest(2).levels.tolist() == torch.tensor([0.3, 0.4]).tolist()
    assert shelf.latest(3).kept.sum(1).tolist() == [2, 3, 2]
    again = ReplayBuffer(3, 4, BOUNDARY)
    again.load_state_dict(shelf.state_dict())
    assert again.ids() == shelf.ids()
    with pytest.raises(ValueError, match="texts of 4 tokens"):
        ReplayBuffer(3, 5, BOUNDARY).load_state_dict(shelf.state_dict())


def test_any_of_them_may_be_drawn():
    shelf = ReplayBuffer(4, 2, BOUNDARY)
    shelf.append(drafts([1, BOUNDARY], [2, BOUNDARY], [3, BOUNDARY], [4, BOUNDARY]), wanted(1.0, 2.0, 3.0, 4.0))
    drawn = shelf.sample(200, torch.Generator().manual_seed(0))
    assert set(drawn.tokens[:, 0].tolist()) == {1, 2, 3, 4}
    assert torch.equal(drawn.tokens[:, 0].float(), drawn.levels)
