"""Choose the number of steps of each stage from the available time and the number of texts."""

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
from seqloom.reporter import Reporter

__all__ = ["fit_schedule"]

_PRETRAINING_SHARE = 0.65
"""Share of the time for the VAE pretraining; the rest is for the discriminator warm-up and adversarial training."""

_MAX_EPOCHS = 12
"""Largest number of epochs of the VAE pretraining, and of adversarial training.

With more epochs the networks would memorise a small corpus.
"""

_UNTIMED_PRETRAINING_STEPS, _UNTIMED_STEPS, _TIMED_STEPS = 20, 3, 10
"""Untimed first steps of the VAE pretraining, untimed first steps of each other stage, timed steps of each stage."""

_MIN_STEPS = {"pretrain_steps": 1000, "adversarial_steps": 50}
"""Number of steps of each stage. With fewer steps the generated texts are poor."""


@medium_matmul_precision()
def fit_schedule(
    trainer: GanTrainer,
    config: GanConfig,
    chosen_by_user: Mapping[str, Any],
    seconds: float,
    note: Reporter,
) -> GanConfig:
    """Time a few steps of each stage, and return the config with numbers of steps that fit the available time.

    Args:
        trainer: trainer for the timing. The timed steps change its weights: use another trainer for the training.
        config: GAN settings with arbitrary numbers of steps.
        chosen_by_user: settings that the user chose. If "pretrain_steps" or "adversarial_steps" is one of them, its
            value is kept.
        seconds: available time for the timing and for all stages after the likelihood training.
        note: receives progress lines and advice on the number of steps.
    """
    note("timing a few steps of each stage")
    start, num_texts = time.monotonic(), len(trainer.texts)
    max_steps = math.ceil(_MAX_EPOCHS * num_texts / config.batch_size)
    pretrain_seconds = _median_seconds(trainer.pretrain_step, _UNTIMED_PRETRAINING_STEPS)
    warmup_seconds, adversarial_seconds = (
        _median_seconds(step, _UNTIMED_STEPS) for step in (trainer.discriminator_warmup_step, trainer.adversarial_step)
    )
    seconds -= time.monotonic() - start
    affordable = {"pretrain_steps": max(1, int(_PRETRAINING_SHARE * seconds / pretrain_seconds))}
    # Settings that the user chose come last and replace the computed numbers.
    steps = {"pretrain_steps": min(max_steps, affordable["pretrain_steps"]), **chosen_by_user}
    seconds_left = seconds - steps["pretrain_steps"] * pretrain_seconds - config.warmup_steps * warmup_seconds
    affordable["adversarial_steps"] = max(1, int(seconds_left / adversarial_seconds))
    steps = {"adversarial_steps": min(max_steps, affordable["adversarial_steps"]), **steps}
    computed = [name for name in affordable if name not in chosen_by_user]
    if any(affordable[name] > max_steps for name in computed):
        note(f"each stage is limited to {_MAX_EPOCHS} epochs of {num_texts:,} texts, so that they are not memorised")
    elif any(affordable[name] < _MIN_STEPS[name] for name in computed):
        note(_short_time_advice(steps))
    return replace(
        config, pretrain_steps=int(steps["pretrain_steps"]), adversarial_steps=int(steps["adversarial_steps"])
    )


def _short_time_advice(steps: Mapping[str, Any]) -> str:
    pretrain_steps = counted(steps["pretrain_steps"], "step")
    return (
        f"there is time for {pretrain_steps} of VAE pretraining and {steps['adversarial_steps']:,} of adversarial "
        f"training; texts are poor below about {_MIN_STEPS['pretrain_steps']:,} and {_MIN_STEPS['adversarial_steps']} "
        "steps: give more `minutes`, or a smaller `vocabulary` or `hidden_size`"
    )


def _median_seconds(step: Callable[[], Any], num_untimed: int) -> float:
    """Return the median duration of a step after some untimed steps."""
    durations = []
    for _ in range(num_untimed + _TIMED_STEPS):
        start = time.perf_counter()
        step()
        durations.append(time.perf_counter() - start)
    return float(np.median(durations[num_untimed:]))
