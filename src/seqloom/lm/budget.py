"""Convert a training budget in minutes or epochs to a number of steps."""

from dataclasses import replace
from typing import Any

from seqloom.config import TrainingConfig
from seqloom.lm.defaults import TrainingPlan
from seqloom.lm.options import ResolvedOptions
from seqloom.models.language_model import LanguageModel
from seqloom.reporter import Reporter
from seqloom.training.loop import Batches, Trainer

__all__ = ["resolve_budget"]

_CALIBRATION_SECONDS = 2.0
"""Duration of the calibration, which runs training steps to measure their speed."""

_SUSTAINED_SPEED = 0.9
"""Speed over a whole training as a share of the calibrated speed; heat and other processes slow a machine down."""

_CHECKPOINTS_PER_RUN = 20
_MAX_SECONDS_BETWEEN_CHECKPOINTS = 120
"""Usual number of checkpoints per training, each with a validation, and the longest time between two of them."""

_MAX_UNTIMED_TOKENS = 2_000_000
"""Number of training tokens above which steps are timed even if the budget is in epochs or steps, to announce the
duration of the training."""


def resolve_budget(
    plan: TrainingPlan, options: ResolvedOptions, model: LanguageModel, batches: Batches, note: Reporter
) -> TrainingConfig:
    """Return the training settings with the number of steps, and the validation interval and warm-up that depend on it.

    Args:
        plan: training plan with a budget in seconds, epochs or steps.
        options: settings from the user and the preset; a validation interval or warm-up among them is kept.
        model: network for the calibration; its weights are restored afterwards.
        batches: training batches.
        note: receives the expected duration of a long training.
    """
    training, budget = plan.training, plan.budget
    steps, steps_per_second = budget.steps, None
    if budget.epochs is not None:
        steps = max(1, round(budget.epochs * batches.steps_per_epoch))
    if steps is None or steps * training.batch_size * training.sequence_length > _MAX_UNTIMED_TOKENS:
        trainer = Trainer(model, batches, training, kernels=plan.kernels, threads=plan.threads)
        steps_per_second = _SUSTAINED_SPEED * trainer.measure_steps(_CALIBRATION_SECONDS)
        steps = steps or max(1, int(steps_per_second * (budget.seconds or 60)))
    if budget.max_epochs is not None and steps > (max_steps := round(budget.max_epochs * batches.steps_per_epoch)):
        steps = max(1, max_steps)
        note(
            f"training stops after {budget.max_epochs:g} epochs, before the time is up: with more epochs, the model "
            "would memorise a corpus of this size; to train longer, set `epochs`"
        )
    if steps_per_second is not None:
        note(f"{steps:,} steps will take about {_format_duration(steps / steps_per_second)} of training")
    validate_every = max(1, steps // _CHECKPOINTS_PER_RUN)
    if steps_per_second is not None:
        validate_every = max(1, min(validate_every, int(steps_per_second * _MAX_SECONDS_BETWEEN_CHECKPOINTS)))
    # The warm-up takes a tenth of the training, but at most 50 steps.
    derived: dict[str, Any] = {"validate_every": validate_every, "warmup": max(1, min(50, steps // 10))}
    defaults = {name: value for name, value in derived.items() if name not in options.training}
    return replace(training, total_steps=steps, **defaults)


def _format_duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes, hours = seconds / 60, seconds / 3600
    return f"{minutes:.0f} min" if minutes < 90 else f"{hours:.1f} h"
