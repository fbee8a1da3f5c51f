"""Training a run, from a source to a folder that writes."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from seqloom import __version__
from seqloom.codecs import fit_codec
from seqloom.codecs.base import Codec
from seqloom.config import ReadingConfig, TrainingConfig
from seqloom.corpora.document import Corpus
from seqloom.errors import ConfigError, RunError
from seqloom.evaluation.likelihood import full_likelihood, window_likelihood
from seqloom.models.language_model import LanguageModel
from seqloom.models.transplant import transplant
from seqloom.training.checkpoint import load_snapshot
from seqloom.training.events import Listener
from seqloom.training.loop import Batches, Snapshot, Trainer
from seqloom.workflows.folder import RunConfig, RunFolder
from seqloom.workflows.interrupt import ctrl_c
from seqloom.workflows.listeners import Keeper, Log, Samples, SampleSet
from seqloom.workflows.material import Material, make_batches, prepare
from seqloom.workflows.planning import Plan, as_flags, choose
from seqloom.workflows.report import finish
from seqloom.workflows.run import Run, load
from seqloom.workflows.settings import Settings, sort_settings
from seqloom.workflows.writer import make_writer

__all__ = ["Viewer", "train"]

_CALIBRATION_SECONDS = 2.0
_SAVES_A_RUN = 20
_SECONDS_BETWEEN_SAVES = 120


class Viewer:
    """Is shown what happens while a run trains; this one looks away."""

    def note(self, text: str) -> None:
        """One line about what was read, chosen or saved."""

    def begin(self, config: RunConfig, characters_per_token: float) -> None:
        """The plan is made and training is about to begin."""

    def samples(self, written: SampleSet) -> None:
        """One sample a temperature was written."""

    def listener(self) -> Listener:
        """What is told every training event."""
        return lambda event: None


@dataclass(frozen=True)
class _Session:
    """All that one training needs."""

    folder: RunFolder
    config: RunConfig
    material: Material
    model: LanguageModel
    batches: Batches
    viewer: Viewer


def train(
    source: str | Path | Sequence[str | Path] = "python-docs",
    *,
    run: str | Path | None = None,
    preset: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    from_run: str | Path | None = None,
    viewer: Viewer | None = None,
    **settings: Any,
) -> Run:
    """Train a model on a source and return the run.

    Args:
        source: a catalogue name, a file, a folder, a glob, `-` for standard input, or a list of them.
        run: the folder that everything goes into; by default `runs/` and the source's name.
        preset: a recipe that fills in what is not set.
        resume: go on with the training that the folder holds, exactly where it stopped; source and settings are the
        run's.
        overwrite: replace the run that the folder holds.
        from_run: start from another run's weights; new symbols are added to its vocabulary.
        viewer: is shown what happens.
        settings: a budget (`minutes`, `epochs` or `steps`; a minute if none is given), `level`, `vocabulary`, `size`,
            `layers`, `threads`, and any field of `ReadingConfig`, `ModelConfig` and `TrainingConfig`. What is left out
            is chosen from the corpus and the budget.

    Raises:
        UserError: the source, the settings or the folder are not usable.
        TrainingError: the loss exploded again and again.
    """
    viewer = viewer or Viewer()
    folder = RunFolder(run if run is not None else Path("runs") / (Path(_source_name(source)).stem or "run"))
    if resume:
        return _resume(folder, settings, viewer)
    wanted = sort_settings(settings, preset)
    parent = load(from_run) if from_run is not None else None
    _refuse(folder, wanted, parent, overwrite=overwrite)
    return _run(_begin(source, folder, wanted, parent, viewer), None)


def _refuse(folder: RunFolder, wanted: Settings, parent: Run | None, *, overwrite: bool) -> None:
    """Say all that is wrong before anything is read or written."""
    if folder.holds_run and not overwrite:
        raise RunError(
            f"{folder.path} holds a run already: give --resume to go on with it, or --overwrite to replace it"
        )
    if parent is None:
        return
    if parent.folder.path.resolve() == folder.path.resolve():
        raise ConfigError(f"--from and --run are both {folder.path}: name another folder for the new run")
    fixed = {"core", "sizes", "embedding", "tied", "layer_norm", "kernel_width", "ahead"} & wanted.model.keys()
    fixed |= {"level"} & wanted.other.keys()
    differing = [
        name
        for name in sorted(fixed)
        if (parent.config.level if name == "level" else getattr(parent.config.model, name))
        != {**wanted.model, **wanted.other}[name]
    ]
    if differing and wanted.preset is None:
        raise ConfigError(
            *[
                f"--{name} cannot change with --from: {folder.path} goes on with the shape of {parent.path}"
                for name in differing
            ]
        )


def _begin(
    source: str | Path | Sequence[str | Path], folder: RunFolder, wanted: Settings, parent: Run | None, viewer: Viewer
) -> _Session:
    """Read, choose, build and calibrate; then write the run's config."""
    reading = ReadingConfig(**{**_inherited_reading(parent), **wanted.reading})
    shares = {
        name: wanted.training.get(name, TrainingConfig(total_steps=1).__dict__[name])
        for name in ("hold_out", "validation")
    }
    material = prepare(source, reading, _codec_maker(wanted, parent), **shares, note=viewer.note)
    train_spans = material.split.train
    plan = choose(
        wanted,
        vocabulary=len(material.codec),
        tokens=train_spans.num_records,
        mean_document=train_spans.num_records / len(train_spans),
        parent=parent.config.model if parent else None,
    )
    torch.set_num_threads(plan.threads)
    model = _new_model(plan, material, parent)
    batches = make_batches(material.store, material.split, plan.training)
    training = _with_steps(plan, wanted, model, batches, viewer)
    config = RunConfig(
        version=__version__,
        source=_source_name(source),
        corpus=material.corpus.name,
        corpus_hash=material.corpus.fingerprint,
        separate=material.corpus.separate,
        level=material.codec.level,
        reading=reading,
        model=plan.model,
        training=training,
        samples=wanted.samples,
        preset=wanted.preset,
        parent=str(parent.path.absolute()) if parent else None,
        threads=plan.threads,
    )
    viewer.note(f"the same again: {as_flags(plan.model, training)}")
    _clear(folder)
    folder.write_config(config, material.codec)
    return _Session(folder, config, material, model, batches, viewer)


