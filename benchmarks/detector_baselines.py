"""Does a detector beat a few lines of scikit-learn?

Logistic regression on word n-grams and on character n-grams, and the sum of both, are compared with a detector on the
same five folds. The penalty of each regression is chosen by cross-validation within groups. The intervals are 95 %
intervals of a paired bootstrap over groups: of the AUC of the detector minus the AUC of the best baseline.

    python benchmarks/detector_baselines.py --own RUN                      all data sets, light members only
    python benchmarks/detector_baselines.py --only gpt2-400 --members light full --json found.json

RUN is a run that was trained on the pool "generator" of the reviews, by

    seqloom train reviews/yelp_10k.csv --text text --group business_id --pool generator --minutes 4 --run RUN

The corpora are read from the folder in SEQLOOM_CORPORA.
"""

import argparse
import csv
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from detection import hotel_reviews
from markdown import print_table

import seqloom
from seqloom.config import ReadingConfig
from seqloom.corpora.labelled_texts import read_texts
from seqloom.detector.confounds import match_lengths
from seqloom.detector.detector import Detector
from seqloom.detector.fit import fit_detector

CORPORA = Path(os.environ.get("SEQLOOM_CORPORA", "."))
PRODUCTS = CORPORA / "fake_reviews" / "gpt2_products.csv"
REVIEWS = CORPORA / "reviews" / "yelp_10k.csv"
OWN_TEXTS = 400
FOLDS, INNER_FOLDS, RESAMPLED = 5, 3, 1000
INVERSE_PENALTIES = (1.0, 10.0, 100.0)
TOKEN = r"\w+|[^\w\s]"
BASELINES = ("words", "characters", "sum")


class Sample(NamedTuple):
    """Texts, whether each was generated, and the group of each; a group is not divided between folds."""

    texts: list[str]
    generated: np.ndarray
    groups: np.ndarray


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--only", nargs="*", choices=list(SAMPLES))
    reader.add_argument("--members", nargs="*", choices=list(DETECTORS), default=["light"])
    reader.add_argument("--own", help="run that generates texts, for the data sets whose name starts with own")
    reader.add_argument("--seed", type=int, default=0)
    reader.add_argument("--json")
    options = reader.parse_args()
    results = {}
    for name in options.only or [name for name in SAMPLES if options.own or not name.startswith("own")]:
        results[name] = compared(SAMPLES[name](options), options.members, options.seed)
        print_table(
            (name, "AUC", "minus the best baseline", "seconds per fold", "CPU seconds"), list(rows(results[name]))
        )
        if options.json:
            Path(options.json).write_text(json.dumps(results, indent=2) + "\n")


