"""`seqloom evaluate --rating-control`: the table of requested and judged ratings.

The run writes texts for requested ratings. A judge, a model that is independent of the run and of the critic, rates the
texts. As a reference, the row "real" compares the judge's ratings of real texts with their true ratings.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqloom.cli.output import note, print_json, print_line, print_table
from seqloom.config import SamplingConfig
from seqloom.config.settings import fields_of, pick
from seqloom.errors import ConfigError
from seqloom.files import check_writable, write_text
from seqloom.percent import format_percent

if TYPE_CHECKING:
    from seqloom.api import Run
    from seqloom.rating.control_report import MethodReport, RatingControlReport

__all__ = ["print_rating_control"]

_FEW_TEXTS = 10
"""Number of texts below which a mean is unreliable."""

_POOR_CORRELATION = 0.3
"""Correlation on real texts below which a judge is unreliable."""

_HEADING = (
    "method", "pearson", "of real", "spearman", "mean error", "kept", "self-BLEU-4", "distinct-2", "copied", "tokens",
)  # fmt: skip
"""Columns of the table: the correlations and the mean error compare requested and judged ratings; "of real" is the
pearson correlation divided by that of the row "real"; "kept" is the share of texts that rejection accepts; "tokens" is
the number of generated tokens, those of rejected texts included."""


def print_rating_control(
    run: "Run", source: str | None, settings: dict[str, Any], texts: Path | None, *, as_json: bool
) -> None:
    """Measure rating control and print the results.

    Args:
        run: run trained with ratings.
        source: table that the run was trained on.
        settings: arguments of `evaluate_rating_control` and fields of `SamplingConfig`, by name.
        texts: file to which the generated texts are written; None writes none.
        as_json: whether to print one JSON object.
    """
    from seqloom.rating.control_report import evaluate_rating_control

    if source is None and len(run.config.sources) != 1:
        raise ConfigError("`rating_control` needs the table that the run was trained on: name it as SOURCE")
    if texts is not None:
        check_writable(texts)
    others = {name: value for name, value in settings.items() if name not in fields_of(SamplingConfig)}
    report = evaluate_rating_control(
        run, source or run.config.sources[0], sampling=pick(SamplingConfig, settings), note=note, **others
    )
    if texts is not None:
        write_text(texts, "".join(_json_lines(report)))
    if as_json:
        print_json({**asdict(report), "plot": str(report.plot), "texts": None if texts is None else str(texts)})
        return
    print_table([_HEADING, *((name, *_cells(method)) for name, method in report.methods.items())], has_heading=True)
    on_real_texts = next(iter(report.methods.values()))  # the first row
    correlation = on_real_texts.agreement.pearson
    if correlation is None or correlation < _POOR_CORRELATION:
        print_line("the judge is poor even on real texts: its ratings of generated texts mean little")
    print_line()
    nats = ", ".join(f"{name} {value:.4f}" for name, value in report.nats_per_token.items())
    print_line(f"nats per token of unseen texts, if the model reads their true, shuffled or no ratings: {nats}")
    print_line()
    _print_by_rating(report)
    note(f"plot: {report.plot}")


def _cells(method: "MethodReport") -> tuple[str, ...]:
    """Return the cells of a row of the table, one for each column of `_HEADING` after the first."""
    agreement = method.agreement
    return (
        _format(agreement.pearson, ".3f"),
        _percent(method.share),
        _format(agreement.spearman, ".3f"),
        _format(agreement.mean_error, ".3f"),
        _percent(method.acceptance.get("all")),
        _format(method.self_bleu, ".3f"),
        _format(method.distinct_2, ".3f"),
        _percent(method.copied),
        f"{method.tokens:,}" if method.tokens else "",
    )


def _print_by_rating(report: "RatingControlReport") -> None:
    """Print mean judged rating, mean error and share of kept texts for every requested rating.

    An asterisk marks a mean over few texts.
    """
    on_real_texts = next(iter(report.methods.values()))  # the first row
    ratings = list(on_real_texts.agreement.mean_judged)
    rows: list[tuple[str, ...]] = [(report.column, "", *(f"{rating:g}" for rating in ratings))]
    has_marks = False
    for name, method in report.methods.items():
        agreement = method.agreement
        text_counts = [agreement.texts_by_rating.get(rating, 0) for rating in ratings]
        marks = ["*" if 0 < count < _FEW_TEXTS else "" for count in text_counts]
        has_marks = has_marks or any(marks)
        figures = {"judged": agreement.mean_judged, "mean error": agreement.mean_error_by_rating}
        rows.append((name, "texts", *(f"{count:,}" for count in text_counts)))
        for title, by_rating in figures.items():
            cells = (_format(by_rating.get(rating), ".2f") for rating in ratings)
            rows.append(("", title, *(cell + mark for cell, mark in zip(cells, marks, strict=True))))
        if method.acceptance:
            kept = (_percent(method.acceptance.get(f"{rating:g}")) for rating in ratings)
            rows.append(("", "kept", *kept))
    print_table(rows)
    if has_marks:
        print_line(f"* fewer than {_FEW_TEXTS} texts, so the mean is noisy; a higher --count gives more")


def _json_lines(report: "RatingControlReport") -> list[str]:
    """Return a line of JSON for each text, with the combination of methods as "way"."""
    return [
        json.dumps({"way": name, "wanted": wanted, "judged": round(judged, 3), "text": text}, ensure_ascii=False) + "\n"
        for name, texts in report.texts.items()
        for wanted, judged, text in texts
    ]


def _percent(share: float | None) -> str:
    return "" if share is None else format_percent(share)


def _format(value: float | None, format_spec: str) -> str:
    return "" if value is None else format(value, format_spec)
