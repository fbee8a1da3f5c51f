"""Evaluate a detector on unseen texts.

The real and the generated texts are the two sides. Without labels, the report has scores and examples, but no figures
of the accuracy.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from seqloom.config import ReadingConfig, validate
from seqloom.config.detector import check_one_label
from seqloom.config.reading import MISSING_WORDS, TABLE_RULES
from seqloom.corpora.labelled_texts import LabelledTexts, read_labelled_texts
from seqloom.detector.confounds import match_labelled_lengths, shared_texts
from seqloom.detector.detector import Detector
from seqloom.detector.examples import choose_examples
from seqloom.detector.labelled_figures import ALL_MEMBERS, LENGTH_ALONE, add_labelled_figures
from seqloom.detector.load import open_detector
from seqloom.detector.report import RARE_BASE_RATE, DetectorReport
from seqloom.detector.scores import MemberOutputs
from seqloom.detector.stack import check_base_rate, probabilities
from seqloom.detector.storage import DETECTOR
from seqloom.detector.training_set import MIN_WORDS
from seqloom.errors import ConfigError
from seqloom.evaluation.classification_metrics import FALSE_POSITIVE_RATES, LabelledSample
from seqloom.files import real_path
from seqloom.percent import format_percent
from seqloom.plural import counted
from seqloom.reporter import Reporter, silent

__all__ = ["evaluate_detector"]

_BATCH_SIZE = 512
"""Number of texts that are scored together."""


def evaluate_detector(
    detector: str | Path,
    source: str | Path,
    *,
    text: str,
    generated: str | Path | None = None,
    label: str | None = None,
    by: Sequence[str] = (),
    group: str | None = None,
    pool: str | None = None,
    missing: tuple[str, ...] = MISSING_WORDS,
    matched: bool = False,
    base_rate: float | None = None,
    seed: int = 0,
    note: Reporter = silent,
) -> DetectorReport:
    """Evaluate a detector on unseen texts.

    Args:
        detector: folder of the detector.
        source: table of real texts; with `label`, a table of both sides.
        text: column of the text, in all tables.
        generated: table of generated texts.
        label: column of the labels, 1 for generated and 0 for real.
        by: columns whose values define subgroups.
        group: column whose equal values mark related real texts; the bootstrap draws related texts together.
        pool: pool of the real table to read; pools are disjoint parts of a table.
        missing: words in the cells of a group or a subgroup that stand for a missing value.
        matched: whether to cut the texts of both sides to similar lengths.
        base_rate: expected share of generated texts; None takes 0.5, and measures the false alarms at 0.02 as well.
        seed: seed of the bootstrap samples for the intervals.
        note: function that receives progress messages.

    Raises:
        UserError: the detector, a source or a column is unusable.
    """
    validate(
        (seed >= 0, f"`seed` got {seed}: choose 0 or more"),
        (
            not matched or generated is not None or label is not None,
            "`matched` needs labelled texts: add `generated` or `label`",
        ),
    )
    rare_base_rate = RARE_BASE_RATE if base_rate is None else None
    base_rate = 0.5 if base_rate is None else base_rate
    check_one_label(generated, label)
    check_base_rate(base_rate)
    opened_detector = open_detector(detector)
    reading = ReadingConfig(text=text, group=group, pool=pool, missing=missing)
    table = read_labelled_texts(source, reading, label, by, note)
    if generated is not None:
        ungrouped = replace(reading, group=None, pool=None)
        table = table.with_generated(read_labelled_texts(generated, ungrouped, None, by, note))
    if matched:
        table = match_labelled_lengths(table, np.random.default_rng(seed))
    note(f"scoring {len(table.texts):,} texts")
    outputs = _member_outputs(opened_detector, table.texts)
    num_out_of_distribution = int(outputs.out_of_distribution.sum())
    long_enough = ~outputs.too_short
    table, outputs = table.without(outputs.too_short), outputs.select(long_enough)
    if not table.texts:
        raise ConfigError(f"{source} has no text of {MIN_WORDS} words or more; shorter ones cannot be scored reliably")
    scores = {
        ALL_MEMBERS: opened_detector.logits(outputs),
        **opened_detector.member_logits(outputs),
        LENGTH_ALONE: outputs.num_words.astype(float),
    }
    labels = table.is_generated
    report = DetectorReport(
        detector=str(detector),
        source=str(source),
        base_rate=base_rate,
        rare_base_rate=rare_base_rate,
        num_real=len(table.texts) if labels is None else int((~labels).sum()),
        num_generated=None if labels is None else int(labels.sum()),
        num_too_short=int((~long_enough).sum()),
        num_out_of_distribution=num_out_of_distribution,
        warnings=list(_warnings(Path(detector), source, generated, pool, table, outputs)),
        scores=scores,
        labels=labels,
        probabilities=probabilities(scores[ALL_MEMBERS], base_rate),
    )
    if labels is not None:
        if labels.all() or not labels.any():
            raise ConfigError(
                f"all real or all generated texts have fewer than {MIN_WORDS} words, too few for a reliable score: "
                "add longer texts"
            )
        note("computing confidence intervals by the bootstrap")
        report = add_labelled_figures(report, table, outputs.num_words, LabelledSample(labels, table.groups, seed))
    note("explaining example texts")
    examples = choose_examples(opened_detector, table.texts, labels, report.probabilities, base_rate)
    return replace(report, examples=list(examples))


def _member_outputs(detector: Detector, texts: list[str]) -> MemberOutputs:
    """Return the outputs of the members, computed in batches."""
    batches = [
        detector.member_outputs(texts[start : start + _BATCH_SIZE]) for start in range(0, len(texts), _BATCH_SIZE)
    ]
    columns = {field.name: [getattr(batch, field.name) for batch in batches] for field in fields(MemberOutputs)}
    joined: dict[str, Any] = {
        name: None if column[0] is None else np.concatenate(column) for name, column in columns.items()
    }
    return MemberOutputs(**joined)


def _warnings(
    detector: Path,
    source: str | Path,
    generated: str | Path | None,
    pool: str | None,
    table: LabelledTexts,
    outputs: MemberOutputs,
) -> Iterator[str]:
    """Yield reasons why the figures may be too good or misleading.

    Args:
        detector: folder of the detector.
        source: table of real texts, or of both sides.
        generated: table of generated texts, or None.
        pool: pool of the real table that was read; None for the whole table.
        table: texts that were read.
        outputs: outputs of the members for these texts.
    """
    origin: Mapping[str, Any] = DETECTOR.read_settings(detector).get("origin", {})
    fitted_pool = origin.get("reading", {}).get("pool")
    # Different pools of a table are disjoint, so texts of another pool are unseen.
    if _is_same_file(source, origin.get("real")) and (fitted_pool is None or pool in (None, fitted_pool)):
        yield (
            f"The detector was fitted to texts of {Path(source).name}, so these figures are too good. Evaluate it on "
            "unseen texts, or on another pool of the table."
        )
    fitted_rules = origin.get("reading", {}).get("table_rules", 1)
    if pool is not None and fitted_pool not in (None, pool) and fitted_rules != TABLE_RULES:
        yield (
            f"The detector was fitted to a pool of version {fitted_rules} of the rules that divide a table, and this "
            f"pool is one of version {TABLE_RULES}, so that they may share texts. Fit the detector again."
        )
    if num_seen := int(outputs.seen_in_training.sum()):
        yield (
            f"The detector was trained on {num_seen:,} of the {len(table.texts):,} texts, so these figures are too "
            "good. Evaluate it on unseen texts; a pool of the same table needs the group column of the fit."
        )
    if generated is not None and any(_is_same_file(generated, file) for file in origin.get("generated", [])):
        yield f"The detector was fitted to texts of {Path(generated).name}, so these figures are too good."
    if table.is_generated is None:
        return
    real, generated_texts = table.texts_where(generated=False), table.texts_where(generated=True)
    if shared := shared_texts(real, generated_texts):
        yield f"{len(shared):,} of the generated texts are also among the real ones; no detector can separate these."
    for rate in FALSE_POSITIVE_RATES:
        if len(real) * rate < 1:
            yield (
                f"{counted(len(real), 'real text')} cannot show a false alarm rate of {format_percent(rate)}: the "
                "figures at that rate count only generated texts that score above every real text."
            )


def _is_same_file(path: str | Path, stored_path: object) -> bool:
    return isinstance(stored_path, str) and real_path(Path(path)) == real_path(Path(stored_path))
