"""Conditions by rows give the torch model the same loss and gradients as conditions by token."""

import pytest
import torch

from seqloom.config import ModelConfig
from seqloom.config.choices import ConditionInput
from seqloom.models.conditioning import ConditionInputs
from seqloom.models.language_model import LanguageModel

ROWS, BATCH, TIME, FEATURES, VOCABULARY = 5, 3, 8, 11, 7


@pytest.mark.parametrize("into", [("input", "state", "output"), ("state",), ("output",)])
def test_rows_equal_tokens(into: tuple[ConditionInput, ...]) -> None:
    generator = torch.Generator().manual_seed(0)
    config = ModelConfig(
        vocabulary=VOCABULARY, num_condition_features=FEATURES, condition_into=into, hidden_sizes=(6, 4)
    )
    model = LanguageModel(config, seed=1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
    features = torch.randn(ROWS, FEATURES, generator=generator)
    is_first = torch.tensor([False, False, False, True, True])
    index = torch.randint(0, ROWS, (BATCH, TIME), generator=generator)
    resets = is_first[index]
    tokens, targets = (torch.randint(0, VOCABULARY, (BATCH, TIME), generator=generator) for _ in range(2))

    def gradients(conditions: ConditionInputs) -> tuple[torch.Tensor, ...]:
        hidden, _ = model(tokens, model.initial_state(BATCH), resets, None, conditions)
        loss, _ = model.losses(hidden, targets, -1, conditions)
        return loss, *torch.autograd.grad(loss, list(model.parameters()))

    by_row = gradients(ConditionInputs(features, is_first, index))
    by_token = gradients(ConditionInputs(features[index], is_first[index]))
    for one, other in zip(by_row, by_token, strict=True):
        assert torch.allclose(one, other, atol=1e-5)
