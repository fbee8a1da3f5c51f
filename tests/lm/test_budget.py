"""How much text the report of a resumed training scores."""

from types import SimpleNamespace
from typing import Any

from seqloom.lm.budget import report_of_resumed
from seqloom.lm.report_plan import ReportPlan

DATASET: Any = SimpleNamespace(
    split=SimpleNamespace(validation=SimpleNamespace(num_records=2_000_000), held_out=SimpleNamespace(num_records=0)),
    store=SimpleNamespace(num_units=10_000_000),
)


def test_a_resumed_training_in_minutes_scores_what_its_time_allows() -> None:
    limit = {"seconds_left": 20.0, "finishing_seconds": 6.0, "max_steps": None}
    plan = report_of_resumed(DATASET, {"seconds": 10.0, "tokens": 500_000, "time_limit": limit})
    # A tenth of 30 s at 150,000 scored tokens per second; half of it for windows, which read a token 15 times.
    assert (plan.scored_tokens, plan.window_tokens) == (112_500, 15_000)


def test_a_resumed_training_in_steps_has_the_usual_report() -> None:
    assert report_of_resumed(DATASET, {"seconds": 10.0, "tokens": 500_000, "time_limit": None}) == ReportPlan()
    assert report_of_resumed(DATASET, {"seconds": 10.0, "tokens": 500_000}) == ReportPlan()  # of an older version
