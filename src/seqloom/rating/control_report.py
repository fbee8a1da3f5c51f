"""Measure how well a run reaches requested ratings, with a judge that is independent of generator and critic.

The rows of one table are divided into disjoint pools: the model is trained on the pool "generator", the critic is
fitted on "critic", and the judge on "judge". The judge is of another family of models than the critic (see
`NaiveBayesRater`). The judge's ratings of generated texts are compared with its ratings of real texts, which come from
the pool "generator".
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from jaxtyping import Float

from seqloom.config import SamplingConfig, validate
from seqloom.config.settings import is_integer
from seqloom.corpora.labelled_texts import read_rated
from seqloom.critic.describe import describe_critic, is_critic_folder
from seqloom.critic.load import open_critic
from seqloom.critic.naive_bayes import NaiveBayesRater
from seqloom.critic.table_rules import check_table_rules
from seqloom.data.scale import Scale
from seqloom.errors import ConfigError
from seqloom.evaluation.correlation import Agreement, agreement
from seqloom.evaluation.diversity import diversity
from seqloom.evaluation.originality import CopyIndex
from seqloom.evaluation.self_bleu import self_bleu
from seqloom.generation.run_generators import RunGenerators
from seqloom.plots.rating_control import plot_rating_control
from seqloom.rating.control_methods import check_methods, default_methods, settings_of
from seqloom.rating.generate import RatedGeneration, RatedSample, generate_rated
from seqloom.rating.likelihood import split_likelihood
from seqloom.rating.request import RatingRequest
from seqloom.reporter import Reporter, silent
from seqloom.runs.saved_run import SavedRun
from seqloom.runs.training_corpus import training_copy_index

__all__ = ["REAL", "MethodReport", "RatingControlReport", "evaluate_rating_control"]

REAL = "real"
"""Name of the real texts among the combinations of methods."""

_BLEU_TEXTS, _BLEU_SAMPLES = 200, 8
"""Number of texts in a random sample for self-BLEU, and number of samples over which self-BLEU is averaged."""

_COPY_TEXTS = 100
"""Number of texts in which copies are searched."""

_NUM_BINS = 5
"""Number of bins in which ratings are reported. A scale of at most twice as many ratings needs no bins."""

_SEED_STEP = 7919
"""Difference between the seeds of successive ratings."""

Ratings = Float[np.ndarray, " texts"]


@dataclass(frozen=True, kw_only=True)
class MethodReport:
    """Results of one combination of methods.

    Attributes:
        agreement: agreement of requested and judged ratings. Correlations are on the unit scale; errors and means are
            in the rating's units.
        share: linear correlation as a share of the correlation on real texts; None if it is undefined.
        acceptance: accepted share of the generated texts, by rating and in total ("all"); empty without rejection.
        shortfall: number of requested texts that are missing, because rejection accepted too few within its budget.
        self_bleu: self-BLEU up to 4-grams of 200 texts, averaged over several draws of the texts.
        distinct_2: share of distinct word pairs in 200 texts.
        copied: share of 50-character windows of 100 texts that occur in the model's corpus; None for real texts.
        tokens: number of generated tokens.
        seconds: duration of the generation.
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
    """Results of the whole evaluation.

    Attributes:
        column: name of the rating.
        judge_texts: number of texts that the judge was fitted on.
        methods: results by name of the combination of methods; those of real texts have the name `REAL`.
        nats_per_token: negative log-likelihood of the judge's texts under the model, in nats per token, if the model
            receives their true ratings ("true"), shuffled ratings ("shuffled") or no ratings ("none").
        plot: path of the plot.
        texts: triples of requested rating, judged rating and text, by name of the combination of methods.
    """

    column: str
    judge_texts: int
    methods: Mapping[str, MethodReport]
    nats_per_token: Mapping[str, float]
    plot: Path
    texts: Mapping[str, Sequence[tuple[float, float, str]]]


