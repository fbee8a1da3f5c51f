"""Where does a text GAN stand against learning by likelihood, in as much time and with as many parameters?

Three languages. A small rated grammar, whose every sentence and probability is known: how far each writer is from it
(total variation over 100,000 samples), and whether any sentence is never written. And sentences of reviews with their
stars, and titles with their points: over temperatures, how likely what each writes is under a model of other real ones
(quality), and how well a model that learns from it alone predicts these (diversity); the GAN's lag is read off at equal
quality. Beside these: the discriminator's accuracy, collapses, greedy texts that differ, the rating that a critic of
other texts reads, and what is lost without the controller, without interleaved likelihood, and without annealing.

    python benchmarks/gan.py --work FOLDER [--only grammar sentences titles ablations] [--minutes 8] [--seeds 5]
                             [--json FILE] [--plot sweep.png]

Reviews and titles lie under the folder that SEQLOOM_CORPORA names. Preprocessing is lossy: texts of 3 to 15 words, in
small letters, all of them among the 3,000 most frequent words (titles: 8,000). What stands in the work folder is not
trained again.
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
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import seqloom
from seqloom.config import ReadingConfig
from seqloom.corpora import open_corpus
from seqloom.workflows.describing import parameters

CORPORA = Path(os.environ.get("SEQLOOM_CORPORA", "."))
TEMPERATURES = (0.4, 0.55, 0.7, 0.85, 1.0)
SAMPLES = 10_000
SIZE, PEER_SIZE = 256, 320
"""Units of the GAN's generator, and of the likelihood model, which has as many parameters as that with its noise."""
ASKED = 50
"""Quantiles of the real ratings, which texts are asked for."""

DRAWN = 100_000
EXPECTED = 10
"""Times that a sentence should come, for it to be missed."""

LENGTH = 40


@dataclass(frozen=True)
class Language:
    """Rated texts.

    Attributes:
        place: folder in the work folder.
        file: the table.
        text: its column of texts.
        rating: of ratings.
        group: of what must not be on both sides; None where there is nothing.
        words: the most frequent ones, which alone are in what is kept.
        symbols: that words are made of.
        scaled: ratings, as a critic learns them.
    """

    place: str
    file: Path
    text: str
    rating: str
    group: str | None
    words: int
    symbols: str = "a-z"
    scaled: Callable[[Any], Any] = np.asarray


SENTENCES = Language("", CORPORA / "reviews" / "yelp_10k.csv", "text", "stars", "business_id", 3000)
TITLES = Language("titles", CORPORA / "titles" / "hacker_news.csv", "title", "num_points", None, 8000, "a-z0-9", np.log)

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
    settings = {"text": "text", "minutes": minutes, "seed": seed, **settings}
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
    told: dict[str, Any] = {"rating": ("stars",), "size": 128}
    plain = likelihood(
        table, options.work / "grammar-likelihood", options.minutes / 2, validation=0.05, **{**told, "size": 160}
    )
    writers = {"likelihood": plain}
    for seed in range(min(options.seeds, 2)):
        run = options.work / f"grammar-gan-{seed}"
        writers[f"GAN, seed {seed}"] = gan(table, run, options.minutes / 2, seed, information=4.0, **told)
    drawn: dict[str, Callable[[int], Sequence[str]]] = {"the grammar itself": partial(spoken, truth, random)}
    for name, run in writers.items():
        drawn[name] = partial(written_of, run)
    found = {name: distance(truth, {stars: texts(stars) for stars in truth}) for name, texts in drawn.items()}
    rows = [
        (name, f"{one['total variation']:.3f}", one["missed"], f"{one['outside']:.3f}") for name, one in found.items()
    ]
    print_table(("grammar of 5 x 216 sentences", "total variation", "missed", "share outside"), rows)
    print_table(
        ("writer", "parameters"), [(name, f"{parameters(run.config.model):,}") for name, run in writers.items()]
    )
    return found


