"""Prepare a training session: read the source, choose the settings, and build model and batches."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from seqloom.codecs.base import Codec
from seqloom.config import ReadingConfig, TrainingConfig
from seqloom.corpora.document import Corpus
from seqloom.data.conditions import Conditions
from seqloom.errors import RunError
from seqloom.kernels.library import available_kernels
from seqloom.lm.budget import report_of_resumed, resolve_budget
from seqloom.lm.dataset import Dataset, load_dataset, make_batches, stored_sources, user_sources
from seqloom.lm.defaults import TrainingPlan, choose_defaults, kernels_for
from seqloom.lm.model_setup import (
    codec_maker,
    describe_conditions,
    describe_model,
    inherited_reading,
    new_model,
    resolve_conditions,
)
from seqloom.lm.observer import TrainingObserver
from seqloom.lm.opening_prompt import default_prompt
from seqloom.lm.options import ResolvedOptions
from seqloom.lm.report_plan import ReportPlan
from seqloom.lm.reproduce_command import describe_repetition, reproduce_command
from seqloom.models.language_model import LanguageModel
from seqloom.plural import counted
from seqloom.runs.config import RunConfig
from seqloom.runs.layout import RunFolder
from seqloom.runs.saved_run import SavedRun
from seqloom.runs.training_corpus import training_source
from seqloom.stopwatch import Stopwatch, TimeBudget
from seqloom.training.loop import Batches, Snapshot
from seqloom.training.time_limit import TimeLimit
from seqloom.version import __version__

__all__ = ["TrainingSession", "new_session", "resumed_session"]

_MAX_SYMBOLS_SHOWN = 8

_SMALL_CORPUS = 5_000
"""Number of training tokens below which a corpus teaches a model little more than to repeat it."""

Source = str | Path | Sequence[str | Path]
"""A source, or a list of sources."""


@dataclass(frozen=True)
class TrainingSession:
    """A prepared training.

    Attributes:
        folder: run folder.
        config: configuration of the run.
        dataset: encoded and split corpus.
        model: network with its initial weights; to resume a training, the caller restores a snapshot afterwards.
        batches: training batches.
        viewer: receives the messages and events of the training.
        time_limit: time limit of the training; None if the number of its steps is fixed.
        report: plan of the report that follows the training.
    """

    folder: RunFolder
    config: RunConfig
    dataset: Dataset
    model: LanguageModel
    batches: Batches
    viewer: TrainingObserver
    time_limit: TimeLimit | None = None
    report: ReportPlan = field(default_factory=ReportPlan)


def new_session(
    source: Source,
    folder: RunFolder,
    options: ResolvedOptions,
    parent: SavedRun | None,
    viewer: TrainingObserver,
    stopwatch: Stopwatch,
    *,
    with_report: bool = True,
    verify: bool = False,
) -> TrainingSession:
    """Prepare a new training, without writing to the run folder.

    Args:
        source: source named by the user.
        folder: run folder.
        options: settings from the user and the preset.
        parent: run with the initial weights, or None.
        viewer: receives the messages and events of the training.
        stopwatch: stopwatch that was started with the command; a budget in minutes counts from its start.
        with_report: whether a report follows the training.
        verify: whether to compare the checksums of the stored corpus; see `load_dataset`.

    Raises:
        UserError: the source cannot be read, or a setting does not fit it.
    """
    reading = ReadingConfig(**{**inherited_reading(parent), **options.reading})
    dataset = _load(source, reading, options, parent, viewer, verify=verify)
    conditions = resolve_conditions(dataset, parent)
    for line in _describe_dataset(dataset, conditions, parent):
        viewer.note(line)
    plan = _plan(options, dataset, conditions.width, parent)
    torch.set_num_threads(plan.threads)
    model = new_model(plan, dataset, parent)
    batches = make_batches(dataset.store, dataset.split, plan.training, conditions)
    viewer.note(describe_model(model, batches))
    time_budget = TimeBudget(stopwatch, plan.budget.seconds or math.inf)
    budgeted = resolve_budget(plan, options, model, batches, dataset, time_budget, viewer.note, with_report=with_report)
    command = reproduce_command(
        user_sources(source), folder.path, options, plan.model, budgeted.config, parent.path if parent else None
    )
    config = _run_config(source, options, dataset, conditions, plan, budgeted.config, parent, command)
    if budgeted.time_limit is None:
        viewer.note(describe_repetition(config))
    return TrainingSession(folder, config, dataset, model, batches, viewer, budgeted.time_limit, budgeted.report)


def _run_config(
    source: Source,
    options: ResolvedOptions,
    dataset: Dataset,
    conditions: Conditions,
    plan: TrainingPlan,
    training: TrainingConfig,
    parent: SavedRun | None,
    repeat_command: str,
) -> RunConfig:
    return RunConfig(
        version=__version__,
        sources=stored_sources(source),
        corpus=dataset.corpus.name,
        corpus_hash=dataset.corpus.fingerprint,
        separate=dataset.corpus.has_separate_documents,
        level=dataset.codec.level,
        opening=default_prompt(dataset),
        reading=dataset.reading,
        model=plan.model,
        training=training,
        samples=options.samples,
        preset=options.preset,
        parent=str(parent.path) if parent else None,
        threads=plan.threads,
        kernels=plan.kernels,
        conditions=conditions,
        repeat_command=repeat_command,
    ).with_run_id(dataset.codec, parent.config.run_id if parent else None)


def _load(
    source: Source,
    reading: ReadingConfig,
    options: ResolvedOptions,
    parent: SavedRun | None,
    viewer: TrainingObserver,
    *,
    verify: bool,
) -> Dataset:
    defaults = TrainingConfig(total_steps=1)  # for the default shares: the real config depends on the dataset
    hold_out, validation = (options.training.get(name, getattr(defaults, name)) for name in ("hold_out", "validation"))
    return load_dataset(
        source,
        reading,
        make_codec=codec_maker(options, parent),
        hold_out=hold_out,
        validation=validation,
        note=viewer.note,
        verify=verify,
        recognise_lists="records" not in options.reading and (parent is None or parent.config.separate),
    )


def _plan(
    options: ResolvedOptions, dataset: Dataset, num_condition_features: int, parent: SavedRun | None
) -> TrainingPlan:
    spans = dataset.split.train  # the records of spans are tokens
    return choose_defaults(
        options,
        vocabulary=len(dataset.codec),
        head=dataset.codec.head,
        factors=dataset.codec.factors,
        num_condition_features=num_condition_features,
        tokens=spans.num_records,
        original_tokens=spans.without_copies(dataset.store).num_records,
        mean_document_tokens=spans.num_records / len(spans),
        parent=parent.config.model if parent else None,
    )


def _describe_dataset(dataset: Dataset, conditions: Conditions, parent: SavedRun | None) -> Iterator[str]:
    """Yield lines on the parent, the ratings and a corpus that is too small."""
    if parent is not None:
        yield _describe_continuation(parent, dataset.codec)
    yield from describe_conditions(conditions)
    if (num_tokens := dataset.split.train.num_records) < _SMALL_CORPUS:
        yield (
            f"the training text has only {counted(num_tokens, 'token')}: the model will hardly do more than repeat it; "
            f"{_SMALL_CORPUS:,} tokens are a small corpus, and 100,000 a good one"
        )


def _describe_continuation(parent: SavedRun, codec: Codec[Any]) -> str:
    """Return a line that names the parent and the symbols of `codec` that the parent does not know."""
    # `codec` extends the codec of the parent: the ids of new symbols come last.
    new_ids = range(len(parent.codec), len(codec))
    new_symbols = [codec.decode_text([token]) or "(end)" for token in new_ids]
    shown = ", ".join(map(repr, new_symbols[:_MAX_SYMBOLS_SHOWN]))
    shown += ", ..." if len(new_symbols) > _MAX_SYMBOLS_SHOWN else ""
    plural = "s" if len(new_symbols) != 1 else ""
    change = f"{len(new_symbols):,} new symbol{plural} ({shown})" if new_symbols else "no new symbols"
    return f"starting from {parent.path}: {change}"


def resumed_session(
    folder: RunFolder,
    config: RunConfig,
    source: Source | None,
    viewer: TrainingObserver,
    snapshot: Snapshot,
    stopwatch: Stopwatch,
    *,
    verify: bool = False,
) -> TrainingSession:
    """Prepare an interrupted training to continue with its stored settings.

    A training with a time limit gets the time that was left when its state was saved.

    Args:
        folder: run folder.
        config: configuration of the run.
        source: the run's source if the user named it, or None.
        viewer: receives the messages and events of the training.
        snapshot: saved state of the training.
        stopwatch: stopwatch of the command.
        verify: whether to compare the checksums of the stored corpus; see `load_dataset`.

    Raises:
        RunError: the corpus has changed, or the codec is damaged.
        SourceError: the source cannot be read.
    """
    codec, training = folder.read_codec(), config.training

    def codec_if_unchanged(corpus: Corpus) -> Codec[Any]:
        if corpus.fingerprint != config.corpus_hash:
            raise RunError(
                f"{config.source} has changed since the training of {folder.path} began: start another run with "
                "`from_run`"
            )
        return codec

    dataset = load_dataset(
        training_source(config) if source is None else source,
        config.reading,
        make_codec=codec_if_unchanged,
        hold_out=training.hold_out,
        validation=training.validation,
        note=viewer.note,
        display_name=config.corpus,
        verify=verify,
    )
    torch.set_num_threads(config.threads)
    config = _with_available_kernels(config, viewer)
    model = LanguageModel(config.model, training.seed)
    batches = make_batches(dataset.store, dataset.split, training, config.conditions)
    limit = snapshot.progress.get("time_limit")
    time_limit = None if limit is None else TimeLimit.from_json(limit, stopwatch)
    report = report_of_resumed(dataset, snapshot.progress)
    return TrainingSession(folder, config, dataset, model, batches, viewer, time_limit, report)


def _with_available_kernels(config: RunConfig, viewer: TrainingObserver) -> RunConfig:
    """Return the config, with other kernels if the run's kernels are unavailable on this machine."""
    if config.kernels is None or config.kernels in available_kernels():
        return config
    kernels = kernels_for(config.model, config.training)
    viewer.note(
        f"the kernels {config.kernels} are not available on this machine: training continues with "
        f"{kernels or 'torch'}, so its results will not be bit-identical"
    )
    return replace(config, kernels=kernels)