@dataclass
class _RatedTexts:
    """Texts of one combination of methods, or real texts, in the order of their ratings.

    Attributes:
        texts: texts.
        targets: requested rating of each generated text; true rating of each real text.
        acceptance: numbers of accepted and of generated texts, by rating and in total ("all").
        shortfall: number of requested texts that are missing.
        tokens: number of generated tokens.
        seconds: duration of the generation.
    """

    texts: list[str]
    targets: list[float]
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
    note: Reporter = silent,
) -> RatingControlReport:
    """Generate texts for the ratings of real texts, and compare a judge's ratings of both.

    Args:
        run: run that was trained on the pool "generator" of the source.
        source: table that the run was trained on.
        methods: combinations of methods; None evaluates all that are possible with the critic, or without one.
        critic: critic for rejection and sequential Monte Carlo: a folder or a `Critic`, fitted on the pool "critic".
        count: number of generated texts per combination; the real texts are the whole pool "generator".
        plot: path of the plot; by default in the run's folder of plots.
        sampling: sampling settings.
        guidance: guidance scale, see `RatingRequest`.
        tolerance: largest accepted difference between requested and critic's rating, see `RatingRequest`.
        budget: most texts that rejection generates per requested text, see `RatingRequest`.
        particles: number of particles of sequential Monte Carlo per text, see `RatingRequest`.
        note: function that receives progress lines.

    Raises:
        ConfigError: the run was not trained on the pool "generator" or has no rating, a combination of methods is
            impossible, or no combination uses one of the settings.
        UserError: the source or the critic cannot be read.
    """
    validate((is_integer(count, 1), f"`count` got {count!r}: it must be a whole number from 1 up"))
    sampling = sampling or SamplingConfig()
    optional = {"guidance": guidance, "tolerance": tolerance, "budget": budget, "particles": particles}
    settings = {name: value for name, value in optional.items() if value is not None}
    scale = _rating_scale(run, critic)
    check_table_rules(run, critic)
    if isinstance(critic, str | Path):
        critic = open_critic(critic)
    combinations = [tuple(names) for names in methods or default_methods(critic)]
    check_methods(run, scale, combinations, critic, settings, sampling)
    judge, real, num_judge_texts = _judge_and_real_texts(run, source, scale, note)
    # The requested ratings are those of random real texts, repeated if there are fewer than `count`.
    targets = np.sort(np.resize(np.random.default_rng(sampling.seed).permutation(real.targets), count))
    order = np.argsort(np.array(real.targets), kind="stable").tolist()
    sorted_texts, sorted_targets = [real.texts[row] for row in order], [real.targets[row] for row in order]
    results = {REAL: _RatedTexts(texts=sorted_texts, targets=sorted_targets, acceptance={})}
    generators = RunGenerators(run)
    for combination in combinations:
        name = " + ".join(combination)
        note(f"generating {len(targets):,} texts: {name}")
        results[name] = _generate(generators, scale, targets, settings_of(combination, critic, settings), sampling)
    judged = {name: judge.predict(result.texts) for name, result in results.items()}
    path = plot or run.folder.plots_folder / "control.png"
    _plot(path, scale, results, judged, num_judge_texts)
    return RatingControlReport(
        column=scale.name,
        judge_texts=num_judge_texts,
        methods=_method_reports(scale, results, judged, training_copy_index(run)),
        nats_per_token=split_likelihood(run, source, "judge"),
        plot=path,
        texts={
            name: list(zip(result.targets, judged[name].tolist(), result.texts, strict=True))
            for name, result in results.items()
        },
    )


def _judge_and_real_texts(
    run: SavedRun, source: str | Path | Sequence[str | Path], scale: Scale, note: Reporter
) -> tuple[NaiveBayesRater, _RatedTexts, int]:
    """Fit the judge on its pool; return it, the real texts with ratings, and the number of the judge's texts."""
    reading = replace(
        run.config.reading, rating=(scale.name,), category=(), encoding=None, passages=False, sentences=False
    )
    # The judge rates generated texts, which are as short as the texts that the model was trained on. Therefore it is
    # calibrated on texts that are cut to that length.
    uncut, cut = (
        read_rated(source, replace(reading, pool="judge", cut_words=cut_words)) for cut_words in (0, reading.cut_words)
    )
    real = read_rated(source, reading)
    note(f"judge: {len(cut.texts):,} texts; real texts for comparison: {len(real.texts):,}")
    judge = NaiveBayesRater.fit(uncut.texts, uncut.ratings, scale.name, calibration_texts=cut.texts)
    ratings = real.ratings.clip(scale.knots[0], scale.knots[-1])  # a rating outside the scale cannot be requested
    return judge, _RatedTexts(texts=list(real.texts), targets=ratings.tolist(), acceptance={}), len(cut.texts)


