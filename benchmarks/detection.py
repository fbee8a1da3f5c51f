"""How well does a detector recognise generated reviews, if it was trained on the texts of a generator?

A generator is trained on one pool of the reviews, and a detector on another pool and on texts of the generator. The
detector is measured on businesses of a third pool, with new texts of the same generator and with texts of generators
that the detector has not seen: another core, word level, and a word trigram model. The results are compared with those
of single members and of the text length alone. Intervals are 95 % bootstrap confidence intervals.

    python benchmarks/detection.py --work FOLDER                all parts, more than an hour
    python benchmarks/detection.py --work FOLDER --only own unseen --seed 1 --json found.json

The real texts are read from the folder in SEQLOOM_CORPORA. Results in the work folder are reused.
"""

import argparse
import csv
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import watermark
from markdown import print_table

import seqloom
from seqloom.config import ReadingConfig
from seqloom.detector.augmentation import AUGMENTATIONS, count_words, first_words, splice
from seqloom.detector.detector import Detector
from seqloom.detector.fit import fit_detector, open_detector, read_texts
from seqloom.detector.stack import probabilities
from seqloom.errors import RunError

CORPORA = Path(os.environ.get("SEQLOOM_CORPORA", "."))
REVIEWS = CORPORA / "reviews" / "yelp_10k.csv"
HOTELS = CORPORA / "fake_reviews"
LONG, SHORT = 30, 15
TEXTS = 1500
FALSE_POSITIVE_RATES = 0.01
RESAMPLED = 300
ROWS = 1_000_000

GENERATORS: dict[str, dict[str, Any]] = {
    "own": {},
    "another core, seed and size": {"core": "gru", "hidden_size": 192, "seed": 7},
    "word level": {"level": "word", "seed": 5},
}
"""Settings of each generator that differ from the defaults."""


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--work")
    reader.add_argument("--minutes", type=float, default=4, help="training time of each generator")
    reader.add_argument("--seed", type=int, default=0)
    reader.add_argument("--only", nargs="*", choices=list(PARTS))
    reader.add_argument("--json")
    options = reader.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(Path(options.work or temporary), options.minutes, options.seed)
        results = {name: part(bench) for name, part in PARTS.items() if not options.only or name in options.only}
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=2) + "\n")


class Bench:
    """Runs, detector and texts that the parts share, created on first use."""

    def __init__(self, work: Path, minutes: float, seed: int) -> None:
        work.mkdir(parents=True, exist_ok=True)
        self.work, self.minutes, self.seed = work, minutes, seed
        self.random = np.random.default_rng(seed)
        self._fakes: dict[str, list[str]] = {}

    def generator(self, name: str) -> seqloom.Run:
        """Return one of `GENERATORS`, trained on first use."""
        folder = self.work / name.replace(" ", "-").replace(",", "")
        try:
            return seqloom.load(folder)
        except RunError:
            settings = {"minutes": self.minutes, "seed": self.seed, **GENERATORS[name]}
            return seqloom.train(REVIEWS, run=folder, text="text", group="business_id", pool="generator", **settings)

    @cached_property
    def detector(self) -> Detector:
        """Detector, trained on another pool and on texts of the first generator."""
        folder = self.work / "detector"
        if not folder.exists():
            begun = time.perf_counter()
            columns = {"text": "text", "group": "business_id", "pool": "critic"}
            generators = [self.generator("own").path]
            fit_detector(REVIEWS, run=folder, generators=generators, seed=self.seed, note=said, **columns)
            said(f"detector fitted in {time.perf_counter() - begun:.0f} s")
        return open_detector(folder)

    def real(self, pool: str = "judge") -> list[str]:
        """Return the real texts of a pool."""
        return [text.strip() for text in pool_of(pool)]

    def fakes(self, name: str) -> list[str]:
        """Return texts of a generator at temperature 1, with seeds that the detector has not seen."""
        if name not in self._fakes:
            self._fakes[name] = self._written(name)
        return self._fakes[name]

    def _written(self, name: str) -> list[str]:
        if name == "word trigrams":
            return triples(pool_of("generator"), TEXTS, self.random)
        written = self.generator(name).samples(count=TEXTS, length=6000, seed=10_000 + self.seed, temperature=1.0)
        return [text for one in written if count_words(text := one.text.strip())]


def said(line: str) -> None:
    """Print progress to standard error."""
    print(line, file=sys.stderr)


@cache
def pool_of(pool: str) -> list[str]:
    return read_texts(REVIEWS, ReadingConfig(text="text", group="business_id", pool=pool)).texts


