"""Convert a training budget in minutes or epochs to a number of steps, and to a time limit of the training."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from seqloom.config import TrainingConfig
from seqloom.lm.dataset import Dataset
from seqloom.lm.defaults import Budget, TrainingPlan
from seqloom.lm.options import ResolvedOptions
from seqloom.lm.report_plan import ReportPlan, plan_report
from seqloom.models.language_model import LanguageModel
from seqloom.reporter import Reporter
from seqloom.stopwatch import TimeBudget
from seqloom.training.loop import Batches, Trainer
from seqloom.training.time_limit import TimeLimit

__all__ = ["MAX_EPOCHS", "SCORING_SPEED", "BudgetedTraining", "report_of_resumed", "resolve_budget"]

_CALIBRATION_SECONDS = 0.5
"""Duration of the calibration, which runs training steps to measure their speed."""

_CHECKPOINTS_PER_RUN = 20
_MAX_SECONDS_BETWEEN_CHECKPOINTS = 120
"""Usual number of checkpoints per training, each with a validation, and the longest time between two of them."""

_VALIDATION_SHARE = 0.1
"""Largest share of the training time that validations are expected to take."""

SCORING_SPEED = 3.0
"""Speed of scoring text relative to that of training on it."""

_MIN_TRAINING_SHARE = 0.5
"""Share of the budget that the training itself gets, even if reading the source took most of the time."""

MAX_EPOCHS = 300
"""Largest number of epochs of a training with a time limit: after so many, a model only memorises its corpus."""

_MAX_UNTIMED_TOKENS = 2_000_000
"""Number of training tokens above which steps are timed even if the budget is in epochs or steps, to announce the
duration of the training."""


@dataclass(frozen=True)
class BudgetedTraining:
    """Training settings with a number of steps, and the time limit by which the number is revised.

    Attributes:
        config: training settings.
        time_limit: time limit; None if the budget is in epochs or steps.
        report: plan of the report that follows the training.
    """

    config: TrainingConfig
    time_limit: TimeLimit | None = None
    report: ReportPlan = field(default_factory=ReportPlan)


@dataclass(frozen=True)
class _Speed:
    """Measured speed of a training.

    Attributes:
        steps_per_second: updates per second.
        scored_per_second: estimated number of tokens that are scored per second.
    """

    steps_per_second: float
    scored_per_second: float


def resolve_budget(
    plan: TrainingPlan,
    options: ResolvedOptions,
    model: LanguageModel,
    batches: Batches,
    dataset: Dataset,
    time_budget: TimeBudget,
    note: Reporter,
    *,
    with_report: bool = True,
) -> BudgetedTraining:
    """Return the training settings with the number of steps, and the validation interval and warm-up that depend on it.

    Args:
        plan: training plan with a budget in seconds, epochs or steps.
        options: settings from the user and the preset; a validation interval or warm-up among them is kept.
        model: network for the calibration; its weights are restored afterwards.
        batches: training batches.
        dataset: dataset of the training.
        time_budget: time of the whole command, for a budget in seconds.
        note: receives the expected duration of a long training.
        with_report: whether a report follows the training, which takes a part of the time.
    """
    training, budget = plan.training, plan.budget
    steps, time_limit, report = budget.steps, None, ReportPlan()
    if budget.epochs is not None:
        steps = max(1, round(budget.epochs * batches.steps_per_epoch))
    tokens_per_step = training.batch_size * training.sequence_length
    if steps is not None and steps * tokens_per_step <= _MAX_UNTIMED_TOKENS:
        return BudgetedTraining(_with_intervals(training, options, steps))
    trainer = Trainer(model, batches, training, kernels=plan.kernels, threads=plan.threads)
    steps_per_second = trainer.measure_steps(_CALIBRATION_SECONDS)
    speed = _Speed(steps_per_second, SCORING_SPEED * steps_per_second * tokens_per_step)
    if steps is None:
        if with_report:
            report = plan_report(dataset, speed.scored_per_second, budget.seconds or 60)
        steps, time_limit = _limit_time(budget, batches, speed, time_budget, report.seconds, note)
    about = "" if time_limit is None else "; the number is adjusted to the measured speed"
    note(f"{steps:,} steps will take about {_format_duration(steps / steps_per_second)} of training{about}")
    num_scored = min(dataset.split.validation.num_records, training.validation_tokens)
    validation_seconds = num_scored / speed.scored_per_second
    num_validations = _VALIDATION_SHARE * steps / steps_per_second / max(validation_seconds, 1e-9)
    max_interval = steps_per_second * _MAX_SECONDS_BETWEEN_CHECKPOINTS
    config = _with_intervals(training, options, steps, num_validations, max_interval)
    return BudgetedTraining(config, time_limit, report)


def report_of_resumed(dataset: Dataset, progress: Mapping[str, Any]) -> ReportPlan:
    """Return the plan of the report of a training that continues.

    Args:
        dataset: dataset of the training.
        progress: progress of the training as its snapshot has it. In a time budget, its speed so far and its time limit
            determine how much text is scored.
    """
    limit, seconds = progress.get("time_limit"), progress["seconds"]
    if limit is None or not seconds:
        return ReportPlan()
    scored_per_second = SCORING_SPEED * progress["tokens"] / seconds
    return plan_report(dataset, scored_per_second, seconds + limit["seconds_left"])


def _limit_time(
    budget: Budget,
    batches: Batches,
    speed: _Speed,
    time_budget: TimeBudget,
    finishing: float,
    note: Reporter,
) -> tuple[int, TimeLimit]:
    """Return the number of steps for a budget in seconds, and the time limit.

    Args:
        budget: length of the training.
        batches: training batches.
        speed: measured speed.
        time_budget: time of the whole command.
        finishing: expected duration of the work that follows the training, in seconds.
        note: receives a line if the budget is longer than the corpus allows, or too short.
    """
    max_epochs = min(MAX_EPOCHS, budget.max_epochs or math.inf)
    max_steps = max(1, round(max_epochs * batches.steps_per_epoch))
    seconds = _training_seconds(time_budget, budget.seconds or 60, finishing, note)
    limit = TimeLimit(
        time_budget.part(seconds + finishing),
        finishing_seconds=finishing,
        max_steps=max_steps,
        total_seconds=budget.seconds or 60,
    )
    steps = max(1, int(speed.steps_per_second * seconds))
    if steps > max_steps:
        steps = max_steps
        note(
            f"training stops after {max_epochs:g} epochs, before the time is up: with more epochs, the model would "
            "memorise a corpus of this size; to train longer, set `epochs`"
        )
    return steps, limit


def _training_seconds(budget: TimeBudget, total_seconds: float, finishing: float, note: Reporter) -> float:
    """Return the time for the updates: what is left of the budget, but at least half of the whole budget."""
    seconds, least = budget.left() - finishing, _MIN_TRAINING_SHARE * total_seconds
    if seconds < least and total_seconds - budget.left() > least:
        note(
            f"preparing took {_format_duration(total_seconds - budget.left())}, and the time for everything is "
            f"{_format_duration(total_seconds)}: the training takes {_format_duration(least)} and exceeds it"
        )
    return max(seconds, least)


def _with_intervals(
    training: TrainingConfig,
    options: ResolvedOptions,
    steps: int,
    max_validations: float = _CHECKPOINTS_PER_RUN,
    max_interval: float = math.inf,
) -> TrainingConfig:
    """Return the settings with a number of steps, and with the intervals that the caller has not chosen.

    Args:
        training: training settings.
        options: settings from the user and the preset.
        steps: number of steps.
        max_validations: largest number of validations, at least one of which takes place.
        max_interval: largest number of steps between two checkpoints.
    """
    num_checkpoints = max(1, min(_CHECKPOINTS_PER_RUN, int(max_validations)))
    validate_every = max(1, int(min(steps // num_checkpoints, max_interval)))
    # The warm-up takes a tenth of the training, but at most 50 steps.
    derived: dict[str, Any] = {"validate_every": validate_every, "warmup": max(1, min(50, steps // 10))}
    defaults = {name: value for name, value in derived.items() if name not in options.training}
    return replace(training, total_steps=steps, **defaults)


def _format_duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes, hours = seconds / 60, seconds / 3600
    return f"{minutes:.0f} min" if minutes < 90 else f"{hours:.1f} h"
