"""Generate texts for the training of a detector, with varied sampling settings and ratings.

A negative is a text that is not real, although the labels and metrics of a detector count generated texts as positive.
A run that was trained with ratings generates texts for several ratings. A condition says what is requested of a text: a
rating, a guidance scale (how strongly the run follows the rating), and perhaps a critic (a model that predicts ratings)
as a filter.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from seqloom.config import SamplingConfig
from seqloom.data.conditions import Category
from seqloom.data.scale import Scale
from seqloom.detector.augmentation import count_words
from seqloom.detector.confounds import shared_texts
from seqloom.generation.run_generators import RunGenerators
from seqloom.rating.generate import generate_rated
from seqloom.rating.request import RatingRequest
from seqloom.runs.saved_run import SavedRun
from seqloom.stopwatch import TimeBudget

__all__ = ["generate_negatives"]

_SAMPLING_SETTINGS: tuple[dict[str, Any], ...] = (
    {"temperature": 1.0},
    {"temperature": 1.0},
    {"temperature": 1.0, "top_p": 0.95},
    {"temperature": 1.1},
    {"temperature": 0.9},
    {"temperature": 0.9, "top_k": 40},
    {"temperature": 0.8},
    {"temperature": 0.8, "top_p": 0.9},
    {"temperature": 0.7},
    {"temperature": 0.6, "min_p": 0.02},
)
"""Sampling settings; each generates the same number of texts."""

_GUIDANCE_SCALES = (1.0, 1.5, 2.0)
"""Guidance scales, which successive conditions use in turn; 1 is no guidance."""

_MAX_CONDITIONS = 6
"""Maximal number of conditions per sampling setting."""

_MAX_ATTEMPTS = 4
"""Maximal number of batches per condition; each further batch replaces texts without words."""

_BATCH_TEXTS = 48
"""Number of texts of a batch in a time budget."""

_MIN_TEXTS = 60
"""Number of texts that are generated even if the time is up."""

_LENGTH_QUANTILE = 0.98
"""Quantile of the lengths of the real texts that limits the length of the generated texts."""

_SAMPLE_SIZE = 200
"""Number of real texts from which the number of tokens per character is estimated."""

_EXTRA_TOKENS = 8
"""Number of tokens that a text may have beyond the estimate for the longest text."""


def generate_negatives(
    run: SavedRun,
    real: Sequence[str],
    count: int,
    seed: int,
    critic: Any = None,
    budget: TimeBudget | None = None,
) -> list[str]:
    """Generate texts of a run for the training of a detector.

    Args:
        run: generator.
        real: real texts; the 98 % quantile of their lengths limits the length of the generated texts.
        count: number of texts.
        seed: seed of the generation.
        critic: critic that filters some of the texts of a rated run by rating, or None.
        budget: time of the generation, after which there may be fewer texts; None for no limit. In a time budget, the
            texts of each setting and condition come in small batches, in random order.

    Returns:
        Texts with at least one word. Texts that equal a real text are removed, so there may be fewer than `count`.
    """
    max_characters = int(np.quantile([len(run.normalize(text)) for text in real], _LENGTH_QUANTILE)) + 1
    sample = [run.text_codec.encode_text(run.normalize(text), skip_unknown=True) for text in real[:_SAMPLE_SIZE]]
    sample_characters = sum(len(text) for text in real[:_SAMPLE_SIZE])
    max_tokens = _EXTRA_TOKENS + max_characters * sum(map(len, sample)) // max(1, sample_characters)
    random = np.random.default_rng(seed)
    generators = RunGenerators(run)
    texts: list[str] = []
    for settings, condition, num_texts in _requests(run, count, critic, random, in_batches=budget is not None):
        if budget is not None and budget.left() <= 0 and len(texts) >= _MIN_TEXTS:
            break
        batch: list[str] = []
        for _ in range(_MAX_ATTEMPTS):
            if len(batch) < num_texts:
                config = SamplingConfig(length=max_tokens, seed=int(random.integers(1 << 31)), **settings)
                generated = _generate(generators, condition, config, num_texts - len(batch))
                batch += [text.strip() for text in generated if count_words(text)]
        texts += batch
    copies = set(shared_texts(real, texts))
    return [text for text in texts if text not in copies]


def _requests(
    run: SavedRun, count: int, critic: Any, random: np.random.Generator, *, in_batches: bool
) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any], int]]:
    """Yield sampling settings, a condition, and a number of texts; with `in_batches`, small numbers in random order."""
    counts = [
        count // len(_SAMPLING_SETTINGS) + (number < count % len(_SAMPLING_SETTINGS))
        for number in range(len(_SAMPLING_SETTINGS))
    ]
    if not in_batches:
        for settings, count_for_settings in zip(_SAMPLING_SETTINGS, counts, strict=True):
            for condition, num_texts in _conditions(run, count_for_settings, critic, random):
                yield settings, condition, num_texts
        return
    batches = [
        (settings, condition, min(_BATCH_TEXTS, num_texts - start))
        for settings, count_for_settings in zip(_SAMPLING_SETTINGS, counts, strict=True)
        for condition, num_texts in _conditions(run, count_for_settings, critic, random)
        for start in range(0, num_texts, _BATCH_TEXTS)
    ]
    for index in random.permutation(len(batches)):
        yield batches[index]


def _generate(
    generators: RunGenerators, condition: Mapping[str, Any], config: SamplingConfig, count: int
) -> Iterator[str]:
    """Yield generated texts, filtered by a critic if the condition contains one.

    Args:
        generators: generators of a run.
        condition: keyword arguments of `RatingRequest` if the condition contains a critic, otherwise of
            `generators.generator`.
        config: sampling settings.
        count: number of texts.
    """
    if "critic" in condition:
        rated = generate_rated(generators, RatingRequest(**condition), config, count=count)
        return (item.sample.text for item in rated)
    generator = generators.generator(**condition)
    return (sample.text for sample in generator.generate(generator.prompt(""), config, count=count))


def _conditions(
    run: SavedRun, count: int, critic: Any, random: np.random.Generator
) -> list[tuple[dict[str, Any], int]]:
    """Return the conditions of generated texts, each with a number of texts.

    The first condition is empty. If the run was trained with ratings, the others have random ratings. If there is a
    critic, every second condition with a rating also uses the critic as a filter.

    Args:
        run: generator.
        count: number of texts of all conditions together.
        critic: critic, or None.
        random: random generator.
    """
    columns = run.config.conditions
    if not len(columns) or count == 0:
        return [({}, count)] if count else []
    conditions = []
    num_conditions = min(count, _MAX_CONDITIONS)
    for number in range(num_conditions):
        rating = {column.name: _sample_rating(column, random) for column in columns}
        guidance = _GUIDANCE_SCALES[number % len(_GUIDANCE_SCALES)]
        condition: dict[str, Any] = {"rating": rating, "guidance": guidance}
        if critic is not None and number % 2 == 0:
            # With "rejection", texts are generated until the critic's rating is close enough.
            methods = ("conditioning", "guidance", "rejection") if guidance > 1 else ("conditioning", "rejection")
            condition = {"rating": rating, "critic": critic, "methods": methods}
            condition |= {"guidance": guidance} if guidance > 1 else {}
        num_texts = count // num_conditions + (number < count % num_conditions)
        conditions.append((condition if number else {}, num_texts))
    return conditions


def _sample_rating(column: Scale | Category, random: np.random.Generator) -> float | str:
    """Draw a rating in proportion to its frequency in the corpus, or a category uniformly."""
    if isinstance(column, Category):
        return str(random.choice(column.values))
    # The knots are ratings of the corpus, such as all distinct ratings or quantiles.
    shares = np.array(column.shares or [1.0] * len(column.knots))
    return float(random.choice(column.knots, p=shares / shares.sum()))
