"""Which way of writing to a rating follows it best, for the same number of tokens written?

Trains a generator on one pool of a rated table and a critic on another, then writes to the ratings of real texts in
every way: told the rating, guided, filtered, steered, and together. Every way may write about as many tokens in all;
those that throw texts away give fewer. A judge of another family, from a third pool, rates what comes out, and real
texts of the same ratings.

    python benchmarks/ratings.py [TABLE] [--text text] [--rating stars] [--group business_id] [--minutes 8]
                                 [--count 400] [--json FILE] [--work FOLDER]

By default the Yelp reviews under the folder that SEQLOOM_CORPORA names, cut at about 60 words.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import seqloom
from seqloom.errors import RunError
from seqloom.workflows.control import REAL, measure_control
from seqloom.workflows.critics import fit_critic

WAYS = (
    ("condition",),
    ("condition", "guide"),
    ("condition", "filter"),
    ("condition", "guide", "filter"),
    ("steer",),
    ("condition", "steer"),
)


def main() -> None:
    options = arguments()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(options.work or temporary)
        run = trained(options, work / "generator")
        begun = time.perf_counter()
        critic = fitted(options, work / "critic")
        fitting = time.perf_counter() - begun
        asked = {"critic": str(critic), "guidance": options.guidance, "agree": options.agree}
        asked = {name: value for name, value in asked.items() if value is not None}
        pilot = measure_control(run, options.table, ways=WAYS, count=60, plot=work / "pilot.png", **asked)
        cost = {name: way.tokens / max(way.agreement.texts, 1) for name, way in pilot.ways.items() if name != REAL}
        tokens = options.count * statistics.median(cost.values())
        report = measured(run, options, asked, cost, tokens, work)
    print(table(report))
    if options.json:
        Path(options.json).write_text(json.dumps({"critic_seconds": fitting, **report}, indent=2) + "\n")


def arguments() -> argparse.Namespace:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    corpora = Path(os.environ.get("SEQLOOM_CORPORA", "."))
    reader.add_argument("table", nargs="?", default=str(corpora / "reviews" / "yelp_10k.csv"))
    reader.add_argument("--text", default="text")
    reader.add_argument("--rating", default="stars")
    reader.add_argument("--group", default="business_id")
    reader.add_argument("--level", default="subword")
    reader.add_argument("--vocabulary", type=int, default=4000)
    reader.add_argument("--cut-words", type=int, default=60)
    reader.add_argument("--minutes", type=float, default=8)
    reader.add_argument("--count", type=int, default=400)
    reader.add_argument("--guidance", type=float)
    reader.add_argument("--agree", type=float)
    reader.add_argument("--work")
    reader.add_argument("--json")
    return reader.parse_args()


def trained(options: argparse.Namespace, folder: Path) -> seqloom.Run:
    """The generator; one that stands in the folder is taken as it is."""
    try:
        return seqloom.load(folder)
    except RunError:
        return seqloom.train(
            options.table,
            run=folder,
            text=options.text,
            rating=(options.rating,),
            group=options.group,
            pool="generator",
            cut_words=options.cut_words,
            level=options.level,
            vocabulary=options.vocabulary,
            minutes=options.minutes,
        )


def fitted(options: argparse.Namespace, folder: Path) -> Path:
    if not folder.exists():
        fit_critic(
            options.table,
            run=folder,
            text=options.text,
            rating=options.rating,
            group=options.group,
            pool="critic",
        )
    return folder


def measured(
    run: seqloom.Run,
    options: argparse.Namespace,
    asked: dict[str, Any],
    cost: dict[str, float],
    tokens: float,
    work: Path,
) -> dict[str, Any]:
    """Every way with as many texts as its tokens allow."""
    found: dict[str, Any] = {}
    for way in WAYS:
        name = " + ".join(way)
        count = max(40, round(tokens / cost[name]))
        report = measure_control(run, options.table, ways=[way], count=count, plot=work / f"{name}.png", **asked)
        found[name] = asdict(report.ways[name])
        if REAL not in found or found[REAL]["agreement"]["texts"] < count:
            found[REAL] = asdict(report.ways[REAL])
        found["nats_per_token"] = dict(report.nats_per_token)
    return found


def table(report: dict[str, Any]) -> str:
    lines = ["| way | texts | tokens | pearson | of real | mean error | kept | self-BLEU-4 |", "| --- " * 8 + "|"]
    for name, way in report.items():
        if name == "nats_per_token":
            continue
        found, kept = way["agreement"], way["acceptance"].get("all")
        lines.append(
            f"| {name} | {found['texts']:,} | {way['tokens']:,} | {found['pearson']:.3f} | {way['share']:.0%} | "
            f"{found['mean_error']:.3f} | {'' if kept is None else f'{kept:.0%}'} | {way['self_bleu']:.3f} |"
        )
    nats = ", ".join(f"{name} {value:.4f}" for name, value in report["nats_per_token"].items())
    return "\n".join([*lines, "", f"nats a token of unseen texts, told ratings: {nats}"])


if __name__ == "__main__":
    main()
