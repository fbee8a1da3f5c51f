"""Training a run, from a source to a folder that writes."""

import os
import re
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
from seqloom.data.windows import WindowBatches
from seqloom.errors import ConfigError, RunError
from seqloom.evaluation.likelihood import full_likelihood, window_likelihood
from seqloom.models.language_model import LanguageModel, num_parameters
from seqloom.models.transplant import transplant
from seqloom.training.checkpoint import load_snapshot
from seqloom.training.events import Listener
from seqloom.training.loop import Batches, Snapshot, Trainer
from seqloom.workflows.folder import RunConfig, RunFolder
from seqloom.workflows.interrupt import ctrl_c
from seqloom.workflows.listeners import Keeper, Log, Samples, SampleSet
from seqloom.workflows.material import Material, make_batches, prepare
from seqloom.workflows.own_text import own_source
from seqloom.workflows.planning import Plan, as_flags, choose
from seqloom.workflows.report import Report, finish
from seqloom.workflows.run import Run, load
from seqloom.workflows.settings import Settings, as_flag, sort_settings
from seqloom.workflows.writer import make_writer

__all__ = ["Viewer", "default_folder", "train"]

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

    def finished(self, report: Report) -> None:
        """Training is over, and what it came to is measured."""


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
    source: str | Path | Sequence[str | Path] | None = None,
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
        source: a catalogue name, a file, a folder, a glob, `-` for standard input, or a list of them; by default the
            text that Python carries, or what the resumed run reads.
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
    folder = RunFolder(run if run is not None else default_folder(source))
    if resume:
        _refuse_to_resume({**settings, "preset": preset, "overwrite": overwrite or None, "from_run": from_run})
        return _resume(folder, source, viewer)
    source = "python-docs" if source is None else source
    wanted = sort_settings(settings, preset)
    parent = load(from_run) if from_run is not None else None
    _refuse(folder, wanted, parent, overwrite=overwrite)
    return _run(_begin(source, folder, wanted, parent, viewer), None)


def default_folder(source: str | Path | Sequence[str | Path] | None = None) -> Path:
    """Where a run goes that was given no folder."""
    names = [source or "python-docs"] if source is None or isinstance(source, str | Path) else [*source, "run"]
    return Path("runs") / (re.sub(r"[^\w.-]+", "", Path(names[0]).stem).strip("-.") or "run")


def _refuse(folder: RunFolder, wanted: Settings, parent: Run | None, *, overwrite: bool) -> None:
    """Say all that is wrong before anything is read or written."""
    if folder.holds_run and not overwrite:
        raise RunError(
            f"{folder.path} holds a run already: give --resume to go on with it, or --overwrite to replace it"
        )
    _check_place(folder.path)
    if parent is None:
        return
    if parent.folder.path.resolve() == folder.path.resolve():
        raise ConfigError(f"--from and --run are both {folder.path}: name another folder for the new run")
    fixed = {"core", "sizes", "embedding", "tied", "layer_norm", "kernel_width", "ahead"} & wanted.model.keys()
    fixed |= {"level"} & wanted.other.keys()
    kept = {**parent.config.model.to_json(), "level": parent.config.level, "sizes": parent.config.model.sizes}
    asked = {**wanted.model, **wanted.other}
    differing = ["size" if name == "sizes" else name for name in sorted(fixed) if kept[name] != asked[name]]
    if "sizes" not in asked and asked.get("layers", len(kept["sizes"])) != len(kept["sizes"]):
        differing.append("layers")
    if differing:
        raise ConfigError(
            *[
                f"{as_flag(name)} cannot change with --from: {folder.path} goes on with the shape of {parent.path}"
                for name in differing
            ]
        )


def _check_place(path: Path) -> None:
    """Whether a folder is there, or can be made."""
    there = next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())
    if not there.is_dir():
        raise RunError(f"--run got {path}, and {there} is a file: name another folder")
    if not os.access(there, os.W_OK):
        raise RunError(f"--run got {path}, and {there} cannot be written to: name another folder")


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
    if reading.rating:
        viewer.note(f"ratings ({', '.join(reading.rating)}) are kept with the text; this model does not read them yet")
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
    viewer.note(_shape(model, batches))
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


def _refuse_to_resume(settings: Mapping[str, Any]) -> None:
    given = [as_flag(name) for name, value in settings.items() if value is not None]
    if given:
        raise ConfigError(
            f"--resume goes on with the run's own settings, so {', '.join(given)} cannot be given: leave "
            f"{'it' if len(given) == 1 else 'them'} out, or start another run with --from"
        )


def _resume(folder: RunFolder, source: str | Path | Sequence[str | Path] | None, viewer: Viewer) -> Run:
    config = folder.read_config()
    if source is not None and _source_name(source) != config.source:
        raise ConfigError(
            f"--resume goes on with the run's own text, {config.source}, and the source is {_source_name(source)}: "
            "leave the source out, or start another run with --from"
        )
    codec = folder.read_codec()
    snapshot = load_snapshot(folder.state_file)

    def same_codec(corpus: Corpus) -> Codec:
        if corpus.fingerprint != config.corpus_hash:
            raise RunError(f"{config.source} has changed since {folder.path} began: start another run with --from")
        return codec

    training = config.training
    material = prepare(
        own_source(config) if source is None else source,
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
    viewer.finished(finish(run, material, trainer.progress, finished, viewer.note))
    return run


def _shape(model: LanguageModel, batches: Batches) -> str:
    """The network in one line, and its training windows where they are drawn one by one."""
    config, whole, head = model.config, num_parameters(model), num_parameters(model.head)
    windows = f", {batches.num_windows:,} windows" if isinstance(batches, WindowBatches) else ""
    return (
        f"{config.core} of {' + '.join(map(str, config.sizes))}: {whole:,} parameters "
        f"({whole - head:,} + {head:,} in the output layer){windows}"
    )


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
    """Take away what an earlier run left, its config first so that no half run looks whole; nothing else."""
    samples = folder.samples_folder.glob("epoch-*.txt")
    plots = (folder.plots_folder / f"{name}.png" for name in ("loss", "temperature", "entropy"))
    kept = (folder.weights_file, folder.codec_file, folder.state_file, folder.log_file, folder.metrics_file)
    try:
        for file in (folder.config_file, *kept, folder.report_file, *samples, *plots):
            file.unlink(missing_ok=True)
    except OSError as error:
        raise RunError(
            f"cannot replace {folder.path}: {error.strerror}; check its rights, or name another folder"
        ) from None


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
