"""Choose the number of steps of each stage from the available time and the number of texts."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from seqloom.config.gan import GanConfig
from seqloom.errors import ConfigError
from seqloom.gan.stage_limits import PRETRAINING_SHARE, WARMUP_SHARE, StageLimits
from seqloom.gan.step_timing import StepSeconds
from seqloom.plural import counted
from seqloom.reporter import Reporter
from seqloom.stopwatch import TimeBudget

__all__ = ["fit_schedule", "limit_stages"]

_MAX_EPOCHS = 12
"""Largest number of epochs of the VAE pretraining, and of adversarial training.

With more epochs the networks would memorise a small corpus.
"""

_GOOD_STEPS = {"pretrain_steps": 1000, "adversarial_steps": 50}
"""Number of steps of each stage. With fewer steps the generated texts are poor."""

_MIN_STEPS = {"pretrain_steps": 10, "adversarial_steps": 5}
"""Number of steps of each stage. With fewer steps nothing is learned, so the training is refused."""


def fit_schedule(
    step_seconds: StepSeconds,
    num_texts: int,
    config: GanConfig,
    chosen_by_user: Mapping[str, Any],
    seconds: float,
    note: Reporter,
    *,
    refuse: bool = True,
) -> GanConfig:
    """Return the config with numbers of steps that fit the available time.

    Args:
        step_seconds: measured duration of a step of each stage.
        num_texts: number of training texts.
        config: GAN settings with arbitrary numbers of steps.
        chosen_by_user: settings that the user chose. If "pretrain_steps" or "adversarial_steps" is one of them, its
            value is kept.
        seconds: available time for all stages after the likelihood training.
        note: receives advice on the number of steps.
        refuse: whether to refuse too short a time.

    Raises:
        ConfigError: the time is too short to learn anything.
    """
    max_steps = _max_steps(num_texts, config)
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
    if refuse and any(steps[name] < min(max_steps, _MIN_STEPS[name]) for name in computed):
        raise ConfigError(_too_short(steps, step_seconds.needed(config, {**_GOOD_STEPS, **chosen_by_user}) - seconds))
    if any(affordable[name] > max_steps for name in computed):
        note(f"each stage is limited to {_MAX_EPOCHS} epochs of {num_texts:,} texts, so that they are not memorised")
    elif any(affordable[name] < _GOOD_STEPS[name] for name in computed):
        note(_short_time_advice(steps))
    return replace(
        config, pretrain_steps=int(steps["pretrain_steps"]), adversarial_steps=int(steps["adversarial_steps"])
    )


def limit_stages(num_texts: int, config: GanConfig, chosen_by_user: Iterable[str], budget: TimeBudget) -> StageLimits:
    """Return the time limits of the stages whose numbers of steps the user did not choose.

    Args:
        num_texts: number of training texts.
        config: GAN settings.
        chosen_by_user: names of the settings that the user chose.
        budget: available time for all stages after the likelihood training.
    """
    names = ("pretrain_steps", "warmup_steps", "adversarial_steps")
    limited = [name for name in names if name not in set(chosen_by_user)]
    return StageLimits(budget, tuple(limited), _max_steps(num_texts, config))


def _max_steps(num_texts: int, config: GanConfig) -> int:
    return math.ceil(_MAX_EPOCHS * num_texts / config.batch_size)


def _too_short(steps: Mapping[str, Any], missing_seconds: float) -> str:
    return (
        f"`minutes` leaves time for {counted(steps['pretrain_steps'], 'step')} of VAE pretraining and "
        f"{steps['adversarial_steps']:,} of adversarial training, which is too little to learn anything: give "
        f"{counted(max(1, math.ceil(missing_seconds / 60)), 'more minute')}, or a smaller `vocabulary` or `hidden_size`"
    )


def _short_time_advice(steps: Mapping[str, Any]) -> str:
    pretrain_steps = counted(steps["pretrain_steps"], "step")
    return (
        f"there is time for {pretrain_steps} of VAE pretraining and {steps['adversarial_steps']:,} of adversarial "
        f"training; texts are poor below about {_GOOD_STEPS['pretrain_steps']:,} and "
        f"{_GOOD_STEPS['adversarial_steps']} steps: give more `minutes`, or a smaller `vocabulary` or `hidden_size`"
    )
