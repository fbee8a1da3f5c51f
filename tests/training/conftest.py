from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from seqloom.config import ModelConfig, TrainingConfig
from seqloom.data.contiguous_batches import ContiguousBatches
from seqloom.data.split import Spans
from seqloom.data.store import TokenStore
from seqloom.kernels.library import available_kernels
from seqloom.kernels.trainer import supports_native_training
from seqloom.models.language_model import LanguageModel
from seqloom.training.events import Event
from seqloom.training.loop import Trainer
from seqloom.training.time_limit import TimeLimit


@pytest.fixture(params=["torch", *available_kernels()])
def kernels(request: pytest.FixtureRequest) -> str | None:
    """Every path that updates can take here."""
    return None if request.param == "torch" else str(request.param)


@pytest.fixture
def make_trainer(kernels: str | None) -> Callable[..., Trainer]:
    """A small trainer on a text of 600 tokens that repeats every seven; `events` collects what it emits."""

    def make(
        *,
        events: list[Event] | None = None,
        validate: Any = None,
        time_limit: TimeLimit | None = None,
        **settings: Any,
    ) -> Trainer:
        model_settings = {k: settings.pop(k) for k in ("dropout", "weight_dropout", "core") if k in settings}
        carries_state = settings.pop("carries_state", True)
        records = (np.arange(600) % 7).astype(np.uint8)
        store = TokenStore(
            records=records,
            offsets=np.array([0, 600]),
            conditions={},
            categories={},
            groups=None,
            num_units=600,
            skipped={},
        )
        training = {
            "total_steps": 40,
            "batch_size": 4,
            "sequence_length": 8,
            "warmup": 2,
            "validate_every": 5,
            **settings,
        }
        config = TrainingConfig(**training)
        model = LanguageModel(ModelConfig(vocabulary=7, hidden_sizes=(12,), **model_settings), config.seed)
        batches = ContiguousBatches(
            store,
            Spans.whole_documents(store),
            batch_size=config.batch_size,
            sequence_length=config.sequence_length,
            seed=config.seed,
        )
        batches.carries_state = carries_state
        listeners = [] if events is None else [events.append]
        path = kernels if supports_native_training(model.config) else None
        return Trainer(
            model,
            batches,
            config,
            kernels=path,
            threads=2,
            validate=validate,
            listeners=listeners,
            time_limit=time_limit,
        )

    return make


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