def _rating_scale(run: SavedRun, critic: Any) -> Scale:
    """Return the scale of the run's first rating; check that the pools of run and critic are disjoint from the judge's.

    Raises:
        ConfigError: the run has no rating, or a pool is wrong: "generator" is required for the run, and "critic" for
            the critic if it is a folder.
    """
    scales = [column for column in run.config.conditions if isinstance(column, Scale)]
    if not scales:
        raise ConfigError("`rating_control` needs a run that was trained with `rating`, and this one was not")
    if run.config.reading.pool != "generator":
        raise ConfigError(
            "`rating_control` fits a judge on texts that the run has not seen: train the run with `pool` generator, "
            "and fit the critic with `pool` critic"
        )
    if isinstance(critic, str | Path):
        pool = _pool_of_critic(critic)
        if pool != "critic":
            fitted = f"pool {pool}" if pool else "the whole table"
            raise ConfigError(
                f"the critic in {critic} was fitted on {fitted}, which overlaps with the texts of judge or run: fit it "
                "with `pool` critic"
            )
    return scales[0]


def _pool_of_critic(critic: str | Path) -> str | None:
    """Return the pool of a critic, or of a rated run that serves as a critic; None for the whole table."""
    if (Path(critic) / "config.json").exists() and not is_critic_folder(critic):
        return SavedRun(critic).config.reading.pool
    return cast("str | None", describe_critic(critic)["pool"])


def _generate(
    generators: RunGenerators, scale: Scale, targets: Ratings, settings: Mapping[str, Any], sampling: SamplingConfig
) -> _RatedTexts:
    """Generate a text for every target; each distinct rating has its own seed."""
    result = _RatedTexts(texts=[], targets=[], acceptance={})
    start = time.perf_counter()
    values, counts = np.unique(targets, return_counts=True)
    for number, (rating, count) in enumerate(zip(values.tolist(), counts.tolist(), strict=True)):
        request = RatingRequest(rating={scale.name: rating}, **settings)
        config = replace(sampling, seed=sampling.seed + _SEED_STEP * number)
        generation = generate_rated(generators, request, config, count=count)
        samples = list(generation)
        result.texts += [rated.sample.text for rated in samples]
        result.targets += [rating] * len(samples)
        result.shortfall += count - len(samples)
        stats = generation.rejection_stats
        if stats is not None:
            (bin_rating,) = _binned(scale, np.array([rating]))
            for key in (f"{bin_rating:g}", "all"):
                accepted, generated = result.acceptance.get(key, (0, 0))
                result.acceptance[key] = accepted + stats.accepted, generated + stats.generated
        result.tokens += _generated_tokens(generation, samples)
    result.seconds = time.perf_counter() - start
    return result


def _generated_tokens(generation: RatedGeneration, samples: Sequence[RatedSample]) -> int:
    """Return the number of generated tokens, including those of dropped texts and particles."""
    # If both methods are used, the statistics of rejection count one particle per text. The results of sequential Monte
    # Carlo count the tokens of all particles, and therefore take precedence.
    steered_tokens = sum(result.tokens for result in generation.steered)
    rejection_tokens = 0 if generation.rejection_stats is None else generation.rejection_stats.tokens
    return steered_tokens or rejection_tokens or sum(len(rated.sample.tokens) for rated in samples)


