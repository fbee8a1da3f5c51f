import math

import numpy as np
import pytest
import torch

from seqloom.config import ModelConfig
from seqloom.data.batch import IGNORED
from seqloom.errors import ConfigError
from seqloom.models.language_model import LanguageModel, num_parameters
from seqloom.models.weight_transfer import transfer_weights


def tokens(batch: int, time: int, vocabulary: int) -> torch.Tensor:
    return torch.randint(0, vocabulary, (batch, time), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("vocabulary", "sizes", "expected"),
    [
        (59, (128,), 96_256 + 7_611),
        (61, (1024, 512), 7_627_325),
        (57, (1024, 512), 7_608_889),
    ],
)
def test_the_textbooks_parameter_counts(vocabulary: int, sizes: tuple[int, ...], expected: int) -> None:
    model = LanguageModel(ModelConfig(vocabulary=vocabulary, hidden_sizes=sizes))
    assert num_parameters(model) == expected


@pytest.mark.parametrize("core", ["lstm", "gru", "conv"])
def test_resets_inside_a_window_equal_separate_readings(core: str) -> None:
    model = LanguageModel(ModelConfig(vocabulary=7, core=core, hidden_sizes=(8, 6)), seed=2)
    read = tokens(3, 12, 7)
    resets = torch.zeros(3, 12, dtype=torch.bool)
    resets[0, 5] = resets[2, 5] = resets[1, 9] = True
    hidden, _ = model(read, model.initial_state(3), resets)
    for lane, cut in ((0, 5), (1, 9), (2, 5)):
        first, _ = model(read[lane : lane + 1, :cut], model.initial_state(1))
        second, _ = model(read[lane : lane + 1, cut:], model.initial_state(1))
        assert torch.allclose(hidden[lane], torch.cat([first, second], 1)[0], atol=1e-6)


def test_the_loss_is_the_mean_negative_log_probability_of_the_targets() -> None:
    model = LanguageModel(ModelConfig(vocabulary=7, hidden_sizes=(8,)), seed=2)
    read, targets = tokens(2, 5, 7), tokens(2, 5, 7).flip(1)
    targets[1, 3] = IGNORED
    hidden, _ = model(read, model.initial_state(2))
    logits = model.logits(hidden).detach().double().numpy()
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    wanted = [
        -math.log(probabilities[lane, time, int(targets[lane, time])])
        for lane in range(2)
        for time in range(5)
        if targets[lane, time] != IGNORED
    ]
    objective, nats = model.losses(hidden, targets, IGNORED)
    assert float(nats.detach()) == pytest.approx(np.mean(wanted), abs=1e-5)
    assert float(objective.detach()) == float(nats.detach())


def test_heads_ahead_learn_the_tokens_after_the_next() -> None:
    model = LanguageModel(ModelConfig(vocabulary=5, hidden_sizes=(8,), prediction_heads=3), seed=2)
    read = tokens(2, 6, 5)
    targets = tokens(2, 6, 5)
    targets[0, 2] = IGNORED
    hidden, _ = model(read, model.initial_state(2))
    losses = model.head.losses(hidden, targets, model.output_weight, IGNORED)
    assert len(losses) == 3
    for distance, head in enumerate(model.head.ahead, start=1):
        logits = (hidden @ head.weight.t() + head.bias).log_softmax(-1).detach()
        wanted = [
            -float(logits[lane, time, targets[lane, time + distance]])
            for lane in range(2)
            for time in range(6 - distance)
            if all(targets[lane, time + step] != IGNORED for step in range(distance + 1))
        ]
        assert float(losses[distance].detach()) == pytest.approx(np.mean(wanted), abs=1e-5)


def test_ahead_heads_are_trained_together() -> None:
    model = LanguageModel(ModelConfig(vocabulary=5, hidden_sizes=(8,), prediction_heads=2), seed=2)
    hidden, _ = model(tokens(2, 6, 5), model.initial_state(2))
    model.losses(hidden, tokens(2, 6, 5), IGNORED)[0].backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in model.parameters())


def test_tied_weights_are_one_parameter() -> None:
    tied = LanguageModel(ModelConfig(vocabulary=20, hidden_sizes=(8,), embedding=8, tied=True))
    loose = LanguageModel(ModelConfig(vocabulary=20, hidden_sizes=(8,), embedding=8))
    assert num_parameters(loose) - num_parameters(tied) == 20 * 8
    hidden, _ = tied(tokens(2, 3, 20), tied.initial_state(2))
    assert torch.allclose(tied.logits(hidden), hidden @ tied.embedding.weight.t() + tied.head.bias)


@pytest.mark.parametrize("kind", ["standard", "variational"])
def test_dropout_keeps_the_mean_and_follows_its_generator(kind: str) -> None:
    model = LanguageModel(ModelConfig(vocabulary=5, hidden_sizes=(400,), dropout=0.4, dropout_kind=kind), seed=2)
    read = tokens(4, 10, 5)
    plain, _ = model(read, model.initial_state(4))
    dropped, _ = model(read, model.initial_state(4), None, torch.Generator().manual_seed(3))
    zero = (dropped == 0).float()
    # 16,000 draws (1,600 masks): five standard deviations of the share are .02 (.06)
    assert float(zero.mean()) == pytest.approx(0.4, abs=0.02 if kind == "standard" else 0.065)
    assert bool((zero == zero[:, :1]).all()) == (kind == "variational")
    kept = dropped != 0
    assert torch.allclose(dropped[kept], plain[kept] / 0.6, atol=1e-5)


@pytest.mark.parametrize("core", ["lstm", "gru", "conv"])
@pytest.mark.parametrize("embedding", [0, 6])
def test_a_larger_vocabulary_keeps_what_was_learned(core: str, embedding: int) -> None:
    small = LanguageModel(ModelConfig(vocabulary=7, core=core, hidden_sizes=(8,), embedding=embedding), seed=2)
    large = LanguageModel(ModelConfig(vocabulary=9, core=core, hidden_sizes=(8,), embedding=embedding), seed=5)
    transfer_weights(small, large)
    read = tokens(2, 6, 7)
    before = small.logits(small(read, small.initial_state(2))[0])
    after = large.logits(large(read, large.initial_state(2))[0])
    assert torch.allclose(after[..., :7], before, atol=1e-6)


def test_all_faults_of_a_shape_are_reported_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        ModelConfig(vocabulary=1, core="lstn", hidden_sizes=(0,), dropout=1.0, prediction_heads=0)
    assert len(caught.value.faults) == 5
    assert "did you mean 'lstm'" in str(caught.value)


def test_draws_follow_the_softmax() -> None:
    model = LanguageModel(ModelConfig(vocabulary=3, hidden_sizes=(4,)))
    logits = torch.log(torch.tensor([0.2, 0.3, 0.5])).expand(20_000, 3)
    drawn = model.head.draw(logits, torch.Generator().manual_seed(1))
    shares = torch.bincount(drawn, minlength=3) / 20_000
    # five standard deviations of a share of 20,000 are below .018
    assert torch.allclose(shares, torch.tensor([0.2, 0.3, 0.5]), atol=0.018)