def triples(texts: Sequence[str], count: int, random: np.random.Generator) -> list[str]:
    """Return texts of a word trigram model that backs off to bigrams with probability 0.2."""
    follows: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for text in texts:
        pieces = ["", "", *re.findall(r"\S+\s*", text), ""]
        words = [piece.strip() for piece in pieces]
        for place in range(2, len(words)):
            follows[tuple(words[place - 2 : place])].append(pieces[place])
            follows[(words[place - 1],)].append(pieces[place])
    sequences = []
    while len(sequences) < count:
        pieces = ["", ""]
        while len(pieces) < 400:
            words = [piece.strip() for piece in pieces[-2:]]
            some = follows[tuple(words) if random.random() < 0.8 else (words[-1],)]
            piece = some[random.integers(len(some))]
            if not piece and len(pieces) > 2:
                break
            pieces.append(piece)
        sequences.append("".join(pieces).strip())
    return sequences


def own(bench: Bench) -> dict[str, Any]:
    """Measure the detector on its training generator, with long and with short texts."""
    real, fakes = bench.real(), bench.fakes("own")
    long = [[text for text in side if count_words(text) >= LONG] for side in (real, fakes)]
    short = [[first_words(text, int(bench.random.integers(5, SHORT))) for text in side] for side in (real, fakes)]
    return {
        f"{LONG} words or more": measured(bench, *long, f"own generator, {LONG} words or more"),
        f"under {SHORT} words": measured(bench, *short, f"own generator, under {SHORT} words"),
    }


def unseen(bench: Bench) -> dict[str, Any]:
    """Measure the detector on unseen generators."""
    real = [text for text in bench.real() if count_words(text) >= LONG]
    results = {}
    for name in [*list(GENERATORS)[1:], "word trigrams"]:
        fakes = [text for text in bench.fakes(name) if count_words(text) >= LONG]
        results[name] = measured(bench, real, fakes, name)
    return results


def altered(bench: Bench) -> dict[str, Any]:
    """Measure the loss of AUC if the generated texts are altered."""
    real, fakes = ([text for text in side if count_words(text) >= LONG] for side in (bench.real(), bench.fakes("own")))
    known, plain = said_by(bench.detector, real), said_by(bench.detector, fakes)
    altered = {name: [alter(text, bench.random) for text in fakes] for name, alter in AUGMENTATIONS.items()}
    strange = bench.real("critic")
    altered["half spliced"] = [
        splice(text, strange[bench.random.integers(len(strange))], bench.random) for text in fakes
    ]
    results = {
        name: {
            member: lost(known[member], plain[member], values)
            for member, values in said_by(bench.detector, some).items()
        }
        for name, some in altered.items()
    }
    members = list(plain)
    rows = [(name, *(spoken(*results[name][member]) for member in members)) for name in results]
    print_table(("loss of AUC by", *members), rows)
    return results


def nothing(bench: Bench) -> dict[str, Any]:
    """Measure the AUC on real texts in both classes, and with random labels."""
    real = bench.real("critic")[:2000]
    results = {}
    groups = bench.random.permutation(len(real)) < len(real) // 2
    for name, texts in (("real against real", real), ("random labels", real[:1000] + bench.fakes("own")[:1000])):
        labels = groups[: len(texts)] if name == "real against real" else bench.random.random(len(texts)) < 0.5
        detector = Detector(encoder=False, seed=bench.seed).fit(texts, labels)
        unseen_texts = bench.real() + bench.fakes("own") if name == "random labels" else bench.real()
        truth = bench.random.random(len(unseen_texts)) < 0.5
        results[name] = {member: areas(values, truth) for member, values in said_by(detector, unseen_texts).items()}
    members = list(next(iter(results.values())))
    rows = [(name, *(spoken(*of[member]) for member in members)) for name, of in results.items()]
    print_table(("control without signal: AUC", *members), rows)
    return results


