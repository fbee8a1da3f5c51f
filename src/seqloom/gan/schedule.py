"""Choose the number of steps of each stage from the available time and the number of texts."""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seqloom.config.gan import GanConfig
from seqloom.errors import ConfigError
from seqloom.gan.session import medium_matmul_precision
from seqloom.gan.stage_limits import PRETRAINING_SHARE, WARMUP_SHARE, StageLimits
from seqloom.gan.trainer import GanTrainer
from seqloom.plural import counted
from seqloom.reporter import Reporter
from seqloom.stopwatch import TimeBudget

__all__ = ["fit_schedule", "limit_stages"]

_MAX_EPOCHS = 12
"""Largest number of epochs of the VAE pretraining, and of adversarial training.

With more epochs the networks would memorise a small corpus.
"""

_UNTIMED_STEPS, _TIMED_STEPS = 2, 3
"""Untimed first steps, and timed steps, of each stage. The training revises the plan later."""

_GOOD_STEPS = {"pretrain_steps": 1000, "adversarial_steps": 50}
"""Number of steps of each stage. With fewer steps the generated texts are poor."""

_MIN_STEPS = {"pretrain_steps": 10, "adversarial_steps": 5}
"""Number of steps of each stage. With fewer steps nothing is learned, so the training is refused."""


@dataclass(frozen=True)
class _StepSeconds:
    """Duration of one step of each stage."""

    pretrain: float
    warmup: float
    adversarial: float

    @classmethod
    def measure(cls, trainer: GanTrainer) -> "_StepSeconds":
        steps = (trainer.pretrain_step, trainer.discriminator_warmup_step, trainer.adversarial_step)
        return cls(*map(_median_seconds, steps))

    def needed(self, config: GanConfig, steps: Mapping[str, int]) -> float:
        """Return the duration of a training with numbers of steps."""
        return (
            steps["pretrain_steps"] * self.pretrain
            + config.warmup_steps * self.warmup
            + steps["adversarial_steps"] * self.adversarial
        )


@medium_matmul_precision()
def fit_schedule(
    trainer: GanTrainer,
    config: GanConfig,
    chosen_by_user: Mapping[str, Any],
    budget: TimeBudget,
    note: Reporter,
) -> GanConfig:
    """Time a few steps of each stage, and return the config with numbers of steps that fit the available time.

    Args:
        trainer: trainer for the timing. The timed steps change its weights: use another trainer for the training.
        config: GAN settings with arbitrary numbers of steps.
        chosen_by_user: settings that the user chose. If "pretrain_steps" or "adversarial_steps" is one of them, its
            value is kept.
        budget: available time for the timing and for all stages after the likelihood training.
        note: receives advice on the number of steps.

    Raises:
        ConfigError: the time is too short to learn anything.
    """
    max_steps, step_seconds = _max_steps(trainer), _StepSeconds.measure(trainer)
    seconds = budget.left()
    affordable = {"pretrain_steps": max(1, int(PRETRAINING_SHARE * seconds / step_seconds.pretrain))}
    # Settings that the user chose come last and replace the computed numbers.
    steps = {"pretrain_steps": min(max_steps, affordable["pretrain_steps"]), **chosen_by_user}
    after_pretraining = seconds - steps["pretrain_steps"] * step_seconds.pretrain
    warmup_seconds = config.warmup_steps * step_seconds.warmup
    if "warmup_steps" not in chosen_by_user:  # otherwise the warm-up may be shortened
        warmup_seconds = min(warmup_seconds, WARMUP_SHARE * after_pretraining)
    affordable["adversarial_steps"] = max(1, int((after_pretraining - warmup_seconds) / step_seconds.adversarial))
    steps = {"adversarial_steps": min(max_steps, affordable["adversarial_steps"]), **steps}
    computed = [name for name in affordable if name not in chosen_by_user]
    if any(steps[name] < min(max_steps, _MIN_STEPS[name]) for name in computed):
        raise ConfigError(_too_short(steps, step_seconds.needed(config, {**_GOOD_STEPS, **chosen_by_user}) - seconds))
    if any(affordable[name] > max_steps for name in computed):
        num_texts = len(trainer.texts)
        note(f"each stage is limited to {_MAX_EPOCHS} epochs of {num_texts:,} texts, so that they are not memorised")
    elif any(affordable[name] < _GOOD_STEPS[name] for name in computed):
        note(_short_time_advice(steps))
    return replace(
        config, pretrain_steps=int(steps["pretrain_steps"]), adversarial_steps=int(steps["adversarial_steps"])
    )


def limit_stages(trainer: GanTrainer, chosen_by_user: Iterable[str], budget: TimeBudget) -> StageLimits:
    """Return the time limits of the stages whose numbers of steps the user did not choose.

    Args:
        trainer: trainer of the GAN.
        chosen_by_user: names of the settings that the user chose.
        budget: available time for all stages after the likelihood training.
    """
    names = ("pretrain_steps", "warmup_steps", "adversarial_steps")
    limited = [name for name in names if name not in set(chosen_by_user)]
    return StageLimits(budget, tuple(limited), _max_steps(trainer))


def _max_steps(trainer: GanTrainer) -> int:
    return math.ceil(_MAX_EPOCHS * len(trainer.texts) / trainer.config.batch_size)


def _too_short(steps: Mapping[str, Any], missing_seconds: float) -> str:
    return (
        f"`minutes` leave time for {counted(steps['pretrain_steps'], 'step')} of VAE pretraining and "
        f"{steps['adversarial_steps']:,} of adversarial training, which is too little to learn anything: give "
        f"{max(1, math.ceil(missing_seconds / 60)):,} more, or a smaller `vocabulary` or `hidden_size`"
    )


def _short_time_advice(steps: Mapping[str, Any]) -> str:
    pretrain_steps = counted(steps["pretrain_steps"], "step")
    return (
        f"there is time for {pretrain_steps} of VAE pretraining and {steps['adversarial_steps']:,} of adversarial "
        f"training; texts are poor below about {_GOOD_STEPS['pretrain_steps']:,} and "
        f"{_GOOD_STEPS['adversarial_steps']} steps: give more `minutes`, or a smaller `vocabulary` or `hidden_size`"
    )


def _median_seconds(step: Callable[[], Any]) -> float:
    """Return the median duration of a step after some untimed steps."""
    durations = []
    for _ in range(_UNTIMED_STEPS + _TIMED_STEPS):
        start = time.perf_counter()
        step()
        durations.append(time.perf_counter() - start)
    return float(np.median(durations[_UNTIMED_STEPS:]))
