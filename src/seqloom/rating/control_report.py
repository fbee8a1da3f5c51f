"""Does a run write to the rating that is asked for? Measured by a judge that neither wrote nor filtered.

The model, the critic and the judge learn from disjoint pools of one table; the judge is of another family than the
critic (see `BayesJudge`). What it says of generated texts is held against what it says of real texts with the same
ratings.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from jaxtyping import Float

from seqloom.codecs.base import Codec
from seqloom.config import SamplingConfig, validate
from seqloom.config.settings import is_integer
from seqloom.corpora import open_corpus
from seqloom.corpora.labelled_texts import read_rated
from seqloom.critic.describe import describe_critic, holds_critic
from seqloom.critic.load import open_critic
from seqloom.critic.naive_bayes import NaiveBayesRater
from seqloom.data.conditions import Scale
from seqloom.data.split import Spans
from seqloom.data.store import TokenStore, cached_store
from seqloom.errors import ConfigError
from seqloom.evaluation.correlation import Agreement, agreement
from seqloom.evaluation.diversity import diversity
from seqloom.evaluation.likelihood import full_likelihood
from seqloom.evaluation.originality import CopyIndex
from seqloom.evaluation.self_bleu import self_bleu
from seqloom.generation.run_generators import RunGenerators
from seqloom.lm.evaluate import run_scorer
from seqloom.plots.rating_control import rating_control
from seqloom.rating.generate import generate_rated
from seqloom.rating.plan import check_draws, make_plan
from seqloom.rating.request import RatingRequest
from seqloom.runs.saved_run import SavedRun
from seqloom.runs.training_corpus import training_copy_index
from seqloom.runs.vocabulary_filter import VocabularyFilter

__all__ = ["MethodReport", "RatingControlReport", "evaluate_rating_control", "split_likelihood"]

REAL = "real"
_BLEU_TEXTS, _BLEU_SAMPLES = 200, 8
_COPY_TEXTS = 100
_KINDS = 5
"""Groups that ratings are reported in where there are too many of them."""

_USED_BY = {
    "guidance": "guidance",
    "critic": "rejection or smc",
    "tolerance": "rejection or smc",
    "budget": "rejection",
    "particles": "smc",
}
"""Settings that only some methods have a use for."""

Note = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class MethodReport:
    """What one way of writing came to.

    Attributes:
        agreement: of wanted and judged ratings, in levels of the scale but for the mean errors and means.
        share: of the correlation on real texts.
        acceptance: share of the texts that the critic kept, by rating and ("all") in all; empty without a filter.
        shortfall: texts that were asked for and not found.
        self_bleu: up to 4-grams, of 200 texts among themselves: the mean of several draws.
        distinct_2: distinct pairs of words, as a share.
        copied: share of the windows of 50 characters that stand in the model's corpus; None for real texts.
        tokens: that were written in all.
        seconds: that it took.
    """

    agreement: Agreement
    share: float | None
    acceptance: Mapping[str, float]
    shortfall: int
    self_bleu: float | None
    distinct_2: float | None
    copied: float | None
    tokens: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class RatingControlReport:
    """The whole measurement.

    Attributes:
        column: the rating.
        judge_texts: that the judge learned from.
        ways: by name; `REAL` is real text.
        nats_per_token: of the judge's texts under the model, told the "true" ratings, "shuffled" ones, and "none".
        plot: where the picture is.
        texts: by name of the way: wanted rating, judged rating and text.
    """

    column: str
    judge_texts: int
    methods: Mapping[str, MethodReport]
    nats_per_token: Mapping[str, float]
    plot: Path
    texts: Mapping[str, Sequence[tuple[float, float, str]]]


@dataclass
class _Written:
    """Texts of one way, in the order of their ratings."""

    texts: list[str]
    wanted: list[float]
    acceptance: dict[str, tuple[int, int]]
    shortfall: int = 0
    tokens: int = 0
    seconds: float = 0.0


def evaluate_rating_control(
    run: SavedRun,
    source: str | Path | Sequence[str | Path],
    *,
    methods: Sequence[Sequence[str]] | None = None,
    critic: Any = None,
    count: int = 500,
    plot: Path | None = None,
    sampling: SamplingConfig | None = None,
    guidance: float | None = None,
    tolerance: float | None = None,
    budget: int | None = None,
    particles: int | None = None,
    note: Note = lambda line: None,
) -> RatingControlReport:
    """Write to the ratings of real texts, and have a judge rate both.

    Args:
        run: trained on the pool "generator" of the source.
        source: the table that the run was trained on.
        methods: methods of each way; without them, all that the run and the critic allow.
        critic: for filter and steering; a folder or a `Critic`, fitted on the pool "critic".
        count: texts of each way; real ones are all that the pool has.
        plot: where the picture goes; by default among the run's.
        note: is told what is done.
        sampling: how tokens are drawn.
        guidance: see `Request`.
        tolerance: see `Request`.
        budget: see `Request`.
        particles: see `Request`.

    Raises:
        ConfigError: the run was not trained on a pool, or has no rating; a way is not to be had, or a setting has no
            use in any of them.
        UserError: the source or the critic cannot be read.
    """
    validate((is_integer(count, 1), f"`count` got {count!r}: it must be a whole number from 1 up"))
    sampling = sampling or SamplingConfig()
    chosen = {"guidance": guidance, "tolerance": tolerance, "budget": budget, "particles": particles}
    settings = {name: value for name, value in chosen.items() if value is not None}
    generators = RunGenerators(run)
    scale = _checked(run, critic)
    if isinstance(critic, str | Path):
        critic = open_critic(critic)
    written_ways = [tuple(way) for way in methods or _all_ways(critic)]
    _check_ways(run, scale, written_ways, critic, settings, sampling)
    reading = replace(
        run.config.reading, rating=(scale.name,), category=(), encoding=None, passages=False, sentences=False
    )
    whole, judged = (
        read_rated(source, replace(reading, pool="judge", cut_words=cut)) for cut in (0, reading.cut_words)
    )
    real = read_rated(source, reading)
    note(f"judge: {len(judged.texts):,} texts; real texts to compare with: {len(real.texts):,}")
    judge = NaiveBayesRater.fit(whole.texts, whole.ratings, scale.name, shown=judged.texts)
    random = np.random.default_rng(sampling.seed)
    rated = real.ratings.clip(scale.knots[0], scale.knots[-1])
    wanted = np.sort(np.resize(random.permutation(rated), count))
    order = np.argsort(rated, kind="stable")
    written = {REAL: _Written([real.texts[place] for place in order], rated[order].tolist(), {})}
    for methods in written_ways:
        name = " + ".join(methods)
        note(f"writing {len(wanted):,} texts: {name}")
        written[name] = _write(generators, scale, wanted, _settings(methods, critic, settings), sampling)
    copies = training_copy_index(run)
    ratings = {name: judge.predict(one.texts) for name, one in written.items()}
    found = {name: _agreement(scale, np.array(one.wanted), ratings[name]) for name, one in written.items()}
    reports = {
        name: _way(one, found[name], found[REAL], None if name == REAL else copies) for name, one in written.items()
    }
    path = plot or run.folder.plots_folder / "control.png"
    _draw(path, scale, written, ratings, len(judged.texts))
    return RatingControlReport(
        column=scale.name,
        judge_texts=len(judged.texts),
        methods=reports,
        nats_per_token=split_likelihood(run, source, "judge"),
        plot=path,
        texts={
            name: list(zip(one.wanted, ratings[name].tolist(), one.texts, strict=True)) for name, one in written.items()
        },
    )


def _checked(run: SavedRun, critic: Any) -> Scale:
    """The rating that is measured."""
    scales = [column for column in run.config.conditions if isinstance(column, Scale)]
    if not scales:
        raise ConfigError("`rating_control` needs a run that was trained with `rating`, and this one was not")
    if run.config.reading.pool != "generator":
        raise ConfigError(
            "`rating_control` needs texts that the run has not seen, to learn a judge from: train the run with "
            "`pool` generator, and fit the critic with `pool` critic"
        )
    if isinstance(critic, str | Path):
        pool = _pool(critic)
        if pool != "critic":
            fitted = f"pool {pool}" if pool else "the whole table"
            raise ConfigError(
                f"the critic in {critic} was fitted on {fitted}, which the judge or the run has part in: fit it with "
                "`pool` critic"
            )
    return scales[0]


def _pool(critic: str | Path) -> str | None:
    """What a critic learned from, or a rated run that is one; None for the whole table."""
    if (Path(critic) / "config.json").exists() and not holds_critic(critic):
        return SavedRun(critic).config.reading.pool
    return cast("str | None", describe_critic(critic)["pool"])


def _all_ways(critic: Any) -> list[tuple[str, ...]]:
    ways: list[tuple[str, ...]] = [("conditioning",), ("conditioning", "guidance")]
    if critic is not None:
        ways += [
            ("conditioning", "rejection"),
            ("conditioning", "guidance", "rejection"),
            ("smc",),
            ("conditioning", "smc"),
        ]
    return ways


def _check_ways(
    run: SavedRun,
    scale: Scale,
    ways: Sequence[tuple[str, ...]],
    critic: Any,
    settings: Mapping[str, Any],
    sampling: SamplingConfig,
) -> None:
    """Refuse what cannot be written, or has no effect, before anything is measured."""
    rating = {scale.name: scale.knots[0]}
    used = {name for methods in ways for name in _settings(methods, critic, settings)}
    idle = [name for name in ("critic", *settings) if name not in used and (name != "critic" or critic is not None)]
    shown = ", ".join("+".join(methods) for methods in ways)
    validate(
        *((False, f"`{name}` has no use in {shown}: add {_missing(name, critic)}, or leave it out") for name in idle)
    )
    for methods in ways:
        request = RatingRequest(rating=rating, **_settings(methods, critic, settings))
        check_draws(make_plan(request, run.config.conditions), sampling)


def _missing(name: str, critic: Any) -> str:
    """What a setting needs."""
    return "`critic`" if critic is None and name != "guidance" else f"a `methods` with {_USED_BY[name]}"


def _settings(methods: tuple[str, ...], critic: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What of the settings has a part in a way of writing."""
    found = {**settings, "methods": methods, "critic": critic}
    for name, users in _USED_BY.items():
        if not set(users.split(" or ")) & set(methods):
            found.pop(name, None)
    return found


