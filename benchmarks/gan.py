"""Where does a text GAN stand against learning by likelihood, in as much time and with as many parameters?

Two languages. A small rated grammar, whose every sentence and probability is known: how far each writer is from it
(total variation over 100,000 samples), and whether any sentence is never written. And sentences of reviews: over
temperatures, how likely what each writes is under a model of other businesses (quality), and how well a model that
learns from it alone predicts real sentences (diversity); the GAN's lag is read off at equal quality. Beside these: the
discriminator's accuracy, collapses, greedy texts that differ, the rating that a critic of other businesses reads, and
what is lost without the controller, without interleaved likelihood, and without annealing.

    python benchmarks/gan.py --work FOLDER [--only grammar sentences ablations] [--minutes 8] [--seeds 5]
                             [--json FILE] [--plot sweep.png]

The reviews lie under the folder that SEQLOOM_CORPORA names. Preprocessing is lossy: sentences of 3 to 15 words, in
small letters, all of them among the 3,000 most frequent words. What stands in the work folder is not trained again.
"""

import argparse
import itertools
import json
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import seqloom
from seqloom.config import ReadingConfig
from seqloom.corpora import open_corpus

REVIEWS = Path(os.environ.get("SEQLOOM_CORPORA", ".")) / "reviews" / "yelp_10k.csv"
WORDS = 3000
TEMPERATURES = (0.6, 0.7, 0.8, 0.9, 1.0)
SAMPLES = 20_000
DRAWN = 100_000
EXPECTED = 10
"""Times that a sentence should come, for it to be missed."""

LENGTH = 40

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "whole": {},
    "without the controller": {"band": (0.0, 1.0)},
    "without interleaved likelihood": {"likelihood": 0.0},
    "without annealing": {"last_temperature": 1.0},
}
"""What a GAN is trained with, other than usual."""


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--work")
    reader.add_argument("--minutes", type=float, default=8, help="of each training")
    reader.add_argument("--seeds", type=int, default=5)
    reader.add_argument("--only", nargs="*", choices=list(PARTS))
    reader.add_argument("--plot", help="where to draw the sweep")
    reader.add_argument("--json")
    options = reader.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        options.work = Path(options.work or temporary)
        options.work.mkdir(parents=True, exist_ok=True)
        found = {name: part(options) for name, part in PARTS.items() if not options.only or name in options.only}
    if options.json:
        Path(options.json).write_text(json.dumps(found, indent=2) + "\n")


def likelihood(table: Path, run: Path, minutes: float, seed: int = 0, **settings: Any) -> seqloom.Run:
    """A run that learned by likelihood alone; what is there is not trained again."""
    if (run / "metrics.json").exists():
        return seqloom.load(run)
    said(f"{run.name} ...")
    settings = {"text": "text", "level": "word", "minutes": minutes, "seed": seed, "overwrite": True, **settings}
    return seqloom.train(table, run=run, **settings)


def gan(table: Path, run: Path, minutes: float, seed: int = 0, **settings: Any) -> seqloom.Run:
    """The same of a GAN."""
    if (run / "metrics.json").exists():
        return seqloom.load(run)
    said(f"{run.name} ...")
    settings = {"text": "text", "rating": ("stars",), "minutes": minutes, "seed": seed, **settings}
    return seqloom.train_gan(table, run=run, overwrite=True, note=said, **settings)


