"""Quality and diversity of generators of short rated texts, over temperatures.

Quality is the loss of generated texts under a model of other real texts (the judge), in nats per word. Diversity is the
loss of real texts under a model that is trained on generated texts alone (Zhao et al. 2018, "reverse perplexity"). The
lag of a generator is the difference in diversity at equal quality (Caccia et al. 2020).
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
"""Maximum length of generated texts, in tokens."""

REGIONS: Mapping[str, tuple[float, float]] = {"all": (0.0, 1.0), "cold half": (0.0, 0.5), "warm half": (0.5, 1.0)}
"""Parts of the range of quality that all generators reach, best quality first."""

_ASKED = 50
"""Number of quantiles of the real ratings that are requested."""

Sweep = Sequence[Mapping[str, float]]
"""Quality, diversity and rating correlation at each temperature."""


@dataclass(frozen=True)
class Language:
    """A table of rated texts.

    Attributes:
        place: name of the subfolder of the work folder.
        file: table.
        text: column of the texts.
        rating: column of the ratings.
        group: column of the groups, which stay on one side of a split; None without groups.
        words: number of most frequent words; texts with other words are left out.
        symbols: characters of words, as in a regular expression's set.
        marks: allowed punctuation marks.
        scaled: transformation of the ratings for the critic.
        pools: pools of the training texts, and of the judge's texts.
        level: level of the generators; None for words.
        vocabulary: vocabulary size of the generators; None for the default.
        temperatures: temperatures to compare, wide enough for a common range of quality.
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
    def settings(self) -> dict[str, Any]:
        """Settings of a generator for these texts."""
        group = "group" if self.group else None
        settings = {"rating": (self.rating,), "group": group, "level": self.level, "vocabulary": self.vocabulary}
        return {name: value for name, value in settings.items() if value is not None}


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
    """Return the files of the training texts and of the judge's texts, which come from other groups."""
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
    """Yield the usable sentences of a pool, and their words."""
    reading = ReadingConfig(
        text=language.text, rating=(language.rating,), group=language.group, pool=pool, lowercase=True
    )
    allowed = rf"[{language.symbols}' {re.escape(language.marks)}-]+"
    for document in open_corpus(language.file, reading):
        text = "".join(chunk for passage in document.text.passages() for chunk in passage)
        for sentence in re.split(r"(?<=[.!?])\s+|\n+", text):
            words = re.findall(rf"[{language.symbols}']+", sentence)
            if 3 <= len(words) <= 15 and re.fullmatch(allowed, sentence):
                rating = {language.rating: document.conditions[language.rating], "group": document.group}
                yield {"text": " ".join(sentence.split()), **rating}, words


def _weights(run: seqloom.Run) -> str:
    """Return a digest of a run's weights."""
    return hashlib.sha256(run.folder.weights_file.read_bytes()).hexdigest()


def rows_of(table: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in table.read_text(encoding="utf-8").splitlines()]


class Critic:
    """Ridge regression of ratings on word n-grams, fitted on other texts."""

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
        """Return the correlation of requested and predicted ratings."""
        return float(np.corrcoef(self._model.predict(list(texts)), self._scaled(wanted))[0, 1])

    def real(self, rows: Sequence[Mapping[str, Any]]) -> float:
        """Return the correlation of actual and predicted ratings of real texts."""
        return self.agreement([row["text"] for row in rows], [row[self._rating] for row in rows])


