"""Which method follows a requested rating best, for the same number of generated tokens?

A generator is trained on one pool of a rated table, and a critic on another. Texts are then generated for the ratings
of real texts by every method: conditioning, guidance, rejection, smc (sequential Monte Carlo), and their combinations.
Every method may generate about the same number of tokens; methods that reject texts give fewer texts. A judge of
another kind, fitted on a third pool, rates the generated and the real texts. A model of the same size without ratings
shows the cost of conditioning. Models with fewer inputs of the rating show the effect of each input (--ablations). A
critic of the whole table, in five folds, shows how well ratings can be predicted from four fifths of it.

    python benchmarks/ratings.py [TABLE] [--text text] [--rating stars] [--group business_id] [--epochs 12]
                                 [--count 300] [--temperature 0.8] [--seed 0] [--ablations]
                                 [--json FILE] [--work FOLDER]

TABLE may be relative to the folder in SEQLOOM_CORPORA. The default is the Yelp reviews in that folder, cut at about 60
words. Runs and critics in the work folder are reused.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import seqloom
from seqloom.config import SamplingConfig
from seqloom.critic.fit import fit_critic
from seqloom.critic.storage import CRITIC
from seqloom.errors import RunError
from seqloom.rating.control_report import REAL, RatingControlReport, evaluate_rating_control

ALONE = ("conditioning",)
FILTERED = ("conditioning", "guidance", "rejection")
STEERED = ("smc",)
WAYS = (ALONE, ("conditioning", "guidance"), ("conditioning", "rejection"), FILTERED, STEERED, ("conditioning", "smc"))
PILOT = 40
PLACES = ("input", "state", "output")
STARS_OFF = 0.75
"""Tolerance in the row about the acceptance rate."""

THOUSAND = 1000


def main() -> None:
    options = arguments()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(options.work or temporary)
        work.mkdir(parents=True, exist_ok=True)
        report = measured(options, work)
    print("\n".join([*ways_table(report), "", *numbers_table(report, stars=options.rating == "stars")]))
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=2) + "\n")


def arguments() -> argparse.Namespace:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("table", nargs="?", default="reviews/yelp_10k.csv")
    reader.add_argument("--text", default="text")
    reader.add_argument("--rating", default="stars")
    reader.add_argument("--group", default="business_id", type=lambda applicable: applicable or None)
    reader.add_argument("--level", default="subword")
    reader.add_argument("--vocabulary", type=int, default=4000)
    reader.add_argument("--cut-words", type=int, default=60)
    reader.add_argument("--epochs", type=float, default=12, help="epochs of each model")
    reader.add_argument("--hidden-size", type=int, default=256)
    reader.add_argument("--dropout", type=float, default=0.5)
    reader.add_argument("--count", type=int, default=300, help="number of texts of the method with the fewest")
    reader.add_argument("--temperature", type=float, default=0.8)
    reader.add_argument("--guidance", type=float, default=2)
    reader.add_argument("--tolerance", type=float)
    reader.add_argument("--particles", type=int, default=32)
    reader.add_argument("--seed", type=int, default=0, help="seed of the models, the critic and the draws")
    reader.add_argument("--ablations", action="store_true")
    reader.add_argument("--work")
    reader.add_argument("--json")
    options = reader.parse_args()
    known = Path(os.environ.get("SEQLOOM_CORPORA", ".")) / options.table
    options.table = str(known if known.exists() else options.table)
    return options


def measured(options: argparse.Namespace, work: Path) -> dict[str, Any]:
    run = trained(options, work / "generator")
    critic = fitted(options, work / "critic", pool="critic")
    settings = {
        name: getattr(options, name)
        for name in ("guidance", "tolerance", "particles", "temperature", "seed")
        if vars(options)[name] is not None
    }
    settings["critic"] = str(critic)
    results: dict[str, Any] = {"methods": compared(run, options, settings, work)}
    narrow = {**settings, "tolerance": STARS_OFF} if options.rating == "stars" else settings
    report = control(run, options, [FILTERED], THOUSAND, narrow, work)
    results["acceptance"] = dict(report.methods[" + ".join(FILTERED)].acceptance)
    results["thousand_seconds"] = thousand(run, options, settings)
    results["nats_per_token"] = {
        **report.nats_per_token,
        "unconditional": unconditional(options, work),
    }
    if options.ablations:
        results["without"] = {
            place: ablated(options, work, [other for other in PLACES if other != place]) for place in PLACES
        }
    results["critic"] = CRITIC.read_settings(fitted(options, work / "critic-of-all", folds=5))["report"]
    return results


def trained(options: argparse.Namespace, folder: Path, *, rated: bool = True, **settings: Any) -> seqloom.Run:
    """Return a run; an existing one is reused."""
    try:
        return seqloom.load(folder)
    except RunError:
        return seqloom.train(
            options.table,
            run=folder,
            text=options.text,
            group=options.group,
            pool="generator",
            cut_words=options.cut_words,
            level=options.level,
            vocabulary=options.vocabulary,
            epochs=options.epochs,
            hidden_size=(options.hidden_size,),
            dropout=options.dropout,
            seed=options.seed,
            **({"rating": (options.rating,)} if rated else {}),
            **settings,
        )


def fitted(options: argparse.Namespace, folder: Path, **settings: Any) -> Path:
    if not folder.exists():
        begun = time.perf_counter()
        fit_critic(
            options.table,
            run=folder,
            text=options.text,
            rating=options.rating,
            group=options.group,
            seed=options.seed,
            **settings,
        )
        print(f"{folder.name}: fitted in {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    return folder


def control(
    run: seqloom.Run,
    options: argparse.Namespace,
    ways: Sequence[Sequence[str]],
    count: int,
    settings: dict[str, Any],
    work: Path,
) -> RatingControlReport:
    """Measure some methods, with the settings that they use."""
    methods = {method for way in ways for method in way}
    judged = {"rejection", "smc"}
    uses = {"guidance": {"guidance"}, "tolerance": judged, "critic": judged, "particles": {"smc"}}
    applicable = {name: value for name, value in settings.items() if name not in uses or uses[name] & methods}
    sampling = SamplingConfig(temperature=applicable.pop("temperature"), seed=applicable.pop("seed"))
    plot = work / f"{'+'.join('-'.join(way) for way in ways)[:60]}.png"
    return evaluate_rating_control(
        run, options.table, methods=ways, count=count, plot=plot, sampling=sampling, **applicable
    )


def compared(
    run: seqloom.Run, options: argparse.Namespace, settings: dict[str, Any], work: Path
) -> dict[str, dict[str, Any]]:
    """Measure every method, each with the token budget of the most expensive one."""
    pilot = control(run, options, WAYS, PILOT, settings, work)
    cost = {name: way.tokens / max(way.agreement.texts, 1) for name, way in pilot.methods.items() if name != REAL}
    results: dict[str, dict[str, Any]] = {}
    for way in WAYS:
        name = " + ".join(way)
        count = round(options.count * max(cost.values()) / cost[name])
        report = control(run, options, [way], count, settings, work)
        results[REAL], results[name] = asdict(report.methods[REAL]), asdict(report.methods[name])
        print(f"{name}: {results[name]['share']:.0%} of real", file=sys.stderr)
    return results


def thousand(run: seqloom.Run, options: argparse.Namespace, settings: dict[str, Any]) -> float:
    """Return the seconds for a thousand accepted texts over the whole scale, including loading the critic."""
    scale = run.config.conditions.columns[0]
    wanted = [scale.knots[round(share * (len(scale.knots) - 1))] for share in (0, 0.25, 0.5, 0.75, 1)]
    settings = {name: value for name, value in settings.items() if name != "particles"}
    begun = time.perf_counter()
    texts = [
        text
        for rating in wanted
        for text in run.generate_rated(rating, count=THOUSAND // 5, methods=FILTERED, **settings)
    ]
    took = time.perf_counter() - begun
    print(f"{len(texts)} accepted texts in {took:.1f} s", file=sys.stderr)
    return took * THOUSAND / max(len(texts), 1)


def unconditional(options: argparse.Namespace, work: Path) -> float:
    """Return the loss of the judge's texts under a model of the same size without ratings, in nats per token."""
    from seqloom.rating.control_report import split_likelihood

    run = trained(options, work / "unconditional", rated=False)
    return split_likelihood(run, options.table, "judge")["none"]