def _write(
    generators: RunGenerators,
    scale: Scale,
    wanted: Float[np.ndarray, " texts"],
    settings: Mapping[str, Any],
    sampling: SamplingConfig,
) -> _Written:
    """Texts for every wanted rating; those of one rating have draws of their own."""
    done = _Written([], [], {})
    begun = time.perf_counter()
    values, counts = np.unique(wanted, return_counts=True)
    for number, (rating, count) in enumerate(zip(values.tolist(), counts.tolist(), strict=True)):
        request = RatingRequest(rating={scale.name: rating}, **settings)
        config = replace(sampling, seed=sampling.seed + 7919 * number)
        writing = generate_rated(generators, request, config, count=count)
        some = list(writing)
        done.texts += [one.sample.text for one in some]
        done.wanted += [rating] * len(some)
        done.shortfall += count - len(some)
        if writing.report is not None:
            kind = f"{_kinds(scale, np.array([rating]))[0]:g}"
            for key in (kind, "all"):
                kept, tried = done.acceptance.get(key, (0, 0))
                done.acceptance[key] = kept + writing.report.kept, tried + writing.report.written
        done.tokens += (
            sum(one.tokens for one in writing.steered)
            or (writing.report.tokens if writing.report is not None else 0)
            or sum(len(one.sample.tokens) for one in some)
        )
    done.seconds = time.perf_counter() - begun
    return done