def _resume(folder: RunFolder, settings: Mapping[str, Any], viewer: Viewer) -> Run:
    given = sorted(name for name, value in settings.items() if value is not None)
    if given:
        raise ConfigError(
            "--resume goes on with the run's own settings, so "
            f"{', '.join('--' + name for name in given)} cannot be given: leave them out, or start another run "
            "with --from"
        )
    config = folder.read_config()
    codec = folder.read_codec()
    snapshot = load_snapshot(folder.state_file)
    source: Any = config.source.split(os.pathsep) if os.pathsep in config.source else config.source

    def same_codec(corpus: Corpus) -> Codec:
        if corpus.fingerprint != config.corpus_hash:
            raise RunError(f"{config.source} has changed since {folder.path} began: start another run with --from")
        return codec

    training = config.training
    material = prepare(
        source,
        config.reading,
        same_codec,
        hold_out=training.hold_out,
        validation=training.validation,
        note=viewer.note,
    )
    torch.set_num_threads(config.threads)
    model = LanguageModel(config.model, training.seed)
    batches = make_batches(material.store, material.split, training)
    viewer.note(f"going on after step {snapshot.progress['step']:,} of {training.total_steps:,}")
    return _run(_Session(folder, config, material, model, batches, viewer), snapshot)


def _run(session: _Session, snapshot: Snapshot | None) -> Run:
    """Train to the end, an early stop or Ctrl-C."""
    folder, config, material, viewer = session.folder, session.config, session.material, session.viewer
    trainer = Trainer(session.model, session.batches, config.training, validate=_validator(session))
    if snapshot is not None:
        trainer.restore(snapshot)
    samples = Samples(
        folder,
        trainer,
        lambda weights: make_writer(config, material.codec, weights),
        config.samples,
        material.store,
        material.split.train,
        viewer.samples,
    )
    trainer.listeners = [Log(folder, trainer.progress.step), Keeper(folder, trainer), samples, viewer.listener()]
    viewer.begin(config, material.store.characters / max(1, material.store.num_records))
    with ctrl_c() as interrupted:
        finished = trainer.train(interrupted)
    run = load(folder.path)
    if finished.reason == "interrupted":
        raise KeyboardInterrupt(str(folder.path))
    finish(run, material, trainer.progress, finished, viewer.note)
    return run