def hotels(bench: Bench) -> dict[str, Any]:
    """Cross-validate on hotel reviews by people and by GPT-4 (MAiDE-up): five folds by hotel, empty cells removed."""
    from sklearn.metrics import accuracy_score
    from sklearn.model_selection import GroupKFold

    texts, truth, names, ratings = hotel_reviews()
    groups = np.unique(names, return_inverse=True)[1]
    said: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(len(texts)))
    for number, (known, left) in enumerate(
        GroupKFold(5, shuffle=True, random_state=bench.seed).split(texts, groups=groups)
    ):
        folder = bench.work / f"hotels-{number}"
        if not folder.exists():
            fit_texts(folder, texts, truth, groups, known, bench)
        for name, values in said_by(open_detector(folder), [texts[place] for place in left]).items():
            said[name][left] = values
    results = {}
    for name, values in {**said, "rating alone": ratings}.items():
        values = -values if name.endswith("alone") and area_of(values, truth) < 0.5 else values
        results[name] = {"area": areas(values, truth), "found": shares_found(values, truth)}
        if not name.endswith("alone"):
            results[name]["accuracy"] = interval(
                lambda at, values=values: accuracy_score(truth[at], values[at] > 0), len(truth)
            )
    rows = [
        (name, spoken(*one["area"]), spoken(*one["found"]), spoken(*one["accuracy"]) if "accuracy" in one else "")
        for name, one in results.items()
    ]
    print_table(("hotel reviews, people and GPT-4", "ROC AUC", "TPR at 1 % FPR", "accuracy"), rows)
    return results


def hotel_reviews() -> tuple[list[str], np.ndarray, list[str], np.ndarray]:
    """Return texts, whether each was generated, hotels and ratings."""
    texts, truth, names, ratings = [], [], [], []
    for label, file in enumerate(("real_English.csv", "generated_English.csv")):
        with open(HOTELS / file, encoding="utf-8", newline="") as opened:
            for row in csv.DictReader(opened):
                parts = (row["Upside_Review"].strip(), row["Downside_Review"].strip())
                text = "\n".join(part for part in parts if part and part.lower() != "nan")
                if text:
                    texts.append(text)
                    truth.append(bool(label))
                    names.append(row["Hotel Name"])
                    ratings.append(float(row["Review_Score"]))
    return texts, np.array(truth), names, np.array(ratings)


def fit_texts(
    folder: Path, texts: Sequence[str], truth: np.ndarray, groups: np.ndarray, known: np.ndarray, bench: Bench
) -> None:
    """Fit a detector on the texts at the positions `known`."""
    with tempfile.TemporaryDirectory() as held:
        files = []
        for side in (False, True):
            file = Path(held) / f"{side}.jsonl"
            rows = [{"text": texts[at], "group": int(groups[at])} for at in known if truth[at] == side]
            file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            files.append(file)
        fit_detector(files[0], run=folder, generated=[files[1]], text="text", group="group", seed=bench.seed)


