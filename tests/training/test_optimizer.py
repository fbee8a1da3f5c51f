import pytest
import torch

from seqloom.config import ModelConfig, TrainingConfig
from seqloom.models.language_model import LanguageModel
from seqloom.training.optimizer import make_optimizer, scheduled_rate, set_rate


def test_the_schedule_warms_up_and_ends_where_the_budget_ends() -> None:
    config = TrainingConfig(total_steps=1000, learning_rate=0.02, warmup=10, final_rate=0.05)
    assert scheduled_rate(0, 0 / config.total_steps, config) == pytest.approx(0.002)
    assert scheduled_rate(9, 9 / config.total_steps, config) == pytest.approx(0.02, rel=1e-3)
    assert scheduled_rate(500, 500 / config.total_steps, config) == pytest.approx(0.02 * 0.525)
    assert scheduled_rate(1000, 1000 / config.total_steps, config) == pytest.approx(0.001)
    rates = [scheduled_rate(step, step / config.total_steps, config) for step in range(10, 1000)]
    assert rates == sorted(rates, reverse=True)


def test_a_constant_schedule_is_constant() -> None:
    config = TrainingConfig(total_steps=10, schedule="constant", learning_rate=0.01)
    assert {scheduled_rate(step, step / config.total_steps, config) for step in range(10)} == {0.01}


def test_only_matrices_decay() -> None:
    model = LanguageModel(ModelConfig(vocabulary=5, hidden_sizes=(4,)))
    optimizer = make_optimizer(model, TrainingConfig(total_steps=1, weight_decay=0.1, learning_rate=1.0))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1.0)
            parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for parameter in model.parameters():
        assert torch.allclose(parameter, torch.full_like(parameter, 0.9 if parameter.dim() == 2 else 1.0))


def steps_of_a_rated_model(gradient: float) -> dict[str, torch.Tensor]:
    """How far each parameter goes in one update at the rate 0.1, if its gradient is the same everywhere."""
    model = LanguageModel(ModelConfig(vocabulary=5, hidden_sizes=(4,), num_condition_features=3))
    optimizer = make_optimizer(model, TrainingConfig(total_steps=1, weight_decay=0.0))
    set_rate(optimizer, 0.1)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, gradient)
    optimizer.step()
    return {name: before[name] - parameter.detach() for name, parameter in model.named_parameters()}


def test_ratings_are_learned_slowly() -> None:
    for name, found in steps_of_a_rated_model(1.0).items():
        step = 0.1 * (0.6 if name.startswith("condition.") else 1.0)
        torch.testing.assert_close(found, torch.full_like(found, step), atol=1e-4, rtol=0)


def test_small_gradients_of_ratings_make_small_steps() -> None:
    for name, found in steps_of_a_rated_model(3e-6).items():
        assert (float(found.abs().max()) < 1e-3) == name.startswith("condition."), name


def test_the_textbooks_optimisers() -> None:
    model = LanguageModel(ModelConfig(vocabulary=5, hidden_sizes=(4,)))
    rmsprop = make_optimizer(model, TrainingConfig(total_steps=1, optimizer="rmsprop", learning_rate=0.01))
    assert (rmsprop.defaults["lr"], rmsprop.defaults["alpha"]) == (0.01, 0.9)
    adam = make_optimizer(
        model, TrainingConfig(total_steps=1, optimizer="adam", learning_rate=0.002, betas=(0.9, 0.999))
    )
    assert (adam.defaults["lr"], adam.defaults["betas"]) == (0.002, (0.9, 0.999))


def test_the_conditioning_of_a_density_learns_as_the_other_weights() -> None:
    shape = {"vocabulary": 163, "hidden_sizes": (8,), "num_condition_features": 3}
    factors = []
    for head in ({}, {"head": "mixture-density", "factors": (9, 9, 2), "embedding": 8}):
        model = LanguageModel(ModelConfig(**shape, **head))
        groups = make_optimizer(model, TrainingConfig(total_steps=1)).param_groups
        condition = {id(parameter) for parameter in model.condition.parameters()}
        factors.append(
            {group["rate_factor"] for group in groups if {id(each) for each in group["params"]} <= condition}
        )
    assert factors == [{0.6}, {1.0}]