def ablated(options: argparse.Namespace, work: Path, places: Sequence[str]) -> dict[str, float]:
    """Measure a model with the rating as an input in some places only."""
    run = trained(options, work / f"places-{'-'.join(places)}", condition_into=tuple(places))
    report = control(
        run, options, [ALONE], 4 * THOUSAND, {"temperature": options.temperature, "seed": options.seed}, work
    )
    way = report.methods[" + ".join(ALONE)]
    return {
        "share": way.share or 0.0,
        "with_rating": report.nats_per_token["true"],
        "without_rating": report.nats_per_token["none"],
    }


def ways_table(report: dict[str, Any]) -> list[str]:
    lines = ["| method | texts | tokens | pearson | of real | mean error | kept | self-BLEU-4 |", "| --- " * 8 + "|"]
    for name, way in report["methods"].items():
        results, kept = way["agreement"], way["acceptance"].get("all")
        share, bleu = (number(way[key], form) for key, form in (("share", ".0%"), ("self_bleu", ".3f")))
        lines.append(
            f"| {name} | {results['texts']:,} | {way['tokens']:,} | {number(results['pearson'], '.3f')} | {share} | "
            f"{number(results['mean_error'], '.3f')} | {number(kept, '.0%')} | {bleu} |"
        )
    for place, results in report.get("without", {}).items():
        lines.append(f"| conditioning, not into {place} | {4 * THOUSAND:,} | | | {results['share']:.0%} | | | |")
    return lines