def _binned(scale: Scale, ratings: Ratings) -> Ratings:
    """Return the rating under which each rating is reported: the rating itself, or the nearest center of a few bins."""
    if len(scale.knots) <= 2 * _NUM_BINS and set(ratings.tolist()) <= set(scale.knots):
        return ratings
    centers = (np.arange(_NUM_BINS) + 0.5) / _NUM_BINS
    nearest = np.abs(scale.to_unit(ratings)[:, None] - centers).argmin(axis=1)
    binned: np.ndarray = np.round(scale.from_unit(centers), 2)[nearest]
    return binned


def _method_reports(
    scale: Scale, results: Mapping[str, _RatedTexts], judged: Mapping[str, Ratings], copies: CopyIndex
) -> dict[str, MethodReport]:
    agreements = {name: _agreement(scale, np.array(result.targets), judged[name]) for name, result in results.items()}
    return {
        name: _method_report(result, agreements[name], agreements[REAL], None if name == REAL else copies)
        for name, result in results.items()
    }


def _method_report(
    result: _RatedTexts, own: Agreement, of_real_texts: Agreement, copies: CopyIndex | None
) -> MethodReport:
    """Return the report of one combination of methods, relative to real texts.

    Args:
        result: texts of the combination.
        own: agreement of the judge with the ratings of these texts.
        of_real_texts: agreement of the judge with the ratings of real texts.
        copies: index of the model's corpus; None skips the search for copies.
    """
    bleu = [value for texts in _bleu_samples(result.texts) if (value := self_bleu(texts)) is not None]
    searched = [] if copies is None else _evenly_spaced(result.texts, _COPY_TEXTS)
    shares = [share for text in searched if copies and (share := copies.copied_share(text)) is not None]
    return MethodReport(
        agreement=own,
        share=None if own.pearson is None or not of_real_texts.pearson else own.pearson / of_real_texts.pearson,
        acceptance={key: accepted / max(generated, 1) for key, (accepted, generated) in result.acceptance.items()},
        shortfall=result.shortfall,
        self_bleu=float(np.mean(bleu)) if bleu else None,
        distinct_2=diversity(_evenly_spaced(result.texts, _BLEU_TEXTS)).distinct_words[1],
        copied=float(np.mean(shares)) if shares else None,
        tokens=result.tokens,
        seconds=result.seconds,
    )


def _agreement(scale: Scale, targets: Ratings, judged: Ratings) -> Agreement:
    """Return correlations on the unit scale, and errors in the rating's units.

    Ratings with a heavy tail are ranks on the unit scale.
    """
    bins = _binned(scale, targets)
    on_unit_scale = agreement(scale.to_unit(targets), scale.to_unit(judged), bins)
    in_rating_units = agreement(targets, judged, bins)
    return replace(in_rating_units, pearson=on_unit_scale.pearson, spearman=on_unit_scale.spearman)


def _evenly_spaced(texts: Sequence[str], limit: int) -> list[str]:
    """Return up to `limit` texts at equal distances in the list, which is in the order of the ratings."""
    rows = np.linspace(0, len(texts) - 1, min(limit, len(texts))).round().astype(int).tolist()
    return [texts[row] for row in rows]


def _bleu_samples(texts: Sequence[str]) -> list[list[str]]:
    """Return random samples of texts for self-BLEU; a single sample of all texts if they are too few to choose from."""
    if len(texts) <= _BLEU_TEXTS:
        return [list(texts)]
    random = np.random.default_rng(0)
    samples = (random.choice(len(texts), _BLEU_TEXTS, replace=False).tolist() for _ in range(_BLEU_SAMPLES))
    return [[texts[row] for row in rows] for rows in samples]


def _plot(
    path: Path, scale: Scale, results: Mapping[str, _RatedTexts], judged: Mapping[str, Ratings], num_judge_texts: int
) -> None:
    panels = {}
    for name, result in results.items():
        bins = _binned(scale, np.array(result.targets))
        if len(bins):
            panels[name] = {value: judged[name][bins == value] for value in np.unique(bins).tolist()}
    plot_rating_control(
        path,
        panels,
        real=REAL,
        title=f"{scale.name}: requested and judged",
        subtitle=f"the judge was fitted on {num_judge_texts:,} texts that neither model nor critic has seen",
        positions_of=scale.to_unit if scale.heavy else None,
    )
