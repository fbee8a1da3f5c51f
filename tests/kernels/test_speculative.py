"""Which shapes a step of several tokens is worth it for."""

import numpy as np
import pytest

from seqloom.config import ModelConfig
from seqloom.errors import RunError
from seqloom.kernels.speculative import usual_ahead
from seqloom.kernels.weights import draft_weights


@pytest.mark.parametrize(
    ("core", "sizes", "vocabulary", "weight_bytes", "expected"),
    [
        ("conv", (192,) * 6, 84, 2_700_000, 3),
        ("conv", (128,) * 6, 84, 1_200_000, 1),
        ("lstm", (128,), 84, 87_000, 1),
        ("lstm", (1024, 1024), 84, 13_000_000, 1),
        ("lstm", (256,), 20_000, 5_500_000, 3),
        ("gru", (256,), 20_000, 5_500_000, 3),
        ("lstm", (256,), 6_000, 2_000_000, 1),
        ("lstm", (512, 512), 20_000, 14_000_000, 1),
    ],
)
def test_large_convolutions_and_vocabularies_are_worth_it(core, sizes, vocabulary, weight_bytes, expected):
    config = ModelConfig(core=core, hidden_sizes=sizes, vocabulary=vocabulary)
    assert usual_ahead(config, weight_bytes, 3) == expected
    assert usual_ahead(config, weight_bytes, 1) == 1


def heads(**changed):
    arrays = {"head.bias": np.array([0, 3, 1, 3, 2], np.float32)}
    arrays |= {"head.ahead.0.weight": np.arange(10, dtype=np.float32).reshape(5, 2)}
    return arrays | {"head.ahead.0.bias": np.arange(5, dtype=np.float32)} | changed


def test_the_most_frequent_tokens_are_drafted():
    found = draft_weights(ModelConfig(vocabulary=5, hidden_sizes=(2,), prediction_heads=2), heads(), 3)
    assert found.tokens.tolist() == [1, 3, 4]
    assert found.weight.tolist() == [[[2, 3], [6, 7], [8, 9]]]
    assert found.bias.tolist() == [[1, 3, 4]]


def test_a_model_trained_for_one_token_drafts_nothing():
    found = draft_weights(ModelConfig(vocabulary=5, hidden_sizes=(2,)), heads(), 512)
    assert found.weight.shape == (0, 5, 2)


def test_a_lacking_head_is_told():
    with pytest.raises(RunError, match=r"lack head.ahead.1.weight of shape \[5, 2\]"):
        draft_weights(ModelConfig(vocabulary=5, hidden_sizes=(2,), prediction_heads=3), heads(), 512)


def test_a_head_that_does_not_fit_is_told():
    faulty = heads(**{"head.ahead.0.bias": np.zeros(4, np.float32)})
    with pytest.raises(RunError, match=r"head.ahead.0.bias has shape \[4\], expected \[5\]"):
        draft_weights(ModelConfig(vocabulary=5, hidden_sizes=(2,), prediction_heads=2), faulty, 3)
