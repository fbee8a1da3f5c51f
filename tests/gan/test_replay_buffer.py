"""The newest texts are kept in order up to the capacity, and restored exactly."""

import pytest
import torch

from seqloom.gan.replay_buffer import ReplayBuffer
from seqloom.gan.rollout import Rollout
from seqloom.gan.short_texts import TextBatch

BOUNDARY = 9


def rollout(*rows):
    tokens = torch.tensor(rows)
    before = (tokens == BOUNDARY).cumsum(1) - (tokens == BOUNDARY).long()
    return Rollout(tokens, before == 0, None, None, BOUNDARY)


def requested(*ratings):
    values = torch.tensor(ratings)
    return TextBatch(torch.zeros(len(values), 1), torch.zeros(len(values), 1), values[:, None], values)


def test_the_newest_texts_come_last_and_the_oldest_are_dropped():
    replay = ReplayBuffer(3, 4, BOUNDARY)
    replay.append(rollout([1, BOUNDARY], [2, 3]), requested(0.1, 0.2))
    stored = replay.append(rollout([4, 5, BOUNDARY], [6, BOUNDARY, BOUNDARY], [7, 7, 7]), requested(0.3, 0.4))
    assert stored.ids(BOUNDARY) == [[4, 5], [6]]
    assert replay.ids() == [[2, 3], [4, 5], [6]]
    assert replay.latest(2).ratings.tolist() == torch.tensor([0.3, 0.4]).tolist()
    assert replay.latest(3).mask.sum(1).tolist() == [2, 3, 2]
    again = ReplayBuffer(3, 4, BOUNDARY)
    again.load_state_dict(replay.state_dict())
    assert again.ids() == replay.ids()
    with pytest.raises(ValueError, match="texts of 4 tokens"):
        ReplayBuffer(3, 5, BOUNDARY).load_state_dict(replay.state_dict())


def test_every_text_can_be_sampled():
    replay = ReplayBuffer(4, 2, BOUNDARY)
    replay.append(rollout([1, BOUNDARY], [2, BOUNDARY], [3, BOUNDARY], [4, BOUNDARY]), requested(1.0, 2.0, 3.0, 4.0))
    drawn = replay.sample(200, torch.Generator().manual_seed(0))
    assert set(drawn.tokens[:, 0].tolist()) == {1, 2, 3, 4}
    assert torch.equal(drawn.tokens[:, 0].float(), drawn.ratings)
