"""Resets within a window: read in one call of a fused operator, they give the results of reading the parts apart."""

import pytest
import torch

from seqloom.config import ModelConfig
from seqloom.models.conditioning import ConditionInputs
from seqloom.models.language_model import LanguageModel

BATCH, TIME, VOCABULARY = 4, 12, 9


@pytest.mark.parametrize("num_features", [0, 3])
def test_one_call_equals_a_call_for_each_part(num_features: int) -> None:
    generator = torch.Generator().manual_seed(0)
    config = ModelConfig(vocabulary=VOCABULARY, hidden_sizes=(6, 5), num_condition_features=num_features)
    model = LanguageModel(config, seed=1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
    tokens = torch.randint(0, VOCABULARY, (BATCH, TIME), generator=generator)
    resets = torch.rand(BATCH, TIME, generator=generator) < 0.3
    resets[0, 0], resets[1, -1], resets[3] = True, True, False
    features = torch.randn(BATCH, TIME, num_features, generator=generator)
    conditions = ConditionInputs(features, resets) if num_features else None
    start = tuple(
        tuple(torch.randn(part.shape, generator=generator) for part in layer) for layer in model.initial_state(BATCH)
    )

    def read(*, in_one_call: bool) -> list[torch.Tensor]:
        model.core.reads_resets = in_one_call
        hidden, state = model(tokens, start, resets, None, conditions)
        parts = [part for layer in state for part in layer]
        loss = hidden.sin().sum() + sum(part.cos().sum() for part in parts)
        used = [
            parameter for name, parameter in model.named_parameters() if not name.startswith(("head", "condition.o"))
        ]
        return [hidden.detach(), *(part.detach() for part in parts), *torch.autograd.grad(loss, used)]

    for one, other in zip(read(in_one_call=True), read(in_one_call=False), strict=True):
        assert torch.allclose(one, other, atol=2e-5)


def test_layers_without_the_fused_operator_read_the_parts_apart() -> None:
    for settings in ({"core": "gru"}, {"core": "conv"}, {"layer_norm": True}):
        assert not LanguageModel(ModelConfig(vocabulary=VOCABULARY, **settings)).core.reads_resets
    assert LanguageModel(ModelConfig(vocabulary=VOCABULARY)).core.reads_resets