def _inherited_reading(parent: Run | None) -> dict[str, Any]:
    """How a parent's text was changed after reading; where it lay in its source is the new source's own affair."""
    if parent is None:
        return {}
    reading = parent.config.reading
    return {"lowercase": reading.lowercase, "normalize": reading.normalize, "keep_newlines": reading.keep_newlines}


def _codec_maker(wanted: Settings, parent: Run | None) -> Callable[[Corpus], Codec]:
    if parent is not None:
        return parent.codec.extended
    level = wanted.other.get("level", "char")
    return lambda corpus: fit_codec(level, corpus, wanted.other.get("vocabulary"))


def _new_model(plan: Plan, material: Material, parent: Run | None) -> LanguageModel:
    model = LanguageModel(plan.model, plan.training.seed)
    counts = _token_counts(material)
    with torch.no_grad():
        model.head.bias.copy_(torch.from_numpy(np.log((counts + 1) / (counts.sum() + len(counts)))))
    if parent is not None:
        transplant(parent.model(), model)
    return model


def _token_counts(material: Material) -> np.ndarray:
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


def _with_steps(plan: Plan, wanted: Settings, model: LanguageModel, batches: Batches, viewer: Viewer) -> TrainingConfig:
    """The budget as a number of steps, and what depends on it."""
    training, budget = plan.training, plan.budget
    steps = budget.steps
    speed = None
    if budget.epochs is not None:
        steps = max(1, round(budget.epochs * batches.steps_per_epoch))
    if steps is None or steps * training.lanes * training.window > 2_000_000:
        speed = Trainer(model, batches, training).measure_steps(_CALIBRATION_SECONDS)
        steps = steps or max(1, int(speed * (budget.seconds or 60)))
    if speed is not None:
        viewer.note(f"{steps:,} steps will take about {_duration(steps / speed)} of training")
    every = max(1, steps // _SAVES_A_RUN)
    if speed is not None:
        every = max(1, min(every, int(speed * _SECONDS_BETWEEN_SAVES)))
    chosen: dict[str, Any] = {"validate_every": every, "warmup": max(1, min(50, steps // 10))}
    return replace(training, total_steps=steps, **{k: v for k, v in chosen.items() if k not in wanted.training})


def _validator(session: _Session) -> Callable[[], float] | None:
    spans = session.material.split.validation
    if spans.num_records < 2:
        return None
    training, store = session.config.training, session.material.store
    characters = session.material.codec.characters_per_token

    def validate() -> float:
        if training.batching == "windows" and training.loss == "last":
            scored = window_likelihood(session.model, store, spans, characters, training.window, 4)
            if scored.tokens:
                return scored.nats_per_token
        return full_likelihood(session.model, store, spans, characters).nats_per_token

    return validate


def _clear(folder: RunFolder) -> None:
    """Take away what an earlier run left, the weights last written first so that no half run looks whole."""
    for file in (folder.config_file, folder.weights_file, folder.codec_file, folder.log_file, folder.metrics_file):
        file.unlink(missing_ok=True)
    folder.report_file.unlink(missing_ok=True)
    for place in (folder.state_file.parent, folder.samples_folder, folder.plots_folder):
        shutil.rmtree(place, ignore_errors=True)


def _source_name(source: str | Path | Sequence[str | Path]) -> str:
    """What is stored: names as they are, paths made absolute, several joined as on a search path."""
    if isinstance(source, str | Path):
        return str(Path(source).absolute()) if Path(source).exists() else str(source)
    return os.pathsep.join(_source_name(one) for one in source)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes, hours = seconds / 60, seconds / 3600
    return f"{minutes:.0f} min" if minutes < 90 else f"{hours:.1f} h"