def speed(bench: Bench) -> dict[str, Any]:
    """Measure reviews per second, compared with scikit-learn's vectorisers and a logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    texts = (bench.real("critic") + bench.real())[:4000]
    detector = bench.detector
    theirs = make_pipeline(
        make_union(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2),
            TfidfVectorizer(analyzer="char", ngram_range=(3, 5), sublinear_tf=True, min_df=2),
        ),
        LogisticRegression(),
    ).fit(texts[:1000], np.arange(1000) % 2)
    asked: dict[str, tuple[int, Callable[[list[str]], Any]]] = {
        "seqloom, light": (4000, lambda some: detector.score_texts(some, light=True)),
        "seqloom, all members": (400, detector.score_texts),
        "scikit-learn": (1000, theirs.predict_proba),
    }
    rates: dict[str, list[float]] = defaultdict(list)
    for _ in range(5):
        for name, (count, score) in asked.items():
            begun = time.perf_counter()
            score(texts[:count])
            rates[name].append(count / (time.perf_counter() - begun))
    results = {name: float(np.median(values)) for name, values in rates.items()}
    rows = [(name, f"{rate:,.0f}", f"{rate / results['scikit-learn']:.1f}") for name, rate in results.items()]
    print_table(("system", "reviews per second", "relative to scikit-learn"), rows)
    return results


def table(bench: Bench) -> dict[str, Any]:
    """Measure the speed and the memory of `detect score --light` on large tables."""
    _ = bench.detector
    pieces = [text.split() for text in (*bench.real("critic"), *bench.real())]
    known, new = bench.work / "many.csv", bench.work / "scored.csv"
    results, rows = {}, []
    for count in (ROWS // 10, ROWS):
        with open(known, "w", encoding="utf-8", newline="") as opened:
            write = csv.writer(opened)
            write.writerow(["number", "text"])
            for number in range(count):
                one, other = (pieces[at] for at in bench.random.integers(len(pieces), size=2))
                write.writerow([number, " ".join([*one[: len(one) // 2], *other[len(other) // 2 :]])])
        command = [sys.executable, "-m", "seqloom", "detect", "score", str(bench.work / "detector"), str(known)]
        begun = time.perf_counter()
        subprocess.run(
            [*command, "--text", "text", "--light", "--overwrite", "-o", str(new)], check=True, capture_output=True
        )
        rate = count / (time.perf_counter() - begun)
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        results[str(count)] = {"rate": rate, "memory": memory}
        rows.append((f"{count:,}", f"{known.stat().st_size / 1e6:,.0f} MB", f"{rate:,.0f}", f"{memory:,.0f} MiB"))
    for file in (known, new):
        file.unlink()
    print_table(("reviews in the table", "size", "reviews per second", "peak memory"), rows)
    return results


def marked(bench: Bench) -> dict[str, Any]:
    """Texts that carry a watermark, and what a model of another core makes of them."""
    chosen = argparse.Namespace(texts=1000, judged=16_000, characters=200, temperature=1.0)
    chosen.judge = bench.generator("another core, seed and size").path
    results = watermark.measured(bench.generator("own"), chosen)
    print_table(("watermark", "measured"), list(watermark.rows(results)))
    return results


def measured(bench: Bench, real: Sequence[str], fakes: Sequence[str], title: str) -> dict[str, Any]:
    """Return and print AUC and TPR of the ensemble, of each member and of the length, and the calibration error."""
    texts, truth = [*real, *fakes], np.arange(len(real) + len(fakes)) >= len(real)
    said = said_by(bench.detector, texts)
    results: dict[str, Any] = {"real": len(real), "generated": len(fakes)}
    rows = []
    for name, values in said.items():
        values = -values if name == "length alone" and area_of(values, truth) < 0.5 else values
        results[name] = {"area": areas(values, truth), "found": shares_found(values, truth)}
        rows.append((name, spoken(*results[name]["area"]), spoken(*results[name]["found"])))
    chance = probabilities(said["all"], 0.5)
    results["calibration error"] = interval(lambda at: calibration_error(chance[at], truth[at]), len(truth))
    print_table((f"{title} ({len(real):,} real, {len(fakes):,} generated)", "ROC AUC", "TPR at 1 % FPR"), rows)
    print(f"calibration error: {spoken(*results['calibration error'])}", flush=True)
    return results


def said_by(detector: Detector, texts: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the scores of texts by the ensemble, by each member, and by the number of words."""
    asked = detector.member_outputs(texts)
    words = np.array([count_words(text) for text in texts], np.float64)
    return {"all": detector.logits(asked), **detector.member_logits(asked), "length alone": words}


def areas(values: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    return interval(lambda at: area_of(values[at], truth[at]), len(truth))


def shares_found(values: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    return interval(lambda at: share_found(values[at], truth[at]), len(truth))


def lost(real: np.ndarray, fakes: np.ndarray, altered_fakes: np.ndarray) -> tuple[float, float, float]:
    """Return the difference of the AUC between unaltered and altered generated texts."""
    side = np.arange(len(real) + len(fakes)) >= len(real)
    plain, other = (np.concatenate([real, some]) for some in (fakes, altered_fakes))
    return interval(lambda at: area_of(plain[at], side[at]) - area_of(other[at], side[at]), len(side))


def area_of(values: np.ndarray, truth: np.ndarray) -> float:
    """Return the ROC AUC."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, values))


def share_found(values: np.ndarray, truth: np.ndarray) -> float:
    """Return the true positive rate at a false positive rate of `FALSE_POSITIVE_RATES`."""
    return float(np.mean(values[truth] > np.quantile(values[~truth], 1 - FALSE_POSITIVE_RATES)))


def calibration_error(chance: np.ndarray, truth: np.ndarray) -> float:
    """Return the expected calibration error in fifteen bins, with equal weight for both classes."""
    weight = np.where(truth, 0.5 / truth.sum(), 0.5 / (~truth).sum())
    bins = np.minimum((chance * 15).astype(int), 14)
    return float(sum(abs(np.sum((weight * (chance - truth))[bins == number])) for number in range(15)))


def interval(value: Callable[[np.ndarray], float], count: int) -> tuple[float, float, float]:
    """Return a value on all texts and its 95 % bootstrap confidence interval."""
    random = np.random.default_rng(0)
    drawn = [value(random.integers(count, size=count)) for _ in range(RESAMPLED)]
    low, high = np.quantile(drawn, [0.025, 0.975]).tolist()
    return value(np.arange(count)), low, high


def spoken(value: float, low: float, high: float) -> str:
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


PARTS: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "own": own,
    "unseen": unseen,
    "altered": altered,
    "nothing": nothing,
    "watermark": marked,
    "hotels": hotels,
    "speed": speed,
    "table": table,
}
"""The parts, by name."""


if __name__ == "__main__":
    main()
