"""What a training is built from: codec, model, number of steps, and the score that picks the best weights."""

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from seqloom.codecs import fit_codec
from seqloom.codecs.base import Codec
from seqloom.config import TrainingConfig
from seqloom.corpora.document import Corpus
from seqloom.data.conditions import Conditions, Scale, fit_conditions
from seqloom.data.window_batches import WindowBatches
from seqloom.errors import ConfigError
from seqloom.evaluation.likelihood import full_likelihood, window_likelihood
from seqloom.evaluation.make_scorer import make_fast_scorer, make_scorer
from seqloom.lm.dataset import Dataset
from seqloom.lm.defaults import TrainingPlan
from seqloom.lm.options import ResolvedOptions
from seqloom.models.language_model import LanguageModel, num_parameters
from seqloom.models.weight_transfer import transfer_weights
from seqloom.runs.config import RunConfig
from seqloom.runs.saved_run import SavedRun
from seqloom.training.loop import Batches, Trainer

__all__ = [
    "codec_maker",
    "default_prompt",
    "describe_conditions",
    "describe_model",
    "inherited_reading",
    "new_model",
    "resolve_budget",
    "resolve_conditions",
    "validator",
]

_CALIBRATION_SECONDS = 2.0
_KEPT_UP = 0.9
"""Share of the speed of a first moment that a machine keeps up: what else runs comes and goes, and heat slows it."""
_SAVES_A_RUN = 20
_SECONDS_BETWEEN_SAVES = 120
_OPENING = 64
_BEGINNINGS = (rb"[.!?]\n\n(?=\w)", rb"\n\n(?=\S)", rb"\n(?=\S)", rb"\s(?=\S)")
"""Where a text may well begin, best first: after a paragraph's last sentence, a paragraph, a line, a word."""
_SEARCHED = 20_000
_TOKENS_FORETOLD = 2_000_000
"""A run of more tokens than this is timed beforehand, whatever its budget."""


def inherited_reading(parent: SavedRun | None) -> dict[str, Any]:
    """How a parent's text was changed after reading; where it lay in its source is the new source's own affair."""
    if parent is None:
        return {}
    reading = parent.config.reading
    return {"lowercase": reading.lowercase, "normalize": reading.normalize, "keep_newlines": reading.keep_newlines}


def codec_maker(wanted: ResolvedOptions, parent: SavedRun | None) -> Callable[[Corpus], Codec]:
    """Fits a codec to a corpus, or extends a parent's."""
    if parent is not None:
        return parent.codec.extend
    level = wanted.other.get("level", "char")
    return lambda corpus: fit_codec(level, corpus, wanted.other.get("vocabulary"))


def resolve_conditions(material: Dataset, parent: SavedRun | None) -> Conditions:
    """What the model is told of each text: the parent's conditions where it has any, else the store's own.

    Raises:
        ConfigError: the source has ratings that the parent was not told.
        SourceError: a rating is the same everywhere, or a category has too many names.
    """
    if parent is None or not len(parent.config.conditions):
        return fit_conditions(material.store)
    known = parent.config.conditions
    new = sorted(set(material.store.conditions) - set(known.names))
    if new:
        raise ConfigError(
            f"`from_run` keeps the ratings of {parent.path}, {', '.join(known.names)}: leave out {', '.join(new)}"
        )
    return known


def describe_conditions(conditions: Conditions) -> Iterator[str]:
    """What a person is told of the ratings, a line for each."""
    for column in conditions:
        if isinstance(column, Scale):
            yield f"rating {column}"
        else:
            yield f"category {column.name}: {len(column.values):,} names"


def new_model(plan: TrainingPlan, material: Dataset, parent: SavedRun | None) -> LanguageModel:
    """A model that begins at the frequencies of the text's tokens, or at what a parent has learned."""
    model = LanguageModel(plan.model, plan.training.seed)
    counts = _token_counts(material)
    with torch.no_grad():
        model.head.bias.copy_(torch.from_numpy(np.log((counts + 1) / (counts.sum() + len(counts)))))
    if parent is not None:
        transfer_weights(parent.model(), model)
    return model


