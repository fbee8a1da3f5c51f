"""Quality against diversity of writers of short rated texts, over temperatures.

Quality is how likely texts are under a model of other real ones (the judge), in nats a word; diversity how well a
model that learns from the written texts alone predicts real ones (Zhao et al. 2018, "reverse perplexity"). A writer's
lag is how much worse its diversity is where its quality is another's (Caccia et al. 2020).
"""

import hashlib
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import seqloom
from seqloom.codecs.pretokenizer import word_pattern
from seqloom.config import ReadingConfig
from seqloom.corpora import open_corpus

__all__ = [
    "LENGTH",
    "REGIONS",
    "SENTENCES",
    "TEMPERATURES",
    "TITLES",
    "Critic",
    "Judges",
    "Language",
    "diversities",
    "draw",
    "rows_of",
    "said",
    "tables",
    "welch",
]

CORPORA = Path(os.environ.get("SEQLOOM_CORPORA", "."))
TEMPERATURES = (0.4, 0.55, 0.7, 0.85, 1.0)
SAMPLES = 10_000
LENGTH = 40
"""Tokens of the longest text that is written."""

REGIONS: Mapping[str, tuple[float, float]] = {"all": (0.0, 1.0), "cold half": (0.0, 0.5), "warm half": (0.5, 1.0)}
"""Parts of the qualities that all writers reach, the best quality first."""

_ASKED = 50
"""Quantiles of the real ratings, which texts are asked for."""

Sweep = Sequence[Mapping[str, float]]
"""By temperature: quality, diversity and rating."""


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
        marks: that may stand between them.
        scaled: ratings, as a critic learns them.
        pools: of texts to learn from, and to judge by.
        level: of the writers' tokens; None is words.
        vocabulary: the writers' symbols; None leaves it to them.
        temperatures: that writers are compared at: so many that they reach a quality in common.
    """

    place: str
    file: Path
    text: str
    rating: str
    group: str | None
    words: int
    symbols: str = "a-z"
    marks: str = ",.!?"
    scaled: Callable[[Any], Any] = np.asarray
    pools: tuple[Sequence[str], Sequence[str]] = (("generator", "critic"), ("judge",))
    level: str | None = None
    vocabulary: int | None = None
    temperatures: Sequence[float] = TEMPERATURES

    @property
    def told(self) -> dict[str, Any]:
        """What a writer is told of the texts."""
        group = "group" if self.group else None
        told = {"rating": (self.rating,), "group": group, "level": self.level, "vocabulary": self.vocabulary}
        return {name: value for name, value in told.items() if value is not None}


SENTENCES = Language("", CORPORA / "reviews" / "yelp_10k.csv", "text", "stars", "business_id", 3000)
TITLES = Language(
    *("titles", CORPORA / "titles" / "hacker_news.csv", "title", "num_points", None, 8000),
    symbols="a-z0-9",
    marks=',.!?:;&/()$%#+"[]–—’‘“”',
    scaled=np.log,
    pools=(("generator",), ("critic", "judge")),
    level="subword",
    vocabulary=4000,
    temperatures=(*TEMPERATURES, 1.15, 1.3),
)


def tables(place: Path, language: Language) -> tuple[Path, Path]:
    """Texts to learn from, and of other groups to judge by."""
    files = place / "learned.jsonl", place / "judged.jsonl"
    if all(file.exists() for file in files):
        return files
    place.mkdir(parents=True, exist_ok=True)
    pools = [[one for pool in names for one in _cut(language, pool)] for names in language.pools]
    counts = Counter(word for _, words in pools[0] for word in words)
    known = {word for word, _ in counts.most_common(language.words)}
    for file, pool in zip(files, pools, strict=True):
        kept = [one for one, words in pool if known >= set(words)]
        file.write_text("".join(json.dumps(one) + "\n" for one in kept), encoding="utf-8")
        said(f"{file.name}: {len(kept):,} of {len(pool):,} texts")
    return files


def _cut(language: Language, pool: str) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """The sentences of a pool of texts, and their words."""
    reading = ReadingConfig(
        text=language.text, rating=(language.rating,), group=language.group, pool=pool, lowercase=True
    )
    allowed = rf"[{language.symbols}' {re.escape(language.marks)}-]+"
    for document in open_corpus(language.file, reading):
        text = "".join(chunk for passage in document.passages() for chunk in passage)
        for sentence in re.split(r"(?<=[.!?])\s+|\n+", text):
            words = re.findall(rf"[{language.symbols}']+", sentence)
            if 3 <= len(words) <= 15 and re.fullmatch(allowed, sentence):
                rating = {language.rating: document.conditions[language.rating], "group": document.group}
                yield {"text": " ".join(sentence.split()), **rating}, words


def _weights(run: seqloom.Run) -> str:
    """A fingerprint of a run's weights."""
    return hashlib.sha256(run.folder.weights_file.read_bytes()).hexdigest()


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


