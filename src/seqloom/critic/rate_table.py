"""Rate a table of texts with a critic."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqloom.corpora.augment_table import TopRows, annotate, tally_lines
from seqloom.critic.load import resolve_critic
from seqloom.plural import counted
from seqloom.reporter import Reporter, silent
from seqloom.sampling.rejection import checked_ratings

__all__ = ["RATING_COLUMN", "rate_table"]

RATING_COLUMN = "rating_predicted"
"""Column of the predicted ratings."""


def rate_table(
    critic: Any,
    source: str | Path,
    *,
    text: str,
    output: str | Path,
    top: int = 0,
    overwrite: bool = False,
    note: Reporter = silent,
) -> int:
    """Copy a table and add a column of predicted ratings.

    Args:
        critic: folder of a critic, folder of a run trained with ratings (which rates texts by Bayes' rule), fitted
            critic, regressor with `predict`, or function from texts to ratings.
        source: table of texts.
        text: column of the text.
        output: new table.
        top: number of rows to write, those with the highest rating, in descending order; 0 writes all rows in their
            order.
        overwrite: whether to replace an existing file.
        note: function that receives the numbers of skipped rows and of rows without a text.

    Returns:
        Number of rows.

    Raises:
        UserError: the critic, the table or the output file is unusable.
    """
    predict, _, _ = resolve_critic(critic)
    skipped: Counter[str] = Counter()  # number of skipped rows by reason

    def rate(texts: Sequence[str], _: Counter[str]) -> list[dict[str, float]]:
        return [{RATING_COLUMN: rating} for rating in checked_ratings(predict, texts).tolist()]

    num_rows = annotate(
        source,
        text,
        Path(output),
        {RATING_COLUMN: float},
        rate,
        skipped,
        overwrite=overwrite,
        top=TopRows(RATING_COLUMN, top) if top else None,
    )
    for line in tally_lines(skipped, RATING_COLUMN):
        note(line)
    if num_rows < top:
        note(f"`top` {top:,} is more than the {counted(num_rows, 'row')} with a rating")
    return num_rows
