"""Rate a table of texts with a critic."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqloom.corpora.augment_table import ROW_WITHOUT_TEXT, annotate
from seqloom.critic.load import resolve_critic
from seqloom.plural import counted
from seqloom.reporter import Reporter, silent
from seqloom.sampling.rejection import checked_ratings

__all__ = ["PREDICTED", "rate_table"]

PREDICTED = "rating_predicted"
"""The column that a critic adds."""


def rate_table(
    critic: Any,
    source: str | Path,
    *,
    text: str,
    output: str | Path,
    overwrite: bool = False,
    note: Reporter = silent,
) -> int:
    """Write a table again with a column of predicted ratings.

    Args:
        critic: see `opened`; its folder may be that of a rated run.
        source: the table.
        text: the column of the text.
        output: the new table.
        overwrite: replace what is there.
        note: is told which rows were left out, and how many have no text and so no rating.

    Returns:
        The number of rows.

    Raises:
        UserError: the critic, the table or the file are not usable.
    """
    rate, _, _ = resolve_critic(critic)
    tally: Counter[str] = Counter()

    def rated(texts: Sequence[str]) -> list[dict[str, float]]:
        return [{PREDICTED: round(rating, 4)} for rating in checked_ratings(rate, texts).tolist()]

    written = annotate(source, text, Path(output), (PREDICTED,), rated, tally, overwrite=overwrite)
    empty = tally.pop(ROW_WITHOUT_TEXT, 0)
    if empty:
        note(f"{counted(empty, ROW_WITHOUT_TEXT)}: {PREDICTED} is left empty there")
    for reason, count in tally.items():
        note(f"skipped: {counted(count, reason)}")
    return written
