"""How does a text GAN compare with maximum likelihood training, for the same time and number of parameters?

There are three languages. The first is a small rated grammar with known sentences and probabilities: measured are the
total variation distance over 100,000 samples, and sentences that are never generated. The others are sentences of
reviews with their stars, and titles with their points. For several temperatures, quality is the likelihood of generated
texts under a model of other real texts, and diversity is the likelihood of real texts under a model that is trained on
generated texts alone. The lag is the difference in diversity at equal quality. Also measured: the discriminator's
accuracy, mode collapses, distinct greedy texts, the rating that a critic predicts, and an ablation without the
controller, without interleaved likelihood, without annealing, and without adversarial training.

    python benchmarks/gan.py --work FOLDER [--only grammar sentences titles ablations] [--minutes 8] [--seeds 5]
                             [--json FILE] [--plot sweep.png]

Reviews and titles are read from the folder in SEQLOOM_CORPORA. Preprocessing is lossy: only lower-case texts of 3 to 15
words are used, if all their words are among the 3,000 most frequent ones (titles: 8,000 words, encoded with 4,000
subwords). Likelihood training gets the same time but stops earlier, since the number of epochs is limited on small
corpora; its validation loss has stopped falling by then. Runs in the work folder are reused.
"""

import argparse
import json
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gan_known_language import RATINGS, distance, spoken, tell, truth
from markdown import print_table
from quality_diversity import (
    LENGTH,
    REGIONS,
    SENTENCES,
    TITLES,
    Judges,
    Language,
    diversities,
    draw,
    said,
    tables,
    welch,
)

import seqloom
from seqloom.errors import TrainingError
from seqloom.gan.layout import read_gan_config
from seqloom.runs.describe import num_parameters

SIZE, PEER_SIZE = 256, 320
"""Hidden units of the GAN's generator, and of the likelihood model with the same number of parameters."""

PEERS = 3
"""Number of seeds of likelihood training."""

DRAWN, LEARNED = 100_000, 20_000
"""Numbers of generated and of training sentences of the grammar."""

ABLATED = 2
"""Number of seeds of the ablation."""

ROUNDS = 400
"""Adversarial steps of the ablation: three times the number for eight minutes."""

INFORMATION = 1.3
"""Target KL divergence in nats for the grammar: the same share of a sentence's nats as 18 for the reviews."""

OF_GRAMMAR: Mapping[str, Any] = {"rating": ("stars",), "hidden_size": 128, "target_kl_nats": INFORMATION}
"""Settings of a GAN of the grammar."""

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "full model": {},
    "without the controller": {"accuracy_band": (0.0, 1.0)},
    "without interleaved likelihood": {"likelihood_weight": 0.0},
    "without annealing": {"final_temperature": 1.0},
    "without adversarial training": {"adversarial_steps": 0, "warmup_steps": 0},
}
"""Settings of each variant that differ from the defaults."""

PRESSED: Mapping[str, Mapping[str, Any]] = {
    f"{name}, adversarial weight 8": {**lacking, "adversarial_weight": 8.0}
    for name, lacking in {
        **{name: lacking for name, lacking in VARIANTS.items() if name != "without adversarial training"},
        "without interleaved likelihood and the controller": {"likelihood_weight": 0.0, "accuracy_band": (0.0, 1.0)},
        "without interleaved likelihood and annealing": {"likelihood_weight": 0.0, "final_temperature": 1.0},
    }.items()
}
"""The same variants with eight times the default adversarial weight."""


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--work")
    reader.add_argument("--minutes", type=float, default=8, help="duration of each training")
    reader.add_argument("--seeds", type=int, default=5)
    reader.add_argument("--only", nargs="*", choices=list(PARTS))
    reader.add_argument("--plot", help="file for the plot of quality and diversity")
    reader.add_argument("--json")
    options = reader.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as temporary:
        options.work = Path(options.work or temporary)
        options.work.mkdir(parents=True, exist_ok=True)
        for name, part in PARTS.items():
            if not options.only or name in options.only:
                results[name] = part(options)
                if options.json:
                    Path(options.json).write_text(json.dumps(results, indent=2) + "\n")


