"""How much text the report of a training scores, and how long the report takes."""

from dataclasses import dataclass

from seqloom.lm.dataset import Dataset

__all__ = ["BLOCK", "MAX_SEARCHED_CHARACTERS", "WINDOW", "WINDOW_STRIDE", "ReportPlan", "plan_report"]

BLOCK = 256
"""Tokens per block, where text is scored in independent blocks."""

WINDOW, WINDOW_STRIDE = 60, 4
"""Tokens read before each scored token, where text is scored by sliding windows, and the distance between the starts of
two windows."""

MAX_SEARCHED_CHARACTERS = 20_000_000
"""Characters of the corpus in which copies are searched."""

_SCORED_TOKENS, _WINDOW_TOKENS = 1_000_000, 100_000
"""Usual largest number of tokens of validation or held-out text to score by full context and blocks, and by windows."""

_MIN_SCORED_TOKENS, _MIN_WINDOW_TOKENS = 20_000, 4_000
"""The same numbers if the time is short."""

_SCORING_SHARE = 0.1
"""Share of a time budget that the scoring of text for the report may take."""

_FIXED_SECONDS, _SECONDS_PER_CHARACTER = 2.5, 2e-7
"""Duration of samples, plots and the end of the process, and of the search for copies per character of the corpus."""


@dataclass(frozen=True)
class ReportPlan:
    """Amount of text that a report scores.

    Attributes:
        scored_tokens: largest number of tokens of validation or held-out text to score by full context and blocks.
        window_tokens: largest number of tokens to score by windows.
        seconds: expected duration of the report and of the end of the process; 0 if no report is written.
    """

    scored_tokens: int = _SCORED_TOKENS
    window_tokens: int = _WINDOW_TOKENS
    seconds: float = 0.0


def plan_report(dataset: Dataset, scored_per_second: float, total_seconds: float) -> ReportPlan:
    """Return the plan of the report in a time budget.

    Args:
        dataset: dataset of the training.
        scored_per_second: number of tokens that are scored per second.
        total_seconds: budget of the whole command.
    """
    lengths = [spans.num_records for spans in (dataset.split.validation, dataset.split.held_out)]
    reads_per_window_token = WINDOW // WINDOW_STRIDE
    # One half of the time is for full context and blocks, the other for windows; both texts share it.
    tokens = _SCORING_SHARE * total_seconds * scored_per_second / 2 / max(1, sum(length > 0 for length in lengths))
    scored = min(_SCORED_TOKENS, max(_MIN_SCORED_TOKENS, int(tokens / 2)))
    in_windows = min(_WINDOW_TOKENS, max(_MIN_WINDOW_TOKENS, int(tokens / reads_per_window_token)))
    num_reads = sum(2 * min(length, scored) + reads_per_window_token * min(length, in_windows) for length in lengths)
    num_searched = min(dataset.store.num_units, MAX_SEARCHED_CHARACTERS)
    seconds = _FIXED_SECONDS + num_reads / scored_per_second + num_searched * _SECONDS_PER_CHARACTER
    return ReportPlan(scored, in_windows, seconds)
