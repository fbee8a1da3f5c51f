"""`seqloom evaluate --rating-control`: the table of requested and judged ratings."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqloom.cli.output import print_json, print_table, say
from seqloom.config import SamplingConfig
from seqloom.config.settings import fields_of, pick
from seqloom.errors import ConfigError
from seqloom.files import check_writable, write_text

if TYPE_CHECKING:
    from seqloom.api import Run
    from seqloom.rating.control_report import MethodReport, RatingControlReport

__all__ = ["control"]

_FEW = 10
"""Number of texts below which a mean is unreliable."""

_POOR = 0.3
"""Correlation on real texts below which a judge is unreliable."""

_HEADER = (
    *("method", "pearson", "of real", "spearman", "mean error", "kept", "self-BLEU-4", "distinct-2", "copied"),
    "tokens",
)


def control(run: "Run", source: str | None, settings: dict[str, Any], texts: Path | None, *, as_json: bool) -> None:
    """Measure rating control and print the results.

    Args:
        run: run trained with ratings.
        source: table that the run was trained on.
        settings: arguments of `evaluate_rating_control` and fields of `SamplingConfig`.
        texts: file for the texts; None keeps none.
        as_json: whether to print one JSON object.
    """
    from seqloom.rating.control_report import evaluate_rating_control

    if source is None and len(run.config.sources) != 1:
        raise ConfigError("`rating_control` needs the table that the run was trained on: name it as SOURCE")
    if texts is not None:
        check_writable(texts)
    others = {name: value for name, value in settings.items() if name not in fields_of(SamplingConfig)}
    report = evaluate_rating_control(
        run, source or run.config.sources[0], sampling=pick(SamplingConfig, settings), note=say, **others
    )
    if texts is not None:
        write_text(texts, "".join(_lines(report)))
    if as_json:
        print_json({**asdict(report), "plot": str(report.plot), "texts": None if texts is None else str(texts)})
        return
    print_table([_HEADER, *((name, *_cells(way)) for name, way in report.methods.items())])
    judged = next(iter(report.methods.values())).agreement.pearson
    if judged is None or judged < _POOR:
        print("the judge is poor even on real texts: its ratings of generated texts mean little")
    print()
    nats = ", ".join(f"{name} {value:.4f}" for name, value in report.nats_per_token.items())
    print(f"nats per token of unseen texts, by ratings given to the model: {nats}")
    print()
    _print_by_rating(report)
    say(f"plot: {report.plot}")


def _cells(way: "MethodReport") -> tuple[str, ...]:
    agreement = way.agreement
    return (
        _number(agreement.pearson, ".3f"),
        _number(way.share, ".0%"),
        _number(agreement.spearman, ".3f"),
        _number(agreement.mean_error, ".3f"),
        _number(way.acceptance.get("all"), ".0%"),
        _number(way.self_bleu, ".3f"),
        _number(way.distinct_2, ".3f"),
        _number(way.copied, ".2%"),
        f"{way.tokens:,}" if way.tokens else "",
    )


def _print_by_rating(report: "RatingControlReport") -> None:
    """Print mean judged rating, mean error and share kept for every requested rating; few texts are marked."""
    kinds = list(next(iter(report.methods.values())).agreement.mean_judged)
    rows: list[tuple[str, ...]] = [(report.column, "", *(f"{kind:g}" for kind in kinds))]
    few = False
    for name, way in report.methods.items():
        agreement = way.agreement
        texts = [agreement.texts_by_rating.get(kind, 0) for kind in kinds]
        marks = ["*" if 0 < number < _FEW else "" for number in texts]
        few = few or any(marks)
        figures = {"judged": agreement.mean_judged, "mean error": agreement.mean_error_by_rating}
        rows.append((name, "texts", *(f"{number:,}" for number in texts)))
        for title, by_rating in figures.items():
            cells = (_number(by_rating.get(kind), ".2f") for kind in kinds)
            rows.append(("", title, *(cell + mark for cell, mark in zip(cells, marks, strict=True))))
        if way.acceptance:
            rows.append(("", "kept", *(_number(way.acceptance.get(f"{kind:g}"), ".0%") for kind in kinds)))
    print_table(rows)
    if few:
        print(f"* fewer than {_FEW} texts, so the mean is noisy; a higher --count gives more")


def _lines(report: "RatingControlReport") -> list[str]:
    return [
        json.dumps({"way": name, "wanted": wanted, "judged": round(judged, 3), "text": text}, ensure_ascii=False) + "\n"
        for name, texts in report.texts.items()
        for wanted, judged, text in texts
    ]


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
