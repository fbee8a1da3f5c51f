"""`seqloom evaluate --rating-control`: the table of wanted and judged ratings."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqloom.cli.output import print_json, print_table, say
from seqloom.errors import ConfigError
from seqloom.files import check_writable, write_text

if TYPE_CHECKING:
    from seqloom.rating.control_report import MethodReport, RatingControlReport

__all__ = ["control"]

_FEW = 10
"""Texts below which a mean says little."""

_POOR = 0.3
"""Correlation on real texts below which a judge says little of others."""

_HEADER = (
    *("way", "pearson", "of real", "spearman", "mean error", "kept", "self-BLEU-4", "distinct-2", "copied"),
    "tokens",
)


def control(run: Path, source: str | None, settings: dict[str, Any], texts: Path | None, *, as_json: bool) -> None:
    """Measure, and print.

    Args:
        run: folder of the run.
        source: the table that it was trained on.
        settings: arguments of `evaluate_rating_control`, and sampling settings.
        texts: where the texts are kept; None keeps none.
        as_json: print one JSON object.
    """
    from seqloom.api import load
    from seqloom.config import SamplingConfig
    from seqloom.rating.control_report import evaluate_rating_control

    opened = load(run)
    if source is None and len(opened.config.sources) != 1:
        raise ConfigError("--rating-control needs the table that the run was trained on: name it as SOURCE")
    if texts is not None:
        check_writable(texts)
    settings = dict(settings)
    sampling = {name: settings.pop(name) for name in ("temperature", "length", "seed") if name in settings}
    settings["sampling"] = SamplingConfig(**sampling)
    report = evaluate_rating_control(opened, source or opened.config.sources[0], note=say, **settings)
    if texts is not None:
        write_text(texts, "".join(_lines(report)))
    if as_json:
        values = asdict(report)
        values["ways"] = values.pop("methods")
        print_json({**values, "plot": str(report.plot), "texts": None if texts is None else str(texts)})
        return
    print_table([_HEADER, *((name, *_cells(way)) for name, way in report.methods.items())])
    judged = next(iter(report.methods.values())).agreement.pearson
    if judged is None or judged < _POOR:
        print("the judge tells even real texts apart poorly: read little into what it says of others")
    print()
    nats = ", ".join(f"{name} {value:.4f}" for name, value in report.nats_per_token.items())
    print(f"nats a token of unseen texts, told ratings: {nats}")
    print()
    _print_by_rating(report)
    say(f"plot: {report.plot}")


def _cells(way: "MethodReport") -> tuple[str, ...]:
    found = way.agreement
    return (
        _number(found.pearson, ".3f"),
        _number(way.share, ".0%"),
        _number(found.spearman, ".3f"),
        _number(found.mean_error, ".3f"),
        _number(way.acceptance.get("all"), ".0%"),
        _number(way.self_bleu, ".3f"),
        _number(way.distinct_2, ".3f"),
        _number(way.copied, ".2%"),
        f"{way.tokens:,}" if way.tokens else "",
    )


def _print_by_rating(report: "RatingControlReport") -> None:
    """Mean judged rating, mean error and share kept, for every wanted rating; what rests on few texts is marked."""
    kinds = list(next(iter(report.methods.values())).agreement.mean_judged)
    rows: list[tuple[str, ...]] = [(report.column, "", *(f"{kind:g}" for kind in kinds))]
    few = False
    for name, way in report.methods.items():
        found = way.agreement
        texts = [found.texts_by_rating.get(kind, 0) for kind in kinds]
        marks = ["*" if 0 < number < _FEW else "" for number in texts]
        few = few or any(marks)
        figures = {"judged": found.mean_judged, "mean error": found.mean_error_by_rating}
        rows.append((name, "texts", *(f"{number:,}" for number in texts)))
        for title, by_rating in figures.items():
            cells = (_number(by_rating.get(kind), ".2f") for kind in kinds)
            rows.append(("", title, *(cell + mark for cell, mark in zip(cells, marks, strict=True))))
        if way.acceptance:
            rows.append(("", "kept", *(_number(way.acceptance.get(f"{kind:g}"), ".0%") for kind in kinds)))
    print_table(rows)
    if few:
        print(f"* fewer than {_FEW} texts: chance moves such a mean; a higher --count has more of them")


def _lines(report: "RatingControlReport") -> list[str]:
    return [
        json.dumps({"way": name, "wanted": wanted, "judged": round(judged, 3), "text": text}, ensure_ascii=False) + "\n"
        for name, texts in report.texts.items()
        for wanted, judged, text in texts
    ]


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
