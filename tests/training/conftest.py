from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from seqloom.config import ModelConfig, TrainingConfig
from seqloom.data.lanes import LaneBatches
from seqloom.data.split import Spans
from seqloom.data.store import TokenStore
from seqloom.models.language_model import LanguageModel
from seqloom.training.events import Event
from seqloom.training.loop import Trainer


@pytest.fixture
def make_trainer() -> Callable[..., Trainer]:
    """A small trainer on a text of 600 tokens that repeats every seven; `told` collects its events."""

    def make(*, told: list[Event] | None = None, validate: Any = None, **settings: Any) -> Trainer:
        model_settings = {k: settings.pop(k) for k in ("dropout", "weight_dropout", "core") if k in settings}
        records = (np.arange(600) % 7).astype(np.uint8)
        store = TokenStore(
            records=records,
            offsets=np.array([0, 600]),
            conditions={},
            categories={},
            groups=None,
            characters=600,
            skipped={},
        )
        training = {"total_steps": 40, "lanes": 4, "window": 8, "warmup": 2, "validate_every": 5, **settings}
        config = TrainingConfig(**training)
        model = LanguageModel(ModelConfig(vocabulary=7, sizes=(12,), **model_settings), config.seed)
        batches = LaneBatches(store, Spans.whole(store), lanes=config.lanes, window=config.window, seed=config.seed)
        listeners = [] if told is None else [told.append]
        return Trainer(model, batches, config, validate=validate, listeners=listeners)

    return make


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