def spoken(truth: Mapping[int, Mapping[str, float]], random: np.random.Generator, stars: int) -> Sequence[str]:
    """Sentences of the grammar: how far so many are from it by chance."""
    texts, chances = zip(*truth[stars].items(), strict=True)
    return [texts[at] for at in random.choice(len(texts), DRAWN // len(truth), p=chances)]


def written_of(run: seqloom.Run, stars: int) -> Sequence[str]:
    """As many of a writer's."""
    written = run.iterate(count=DRAWN // 5, length=LENGTH, temperature=1.0, rating=stars, seed=stars)
    return [sample.text.strip() for sample in written]


def distance(truth: Mapping[int, Mapping[str, float]], texts: Mapping[int, Sequence[str]]) -> dict[str, Any]:
    """How far texts are from the grammar, rating by rating; sentences that should have come and did not."""
    off, missed, wrong = [], 0, []
    for stars, chances in truth.items():
        counts, total = Counter(texts[stars]), len(texts[stars])
        outside = sum(count for text, count in counts.items() if text not in chances) / total
        off.append((sum(abs(counts[text] / total - chance) for text, chance in chances.items()) + outside) / 2)
        missed += sum(text not in counts for text, chance in chances.items() if chance * total >= EXPECTED)
        wrong.append(outside)
    return {"total variation": float(np.mean(off)), "missed": missed, "outside": float(np.mean(wrong))}


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


def sweep(language: Language, seeds: int, options: argparse.Namespace) -> dict[str, Any]:
    """The sweep over temperatures, and all that is asked of a GAN of short texts."""
    place = options.work / language.place
    learned, judged = tables(place, language)
    judge = likelihood(judged, place / "judge", 2, size=256)
    told = told_of(language)
    plain = likelihood(learned, place / "likelihood", options.minutes, **told, size=PEER_SIZE)
    critic = Critic(judged, language)
    found: dict[str, Any] = {"likelihood": swept(plain, judge, critic, language, place)}
    for seed in range(seeds):
        run = gan(learned, place / f"gan-{seed}", options.minutes, seed, **told, size=SIZE)
        found[f"GAN, seed {seed}"] = {**swept(run, judge, critic, language, place), **measured(run)}
    real = [row["text"] for row in rows_of(learned)]
    found["real"] = {"quality": nats(judge, real[:SAMPLES], place), "rating": critic.real(rows_of(learned))}
    names = [name for name in found if name.startswith("GAN")]
    for name in names:
        found[name]["lag"] = {
            part: lag(found["likelihood"]["sweep"], found[name]["sweep"], *ends) for part, ends in REGIONS.items()
        }
    for name in ("likelihood", *names):
        for one in found[name]["sweep"]:
            one["share of real"] = one["rating"] / found["real"]["rating"]
    found["lag"] = {part: interval([found[name]["lag"][part] for name in names]) for part in REGIONS}
    rows = [
        (
            *(name, f"{one['temperature']:g}", f"{one['quality']:.3f}", f"{one['diversity']:.3f}"),
            f"{100 * one['share of real']:.0f} %",
        )
        for name in ("likelihood", *names)
        for one in found[name]["sweep"]
    ]
    print_table(
        ("writer", "temperature", "nats a token (quality)", "reverse (diversity)", "rating, of real text"), rows
    )
    rows = [
        (
            name,
            *(f"{found[name]['lag'][part]:+.3f}" for part in REGIONS),
            f"{100 * one['inside_band']:.0f} %",
            str(len(one["rollbacks"])),
            f"{100 * one['distinct_greedy']:.0f} %",
            f"{100 * one['sweep'][-1]['share of real']:.0f} %",
        )
        for name in names
        for one in [found[name]]
    ]
    means = [f"{low:+.3f} to {high:+.3f}" for low, high in (found["lag"][part]["interval"] for part in REGIONS)]
    rows.append(("95 % interval of the mean over seeds", *means, "", "", "", ""))
    lags = [f"lag in nats, {part}" for part in REGIONS]
    print_table(
        ("GAN", *lags, "inside the band", "went back", "greedy texts that differ", "rating at 1, of real text"), rows
    )
    numbers = [(name, f"{parameters(run.config.model):,}") for name, run in (("likelihood", plain), ("GAN", run))]
    print_table(("writer", "parameters"), numbers)
    if options.plot:
        plot = Path(options.plot)
        draw(found, names, plot.with_stem(f"{plot.stem}-{language.place}") if language.place else plot)
    return found


def told_of(language: Language) -> dict[str, Any]:
    """What a writer is told of the texts."""
    return {"rating": (language.rating,), **({"group": "group"} if language.group else {})}


REGIONS: Mapping[str, tuple[float, float]] = {"all": (0.0, 1.0), "cold half": (0.0, 0.5), "warm half": (0.5, 1.0)}
"""Parts of the qualities that both writers reach, the best quality first."""


def measured(run: seqloom.Run) -> dict[str, Any]:
    """What its training measured."""
    return dict(json.loads((run.path / "metrics.json").read_text(encoding="utf-8")))


def interval(values: Sequence[float]) -> dict[str, Any]:
    """Mean, and an interval that holds it in 95 of 100 cases, by Student's t; all the numbers where there is one."""
    from scipy.stats import t

    mean, count = float(np.mean(values)), len(values)
    wide = float(t.ppf(0.975, count - 1) * np.std(values, ddof=1) / np.sqrt(count)) if count > 1 else float("nan")
    return {"mean": mean, "interval": [mean - wide, mean + wide]}


def ablations(options: argparse.Namespace) -> dict[str, Any]:
    """What is lost without each part of the rounds; as many of them, from one run, as the first GAN had."""
    place, told = options.work / SENTENCES.place, told_of(SENTENCES)
    learned, judged = tables(place, SENTENCES)
    judge = likelihood(judged, place / "judge", 2, size=256)
    critic = Critic(judged, SENTENCES)
    whole = gan(learned, place / "gan-0", options.minutes, 0, **told, size=SIZE)
    config, parent = whole.folder.read_gan()
    same = {"awakening": config.awakening, "rounds": config.rounds, "from_run": parent}
    found = {}
    for name, settings in VARIANTS.items():
        run = place / f"gan-{name.replace(' ', '-')}"
        trained = gan(learned, run, options.minutes, 0, **told, **same, **settings) if settings else whole
        held = [line["mean_accuracy"] for line in trained.folder.read_log() if "mean_accuracy" in line]
        found[name] = {**swept(trained, judge, critic, SENTENCES, place, (1.0,)), **measured(trained)}
        found[name]["inside_band"] = float(np.mean([config.band[0] <= one <= config.band[1] for one in held]))
    real = critic.real(rows_of(learned))
    rows = [
        (
            name,
            f"{one['sweep'][0]['quality']:.3f}",
            f"{one['sweep'][0]['diversity']:.3f}",
            f"{100 * one['sweep'][0]['rating'] / real:.0f} %",
            f"{100 * one['inside_band']:.0f} %",
            str(len(one["rollbacks"])),
            f"{100 * one['distinct_greedy']:.0f} %",
        )
        for name, one in found.items()
    ]
    heading = (
        "quality",
        "diversity",
        "rating, of real text",
        "inside the band",
        "went back",
        "greedy texts that differ",
    )
    print_table(("GAN", *heading), rows)
    return found


def tables(place: Path, language: Language) -> tuple[Path, Path]:
    """Texts to learn from, and of other groups to judge by."""
    files = place / "learned.jsonl", place / "judged.jsonl"
    if all(file.exists() for file in files):
        return files
    place.mkdir(parents=True, exist_ok=True)
    pools = [[one for pool in names for one in cut(language, pool)] for names in (("generator", "critic"), ("judge",))]
    counts = Counter(word for _, words in pools[0] for word in words)
    known = {word for word, _ in counts.most_common(language.words)}
    for file, pool in zip(files, pools, strict=True):
        kept = [one for one, words in pool if known >= set(words)]
        file.write_text("".join(json.dumps(one) + "\n" for one in kept), encoding="utf-8")
        said(f"{file.name}: {len(kept):,} of {len(pool):,} texts")
    return files


def cut(language: Language, pool: str) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """The sentences of a pool of texts, and their words."""
    reading = ReadingConfig(
        text=language.text, rating=(language.rating,), group=language.group, pool=pool, lowercase=True
    )
    for document in open_corpus(language.file, reading):
        text = "".join(chunk for passage in document.passages() for chunk in passage)
        for sentence in re.split(r"(?<=[.!?])\s+|\n+", text):
            words = re.findall(rf"[{language.symbols}']+", sentence)
            if 3 <= len(words) <= 15 and re.fullmatch(rf"[{language.symbols}',.!? -]+", sentence):
                rating = {language.rating: document.conditions[language.rating], "group": document.group}
                yield {"text": " ".join(sentence.split()), **rating}, words


def rows_of(table: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in table.read_text(encoding="utf-8").splitlines()]


class Critic:
    """What rating a text shows, by a ridge regression of words that has read other texts."""

    def __init__(self, table: Path, language: Language) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import Ridge
        from sklearn.pipeline import make_pipeline

        rows, self._rating, self._scaled = rows_of(table), language.rating, language.scaled
        vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        self._model = make_pipeline(vectorizer, Ridge(3.0)).fit(
            [row["text"] for row in rows], self._scaled([row[self._rating] for row in rows])
        )

    def agreement(self, texts: Sequence[str], wanted: Sequence[float]) -> float:
        """The correlation of wanted and judged ratings."""
        return float(np.corrcoef(self._model.predict(list(texts)), self._scaled(wanted))[0, 1])

    def real(self, rows: Sequence[Mapping[str, Any]]) -> float:
        """The same of real texts."""
        return self.agreement([row["text"] for row in rows], [row[self._rating] for row in rows])


def swept(
    run: seqloom.Run,
    judge: seqloom.Run,
    critic: Critic,
    language: Language,
    work: Path,
    temperatures: Sequence[float] = TEMPERATURES,
) -> dict[str, Any]:
    """Quality and diversity over temperatures; kept beside the run."""
    file = run.path / f"sweep-{len(temperatures)}.json"
    if file.exists():
        return dict(json.loads(file.read_text(encoding="utf-8")))
    ratings = [row[language.rating] for row in rows_of(work / "learned.jsonl")]
    asked = Counter(np.quantile(ratings, (np.arange(ASKED) + 0.5) / ASKED, method="nearest").tolist())
    sweep = []
    for temperature in temperatures:
        said(f"{run.path.name} at temperature {temperature:g} ...")
        texts, wanted = [], []
        for seed, (rating, count) in enumerate(asked.items()):
            some = list(texts_of(run, SAMPLES * count // ASKED, temperature, rating, seed))
            texts += some
            wanted += [rating] * len(some)
        order = np.random.default_rng(0).permutation(len(texts))
        sweep.append(
            {
                "temperature": temperature,
                "quality": nats(judge, [texts[at] for at in order[: SAMPLES // 2]], work),
                "diversity": reverse([texts[at] for at in order], judge, work),
                "rating": critic.agreement(texts, wanted),
            }
        )
    found = {"sweep": sweep}
    file.write_text(json.dumps(found), encoding="utf-8")
    return found


def texts_of(run: seqloom.Run, count: int, temperature: float, rating: float, seed: int) -> Iterator[str]:
    """Texts to a rating; those of another seed have other noise."""
    written = run.iterate(count=count, length=LENGTH, temperature=temperature, rating=rating, seed=seed)
    return (sample.text for sample in written if sample.text.strip())


def nats(judge: seqloom.Run, texts: Sequence[str], work: Path) -> float:
    """Nats a token of texts under a model of real ones."""
    return float(judge.evaluate(_written(texts, work / "asked.jsonl")).nats_per_token)


def reverse(texts: Sequence[str], judge: seqloom.Run, work: Path) -> float:
    """Nats of real sentences, a token of the judge's, under a model that has learned from these texts alone.

    It reads every word of the language twice beside them, so that one that was never written is rare, and not spelled.
    """
    words = sorted({word for row in rows_of(work / "learned.jsonl") for word in row["text"].split()})
    order = np.random.default_rng(0).permutation(len(words))
    known = [" ".join(words[at] for at in order[begin : begin + 12]) for begin in range(0, len(words), 12)] * 2
    table = _written([*texts, *known], work / "learned-from.jsonl")
    place = work / "reverse"
    settings = {"size": 192, "validation": 0.1, "overwrite": True}
    learner = seqloom.train(table, run=place, text="text", level="word", epochs=8, **settings)
    found, own = (one.evaluate(work / "judged.jsonl") for one in (learner, judge))
    return float(found.nats_per_token * found.tokens / own.tokens)


def lag(
    plain: Sequence[Mapping[str, float]], other: Sequence[Mapping[str, float]], begin: float = 0.0, end: float = 1.0
) -> float:
    """By how many nats the other's diversity is worse at equal quality: the mean over a part of what both reach."""
    sides = [sorted((one["quality"], one["diversity"]) for one in sweep) for sweep in (plain, other)]
    low, high = (pick(side[end][0] for side in sides) for pick, end in ((max, 0), (min, -1)))
    asked = low + (high - low) * np.linspace(begin, end, 50)
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


PARTS: Mapping[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "grammar": grammar,
    "sentences": lambda options: sweep(SENTENCES, options.seeds, options),
    "titles": lambda options: sweep(TITLES, min(options.seeds, 1), options),
    "ablations": ablations,
}
"""The parts, by name."""


if __name__ == "__main__":
    main()