def grammar(options: argparse.Namespace) -> dict[str, Any]:
    """Total variation from a language that is known."""
    truth = {stars: dict(sentences(stars)) for stars in range(1, 6)}
    table = options.work / "grammar.jsonl"
    random = np.random.default_rng(0)
    with open(table, "w", encoding="utf-8") as file:
        for stars in random.integers(1, 6, 20_000).tolist():
            texts, chances = zip(*truth[stars].items(), strict=True)
            file.write(json.dumps({"text": texts[random.choice(len(texts), p=chances)], "stars": stars}) + "\n")
    wide = {"size": 128}
    plain = likelihood(
        table, options.work / "grammar-likelihood", options.minutes / 4, rating=("stars",), validation=0.05, **wide
    )
    writers = {"likelihood": plain}
    for seed in range(min(options.seeds, 2)):
        run = options.work / f"grammar-gan-{seed}"
        writers[f"GAN, seed {seed}"] = gan(table, run, options.minutes / 2, seed, information=4.0, **wide)
    found = {}
    for name, run in writers.items():
        off, missed, wrong = [], 0, []
        for stars, chances in truth.items():
            written = Counter(text.strip() for text in texts_of(run, DRAWN // 5, 1.0, stars))
            total = sum(written.values())
            known = sum(abs(written[text] / total - chance) for text, chance in chances.items())
            off.append((known + sum(count for text, count in written.items() if text not in chances) / total) / 2)
            missed += sum(text not in written for text, chance in chances.items() if chance * total >= EXPECTED)
            wrong.append(sum(count for text, count in written.items() if text not in chances) / total)
        found[name] = {"total variation": float(np.mean(off)), "missed": missed, "outside": float(np.mean(wrong))}
    rows = [
        (name, f"{one['total variation']:.3f}", one["missed"], f"{one['outside']:.3f}") for name, one in found.items()
    ]
    print_table(("grammar of 5 x 216 sentences", "total variation", "missed", "share outside"), rows)
    return found


def sentences(stars: int) -> Iterator[tuple[str, float]]:
    """Every sentence of the grammar and its probability; the rating decides how likely each word of praise is."""
    nouns = {"soup": 0.4, "bread": 0.3, "waiter": 0.2, "music": 0.1}
    degrees = {"": 0.5, "very ": 0.3, "quite ": 0.2}
    praise = ("awful", "bad", "plain", "fair", "good", "superb")
    near = np.exp(-((np.arange(6) - (stars - 1) * 1.25) ** 2) / 2)
    ends = {".": 0.6, "!": 0.25, " as ever.": 0.15}
    shares = dict(zip(praise, near / near.sum(), strict=True))
    for noun, degree, word, end in itertools.product(nouns, degrees, praise, ends):
        yield f"the {noun} was {degree}{word}{end}", nouns[noun] * degrees[degree] * float(shares[word]) * ends[end]


def reviews(options: argparse.Namespace) -> dict[str, Any]:
    """The sweep over temperatures, and all that is asked of a GAN of sentences."""
    learned, judged = tables(options.work)
    judge = likelihood(judged, options.work / "judge", 2, size=256)
    plain = likelihood(
        learned, options.work / "likelihood", options.minutes, rating=("stars",), group="business", size=256
    )
    critic = Critic(judged)
    found: dict[str, Any] = {"likelihood": swept(plain, judge, judged, critic, options.work)}
    for seed in range(options.seeds):
        run = gan(learned, options.work / f"gan-{seed}", options.minutes, seed, group="business", size=256)
        metrics = json.loads((run.path / "metrics.json").read_text(encoding="utf-8"))
        found[f"GAN, seed {seed}"] = {**swept(run, judge, judged, critic, options.work), **metrics}
    real = [row["text"] for row in rows_of(learned)]
    found["real"] = {"quality": nats(judge, real[:SAMPLES], options.work), "rating": critic.real(rows_of(learned))}
    names = [name for name in found if name.startswith("GAN")]
    for name in names:
        found[name]["lag"] = lag(found["likelihood"]["sweep"], found[name]["sweep"])
    rows = [
        (name, f"{one['temperature']:g}", f"{one['quality']:.3f}", f"{one['diversity']:.3f}", f"{one['rating']:.3f}")
        for name in ("likelihood", *names)
        for one in found[name]["sweep"]
    ]
    print_table(("writer", "temperature", "nats a token (quality)", "reverse (diversity)", "rating, r"), rows)
    rows = [
        (
            name,
            f"{one['lag']:+.3f}",
            f"{100 * one['inside_band']:.0f} %",
            str(len(one["rollbacks"])),
            f"{100 * one['distinct_greedy']:.0f} %",
            f"{100 * one['sweep'][-1]['rating'] / found['real']['rating']:.0f} %",
        )
        for name in names
        for one in [found[name]]
    ]
    heading = ("GAN", "lag in nats", "inside the band", "went back", "greedy texts that differ", "rating, of real text")
    print_table(heading, rows)
    if options.plot:
        draw(found, names, Path(options.plot))
    return found


def ablations(options: argparse.Namespace) -> dict[str, Any]:
    """What is lost without each part of the training."""
    learned, judged = tables(options.work)
    judge = likelihood(judged, options.work / "judge", 2, size=256)
    critic = Critic(judged)
    found = {}
    for name, settings in VARIANTS.items():
        place = "gan-0" if name == "whole" else f"gan-{name.replace(' ', '-')}"
        run = gan(learned, options.work / place, options.minutes, 0, group="business", size=256, **settings)
        metrics = json.loads((run.path / "metrics.json").read_text(encoding="utf-8"))
        found[name] = {**swept(run, judge, judged, critic, options.work, (1.0,)), **metrics}
    rows = [
        (
            name,
            f"{one['sweep'][0]['quality']:.3f}",
            f"{one['sweep'][0]['diversity']:.3f}",
            f"{100 * one['inside_band']:.0f} %",
            str(len(one["rollbacks"])),
            f"{100 * one['distinct_greedy']:.0f} %",
        )
        for name, one in found.items()
    ]
    heading = ("GAN", "quality", "diversity", "inside the band", "went back", "greedy texts that differ")
    print_table(heading, rows)
    return found


def tables(work: Path) -> tuple[Path, Path]:
    """Sentences to learn from, and of other businesses to judge by."""
    places = work / "learned.jsonl", work / "judged.jsonl"
    if all(place.exists() for place in places):
        return places
    pools = [[one for pool in names for one in cut(pool)] for names in (("generator", "critic"), ("judge",))]
    counts = Counter(word for one in pools[0] for word in one["words"])
    known = {word for word, _ in counts.most_common(WORDS)}
    for place, pool in zip(places, pools, strict=True):
        kept = [
            {name: one[name] for name in ("text", "stars", "business")} for one in pool if known >= set(one["words"])
        ]
        place.write_text("".join(json.dumps(one) + "\n" for one in kept), encoding="utf-8")
        said(f"{place.name}: {len(kept):,} of {len(pool):,} sentences")
    return places


def cut(pool: str) -> Iterator[dict[str, Any]]:
    """The sentences of a pool of reviews."""
    reading = ReadingConfig(text="text", rating=("stars",), group="business_id", pool=pool, lowercase=True)
    for document in open_corpus(REVIEWS, reading):
        text = "".join(chunk for passage in document.passages() for chunk in passage)
        for sentence in re.split(r"(?<=[.!?])\s+|\n+", text):
            words = re.findall(r"[a-z']+", sentence)
            if 3 <= len(words) <= 15 and re.fullmatch(r"[a-z',.!? -]+", sentence):
                stars = document.conditions["stars"]
                yield {"text": " ".join(sentence.split()), "words": words, "stars": stars, "business": document.group}


def rows_of(table: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in table.read_text(encoding="utf-8").splitlines()]


class Critic:
    """What rating a text shows, by a ridge regression of words that has read other businesses."""

    def __init__(self, table: Path) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import Ridge
        from sklearn.pipeline import make_pipeline

        rows = rows_of(table)
        vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        self._model = make_pipeline(vectorizer, Ridge(3.0)).fit(
            [row["text"] for row in rows], [row["stars"] for row in rows]
        )

    def agreement(self, texts: Sequence[str], wanted: Sequence[float]) -> float:
        """The correlation of wanted and judged ratings."""
        return float(np.corrcoef(self._model.predict(list(texts)), wanted)[0, 1])

    def real(self, rows: Sequence[Mapping[str, Any]]) -> float:
        """The same of real texts."""
        return self.agreement([row["text"] for row in rows], [row["stars"] for row in rows])


def swept(
    run: seqloom.Run,
    judge: seqloom.Run,
    judged: Path,
    critic: Critic,
    work: Path,
    temperatures: Sequence[float] = TEMPERATURES,
) -> dict[str, Any]:
    """Quality and diversity over temperatures; kept beside the run."""
    file = run.path / f"sweep-{len(temperatures)}.json"
    if file.exists():
        return dict(json.loads(file.read_text(encoding="utf-8")))
    shares = np.bincount([int(row["stars"]) for row in rows_of(work / "learned.jsonl")], minlength=6)[1:6]
    sweep = []
    for temperature in temperatures:
        said(f"{run.path.name} at temperature {temperature:g} ...")
        texts, wanted = [], []
        for stars, share in enumerate(shares / shares.sum(), start=1):
            some = list(texts_of(run, round(SAMPLES * share), temperature, stars))
            texts += some
            wanted += [stars] * len(some)
        order = np.random.default_rng(0).permutation(len(texts))
        sweep.append(
            {
                "temperature": temperature,
                "quality": nats(judge, [texts[at] for at in order[: SAMPLES // 2]], work),
                "diversity": reverse([texts[at] for at in order], judge, judged, work),
                "rating": critic.agreement(texts, wanted),
            }
        )
    found = {"sweep": sweep}
    file.write_text(json.dumps(found), encoding="utf-8")
    return found


def texts_of(run: seqloom.Run, count: int, temperature: float, stars: float) -> Iterator[str]:
    written = run.iterate(count=count, length=LENGTH, temperature=temperature, rating=stars, seed=1)
    return (sample.text for sample in written if sample.text.strip())


def nats(judge: seqloom.Run, texts: Sequence[str], work: Path) -> float:
    """Nats a token of texts under a model of real ones."""
    return float(judge.evaluate(_written(texts, work / "asked.jsonl")).nats_per_token)


def reverse(texts: Sequence[str], judge: seqloom.Run, judged: Path, work: Path) -> float:
    """Nats of real sentences, a token of the judge's, under a model that has learned from these texts alone."""
    table = _written(texts, work / "learned-from.jsonl")
    place = work / "reverse"
    settings = {"size": 192, "validation": 0.1, "overwrite": True}
    learner = seqloom.train(table, run=place, text="text", level="word", epochs=8, **settings)
    found, own = learner.evaluate(judged), judge.evaluate(judged)
    return float(found.nats_per_token * found.tokens / own.tokens)


def lag(plain: Sequence[Mapping[str, float]], other: Sequence[Mapping[str, float]]) -> float:
    """By how many nats the other's diversity is worse at equal quality: the mean over what both reach."""
    sides = [sorted((one["quality"], one["diversity"]) for one in sweep) for sweep in (plain, other)]
    low, high = (pick(side[end][0] for side in sides) for pick, end in ((max, 0), (min, -1)))
    asked = np.linspace(low, high, 50)
    values = [np.interp(asked, *zip(*side, strict=True)) for side in sides]
    return float(np.mean(values[1] - values[0]))


def draw(found: Mapping[str, Any], names: Sequence[str], path: Path) -> None:
    """Quality against diversity, one curve a writer."""
    from seqloom.plots.style import BLUE, GREY, ORANGE, drawn, headed, plain_axes

    with drawn(path) as figure:
        axes = figure.add_subplot()
        for number, name in enumerate(("likelihood", *names)):
            sweep = found[name]["sweep"]
            label = "likelihood" if not number else "GAN, one curve a seed" if number == 1 else None
            points = [one["quality"] for one in sweep], [one["diversity"] for one in sweep]
            axes.plot(*points, color=ORANGE if number else BLUE, marker="o", markersize=4, label=label)
        axes.axvline(found["real"]["quality"], color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.set_xlabel("nats a token under a model of real sentences: to the left is better")
        axes.set_ylabel("nats of real sentences, after these: lower is better")
        plain_axes(axes)
        headed(figure, "Quality and diversity", "each point a temperature; the dashed line is real text")
        axes.legend(loc="best")


def _written(texts: Sequence[str], file: Path) -> Path:
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return file


def said(line: str) -> None:
    """Progress is no result."""
    print(line, file=sys.stderr, flush=True)


def print_table(heading: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    print("\n".join(["", f"| {' | '.join(heading)} |", "| --- " * len(heading) + "|"]))
    print("\n".join(f"| {' | '.join(map(str, row))} |" for row in rows), flush=True)


PARTS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "grammar": grammar,
    "sentences": reviews,
    "ablations": ablations,
}
"""The parts, by name."""


if __name__ == "__main__":
    main()
