"""Presets: named settings that belong together, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["PRESETS", "Preset", "SamplePlan"]


@dataclass(frozen=True, kw_only=True)
class SamplePlan:
    """Samples generated after each epoch.

    Attributes:
        temperatures: temperatures of the samples, in this order.
        length: tokens per sample.
        prompt_length: tokens of the prompt, which is taken from a random position in the training text; 0 uses no
            prompt.
        chained: whether the sample at each temperature continues the sample at the previous temperature.
        sparing: whether to skip the samples of an epoch if training since the last samples took less time than
            generating the last samples, or less than a fortieth of the whole training.
    """

    temperatures: tuple[float, ...] = (0.2, 0.5, 1.0, 1.2)
    length: int = 400
    prompt_length: int = 0
    chained: bool = False
    sparing: bool = True


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Settings of `seqloom.train` that replace its defaults.

    Attributes:
        description: one line about the preset.
        settings: values of `seqloom.train`'s settings, by name.
        samples: samples generated after each epoch.
    """

    description: str
    settings: Mapping[str, Any]
    samples: SamplePlan = SamplePlan()


_SHARED_SETTINGS = {
    "core": "lstm",
    "initialization": "keras",
    "embedding": 0,
    "batching": "windows",
    "stride": 3,
    "loss": "last",
    "batch_size": 128,
    "schedule": "constant",
    "weight_decay": 0.0,
    "clip": 0.0,
    "dropout": 0.0,
    "validation": 0.0,
    "patience": 0,
    "precision": "float32",
}
"""Settings that both presets share. With `loss` "last", the model learns to predict only the token after a window."""

PRESETS: Mapping[str, Preset] = {
    "classic": Preset(
        description="the textbook recipe: windows of 60, every third position, LSTM(128), RMSprop, 59 epochs",
        settings={
            **_SHARED_SETTINGS,
            "lowercase": True,
            "hidden_size": (128,),
            "sequence_length": 60,
            "optimizer": "rmsprop",
            "learning_rate": 0.01,
            "epochs": 59,
        },
        samples=SamplePlan(prompt_length=60, chained=True, sparing=False),
    ),
    "reviews": Preset(
        description="the textbook's larger recipe: windows of 256, LSTM(1024) and LSTM(512), Adam, 20 epochs",
        settings={
            **_SHARED_SETTINGS,
            "hidden_size": (1024, 512),
            "sequence_length": 256,
            "optimizer": "adam",
            "learning_rate": 0.002,
            "betas": (0.9, 0.999),
            "epochs": 20,
        },
        samples=SamplePlan(temperatures=(0.2, 0.4, 0.6, 0.8), prompt_length=256, chained=True, sparing=False),
    ),
}
