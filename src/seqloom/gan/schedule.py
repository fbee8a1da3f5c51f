"""How many updates and rounds the training of a GAN has: as many as there is time for, and texts."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from seqloom.config.gan import GanConfig
from seqloom.gan.session import medium_matmul_precision
from seqloom.gan.trainer import GanTrainer
from seqloom.plural import counted

__all__ = ["fit_schedule"]

_AWAKENING = 0.65
"""Share of the time; what is left is for the rounds."""

_READINGS = 12
"""Times that the texts are read in the awakening, and again in the rounds: in more, few texts are learned by heart."""

_WARM, _TIMED = 20, 10
"""Steps after which the first stage is at its speed, and steps of each that are timed then."""

_FEW = {"pretrain_steps": 1000, "adversarial_steps": 50}
"""Updates and rounds below which texts are poor."""


@medium_matmul_precision()
def fit_schedule(
    trainer: GanTrainer, config: GanConfig, own: Mapping[str, Any], seconds: float, note: Callable[[str], None]
) -> GanConfig:
    """The config with as many updates and rounds as there is time and are texts for, by how long a few of each take.

    Args:
        trainer: with which they are tried; it is of no use afterwards.
        config: with what number of them soever.
        own: what a person said: of these, "pretrain_steps" and "adversarial_steps" stay.
        seconds: there are.
        note: is told what is planned, and what a person may want otherwise.
    """
    note("trying how long updates and rounds take, a few of each")
    begun, texts = time.monotonic(), len(trainer.texts)
    most = math.ceil(_READINGS * texts / config.batch_size)
    awakening = _took(trainer.pretrain_step, _WARM)
    schooling, round_ = (_took(step, 3) for step in (trainer.discriminator_warmup_step, trainer.adversarial_step))
    seconds -= time.monotonic() - begun
    possible = {"pretrain_steps": max(1, int(_AWAKENING * seconds / awakening))}
    chosen = {"pretrain_steps": min(most, possible["pretrain_steps"]), **own}
    left = seconds - chosen["pretrain_steps"] * awakening - config.warmup_steps * schooling
    possible["adversarial_steps"] = max(1, int(left / round_))
    chosen = {"adversarial_steps": min(most, possible["adversarial_steps"]), **chosen}
    own_choice = [name for name in possible if name not in own]
    if any(possible[name] > most for name in own_choice):
        note(
            f"{texts:,} texts are read {_READINGS} times in each stage and no more, however long `minutes` is, so that "
            "they are not learned by heart"
        )
    elif any(possible[name] < _FEW[name] for name in own_choice):
        updates, rounds = counted(chosen["pretrain_steps"], "update"), counted(chosen["adversarial_steps"], "round")
        note(
            f"there is time for {updates} and {rounds}, and texts are poor with less than about "
            f"{_FEW['pretrain_steps']:,} and {_FEW['adversarial_steps']}: give more `minutes`, or a "
            "smaller `vocabulary` or `hidden_size`"
        )
    return replace(
        config,
        pretrain_steps=int(chosen["pretrain_steps"]),
        adversarial_steps=int(chosen["adversarial_steps"]),
    )


def _took(step: Callable[[], Any], warm: int) -> float:
    """Seconds of a step, once it has been done a few times."""
    times = []
    for _ in range(warm + _TIMED):
        begun = time.perf_counter()
        step()
        times.append(time.perf_counter() - begun)
    return float(np.median(times[warm:]))