def products(count: int | None) -> Callable[[argparse.Namespace], Sample]:
    """Return a reader of the product reviews by people and by GPT-2, cut to a number of texts."""

    def read(options: argparse.Namespace) -> Sample:
        with open(PRODUCTS, encoding="utf-8", newline="") as opened:
            table = list(csv.DictReader(opened))
        generated = np.array([row["generated"] == "1" for row in table])
        random = np.random.default_rng(options.seed)
        sides = [random.permutation(np.flatnonzero(generated == side)) for side in (False, True)]
        chosen = np.concatenate([side[: None if count is None else count // 2] for side in sides])
        return Sample([table[index]["text"] for index in chosen], generated[chosen], np.arange(len(chosen)))

    return read


def hotels(options: argparse.Namespace) -> Sample:
    """Return the hotel reviews by people and by GPT-4 (MAiDE-up), grouped by hotel."""
    texts, generated, names, _ = hotel_reviews()
    return Sample(texts, generated, np.unique(names, return_inverse=True)[1])


def own(temperature: float) -> Callable[[argparse.Namespace], Sample]:
    """Return a reader of reviews by people and by a run, cut to similar lengths."""

    def read(options: argparse.Namespace) -> Sample:
        random = np.random.default_rng(options.seed)
        source = read_texts(REVIEWS, ReadingConfig(text="text", group="business_id", pool="judge"))
        chosen = random.permutation(len(source.texts))[:OWN_TEXTS]
        run = seqloom.load(options.own)
        written = run.samples(count=OWN_TEXTS, length=2000, seed=10_000 + options.seed, temperature=temperature)
        fakes = [text for text in dict.fromkeys(one.text.strip() for one in written) if text]
        real, fakes = match_lengths([source.texts[index].strip() for index in chosen], fakes, random)
        groups = np.concatenate([source.groups[chosen], source.groups.max() + 1 + np.arange(len(fakes))])
        return Sample(real + fakes, np.arange(len(groups)) >= len(real), groups)

    return read


def compared(sample: Sample, members: Sequence[str], seed: int) -> dict[str, Any]:
    """Return AUC, interval of the difference to the best baseline, and seconds per fold, of every method.

    The CPU seconds are those of this process, of all threads together.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    methods = ["words", "characters", *members]
    scores = {name: np.zeros(len(sample.texts)) for name in methods}
    seconds, cpu_seconds = dict.fromkeys(methods, 0.0), dict.fromkeys(methods, 0.0)
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for known, left in splitter.split(sample.texts, sample.generated, sample.groups):
        texts = [sample.texts[index] for index in known]
        unseen = [sample.texts[index] for index in left]
        for name in methods:
            begun, cpu_begun = time.perf_counter(), time.process_time()
            fit = DETECTORS.get(name) or baseline(name)
            scores[name][left] = fit(Sample(texts, sample.generated[known], sample.groups[known]), unseen, seed)
            seconds[name] += (time.perf_counter() - begun) / FOLDS
            cpu_seconds[name] += (time.process_time() - cpu_begun) / FOLDS
    scores["sum"] = standardized(scores["words"]) + standardized(scores["characters"])
    areas = {name: area(values, sample.generated) for name, values in scores.items()}
    best = max(BASELINES, key=areas.__getitem__)
    return {
        "texts": len(sample.texts),
        "best": best,
        "areas": areas,
        "differences": {name: difference(scores[name], scores[best], sample) for name in members},
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
    }


def standardized(values: np.ndarray) -> np.ndarray:
    return np.asarray((values - values.mean()) / values.std())


def baseline(name: str) -> Callable[[Sample, Sequence[str], int], np.ndarray]:
    """Return a function that fits a baseline to a sample, and returns the logits of unseen texts."""

    def fit(sample: Sample, unseen: Sequence[str], seed: int) -> np.ndarray:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold

        ngrams: dict[str, Any] = (
            {"token_pattern": TOKEN, "ngram_range": (1, 3)}
            if name == "words"
            else {"analyzer": "char", "ngram_range": (2, 5)}
        )
        vectorizer = TfidfVectorizer(lowercase=False, sublinear_tf=True, min_df=2, **ngrams)
        regression = GridSearchCV(
            LogisticRegression(solver="liblinear", dual=True, tol=1e-2, max_iter=1000),
            {"C": INVERSE_PENALTIES},
            scoring="roc_auc",
            cv=StratifiedGroupKFold(INNER_FOLDS, shuffle=True, random_state=seed),
        ).fit(vectorizer.fit_transform(sample.texts), sample.generated, groups=sample.groups)
        logits: np.ndarray = regression.decision_function(vectorizer.transform(unseen))
        return logits

    return fit


def light(sample: Sample, unseen: Sequence[str], seed: int) -> np.ndarray:
    """Return the logits of a detector of light members."""
    detector = Detector(encoder=False, seed=seed).fit(*sample)
    return detector.logits(detector.member_outputs(unseen))


def full(sample: Sample, unseen: Sequence[str], seed: int) -> np.ndarray:
    """Return the logits of a detector as `seqloom detect fit` makes it, with its slow members."""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for side in (False, True):
            texts = [
                json.dumps({"text": text, "group": int(group)})
                for text, label, group in zip(*sample, strict=True)
                if label == side
            ]
            files.append(Path(folder) / f"{side}.jsonl")
            files[-1].write_text("\n".join(texts), encoding="utf-8")
        run = Path(folder) / "detector"
        detector = fit_detector(files[0], run=run, generated=[files[1]], text="text", group="group", seed=seed)
        return detector.logits(detector.member_outputs(unseen))


def area(values: np.ndarray, generated: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(generated, values))


def difference(values: np.ndarray, others: np.ndarray, sample: Sample) -> tuple[float, float, float]:
    """Return the difference of two AUCs, and its paired bootstrap interval over groups of each side."""
    random = np.random.default_rng(0)
    _, numbers = np.unique(2 * sample.groups + sample.generated, return_inverse=True)
    members = np.split(np.argsort(numbers, kind="stable"), np.cumsum(np.bincount(numbers))[:-1])
    side = np.array([sample.generated[one[0]] for one in members])
    drawn = []
    for _ in range(RESAMPLED):
        groups = np.concatenate(
            [
                random.choice(np.flatnonzero(side == is_generated), int((side == is_generated).sum()))
                for is_generated in (False, True)
            ]
        )
        at = np.concatenate([members[group] for group in groups])
        drawn.append(area(values[at], sample.generated[at]) - area(others[at], sample.generated[at]))
    low, high = np.quantile(drawn, [0.025, 0.975]).tolist()
    return area(values, sample.generated) - area(others, sample.generated), low, high


def rows(result: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return a row of the table for every method."""
    return [
        (
            name + (" (best baseline)" if name == result["best"] else ""),
            f"{value:.4f}",
            "{:+.4f} ({:+.4f} to {:+.4f})".format(*result["differences"][name])
            if name in result["differences"]
            else "",
            *(f"{result[clock][name]:.1f}" if name in result[clock] else "" for clock in ("seconds", "cpu_seconds")),
        )
        for name, value in result["areas"].items()
    ]


SAMPLES: dict[str, Callable[[argparse.Namespace], Sample]] = {
    "gpt2": products(None),
    "gpt2-1200": products(1200),
    "gpt2-400": products(400),
    "gpt2-100": products(100),
    "hotels": hotels,
    "own-0.5": own(0.5),
    "own-0.8": own(0.8),
    "own-1": own(1.0),
}
"""The data sets, by name."""

DETECTORS: dict[str, Callable[[Sample, Sequence[str], int], np.ndarray]] = {"light": light, "full": full}
"""The detectors, by name."""


if __name__ == "__main__":
    main()
