"""Score a table of texts with a detector."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from seqloom.config.base import validate
from seqloom.config.detector import ScoringConfig
from seqloom.config.settings import range_checks
from seqloom.corpora.augment_table import TopRows, annotate, tally_lines
from seqloom.detector.detector import Detector
from seqloom.detector.load import open_detector
from seqloom.detector.scores import Scores
from seqloom.detector.stack import check_base_rate
from seqloom.detector.storage import detector_fingerprint
from seqloom.plural import counted
from seqloom.reporter import Reporter, silent

__all__ = ["COLUMNS", "score_table"]

COLUMNS: Mapping[str, type] = {"p_generated": float, "flagged": int, "abstained": int, "flag": str}
"""Columns that a detector adds, and the type of their cells.

- p_generated: probability that the text was generated.
- flagged: 1 if this probability reaches the threshold and the text is not too short, else 0.
- abstained: 1 if the text is too short for a reliable probability, else 0.
- flag: "learned" for a training text of the detector or a near copy of one, "unfamiliar" for a text unlike all training
  texts, else empty.
"""

_LIGHT_BATCH_SIZE, _FULL_BATCH_SIZE = 2048, 512
"""Number of rows that are scored together: with the light members only (fast models on patterns of words and
characters), and with all members."""


def score_table(
    detector: str | Path | Detector,
    source: str | Path,
    *,
    text: str,
    output: str | Path,
    base_rate: float = 0.5,
    light: bool = False,
    threshold: float = 0.5,
    top: int = 0,
    overwrite: bool = False,
    resume: bool = False,
    note: Reporter = silent,
) -> int:
    """Copy a table and add columns with the probability that each text was generated.

    Args:
        detector: detector, or folder of a detector.
        source: table of texts.
        text: column of the text.
        output: new table.
        base_rate: expected share of generated texts in the table.
        light: use the light members only, which are much faster.
        threshold: probability from which a text is flagged.
        top: number of rows to write, those with the highest probability, in descending order, without texts that are
            too short; 0 writes all rows in their order.
        overwrite: replace an existing file.
        resume: continue an interrupted call.
        note: function that receives the numbers of rows without a probability, and of rows with an unreliable one.

    Returns:
        Number of rows.

    Raises:
        UserError: the detector, the table or the output file is unusable.
    """
    check_base_rate(base_rate)
    validate(*range_checks(ScoringConfig(base_rate=base_rate, light=light, threshold=threshold, top=top)))
    fingerprint = detector_fingerprint(detector) if isinstance(detector, str | Path) else detector.fingerprint()
    # A detector in a folder is opened when the first texts are scored.
    opened_detector = cache(lambda: open_detector(detector) if isinstance(detector, str | Path) else detector)

    def score(texts: Sequence[str], tally: Counter[str]) -> list[dict[str, Any]]:
        scores = opened_detector().score_texts(texts, base_rate=base_rate, light=light)
        tally["text too short for a reliable probability"] += int(scores.too_short.sum())
        tally["text unlike those that the detector was trained on"] += int(scores.out_of_distribution.sum())
        tally["text with long passages of the detector's training texts"] += int(scores.seen_in_training.sum())
        return _cells(scores, threshold)

    tally: Counter[str] = Counter()
    # A resumed call needs the same settings, so that all rows are scored alike.
    settings = {"detector": fingerprint, "prior": base_rate, "light": light, "threshold": threshold}
    # `annotate` also counts the rows without text, and those that it cannot read, in the tally.
    num_rows = annotate(
        source,
        text_column=text,
        output=Path(output),
        columns=COLUMNS,
        compute_cells=score,
        tally=tally,
        overwrite=overwrite,
        resume=None if top and not resume else resume,
        top=TopRows("p_generated", top, excluded="abstained") if top else None,
        settings=settings,
        chunk_rows=_LIGHT_BATCH_SIZE if light else _FULL_BATCH_SIZE,
    )
    for line in tally_lines(tally, "p_generated"):
        note(line)
    if num_rows < top:
        note(f"`top` {top:,} is more than the {counted(num_rows, 'row')} with a reliable probability")
    return num_rows


def _cells(scores: Scores, threshold: float) -> list[dict[str, Any]]:
    """Return the new cells of each row."""
    rows = zip(scores.probabilities, scores.too_short, scores.out_of_distribution, scores.seen_in_training, strict=True)
    cells = []
    for probability, too_short, out_of_distribution, seen_in_training in rows:
        flag = "learned" if seen_in_training else "unfamiliar" if out_of_distribution else ""
        flagged = int(probability >= threshold and not too_short)
        cells.append(dict(zip(COLUMNS, (float(probability), flagged, int(too_short), flag), strict=True)))
    return cells
