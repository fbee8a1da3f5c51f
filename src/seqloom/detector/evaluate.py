"""Measuring a detector on texts that it has not seen: how good it is, for whom, beside what, and how sure that is."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from seqloom.config import ReadingConfig, validate
from seqloom.corpora.labelled_texts import LabelledTexts, read_labelled_texts
from seqloom.detector.confounds import find_confounds, match_sides, same_texts
from seqloom.detector.detector import Detector, MemberOutputs
from seqloom.detector.load import open_detector
from seqloom.detector.report import Alarm, Bin, DetectorReport, ExampleText, Overall, ScoringMethod, Subgroup
from seqloom.detector.stack import check_base_rate, probabilities
from seqloom.detector.storage import DETECTOR
from seqloom.errors import ConfigError
from seqloom.evaluation.classification_metrics import (
    FALSE_ALARMS,
    Interval,
    LabelledSample,
    binomial_interval,
    brier_score,
    calibration_error,
    positive_fraction,
    roc_auc,
    true_positive_rate,
)

__all__ = ["ALL", "LENGTHS", "measure_detector"]

ALL, LENGTH = "the detector", "length alone"

LENGTHS = {"under 15 words": (0, 15), "15 to 29": (15, 30), "30 to 99": (30, 100), "100 and more": (100, 1 << 30)}
"""The lengths that texts are divided by: from so many words to fewer than so many."""

_EACH = 3
"""Texts of a kind that are shown."""

_MOST_PARTS = 12
"""Values of a column that have a row each."""

_BINS = 10
_AT_ONCE = 512
_TELLS = 0.6
"""Area under the curve from which on length alone tells the sides apart."""

Note = Callable[[str], None]


def measure_detector(
    detector: str | Path,
    source: str | Path,
    *,
    text: str,
    generated: str | Path | None = None,
    label: str | None = None,
    by: Sequence[str] = (),
    group: str | None = None,
    pool: str | None = None,
    matched: bool = False,
    base_rate: float = 0.5,
    seed: int = 0,
    note: Note = lambda line: None,
) -> DetectorReport:
    """Measure a detector.

    Args:
        detector: its folder.
        source: real texts; with `label`, texts of both sides.
        text: the column of the text, in all tables.
        generated: generated texts.
        label: the column that says 1 of a generated text and 0 of a real one.
        by: columns that the texts are divided by.
        group: the column that says which real texts belong together.
        pool: the part of the real table that is read.
        matched: cut the texts of both sides to like lengths.
        base_rate: expected share of generated texts.
        seed: of the samples that intervals are drawn from.
        note: is told what is read and done.

    Raises:
        UserError: the detector, a source or a column is not usable.
    """
    validate(
        (seed >= 0, f"`seed` got {seed}: choose 0 or more"),
        (generated is None or label is None, "`generated` and `label` both say what was generated: give one of them"),
        (
            not matched or generated is not None or label is not None,
            "`matched` is of two sides: give `generated` or `label` too",
        ),
    )
    check_base_rate(base_rate)
    judge = open_detector(detector)
    known = read_labelled_texts(source, ReadingConfig(text=text, group=group, pool=pool), label, by, note)
    if generated is not None:
        known = known.beside(read_labelled_texts(generated, ReadingConfig(text=text), None, by, note))
    if matched:
        known = match_sides(known, np.random.default_rng(seed))
    note(f"reading {len(known.texts):,} texts")
    asked = _ask(judge, known.texts)
    table, told = known.without(asked.too_short), ~asked.too_short
    if not table.texts:
        raise ConfigError(f"{source} has no text of 5 words or more: the others are too short to tell")
    strange, asked = int(asked.out_of_distribution.sum()), asked.some(told)
    words = asked.words
    scores = {ALL: judge.logits(asked), **judge.member_logits(asked), LENGTH: words.astype(float)}
    chance = probabilities(scores[ALL], base_rate)
    truth = table.truth
    report = DetectorReport(
        detector=str(detector),
        source=str(source),
        base_rate=base_rate,
        real=len(table.texts) if truth is None else int((~truth).sum()),
        generated=None if truth is None else int(truth.sum()),
        abstained=int((~told).sum()),
        strange=strange,
        warnings=list(_warnings(Path(detector), source, generated, pool, table)),
        scores=scores,
        truth=truth,
        probabilities=chance,
    )
    if truth is not None:
        if truth.all() or not truth.any():
            raise ConfigError("all texts of one side have fewer than 5 words: they are too short to tell")
        note("drawing samples for the intervals")
        report = _judged(report, table, scores, words, LabelledSample(truth, table.groups, seed))
    note("explaining some texts")
    return replace(report, shown=list(_shown(judge, table.texts, truth, chance, base_rate)))


def _ask(judge: Detector, texts: list[str]) -> MemberOutputs:
    parts = [judge.member_outputs(texts[first : first + _AT_ONCE]) for first in range(0, len(texts), _AT_ONCE)]
    columns = {one.name: [getattr(part, one.name) for part in parts] for one in fields(MemberOutputs)}
    joined: dict[str, Any] = {
        name: None if column[0] is None else np.concatenate(column) for name, column in columns.items()
    }
    return MemberOutputs(**joined)


def _warnings(
    detector: Path, source: str | Path, generated: str | Path | None, pool: str | None, table: LabelledTexts
) -> Iterator[str]:
    origin: Mapping[str, Any] = DETECTOR.read_settings(detector).get("origin", {})
    fitted = origin.get("reading", {}).get("pool")
    if _same(source, origin.get("real")) and (fitted is None or pool in (None, fitted)):
        yield (
            f"The detector learned from texts of {Path(source).name}: these figures flatter it. Measure it on texts "
            "that it has not seen, or on another pool of the table."
        )
    if generated is not None and any(_same(generated, one) for one in origin.get("generated", [])):
        yield f"The detector learned from texts of {Path(generated).name}: these figures flatter it."
    if table.truth is None:
        return
    real, generated_ones = table.of(generated=False), table.of(generated=True)
    if both := same_texts(real, generated_ones):
        yield f"{len(both):,} of the generated texts stand among the real ones too: nobody could tell those apart."
    for share in FALSE_ALARMS:
        if len(real) * share < 1:
            yield (
                f"{len(real):,} real texts cannot show a share of {100 * share:g} %: what is found at so few false "
                "alarms is what lies above every real text here."
            )


def _same(one: str | Path, other: object) -> bool:
    return isinstance(other, str) and Path(one).resolve() == Path(other).resolve()


def _judged(
    report: DetectorReport,
    table: LabelledTexts,
    scores: Mapping[str, Float[np.ndarray, " texts"]],
    words: Int[np.ndarray, " texts"],
    sides: LabelledSample,
) -> DetectorReport:
    """The report with all that can be said where the truth is known."""
    truth, chance, prior = sides.generated, report.probabilities, report.base_rate

    def sure(measure: Any) -> Interval:
        found = sides.interval(measure)
        assert found is not None
        return found

    ways = [_way(name, some, sides) for name, some in scores.items()]
    turned = {way.name for way in ways if way.turned}
    length = next(way for way in ways if way.name == LENGTH)
    alarms = list(_alarms(scores[ALL], truth, prior))
    flagged = _above(scores[ALL], truth, FALSE_ALARMS[0])[0]

    def part(name: str, chosen: Bool[np.ndarray, " texts"]) -> Subgroup:
        mine = truth[chosen]
        return Subgroup(
            name,
            int((~mine).sum()),
            int(mine.sum()),
            sides.interval(roc_auc(scores[ALL][chosen], mine), chosen),
            *(binomial_interval(int((flagged[chosen] & some).sum()), int(some.sum())) for some in (mine, ~mine)),
        )

    return replace(
        report,
        overall=Overall(
            sure(roc_auc(scores[ALL], truth)),
            {share: sure(true_positive_rate(scores[ALL], truth, share)) for share in FALSE_ALARMS},
            sure(calibration_error(chance, truth, prior)),
            sure(brier_score(chance, truth, prior)),
        ),
        bins=list(_bins(chance, sides, prior)),
        ways=ways,
        scores={name: -some if name in turned else some for name, some in report.scores.items()},
        warnings=[*report.warnings, *_differing(length)],
        lengths=[part(name, (words >= least) & (words < most)) for name, (least, most) in LENGTHS.items()],
        parts={
            column: [part(name, chosen) for name, chosen in _values(cells)] for column, cells in table.cells.items()
        },
        alarms=alarms,
        leaks=find_confounds(table.of(generated=False), table.of(generated=True)),
    )


def _differing(length: ScoringMethod) -> Iterator[str]:
    if length.area.value >= _TELLS:
        yield (
            f"The sides differ in length: alone it tells them apart with an area of {length.area.value:.2f}. The "
            "figures by length are the fairer ones, or those with `matched`."
        )


def _bins(chance: Float[np.ndarray, " texts"], sides: LabelledSample, prior: float) -> Iterator[Bin]:
    """Bins of one width, those that hold texts."""
    places = np.minimum((chance * _BINS).astype(int), _BINS - 1)
    for place in np.unique(places):
        chosen = places == place
        share = sides.interval(positive_fraction(chosen, sides.generated, prior))
        assert share is not None
        yield Bin(float(chance[chosen].mean()), share, int(chosen.sum()))


def _way(name: str, scores: Float[np.ndarray, " texts"], sides: LabelledSample) -> ScoringMethod:
    from sklearn.metrics import roc_auc_score

    truth = sides.generated
    turned = name == LENGTH and bool(roc_auc_score(truth, scores) < 0.5)
    upright = -scores if turned else scores
    under, found = (
        sides.interval(measure)
        for measure in (roc_auc(upright, truth), true_positive_rate(upright, truth, FALSE_ALARMS[0]))
    )
    assert under is not None
    assert found is not None
    return ScoringMethod(name, under, found, turned)


def _values(cells: list[str]) -> Iterator[tuple[str, Bool[np.ndarray, " texts"]]]:
    """The commonest values of a column and where they stand; all others are one."""
    array = np.array(cells, object)
    common = [value for value, _ in Counter(cells).most_common(_MOST_PARTS)]
    for value in sorted(common):
        yield value, array == value
    others = ~np.isin(array, common)
    if others.any():
        yield f"({len(set(cells)) - len(common):,} others)", others


def _above(
    scores: Float[np.ndarray, " texts"], truth: Bool[np.ndarray, " texts"], share: float
) -> tuple[Bool[np.ndarray, " texts"], float | None]:
    """What lies above the lowest threshold that at most a share of the real texts passes, and that threshold."""
    from sklearn.metrics import roc_curve

    false_alarms, _, thresholds = roc_curve(truth, scores, drop_intermediate=False)
    threshold = float(thresholds[np.flatnonzero(false_alarms <= share)[-1]])
    return scores >= threshold, threshold if np.isfinite(threshold) else None


def _alarms(scores: Float[np.ndarray, " texts"], truth: Bool[np.ndarray, " texts"], prior: float) -> Iterator[Alarm]:
    for share in FALSE_ALARMS:
        flagged, threshold = _above(scores, truth, share)
        least = None if threshold is None else float(probabilities(np.array([threshold]), prior)[0])
        yield _alarm(f"at most {100 * share:g} % of the real texts here are flagged", least, flagged, truth, prior)
    yield _alarm("what is rather generated than not is flagged", 0.5, probabilities(scores, prior) > 0.5, truth, prior)


def _alarm(
    rule: str,
    threshold: float | None,
    flagged: Bool[np.ndarray, " texts"],
    truth: Bool[np.ndarray, " texts"],
    prior: float,
) -> Alarm:
    found = float(flagged[truth].mean())
    wrong, real = int(flagged[~truth].sum()), int((~truth).sum())
    alarms = binomial_interval(wrong, real)
    assert alarms is not None
    innocent = None
    if flagged.any():
        shares = (
            (1 - prior) * one / ((1 - prior) * one + prior * found) for one in (alarms.value, alarms.low, alarms.high)
        )
        innocent = Interval(*(1000 * share for share in shares)) if found else Interval(1000.0, 1000.0, 1000.0)
    return Alarm(rule, threshold, found, alarms, innocent)


def _shown(
    judge: Detector,
    texts: list[str],
    truth: Bool[np.ndarray, " texts"] | None,
    chance: Float[np.ndarray, " texts"],
    prior: float,
) -> Iterator[ExampleText]:
    """A few texts of each kind, no text twice."""
    rising, unsure = np.argsort(chance, kind="stable"), np.argsort(np.abs(chance - 0.5), kind="stable")
    kinds: dict[str, Int[np.ndarray, " some"]] = {}
    for generated, order in ((True, rising[::-1]), (False, rising)):
        side = "generated" if generated else "real"
        order = order[(chance[order] > 0.5) == generated]
        if truth is None:
            kinds[f"Most surely {side}"] = order
        else:
            kinds[f"Surest that it is {side}, and right"] = order[truth[order] == generated]
            other = "false alarms" if generated else "missed"
            kinds[f"Surest that it is {side}, and wrong: {other}"] = order[truth[order] != generated]
    kinds["Least sure"] = unsure
    taken: set[int] = set()
    for kind, places in kinds.items():
        for place in [one for one in places.tolist() if one not in taken][:_EACH]:
            taken.add(place)
            explanation = judge.explain(texts[place], base_rate=prior)
            yield ExampleText(kind, texts[place], None if truth is None else bool(truth[place]), explanation)