def resolve_budget(
    plan: TrainingPlan, wanted: ResolvedOptions, model: LanguageModel, batches: Batches, note: Callable[[str], None]
) -> TrainingConfig:
    """The budget as a number of steps, and what depends on it.

    Args:
        plan: with a budget in seconds, epochs or steps.
        wanted: what was set, which is kept.
        model: is trained for a moment to measure its speed, and put back as it was.
        batches: of the training.
        note: is told how long a long run will take.
    """
    training, budget = plan.training, plan.budget
    steps = budget.steps
    speed = None
    if budget.epochs is not None:
        steps = max(1, round(budget.epochs * batches.steps_per_epoch))
    if steps is None or steps * training.batch_size * training.sequence_length > _TOKENS_FORETOLD:
        trainer = Trainer(model, batches, training, kernels=plan.kernels, threads=plan.threads)
        speed = _KEPT_UP * trainer.measure_steps(_CALIBRATION_SECONDS)
        steps = steps or max(1, int(speed * (budget.seconds or 60)))
    if budget.most_epochs is not None and steps > (most := round(budget.most_epochs * batches.steps_per_epoch)):
        steps = max(1, most)
        note(
            f"{budget.most_epochs:g} readings are enough where words are learned from few of them: training ends "
            "before its time is up; `epochs` reads more often"
        )
    if speed is not None:
        note(f"{steps:,} steps will take about {_duration(steps / speed)} of training")
    every = max(1, steps // _SAVES_A_RUN)
    if speed is not None:
        every = max(1, min(every, int(speed * _SECONDS_BETWEEN_SAVES)))
    chosen: dict[str, Any] = {"validate_every": every, "warmup": max(1, min(50, steps // 10))}
    return replace(training, total_steps=steps, **{k: v for k, v in chosen.items() if k not in wanted.training})


def default_prompt(material: Dataset) -> tuple[int, ...]:
    """What is read before a text that has no prompt: the boundary, or tokens of the corpus up to a paragraph's end.

    A single new line would do worse: where the corpus has blank lines, a low temperature goes on with more of them.
    """
    codec, spans = material.codec, material.split.train
    if codec.boundary is not None:
        return (codec.boundary,)
    start, stop = int(spans.starts[0]), int(spans.stops[0])
    ids = material.store.records[start : min(stop, start + _SEARCHED)].tolist()
    spelled = [codec.token_bytes[token] for token in ids]
    token_at = {end: index for index, end in enumerate(itertools.accumulate(map(len, spelled)), start=1)}
    for place in _BEGINNINGS:
        for found in re.finditer(place, b"".join(spelled)):
            end = token_at.get(found.end(), 0)
            if end >= _OPENING:
                return tuple(ids[end - _OPENING : end])
    return tuple(ids[:_OPENING])


def describe_model(model: LanguageModel, batches: Batches) -> str:
    """The network in one line, and its training windows where they are drawn one by one."""
    config, whole, head = model.config, num_parameters(model), num_parameters(model.head)
    windows = f", {batches.num_windows:,} windows" if isinstance(batches, WindowBatches) else ""
    return (
        f"{config.core} of {' + '.join(map(str, config.hidden_sizes))}: {whole:,} parameters "
        f"({whole - head:,} + {head:,} in the output layer){windows}"
    )


def validator(model: LanguageModel, material: Dataset, config: RunConfig, threads: int) -> Callable[[], float] | None:
    """Scores the validation text as the model is trained, nats a token; None where there is no such text."""
    spans, store, training = material.split.validation, material.store, config.training
    features = config.features_of(store)
    if spans.num_records < 2:
        return None
    characters = material.codec.characters_per_token
    make = make_fast_scorer if training.precision == "bfloat16" else make_scorer

    def validate() -> float:
        weights = {name: value.detach().cpu().numpy() for name, value in model.state_dict().items()}
        scorer = make(model.config, weights, lambda: model, threads)
        if training.batching == "windows" and training.loss == "last":
            scored = window_likelihood(scorer, store, spans, characters, training.sequence_length, 4, features=features)
            if scored.tokens:
                return scored.nats_per_token
        return full_likelihood(scorer, store, spans, characters, features=features).nats_per_token

    return validate


def _token_counts(material: Dataset) -> np.ndarray:
    """How often each token occurs in up to the first million tokens trained on."""
    spans = material.split.train
    counts = np.zeros(len(material.codec), np.int64)
    left = 1_000_000
    for start, stop in zip(spans.starts.tolist(), spans.stops.tolist(), strict=True):
        counts += np.bincount(material.store.records[start : min(stop, start + left)], minlength=len(counts))
        left -= stop - start
        if left <= 0:
            break
    return counts


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes, hours = seconds / 60, seconds / 3600
    return f"{minutes:.0f} min" if minutes < 90 else f"{hours:.1f} h"
