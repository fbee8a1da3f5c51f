"""Named recipes: settings that belong together, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["PRESETS", "Preset", "SamplePlan"]


@dataclass(frozen=True, kw_only=True)
class SamplePlan:
    """What is written after each epoch.

    Attributes:
        temperatures: one sample each, in this order.
        length: tokens a sample.
        prompt_length: tokens of the corpus, from a random place, that a sample goes on from; 0 starts from nothing.
        chained: each temperature goes on from the last one's text.
        sparing: pass over epochs that were trained in less time than their samples would take.
    """

    temperatures: tuple[float, ...] = (0.2, 0.5, 1.0, 1.2)
    length: int = 400
    prompt_length: int = 0
    chained: bool = False
    sparing: bool = True


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Settings by the names that `seqloom.train` takes, for all that a person does not set."""

    description: str
    settings: Mapping[str, Any]
    samples: SamplePlan = SamplePlan()


_TEXTBOOK = {
    "core": "lstm",
    "embedding": 0,
    "batching": "windows",
    "stride": 3,
    "loss": "last",
    "lanes": 128,
    "schedule": "constant",
    "weight_decay": 0.0,
    "clip": 0.0,
    "dropout": 0.0,
    "validation": 0.0,
    "patience": 0,
    "precision": "float32",
}

PRESETS: Mapping[str, Preset] = {
    "classic": Preset(
        description="the textbook recipe: windows of 60, every third position, LSTM(128), RMSprop, 59 epochs",
        settings={
            **_TEXTBOOK,
            "lowercase": True,
            "size": (128,),
            "window": 60,
            "optimizer": "rmsprop",
            "learning_rate": 0.01,
            "epochs": 59,
        },
        samples=SamplePlan(prompt_length=60, chained=True, sparing=False),
    ),
    "reviews": Preset(
        description="the textbook's larger recipe: windows of 256, LSTM(1024) and LSTM(512), Adam, 20 epochs",
        settings={
            **_TEXTBOOK,
            "size": (1024, 512),
            "window": 256,
            "optimizer": "adam",
            "learning_rate": 0.002,
            "betas": (0.9, 0.999),
            "epochs": 20,
        },
        samples=SamplePlan(temperatures=(0.2, 0.4, 0.6, 0.8), prompt_length=256, chained=True, sparing=False),
    ),
}