def likelihood(table: Path, run: Path, minutes: float, seed: int = 0, **settings: Any) -> seqloom.Run:
    """Return a run trained by likelihood; an existing one is reused."""
    if (run / "metrics.json").exists():
        return seqloom.load(run)
    said(f"{run.name} ...")
    settings = {"text": "text", "level": "word", "minutes": minutes, "seed": seed, "overwrite": True, **settings}
    return seqloom.train(table, run=run, **settings)


def gan(table: Path, run: Path, minutes: float, seed: int = 0, **settings: Any) -> seqloom.Run | None:
    """Return a GAN; an existing one is reused. None if its training failed after repeated collapses."""
    if (run / "metrics.json").exists():
        return seqloom.load(run)
    said(f"{run.name} ...")
    settings = {"text": "text", "minutes": minutes, "seed": seed, **settings}
    try:
        return seqloom.train_gan(table, run=run, overwrite=True, note=said, **settings)
    except TrainingError as error:
        said(f"{run.name}: {error}")
        return None


def grammar(options: argparse.Namespace) -> dict[str, Any]:
    """Measure the total variation distance from the known language."""
    language, random = truth(), np.random.default_rng(0)
    table = tell(language, options.work / "grammar.jsonl", LEARNED, random)
    writers: dict[str, seqloom.Run | None] = {}
    for seed in range(min(options.seeds, 2)):
        place, minutes = options.work / f"grammar-likelihood-{seed}", options.minutes / 2
        settings = {"rating": ("stars",), "hidden_size": 160, "validation": 0.05}
        writers[f"likelihood, seed {seed}"] = likelihood(table, place, minutes, seed, **settings)
    for seed in range(min(options.seeds, 2)):
        writers[f"GAN, seed {seed}"] = gan(table, options.work / f"grammar-gan-{seed}", minutes, seed, **OF_GRAMMAR)
    drawn = {stars: spoken(language, stars, DRAWN // len(RATINGS), random) for stars in RATINGS}
    results = {"the grammar itself": distance(language, drawn)}
    for name, run in writers.items():
        results[name] = distance(language, {stars: _written(run, stars) for stars in RATINGS}) if run else {}
    print_distances(results)
    print_parameters(writers)
    return results


def print_distances(results: Mapping[str, Mapping[str, Any]], more: Mapping[str, str] | None = None) -> None:
    columns = {"total variation": ".4f", "missed": "", "outside": ".4f", "rating error": ".3f", **(more or {})}
    rows = [(name, *(format(one[at], how) for at, how in columns.items())) for name, one in results.items() if one]
    rows += [(name, *(["collapsed"] * len(columns))) for name, one in results.items() if not one]
    print_table((f"grammar of {len(RATINGS)} x {len(truth()[1])} sentences", *columns), rows)


def _written(run: seqloom.Run, stars: int) -> Sequence[str]:
    written = run.samples(count=DRAWN // len(RATINGS), length=LENGTH, temperature=1.0, rating=stars, seed=stars)
    return [sample.text.strip() for sample in written]


def compared(language: Language, peers: int, seeds: int, options: argparse.Namespace) -> dict[str, Any]:
    """Compare GANs with likelihood training on a language, over temperatures."""
    place, settings = options.work / language.place, {**language.settings}
    judges, learned = _judges(place, language)
    plain = {
        f"likelihood, seed {seed}": likelihood(
            learned, place / f"likelihood-{seed}", options.minutes, seed, **settings, hidden_size=PEER_SIZE
        )
        for seed in range(peers)
    }
    games = {
        f"GAN, seed {seed}": gan(learned, place / f"gan-{seed}", options.minutes, seed, **settings, hidden_size=SIZE)
        for seed in range(seeds)
    }
    runs = {name: run for name, run in games.items() if run}
    results: dict[str, Any] = {"collapsed": len(games) - len(runs), "real": judges.real()}
    writers = {**plain, **runs}
    results |= {name: {"sweep": judges.swept(run), "copied": judges.copied(run)} for name, run in writers.items()}
    for name, run in runs.items():
        results[name] |= _measured(run)
    print_sweeps({name: results[name]["sweep"] for name in writers})
    print_copied({name: results[name]["copied"] for name in writers}, results["real"]["copied"])
    print_parameters({**plain, **games})
    if runs:
        results["lag"] = _lags(results, list(plain), list(runs))
        print_games(results, list(runs), list(games))
    if runs and options.plot:
        plot = Path(options.plot)
        kinds = {"likelihood": plain, "GAN": runs}
        sweeps = {kind: {name: results[name]["sweep"] for name in names} for kind, names in kinds.items()}
        named = plot.with_stem(f"{plot.stem}-{language.place}") if language.place else plot
        draw(sweeps, results["real"]["quality"], named)
    return results


def _judges(place: Path, language: Language) -> tuple[Judges, Path]:
    learned, judged = tables(place, language)
    return Judges(place, language, likelihood(judged, place / "judge", 2, hidden_size=256)), learned


def _lags(results: Mapping[str, Any], plain: Sequence[str], games: Sequence[str]) -> dict[str, Any]:
    """Return the lag in diversity of each GAN at equal quality, in nats, and its mean with a confidence interval.

    The lag is NaN if no quality is reached by all generators.
    """
    lags = {}
    for region, ends in REGIONS.items():
        try:
            values = diversities({name: results[name]["sweep"] for name in (*plain, *games)}, *ends)
        except ValueError as error:
            said(str(error))
            values = dict.fromkeys((*plain, *games), math.nan)
        usual = float(np.mean([values[name] for name in plain]))
        means = welch([values[name] for name in games], [values[name] for name in plain])
        lags[region] = {**means, "each": {name: values[name] - usual for name in games}}
    return lags


def _measured(run: seqloom.Run) -> dict[str, Any]:
    """Return the metrics of a run."""
    return dict(json.loads((run.path / "metrics.json").read_text(encoding="utf-8")))


def ablations(options: argparse.Namespace) -> dict[str, Any]:
    """Measure the effect of each part of adversarial training, on sentences and on the known language."""
    judges, learned = _judges(options.work / SENTENCES.place, SENTENCES)
    settings: dict[str, Any] = {**SENTENCES.settings, "hidden_size": SIZE}
    sentences: dict[str, Any] = {}
    for name, run, band in _ablated(learned, "gan", VARIANTS, options.minutes, settings, options.seeds):
        sentences[name] = run and {"sweep": judges.swept(run), **_measured(run), "inside_band": _inside(run, band)}
    print_ablations(sentences)
    language = truth()
    distances: dict[str, Any] = {}
    table = tell(language, options.work / "grammar.jsonl", LEARNED, np.random.default_rng(0))
    cells = OF_GRAMMAR, options.seeds
    for name, run, band in _ablated(table, "grammar-gan", {**VARIANTS, **PRESSED}, options.minutes / 2, *cells):
        far = distance(language, {stars: _written(run, stars) for stars in RATINGS}) if run else {}
        rounds = {"went back": len(_measured(run)["rollbacks"]), "inside the band": _inside(run, band)} if run else {}
        distances[name] = {**far, **rounds}
    print_distances(distances, {"went back": "d"})
    return {"sentences": sentences, "grammar": distances}


def _ablated(
    table: Path,
    name: str,
    variants: Mapping[str, Mapping[str, Any]],
    minutes: float,
    settings: Mapping[str, Any],
    seeds: int,
) -> Iterator[tuple[str, seqloom.Run | None, tuple[float, float]]]:
    """Yield the GANs of the ablation, which share the likelihood run of their seed, with the accuracy band."""
    for seed in range(min(seeds, ABLATED)):
        first = gan(table, table.parent / f"{name}-{seed}", minutes, seed, **settings)
        if first is None:
            raise TrainingError(f"the GAN of seed {seed} collapsed, so there is nothing to compare with")
        config, parent = read_gan_config(first.folder)
        chosen = {"pretrain_steps": config.pretrain_steps, "adversarial_steps": ROUNDS, "from_run": parent}
        same = {**settings, "hidden_size": None, **chosen}
        for variant, lacking in variants.items():
            place = table.parent / f"{name}-{variant.replace(',', '').replace(' ', '-')}-{seed}"
            yield (
                f"{variant}, seed {seed}",
                gan(table, place, minutes, seed, **{**same, **lacking}),
                config.accuracy_band,
            )


def print_ablations(results: Mapping[str, Mapping[str, Any] | None]) -> None:
    rows = []
    for name, one in results.items():
        cells, whole = ["collapsed"] * (2 + len(REGIONS) + len(OUTCOME)), results[f"full model, {name.split(', ')[1]}"]
        if one and whole:
            values = [diversities({"whole": whole["sweep"], name: one["sweep"]}, *ends) for ends in REGIONS.values()]
            warm = _at_one(one)
            cells = [f"{warm['quality']:.3f}", f"{warm['diversity']:.3f}"]
            cells += [f"{value[name] - value['whole']:+.3f}" for value in values] + list(_outcome(one))
        rows.append((name, *cells))
    behind = (f"lag to the full model, {at}" for at in REGIONS)
    print_table((f"GAN, {ROUNDS} adversarial steps", "quality at 1", "diversity at 1", *behind, *OUTCOME), rows)


def _inside(run: seqloom.Run, band: tuple[float, float]) -> float | None:
    """Return the share of logged steps with the discriminator's accuracy inside the band."""
    held = [line["mean_accuracy"] for line in run.folder.read_log() if "mean_accuracy" in line]
    return float(np.mean([band[0] <= one <= band[1] for one in held])) if held else None


def _at_one(one: Mapping[str, Any]) -> Mapping[str, float]:
    """Return the measurements at temperature 1."""
    return next(point for point in one["sweep"] if point["temperature"] == 1)


OUTCOME = ("inside the band", "rollbacks", "distinct greedy texts", "rating correlation at 1, of real text")


def _outcome(one: Mapping[str, Any]) -> tuple[str, ...]:
    shares = one["inside_band"], one["distinct_greedy"], _at_one(one)["share of real"]
    inside, greedy, rating = ("" if share is None else f"{100 * share:.0f} %" for share in shares)
    return inside, str(len(one["rollbacks"])), greedy, rating


def print_sweeps(sweeps: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    rows = [
        (
            *(name, f"{one['temperature']:g}", f"{one['quality']:.3f}", f"{one['diversity']:.3f}"),
            f"{100 * one['share of real']:.0f} %",
        )
        for name, sweep in sweeps.items()
        for one in sweep
    ]
    columns = ("nats per word (quality)", "reverse (diversity)", "rating correlation, of real text")
    print_table(("generator", "temperature", *columns), rows)


def print_copied(copied: Mapping[str, Mapping[str, float]], real: float) -> None:
    temperatures = list(next(iter(copied.values())))
    rows = [(name, *(f"{100 * one[at]:.1f} %" for at in temperatures)) for name, one in copied.items()]
    rows.append(("real texts of other groups", *([f"{100 * real:.1f} %"] * len(temperatures))))
    print_table(("copies of training texts", *(f"at {at}" for at in temperatures)), rows)


def print_games(results: Mapping[str, Any], names: Sequence[str], games: Sequence[str]) -> None:
    lags = results["lag"]
    rows = [(name, *(f"{lags[at]['each'][name]:+.3f}" for at in REGIONS), *_outcome(results[name])) for name in names]
    rows += [(name, *(["collapsed"] * (len(REGIONS) + 4))) for name in games if name not in names]
    ends = [lags[at]["interval"] for at in REGIONS]
    cells = ["one seed" if end is None else f"{end[0]:+.3f} to {end[1]:+.3f}" for end in ends]
    rows.append(("mean", *(f"{lags[at]['mean']:+.3f}" for at in REGIONS), *([""] * 4)))
    rows.append(("95 % confidence interval of the mean", *cells, *([""] * 4)))
    print_table(("GAN", *(f"lag in nats, {at}" for at in REGIONS), *OUTCOME), rows)


def print_parameters(runs: Mapping[str, seqloom.Run | None]) -> None:
    known = {name.split(",")[0]: run for name, run in runs.items() if run}
    print_table(
        ("generator", "parameters"), [(name, f"{num_parameters(run.config.model):,}") for name, run in known.items()]
    )


PARTS: Mapping[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "grammar": grammar,
    "sentences": lambda options: compared(SENTENCES, min(PEERS, options.seeds), options.seeds, options),
    "titles": lambda options: compared(TITLES, 1, min(options.seeds, 1), options),
    "ablations": ablations,
}
"""The parts, by name."""


if __name__ == "__main__":
    main()
