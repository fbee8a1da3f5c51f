"""Continue a training with a larger budget, after its end or before it.

The budget is that of the whole training: 5 minutes after 1 train for four more. The learning rate rises to that of the
share of the larger budget that is used, and then falls as in a training that had this budget from the start.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from seqloom.config.options import BUDGETS
from seqloom.config.pace import Pace
from seqloom.errors import ConfigError
from seqloom.lm.budget import MAX_EPOCHS, SCORING_SPEED
from seqloom.lm.report_plan import ReportPlan, plan_report
from seqloom.lm.session import TrainingSession
from seqloom.percent import whole_percent
from seqloom.stopwatch import Stopwatch, TimeBudget
from seqloom.training.loop import Snapshot
from seqloom.training.time_limit import TimeLimit

__all__ = ["LongerTraining", "longer_training"]

_SHARE_DIGITS = 6
"""Digits of the used share in the pace, which can be typed."""


class LongerTraining(NamedTuple):
    """A training with a larger budget.

    Attributes:
        session: prepared training, with its time limit and the plan of its report.
        snapshot: state from which it continues, with its number of steps.
    """

    session: TrainingSession
    snapshot: Snapshot


def longer_training(
    session: TrainingSession, snapshot: Snapshot, options: Mapping[str, Any], stopwatch: Stopwatch
) -> LongerTraining | None:
    """Return the training with a larger budget; None if the budget is the one that it has, or if none is given.

    Args:
        session: training with its present budget.
        snapshot: its state.
        options: settings of the caller, with at most one budget: minutes, epochs, steps or a pace.
        stopwatch: stopwatch of the command.

    Raises:
        ConfigError: the budget is smaller than the present one, or it is a pace.
    """
    name = next((name for name in BUDGETS if name in options), None)
    if name is None:
        return None
    pace = Pace(snapshot.progress.get("pace", session.config.training.make_pace().revisions))
    if name == "pace":
        if str(Pace.parse(options["pace"])) == str(pace):
            return None
        raise ConfigError(
            "`pace` describes a training from its start: continue one with `minutes`, `epochs` or `steps`"
        )
    if name == "minutes":
        return _with_more_time(session, snapshot, pace, 60 * options["minutes"], stopwatch)
    steps_per_epoch = session.batches.steps_per_epoch
    steps = options["steps"] if name == "steps" else max(1, round(options["epochs"] * steps_per_epoch))
    if steps == pace.total_steps and session.time_limit is None:
        return None
    step = snapshot.progress["step"]
    if steps <= step or steps < pace.total_steps:
        planned = max(step, pace.total_steps)
        in_epochs = f"{planned / steps_per_epoch:.3g} epochs"
        raise _smaller(session, name, options[name], in_epochs if name == "epochs" else f"{planned:,} steps")
    return _continued(replace(session, time_limit=None, report=ReportPlan()), snapshot, pace, steps, share=step / steps)


def _with_more_time(
    session: TrainingSession,
    snapshot: Snapshot,
    pace: Pace,
    seconds: float,
    stopwatch: Stopwatch,
) -> LongerTraining | None:
    """Return the training with a budget of `seconds` in all; None if that is its present budget."""
    progress, stored = snapshot.progress, snapshot.progress.get("time_limit") or {}
    budget = stored.get("total_seconds")
    if budget is not None and math.isclose(seconds, budget):
        return None
    step, is_at_end = progress["step"], progress["step"] >= pace.total_steps
    if budget is None:  # the training had no time limit
        used = progress["seconds"]
    else:
        used = budget if is_at_end else budget - max(0.0, stored["seconds_left"])
    if seconds <= max(used, budget or 0.0):
        raise _smaller(session, "minutes", seconds / 60, f"{max(used, budget or 0.0) / 60:.3g} minutes")
    steps_per_epoch = session.batches.steps_per_epoch
    max_steps = max(1, round(MAX_EPOCHS * steps_per_epoch))
    if step >= max_steps:
        raise ConfigError(
            f"{session.folder.path} was trained for {step / steps_per_epoch:,.0f} epochs, and longer training would "
            f"memorise its corpus: to do so, set `epochs`"
        )
    steps_per_second = step / progress["seconds"] if progress["seconds"] else 1.0
    tokens_per_second = progress["tokens"] / progress["seconds"] if progress["seconds"] else 1.0
    report = plan_report(session.dataset, SCORING_SPEED * tokens_per_second, seconds - used)
    limit = TimeLimit(
        TimeBudget(stopwatch, seconds - used),
        finishing_seconds=report.seconds,
        max_steps=max_steps,
        total_seconds=seconds,
    )
    more = max(1, int(steps_per_second * max(0.5 * (seconds - used), limit.budget.left() - report.seconds)))
    total = min(max_steps, step + more)
    return _continued(replace(session, time_limit=limit, report=report), snapshot, pace, total, share=used / seconds)


def _continued(
    session: TrainingSession, snapshot: Snapshot, pace: Pace, total_steps: int, *, share: float
) -> LongerTraining:
    """Return the training that restarts at the snapshot, with a share of its budget used."""
    step, limit = snapshot.progress["step"], session.time_limit
    pace.restart(step, total_steps, round(share, _SHARE_DIGITS))
    progress = {
        **snapshot.progress,
        "pace": pace.revisions,
        "time_limit": None if limit is None else limit.to_json(),
    }
    training = replace(session.config.training, total_steps=total_steps, pace=str(pace))
    config = replace(session.config, training=training)
    session.viewer.note(f"training goes on after step {step:,}, with {whole_percent(share)} of the new budget used")
    return LongerTraining(replace(session, config=config), Snapshot(snapshot.tensors, progress))


def _smaller(session: TrainingSession, name: str, requested: float, present: str) -> ConfigError:
    return ConfigError(
        f"`{name}` {requested:g} is the budget of the whole training, and {session.folder.path} already has {present}: "
        "choose more, or start another run"
    )
