"""The precisions in which torch trains."""

import pytest
import torch

from seqloom.config import ModelConfig, TrainingConfig
from seqloom.errors import ConfigError
from seqloom.models.language_model import LanguageModel
from seqloom.training.torch_step import TorchTrainStep


def train_step(core: str, precision: str) -> TorchTrainStep:
    model = LanguageModel(ModelConfig(vocabulary=7, hidden_sizes=(8,), core=core))
    return TorchTrainStep(model, TrainingConfig(total_steps=1, precision=precision), 2, carries_state=True)


def test_an_lstm_in_bfloat16_needs_a_processor_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    with pytest.raises(ConfigError, match=r"`precision` is bfloat16, .*: choose float32"):
        train_step("lstm", "bfloat16")
    train_step("lstm", "float32")
    train_step("gru", "bfloat16")
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    train_step("lstm", "bfloat16")
