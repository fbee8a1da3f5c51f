"""The report of a detector as one HTML page."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from seqloom.detector.evaluate import measure_detector
from seqloom.detector.explanation import Token
from seqloom.detector.html import bullets, coloured, document, heading, legend, paragraph, picture, table
from seqloom.detector.report import Alarm, DetectorReport, ExampleText, ScoringMethod, Subgroup
from seqloom.detector.training_set import LEAST_WORDS
from seqloom.errors import ConfigError
from seqloom.evaluation.classification_metrics import FALSE_ALARMS, Interval
from seqloom.files import check_writable, write_text
from seqloom.plots.detector import calibration, roc_curves, score_histogram
from seqloom.version import __version__

__all__ = ["page", "report_detector"]

_MOST_CHARACTERS = 3000
"""Of a text that are shown."""

_LEAST_IN_BIN = 5
"""Texts of like probability that say something of how often it holds."""

_INTERVAL = "In brackets: where the figure lies in 95 of 100 samples like this one."

_HARM = (
    "A false alarm is a person who is told that their own words are a machine's. Never let such a score be the only "
    "ground against anybody: hear them, and look for other signs. The probabilities hold only for texts like those "
    "that the detector learned from, and generators that it has not seen may well escape it."
)


def report_detector(
    detector: str | Path,
    source: str | Path,
    *,
    text: str,
    output: Path,
    generated: str | Path | None = None,
    label: str | None = None,
    by: Sequence[str] = (),
    group: str | None = None,
    pool: str | None = None,
    matched: bool = False,
    base_rate: float = 0.5,
    seed: int = 0,
    overwrite: bool = False,
    note: Callable[[str], None] = lambda line: None,
) -> DetectorReport:
    """Measure a detector and write the page.

    Args:
        detector: its folder.
        source: see `measure_detector`.
        text: see `measure_detector`.
        output: the page.
        generated: see `measure_detector`.
        label: see `measure_detector`.
        by: see `measure_detector`.
        group: see `measure_detector`.
        pool: see `measure_detector`.
        matched: see `measure_detector`.
        base_rate: see `measure_detector`.
        seed: see `measure_detector`.
        overwrite: replace what is there.
        note: is told what is read and done.

    Raises:
        UserError: the detector, a source, a column or the file is not usable.
    """
    if output.is_dir():
        raise ConfigError(f"`output` got {output}, which is a folder: name a file such as report.html")
    if output.exists() and not overwrite:
        raise ConfigError(f"{output} is there already: name another file, or give `overwrite`")
    sources = [str(one) for one in (source, generated) if one is not None]
    if output.exists() and any(Path(one).exists() and output.samefile(one) for one in sources):
        raise ConfigError(f"`output` got {output}, which is a table that is read: name a file such as report.html")
    check_writable(output)
    report = measure_detector(
        detector, source, text=text, generated=generated, label=label, by=by, group=group, pool=pool,
        matched=matched, base_rate=base_rate, seed=seed, note=note,
    )  # fmt: skip
    write_text(output, page(report))
    return report


def page(report: DetectorReport) -> str:
    """The whole page."""
    with tempfile.TemporaryDirectory() as folder:
        parts = list(_sections(report, Path(folder)))
    return document(f"How good is the detector {Path(report.detector).name}?", parts, f"Made by seqloom {__version__}.")


def _sections(report: DetectorReport, folder: Path) -> Iterator[str]:
    yield from _opening(report)
    if report.overall is not None and report.truth is not None:
        yield from _headline(report)
        yield from _harm(report)
        yield heading("At every threshold")
        yield picture(
            roc_curves(folder / "roc.png", report.scores, report.truth),
            "ROC curves: the share of generated texts found against the share of real texts flagged, the second time "
            "with a logarithmic axis.",
        )
        yield heading("Calibration")
        yield paragraph(
            f"Of the texts that get a probability, how many were generated, where {_share(report.base_rate)} of "
            "all texts are? The larger a dot, the more texts it stands for; dots of fewer than "
            f"{_LEAST_IN_BIN} texts are left out."
        )
        bins = [one for one in report.bins if one.texts >= _LEAST_IN_BIN]
        held = [[one.generated.value, one.generated.low, one.generated.high] for one in bins]
        said, texts = ([getattr(one, name) for one in bins] for name in ("probability", "texts"))
        yield picture(
            calibration(folder / "calibration.png", np.array(said), np.array(held).T, np.array(texts)),
            "The share of generated texts against the probability that the detector gives.",
        )
        yield from _ways(report.ways)
        yield from _parts("By length", "words", report.lengths)
        for column, rows in report.parts.items():
            yield from _parts(f"By {column}", column, rows)
        yield from _leaks(report)
    yield heading("Scores")
    yield picture(
        score_histogram(folder / "scores.png", report.probabilities, report.truth),
        "How many texts have which probability.",
    )
    yield from _texts(report.shown)


def _opening(report: DetectorReport) -> Iterator[str]:
    if report.generated is None:
        said = f"{report.real:,} texts of {Path(report.source).name}. Which of them were generated is not known"
    else:
        said = f"{report.real:,} real and {report.generated:,} generated texts; source: {Path(report.source).name}"
    yield paragraph(f"{said}. Expected share of generated texts: {_share(report.base_rate)}.")
    if report.abstained:
        yield paragraph(
            f"{report.abstained:,} more have fewer than {LEAST_WORDS} words, which is too short to tell: they have no "
            "part in what follows."
        )
    if report.strange:
        yield paragraph(
            f"{report.strange:,} are unlike all texts that the detector knows, as those in another language are."
        )
    for warning in report.warnings:
        yield paragraph(warning, kind="note")
    if report.generated is None:
        yield paragraph(_HARM, kind="note")


def _headline(report: DetectorReport) -> Iterator[str]:
    overall = report.overall
    assert overall is not None
    rows = [
        ("area under the ROC curve", _figure(overall.area), "how often a generated text scores above a real one"),
        *(
            (f"found at {_share(share)} false alarms", _shares(found), "share of the generated texts that are flagged")
            for share, found in overall.found.items()
        ),
        (
            "expected calibration error",
            _figure(overall.calibration_error),
            "how far probabilities are from what happens; 0 is best",
        ),
        ("Brier score", _figure(overall.brier), "mean squared error of the probabilities; 0 is best"),
    ]
    yield heading("How good it is")
    yield table(_INTERVAL, ("figure", "value", "what it is"), rows)


def _harm(report: DetectorReport) -> Iterator[str]:
    yield heading("What false alarms do")
    first = report.alarms[0]
    if first.innocent is not None and first.threshold is not None:
        yield paragraph(
            f"Where {_share(report.base_rate)} of the texts are generated, and every text with a probability of "
            f"{_share(first.threshold)} or more is flagged, {_share(first.found)} of the generated texts are found, "
            f"and of 1,000 flagged texts about {first.innocent.value:,.0f} are by real people (between "
            f"{first.innocent.low:,.0f} and {first.innocent.high:,.0f}, for all that is known from "
            f"{report.real:,} real texts).",
            kind="note",
        )
    yield paragraph(_HARM, kind="note")
    yield table(
        f"Where {_share(report.base_rate)} of the texts are generated. In brackets: where the figure lies in 95 of 100 "
        "cases, by how many real texts there are.",
        ("rule", "threshold", "generated texts found", "real texts flagged", "of 1,000 flagged, by real people"),
        [_alarm_cells(alarm) for alarm in report.alarms],
    )


def _alarm_cells(alarm: Alarm) -> tuple[str, ...]:
    innocent = alarm.innocent
    return (
        alarm.rule,
        "no text passes" if alarm.threshold is None else _share(alarm.threshold),
        _share(alarm.found),
        _shares(alarm.false_alarms),
        "" if innocent is None else f"{innocent.value:,.0f} ({innocent.low:,.0f} to {innocent.high:,.0f})",
    )


def _ways(ways: Sequence[ScoringMethod]) -> Iterator[str]:
    header = ("scored by", "area under the ROC curve", f"found at {_share(FALSE_ALARMS[0])} false alarms")
    rows = [
        (f"{way.name}{' (low speaks for generated)' if way.turned else ''}", _figure(way.area), _shares(way.found))
        for way in ways
    ]
    yield heading("Beside simpler ways")
    yield table(
        f"{_INTERVAL} The light members read patterns of words and characters; the encoder and the language models are "
        "slower; length alone is the number of words.",
        header,
        rows,
    )


def _parts(title: str, column: str, rows: Sequence[Subgroup]) -> Iterator[str]:
    yield heading(title)
    yield table(
        f"{_INTERVAL} Flagged: at or above the one threshold that at most {_share(FALSE_ALARMS[0])} of all real texts "
        "here reach.",
        (column, "real", "generated", "area under the ROC curve", "generated texts flagged", "real texts flagged"),
        [
            (
                row.name,
                f"{row.real:,}",
                f"{row.generated:,}",
                _figure(row.area),
                _shares(row.found),
                _shares(row.false_alarms),
            )
            for row in rows
        ],
    )


def _leaks(report: DetectorReport) -> Iterator[str]:
    yield heading("Signs of how the files were made")
    if report.leaks:
        yield paragraph(
            "These tell the sides apart and are no way of writing: what the detector gains by them is no skill.",
            kind="note",
        )
        yield bullets([str(leak) for leak in report.leaks])
    else:
        yield paragraph("None was found: no odd character, mark or blank belongs to one side alone.")


def _texts(shown: Sequence[ExampleText]) -> Iterator[str]:
    yield heading("Some texts")
    if any(one.explanation.tokens for one in shown):
        yield paragraph("The darker a token, the less the model of real text expected it.")
        yield legend()
    for kind, some in groupby(shown, key=lambda one: one.kind):
        yield heading(kind, 3)
        for one in some:
            yield _article(one)


def _article(one: ExampleText) -> str:
    explanation = one.explanation
    truth = "" if one.generated is None else f" In truth it is {'generated' if one.generated else 'real'}."
    added = ", ".join(f"{name} {value:+.1f}" for name, value in explanation.contributions.items())
    return "\n".join(
        [
            "<article>",
            coloured(explanation.tokens or (Token(one.text),), _MOST_CHARACTERS),
            paragraph(f"{explanation}{truth}"),
            paragraph(
                f"{explanation.words:,} words. What each member adds to the logit, above 0 for generated: {added}.",
                kind="grey",
            ),
            "</article>",
        ]
    )


def _figure(interval: Interval | None) -> str:
    return "" if interval is None else f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"


def _shares(interval: Interval | None) -> str:
    if interval is None:
        return ""
    return f"{_share(interval.value)} ({_share(interval.low)} to {_share(interval.high)})"


def _share(share: float) -> str:
    """A share in percent, with as many places as it needs near either end."""
    beyond = min(share, 1 - share)
    places = 0 if beyond == 0 or beyond >= 0.1 else 1 if beyond >= 0.01 else 2
    shown = f"{100 * share:.{places}f}"
    return f"{shown.rstrip('0').rstrip('.') if '.' in shown else shown} %"