class Judges:
    """Measurements of generators of a language: a model of real texts, a critic, and the training texts."""

    def __init__(self, place: Path, language: Language, judge: seqloom.Run) -> None:
        self._place, self._language, self._judge = place, language, judge
        learned, judged = tables(place, language)
        self._judged, self._real, self.critic = judged, rows_of(learned), Critic(judged, language)

    def real(self) -> dict[str, float]:
        """Return quality and rating correlation of real texts, and the share of other real texts among them."""
        texts = [row["text"] for row in self._real[:SAMPLES]]
        others = [row["text"] for row in rows_of(self._judged)]
        return {"quality": self._nats(texts), "rating": self.critic.real(self._real), "copied": self._known(others)}

    def swept(self, run: seqloom.Run, temperatures: Sequence[float] = ()) -> list[dict[str, float]]:
        """Return quality, diversity and rating correlation over temperatures, cached in the run for its weights.

        Args:
            run: generator.
            temperatures: temperatures to use instead of the language's.
        """
        file, grid = run.path / "sweep.json", list(temperatures or self._language.temperatures)
        whose = {"writer": _weights(run), "judge": _weights(self._judge), "unit": "nats a word"}
        known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        same = {name: known.get(name) for name in whose} == whose
        swept = {one["temperature"]: one for one in known["sweep"]} if same else {}
        real = self.critic.real(self._real)
        for temperature in grid:
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
        return [swept[temperature] for temperature in grid]

    def copied(self, run: seqloom.Run) -> dict[str, float]:
        """Return the share of texts that are copies of training texts, at the lowest and the highest temperature."""
        ends = (TEMPERATURES[0], TEMPERATURES[-1])
        return {f"{temperature:g}": self._known(self._texts(run, SAMPLES // 5, temperature)[0]) for temperature in ends}

    def _known(self, texts: Sequence[str]) -> float:
        known = {row["text"] for row in self._real}
        return float(np.mean([text.strip() in known for text in texts]))

    def _texts(self, run: seqloom.Run, count: int, temperature: float) -> tuple[list[str], list[float]]:
        """Return texts for ratings distributed as the real ones, and the requested ratings."""
        ratings = [row[self._language.rating] for row in self._real]
        grid = Counter(np.quantile(ratings, (np.arange(_ASKED) + 0.5) / _ASKED, method="nearest").tolist())
        texts, wanted = [], []
        for seed, (rating, times) in enumerate(grid.items()):
            some = list(_texts_of(run, count * times // _ASKED, temperature, rating, seed))
            texts += some
            wanted += [rating] * len(some)
        return texts, wanted

    def _nats(self, texts: Sequence[str]) -> float:
        """Return the loss of texts under the judge, in nats per word."""
        return float(self._judge.evaluate(_written(texts, self._place / "asked.jsonl")).nats / _words(texts))

    def _reverse(self, texts: Sequence[str]) -> float:
        """Return the loss of real texts under a model that is trained on `texts` alone, in nats per word.

        The training data also contains every word of the language twice, so that a word that was never generated is
        rare instead of unknown.
        """
        words = sorted({word for row in self._real for word in row["text"].split()})
        order = np.random.default_rng(0).permutation(len(words))
        known = [" ".join(words[at] for at in order[begin : begin + 12]) for begin in range(0, len(words), 12)] * 2
        table = _written([*texts, *known], self._place / "learned-from.jsonl")
        settings = {"hidden_size": 192, "validation": 0.1, "overwrite": True}
        learner = seqloom.train(table, run=self._place / "reverse", text="text", level="word", epochs=8, **settings)
        return float(learner.evaluate(self._judged).nats / _words([row["text"] for row in rows_of(self._judged)]))


def _words(texts: Sequence[str]) -> int:
    """Return the number of words of texts; a punctuation mark counts as a word, and so does the end of a text.

    A rare word counts once, however many bytes spell it. Per token, texts with many rare words would seem more likely.
    """
    return sum(1 + len(word_pattern().findall(text)) for text in texts)


def _texts_of(run: seqloom.Run, count: int, temperature: float, rating: float, seed: int) -> Iterator[str]:
    """Yield texts for a rating; another seed has other noise."""
    written = run.samples(count=count, length=LENGTH, temperature=temperature, rating=rating, seed=seed)
    return (sample.text for sample in written if sample.text.strip())


def diversities(sweeps: Mapping[str, Sweep], begin: float, end: float) -> dict[str, float]:
    """Return the mean diversity of each generator over a part of the common range of quality.

    Monotone cubics interpolate between temperatures; linear interpolation of a convex curve would be biased upwards.

    Raises:
        ValueError: the generators have no quality in common.
    """
    from scipy.interpolate import PchipInterpolator

    curves = {
        name: sorted((one["quality"], one["diversity"]) for one in sweep if one["quality"] == one["quality"])
        for name, sweep in sweeps.items()
    }
    low, high = max(curve[0][0] for curve in curves.values()), min(curve[-1][0] for curve in curves.values())
    if low >= high:
        raise ValueError(f"no quality is reached by all of {', '.join(curves)}: sweep over more temperatures")
    grid = low + (high - low) * np.linspace(begin, end, 50)
    return {name: float(PchipInterpolator(*zip(*curve, strict=True))(grid).mean()) for name, curve in curves.items()}


def welch(ones: Sequence[float], others: Sequence[float]) -> dict[str, Any]:
    """Return the difference of two means with its 95 % confidence interval by Welch's t-test.

    The interval is None if one side has one number only.
    """
    from scipy.stats import ttest_ind

    results: dict[str, Any] = {"mean": float(np.mean(ones) - np.mean(others)), "interval": None}
    if min(len(ones), len(others)) > 1:
        ends = ttest_ind(ones, others, equal_var=False).confidence_interval(0.95)
        results["interval"] = [float(ends.low), float(ends.high)]
    return results


def draw(sweeps: Mapping[str, Mapping[str, Sweep]], real: float, path: Path) -> None:
    """Plot quality against diversity, with one curve per generator and one colour per kind of generator.

    Args:
        sweeps: measurements by kind and name.
        real: quality of real text.
        path: file for the plot.
    """
    from seqloom.plots.style import BLUE, GREY, ORANGE, add_title, saved_figure, style_axes

    with saved_figure(path) as figure:
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
                label = f"{kind}, one curve per seed" if not number else None
                axes.plot(*zip(*curve, strict=True), color=color, marker="o", markersize=3, linewidth=1, label=label)
        axes.axvline(real, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.set_xlabel("quality: nats per word under a model of real texts (lower is better)")
        axes.set_ylabel("diversity: nats per word of real texts (lower is better)")
        style_axes(axes)
        add_title(figure, "Quality and diversity", "one point per temperature; the dashed line is real text")
        axes.legend(loc="best")


def _written(texts: Sequence[str], file: Path) -> Path:
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return file


def said(line: str) -> None:
    """Print progress to standard error."""
    print(line, file=sys.stderr, flush=True)