def numbers_table(report: dict[str, Any], *, stars: bool) -> list[str]:
    """Return a table of the measurements, with the targets if the table is that of the reviews."""
    ways, nats, critic = report["methods"], report["nats_per_token"], report["critic"]
    alone, filtered = ways[" + ".join(ALONE)], ways[" + ".join(FILTERED)]
    guided = ways["conditioning + guidance"]
    error = filtered["agreement"]["mean_error"] / alone["agreement"]["mean_error"] - 1
    kept = report["acceptance"]
    least = min(share for kind, share in kept.items() if kind != "all")
    readers = "; ".join(f"{name} r {one['pearson']:.3f}, {one['mean_error']:.3f}" for name, one in critic.items())
    rows = [
        ("critic, five folds by group: r, mean error", "r .79, MAE .55", readers),
        ("conditioning alone, of real", "85%", f"{alone['share']:.0%}"),
        ("guidance and rejection, of real", "105%", f"{filtered['share']:.0%}"),
        ("their mean error, relative to conditioning alone", "-25%", f"{error:+.0%}"),
        ("smc, of real", "80%", f"{ways['smc']['share']:.0%}"),
        (
            "nats per token of unseen texts",
            "true rating lowers, shuffled raises, no cost",
            f"true {nats['true']:.4f}, none {nats['none']:.4f}, shuffled {nats['shuffled']:.4f}; a model without "
            f"ratings {nats['unconditional']:.4f}",
        ),
        (
            f"kept{f' within {STARS_OFF} stars' if stars else ''}",
            "25% for every rating, 50% overall",
            f"{kept['all']:.0%} overall, minimum {least:.0%}: "
            + ", ".join(f"{kind} {share:.0%}" for kind, share in kept.items() if kind != "all"),
        ),
        (
            "increase of self-BLEU-4 by rejection",
            "0.02",
            f"{filtered['self_bleu'] - guided['self_bleu']:+.3f} ({guided['self_bleu']:.3f} before)",
        ),
        ("1,000 accepted texts", "15 s", f"{report['thousand_seconds']:.1f} s"),
    ]
    lines = ["| | target | measured |", "| --- | --- | --- |"] if stars else ["| | measured |", "| --- | --- |"]
    return lines + [
        f"| {what} | {reach} | {results} |" if stars else f"| {what} | {results} |" for what, reach, results in rows
    ]


def number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


if __name__ == "__main__":
    main()