def _kinds(scale: Scale, ratings: Float[np.ndarray, " texts"]) -> Float[np.ndarray, " texts"]:
    """The rating that each is reported under: itself, or the nearest of a few."""
    if len(scale.knots) <= 2 * _KINDS and set(ratings.tolist()) <= set(scale.knots):
        return ratings
    middles = (np.arange(_KINDS) + 0.5) / _KINDS
    nearest = np.abs(scale.to_unit(ratings)[:, None] - middles).argmin(axis=1)
    kinds: np.ndarray = np.round(scale.from_unit(middles), 2)[nearest]
    return kinds


def _way(one: _Written, found: Agreement, real: Agreement, copies: CopyIndex | None) -> MethodReport:
    """The report of one way of writing, beside real texts."""
    varied, searched = (_spread(one.texts, most) for most in (_BLEU_TEXTS, _COPY_TEXTS))
    alike = [value for some in _samples(one.texts) if (value := self_bleu(some)) is not None]
    shares = [] if copies is None else [copies.copied_share(text) for text in searched]
    known = [share for share in shares if share is not None]
    return MethodReport(
        agreement=found,
        share=_ratio(found.pearson, real.pearson),
        acceptance={kind: kept / max(tried, 1) for kind, (kept, tried) in one.acceptance.items()},
        shortfall=one.shortfall,
        self_bleu=float(np.mean(alike)) if alike else None,
        distinct_2=diversity(varied).distinct_words[1],
        copied=float(np.mean(known)) if known else None,
        tokens=one.tokens,
        seconds=one.seconds,
    )


