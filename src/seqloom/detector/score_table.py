"""Score a table of texts with a detector."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from seqloom.corpora.augment_table import EMPTY, annotate
from seqloom.detector.detector import Detector
from seqloom.detector.load import open_detector
from seqloom.detector.stack import check_base_rate
from seqloom.detector.storage import detector_fingerprint
from seqloom.plural import counted

__all__ = ["COLUMNS", "score_table"]

COLUMNS = ("p_generated", "abstained", "flag")
"""The columns that a detector adds."""

_MANY, _SOME = 2048, 512
"""Rows that are scored together, by light members alone and by all."""

Note = Callable[[str], None]


def score_table(
    detector: str | Path | Detector,
    source: str | Path,
    *,
    text: str,
    output: str | Path,
    base_rate: float = 0.5,
    light: bool = False,
    overwrite: bool = False,
    resume: bool = False,
    note: Note = lambda line: None,
) -> int:
    """Write a table again with the probability that each text was generated.

    Args:
        detector: a detector, or its folder.
        source: the table.
        text: the column of the text.
        output: the new table.
        base_rate: expected share of generated texts.
        light: ask only the members that read patterns alone.
        overwrite: replace what is there.
        resume: go on where an earlier call was interrupted.
        note: is told which rows were left out, and what texts are like.

    Returns:
        The number of rows.

    Raises:
        UserError: the detector, the table or the file are not usable.
    """
    check_base_rate(base_rate)
    fingerprint = detector_fingerprint(detector) if isinstance(detector, str | Path) else detector.fingerprint()
    opened = cache(lambda: open_detector(detector) if isinstance(detector, str | Path) else detector)
    tally: Counter[str] = Counter()

    def scored(texts: Sequence[str]) -> list[dict[str, Any]]:
        found = opened().score(texts, base_rate=base_rate, light=light)
        tally["text too short to tell"] += int(found.too_short.sum())
        tally["text unlike those that the detector knows"] += int(found.out_of_distribution.sum())
        tally["text that the detector learned from"] += int(found.seen_in_training.sum())
        flags = np.where(
            found.seen_in_training, "learned", np.where(found.out_of_distribution, "unfamiliar", "")
        ).tolist()
        return [
            dict(zip(COLUMNS, (float(f"{chance:.9g}"), int(short), flag), strict=True))
            for chance, short, flag in zip(found.probabilities, found.too_short, flags, strict=True)
        ]

    settings = {"detector": fingerprint, "prior": base_rate, "light": light}
    written = annotate(
        *(source, text, Path(output), COLUMNS, scored, tally),
        overwrite=overwrite,
        resume=resume,
        settings=settings,
        at_once=_MANY if light else _SOME,
    )
    for reason, count in tally.items():
        if count:
            note(f"{counted(count, reason)}" + (f": {COLUMNS[0]} is left empty there" if reason == EMPTY else ""))
    return written