class Judges:
    """All that judges writers of a language: a model of real texts, a critic of ratings, and the texts they know."""

    def __init__(self, place: Path, language: Language, judge: seqloom.Run) -> None:
        self._place, self._language, self._judge = place, language, judge
        learned, judged = tables(place, language)
        self._judged, self._real, self.critic = judged, rows_of(learned), Critic(judged, language)

    def real(self) -> dict[str, float]:
        """Quality and rating of real texts, and how many of others stand among them."""
        texts = [row["text"] for row in self._real[:SAMPLES]]
        others = [row["text"] for row in rows_of(self._judged)]
        return {"quality": self._nats(texts), "rating": self.critic.real(self._real), "copied": self._known(others)}

    def swept(self, run: seqloom.Run, temperatures: Sequence[float] = ()) -> list[dict[str, float]]:
        """Quality, diversity and rating over temperatures; kept beside the run, and good for its weights.

        Args:
            run: the writer.
            temperatures: others than the language's.
        """
        file, asked = run.path / "sweep.json", list(temperatures or self._language.temperatures)
        whose = {"writer": _weights(run), "judge": _weights(self._judge), "unit": "nats a word"}
        known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        same = {name: known.get(name) for name in whose} == whose
        swept = {one["temperature"]: one for one in known["sweep"]} if same else {}
        real = self.critic.real(self._real)
        for temperature in asked:
            if temperature in swept:
                continue
            said(f"{run.path.name} at temperature {temperature:g} ...")
            texts, wanted = self._texts(run, SAMPLES, temperature)
            order = np.random.default_rng(0).permutation(len(texts))
            one = {
                "temperature": temperature,
                "quality": self._nats([texts[at] for at in order[: SAMPLES // 2]]),
                "diversity": self._reverse([texts[at] for at in order]),
                "rating": self.critic.agreement(texts, wanted),
            }
            swept[temperature] = {**one, "share of real": one["rating"] / real}
            file.write_text(json.dumps({**whose, "sweep": list(swept.values())}), encoding="utf-8")
        return [swept[temperature] for temperature in asked]

    def copied(self, run: seqloom.Run) -> dict[str, float]:
        """The share of texts that stand in what was learned from as they are, at the lowest and highest temperature."""
        ends = (TEMPERATURES[0], TEMPERATURES[-1])
        return {f"{temperature:g}": self._known(self._texts(run, SAMPLES // 5, temperature)[0]) for temperature in ends}

    def _known(self, texts: Sequence[str]) -> float:
        known = {row["text"] for row in self._real}
        return float(np.mean([text.strip() in known for text in texts]))

    def _texts(self, run: seqloom.Run, count: int, temperature: float) -> tuple[list[str], list[float]]:
        """Texts to ratings that are spread as the real ones, and these."""
        ratings = [row[self._language.rating] for row in self._real]
        asked = Counter(np.quantile(ratings, (np.arange(_ASKED) + 0.5) / _ASKED, method="nearest").tolist())
        texts, wanted = [], []
        for seed, (rating, times) in enumerate(asked.items()):
            some = list(_texts_of(run, count * times // _ASKED, temperature, rating, seed))
            texts += some
            wanted += [rating] * len(some)
        return texts, wanted

    def _nats(self, texts: Sequence[str]) -> float:
        """Nats a word of texts under a model of real ones."""
        return float(self._judge.evaluate(_written(texts, self._place / "asked.jsonl")).nats / _words(texts))

    def _reverse(self, texts: Sequence[str]) -> float:
        """Nats a word of real texts under a model that has learned from these alone.

        It reads every word of the language twice beside them, so that one that was never written is rare, and not
        spelled.
        """
        words = sorted({word for row in self._real for word in row["text"].split()})
        order = np.random.default_rng(0).permutation(len(words))
        known = [" ".join(words[at] for at in order[begin : begin + 12]) for begin in range(0, len(words), 12)] * 2
        table = _written([*texts, *known], self._place / "learned-from.jsonl")
        settings = {"hidden_size": 192, "validation": 0.1, "overwrite": True}
        learner = seqloom.train(table, run=self._place / "reverse", text="text", level="word", epochs=8, **settings)
        return float(learner.evaluate(self._judged).nats / _words([row["text"] for row in rows_of(self._judged)]))


def _words(texts: Sequence[str]) -> int:
    """Words of texts, where a mark counts as one, and so does a text's end.

    A rare word counts once, however many bytes it is spelled in: a token, texts of many such words would seem likelier.
    """
    return sum(1 + len(word_pattern().findall(text)) for text in texts)


def _texts_of(run: seqloom.Run, count: int, temperature: float, rating: float, seed: int) -> Iterator[str]:
    """Texts to a rating; those of another seed have other noise."""
    written = run.samples(count=count, length=LENGTH, temperature=temperature, rating=rating, seed=seed)
    return (sample.text for sample in written if sample.text.strip())


def diversities(sweeps: Mapping[str, Sweep], begin: float, end: float) -> dict[str, float]:
    """Each writer's mean diversity over a part of the qualities that all of them reach.

    Between temperatures by monotone cubics: chords of a bent curve would lie above it, the more the further apart.

    Raises:
        ValueError: there is no quality that all reach.
    """
    from scipy.interpolate import PchipInterpolator

    curves = {
        name: sorted((one["quality"], one["diversity"]) for one in sweep if one["quality"] == one["quality"])
        for name, sweep in sweeps.items()
    }
    low, high = max(curve[0][0] for curve in curves.values()), min(curve[-1][0] for curve in curves.values())
    if low >= high:
        raise ValueError(f"no quality is reached by all of {', '.join(curves)}: sweep over more temperatures")
    asked = low + (high - low) * np.linspace(begin, end, 50)
    return {name: float(PchipInterpolator(*zip(*curve, strict=True))(asked).mean()) for name, curve in curves.items()}


def welch(ones: Sequence[float], others: Sequence[float]) -> dict[str, Any]:
    """By how much the mean of some is above that of others, with an interval that holds it in 95 of 100 cases.

    Welch's t; without an interval where a side has one number only.
    """
    from scipy.stats import ttest_ind

    found: dict[str, Any] = {"mean": float(np.mean(ones) - np.mean(others)), "interval": None}
    if min(len(ones), len(others)) > 1:
        ends = ttest_ind(ones, others, equal_var=False).confidence_interval(0.95)
        found["interval"] = [float(ends.low), float(ends.high)]
    return found


def draw(sweeps: Mapping[str, Mapping[str, Sweep]], real: float, path: Path) -> None:
    """Quality against diversity, one curve a writer and a colour for each kind of writer, over the area of its curves.

    Args:
        sweeps: by kind and name.
        real: quality of real text.
        path: of the picture.
    """
    from seqloom.plots.style import BLUE, GREY, ORANGE, drawn, headed, plain_axes

    with drawn(path) as figure:
        axes = figure.add_subplot()
        for (kind, writers), color in zip(sweeps.items(), (BLUE, ORANGE), strict=True):
            curves = [sorted((one["quality"], one["diversity"]) for one in sweep) for sweep in writers.values()]
            low, high = max(curve[0][0] for curve in curves), min(curve[-1][0] for curve in curves)
            if len(curves) > 1 and low < high:
                at = np.linspace(low, high, 100)
                inside = [np.interp(at, *zip(*curve, strict=True)) for curve in curves]
                axes.fill_between(
                    at, np.min(inside, axis=0), np.max(inside, axis=0), color=color, alpha=0.2, linewidth=0
                )
            for number, curve in enumerate(curves):
                label = f"{kind}, a curve a seed" if not number else None
                axes.plot(*zip(*curve, strict=True), color=color, marker="o", markersize=3, linewidth=1, label=label)
        axes.axvline(real, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.set_xlabel("nats a word under a model of real texts: to the left is better")
        axes.set_ylabel("nats of real texts, after these: lower is better")
        plain_axes(axes)
        headed(figure, "Quality and diversity", "each point a temperature; the dashed line is real text")
        axes.legend(loc="best")


def _written(texts: Sequence[str], file: Path) -> Path:
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return file


def said(line: str) -> None:
    """Progress is no result."""
    print(line, file=sys.stderr, flush=True)