def _agreement(scale: Scale, wanted: Float[np.ndarray, " texts"], judged: Float[np.ndarray, " texts"]) -> Agreement:
    """Correlations of levels, and errors in the rating's own units."""
    kinds = _kinds(scale, wanted)
    levels = agreement(scale.to_unit(wanted), scale.to_unit(judged), kinds)
    own = agreement(wanted, judged, kinds)
    return replace(own, pearson=levels.pearson, spearman=levels.spearman)


def split_likelihood(run: SavedRun, source: str | Path | Sequence[str | Path], pool: str) -> dict[str, float]:
    """What unseen text costs, in nats a token: told its ratings ("true"), others' ("shuffled"), and "none".

    Args:
        run: one without ratings gives "none" alone.
        source: the table that it was trained on.
        pool: of the texts.
    """
    reading = replace(run.config.reading, pool=pool, encoding=None)
    store = _store(open_corpus(source, reading), run.codec)
    features: dict[str, Any] = {"none": None}
    true = run.config.features_of(store)
    if true is not None:
        shuffled = true[np.random.default_rng(0).permutation(len(true))]
        features = {"true": true, "shuffled": shuffled, **features}
    scorer, characters = run_scorer(run), run.codec.characters_per_token
    return {
        name: full_likelihood(scorer, store, Spans.whole(store), characters, features=told).nats_per_token
        for name, told in features.items()
    }


def _store(corpus: Any, codec: Codec) -> TokenStore:
    return cached_store(VocabularyFilter(corpus, codec), codec)


def _spread(texts: Sequence[str], most: int) -> list[str]:
    """So many of them, from all over."""
    places = np.linspace(0, len(texts) - 1, min(most, len(texts))).round().astype(int).tolist()
    return [texts[place] for place in places]


def _samples(texts: Sequence[str]) -> list[list[str]]:
    """Some draws of so many texts as self-BLEU is taken of; all texts, once, where there are no more."""
    if len(texts) <= _BLEU_TEXTS:
        return [list(texts)]
    random = np.random.default_rng(0)
    draws = (random.choice(len(texts), _BLEU_TEXTS, replace=False).tolist() for _ in range(_BLEU_SAMPLES))
    return [[texts[place] for place in places] for places in draws]


def _ratio(one: float | None, other: float | None) -> float | None:
    return None if one is None or not other else one / other


def _draw(
    path: Path,
    scale: Scale,
    written: Mapping[str, _Written],
    ratings: Mapping[str, Float[np.ndarray, " texts"]],
    judge_texts: int,
) -> None:
    panels = {}
    for name, one in written.items():
        kinds = _kinds(scale, np.array(one.wanted))
        if len(kinds):
            panels[name] = {value: ratings[name][kinds == value] for value in np.unique(kinds).tolist()}
    rating_control(
        path,
        panels,
        real=REAL,
        title=f"{scale.name}: wanted and judged",
        subtitle=f"the judge learned from {judge_texts:,} texts that neither model nor critic has seen",
        along=scale.to_unit if scale.heavy else None,
    )
