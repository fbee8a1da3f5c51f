"""Training a run, from a source to a folder that writes."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from seqloom.codecs.base import Codec
from seqloom.config import ReadingConfig, TrainingConfig
from seqloom.config.options import TrainOptions
from seqloom.corpora.document import Corpus
from seqloom.errors import ConfigError, RunError
from seqloom.generation.generator import GeneratorFactory
from seqloom.kernels.library import available_kernels
from seqloom.lm.dataset import Dataset, load_dataset, make_batches
from seqloom.lm.defaults import choose_defaults, kernels_for
from seqloom.lm.listeners import CheckpointSaver, LogWriter, SampleWriter
from seqloom.lm.model_setup import (
    codec_maker,
    default_prompt,
    describe_conditions,
    describe_model,
    inherited_reading,
    new_model,
    resolve_budget,
    resolve_conditions,
    validator,
)
from seqloom.lm.observer import TrainingObserver
from seqloom.lm.options import ResolvedOptions, resolve_options
from seqloom.lm.report import write_report
from seqloom.lm.reproduce_command import reproduce_command
from seqloom.models.language_model import LanguageModel
from seqloom.runs.checks import check_run_folder
from seqloom.runs.config import RunConfig
from seqloom.runs.layout import RunFolder
from seqloom.runs.replace import discard_backup, replacing_run
from seqloom.runs.saved_run import SavedRun
from seqloom.runs.training_corpus import training_source
from seqloom.training.checkpoint import load_snapshot
from seqloom.training.interrupt import interrupt_flag
from seqloom.training.loop import Batches, Snapshot, Trainer
from seqloom.training.threads import restored_threads
from seqloom.version import __version__

__all__ = ["TrainingObserver", "default_folder", "train"]

_SHOWN = 8
"""New symbols that are named."""


@dataclass(frozen=True)
class _Session:
    """All that one training needs."""

    folder: RunFolder
    config: RunConfig
    material: Dataset
    model: LanguageModel
    batches: Batches
    viewer: TrainingObserver


@restored_threads()
def train(
    source: str | Path | Sequence[str | Path] | None = None,
    options: TrainOptions | None = None,
    *,
    run: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    from_run: str | Path | None = None,
    viewer: TrainingObserver | None = None,
) -> SavedRun:
    """Train a model on a source and return the run.

    Args:
        source: a catalogue name, a file, a folder, a glob, `-` for standard input, or a list of them; by default the
            text that Python carries, or what the resumed run reads.
        options: settings; None, and options that are None, are chosen from the corpus and the budget.
        run: the folder that everything goes into; by default `runs/` and the source's name.
        resume: go on with the training that the folder holds, exactly where it stopped; source and settings are the
            run's.
        overwrite: replace the run that the folder holds.
        from_run: start from another run's weights; new symbols are added to its vocabulary.
        viewer: is shown what happens.

    Raises:
        UserError: the source, the settings or the folder are not usable.
        TrainingError: the loss exploded again and again.
    """
    viewer = viewer or TrainingObserver()
    folder = RunFolder(run if run is not None else default_folder(source))
    options = options or TrainOptions()
    if resume:
        others = {"overwrite": overwrite, "from_run": from_run is not None}
        _refuse_to_resume([*options.chosen(), *(name for name, is_set in others.items() if is_set)])
        return _resume(folder, source, viewer)
    source = "python-docs" if source is None else source
    wanted = resolve_options(options)
    parent = SavedRun(from_run) if from_run is not None else None
    _refuse(folder, wanted, parent, overwrite=overwrite)
    return _run(_begin(source, folder, wanted, parent, viewer), None)


def default_folder(source: str | Path | Sequence[str | Path] | None = None) -> Path:
    """Where a run goes that was given no folder."""
    names = [source or "python-docs"] if source is None or isinstance(source, str | Path) else [*source, "run"]
    return Path("runs") / (re.sub(r"[^\w.-]+", "", Path(names[0]).stem).strip("-.") or "run")


def _refuse(folder: RunFolder, wanted: ResolvedOptions, parent: SavedRun | None, *, overwrite: bool) -> None:
    """Say all that is wrong before anything is read or written."""
    check_run_folder(folder, overwrite=overwrite, from_run=parent.folder.path if parent else None)
    if parent is None:
        return
    if parent.config.model.noise_size:
        raise RunError(
            f"`from_run` got {parent.path}, which is a GAN: begin from what it began from, {parent.config.parent}"
        )
    shape = {"core", "hidden_sizes", "embedding", "tied", "layer_norm", "kernel_width", "prediction_heads"}
    fixed = shape & wanted.model.keys()
    fixed |= {"level"} & wanted.other.keys()
    kept = {**parent.config.model.to_json(), "level": parent.config.level}
    asked = {**wanted.model, **wanted.other}
    differing = [name for name in sorted(fixed) if kept[name] != asked[name]]
    sizes = kept["hidden_sizes"]
    if "hidden_sizes" not in asked and asked.get("layers", len(sizes)) != len(sizes):
        differing.append("layers")
    if differing:
        raise ConfigError(
            *[
                f"`{name}` cannot change with `from_run`: {folder.path} goes on with the shape of {parent.path}"
                for name in differing
            ]
        )


def _begin(
    source: str | Path | Sequence[str | Path],
    folder: RunFolder,
    wanted: ResolvedOptions,
    parent: SavedRun | None,
    viewer: TrainingObserver,
) -> _Session:
    """Read, choose, build and calibrate; nothing is written yet."""
    reading = ReadingConfig(**{**inherited_reading(parent), **wanted.reading})
    shares = {
        name: wanted.training.get(name, TrainingConfig(total_steps=1).__dict__[name])
        for name in ("hold_out", "validation")
    }
    material = load_dataset(source, reading, codec_maker(wanted, parent), **shares, note=viewer.note)
    if parent is not None:
        viewer.note(_going_on(parent, material.codec))
    train_spans = material.split.train
    conditions = resolve_conditions(material, parent)
    for line in describe_conditions(conditions):
        viewer.note(line)
    plan = choose_defaults(
        wanted,
        vocabulary=len(material.codec),
        num_condition_features=conditions.width,
        tokens=train_spans.num_records,
        mean_document=train_spans.num_records / len(train_spans),
        parent=parent.config.model if parent else None,
    )
    torch.set_num_threads(plan.threads)
    model = new_model(plan, material, parent)
    batches = make_batches(material.store, material.split, plan.training, conditions)
    viewer.note(describe_model(model, batches))
    training = resolve_budget(plan, wanted, model, batches, viewer.note)
    config = RunConfig(
        version=__version__,
        sources=_source_names(source),
        corpus=material.corpus.name,
        corpus_hash=material.corpus.fingerprint,
        separate=material.corpus.separate,
        level=material.codec.level,
        opening=default_prompt(material),
        reading=reading,
        model=plan.model,
        training=training,
        samples=wanted.samples,
        preset=wanted.preset,
        parent=str(parent.path.absolute()) if parent else None,
        threads=plan.threads,
        kernels=plan.kernels,
        conditions=conditions,
    )
    again = reproduce_command(
        _named(source), folder.path, wanted, plan.model, training, parent.path if parent else None
    )
    viewer.note(f"the same again: {again}")
    return _Session(folder, config, material, model, batches, viewer)


def _going_on(parent: SavedRun, codec: Codec) -> str:
    """What training goes on from, and which symbols are new to it."""
    new = [codec.decode([token]) or "(end)" for token in range(len(parent.codec), len(codec))]
    shown = ", ".join(map(repr, new[:_SHOWN])) + (", ..." if len(new) > _SHOWN else "")
    symbols = f"{len(new):,} new symbol{'s' if len(new) != 1 else ''} ({shown})" if new else "no new symbols"
    return f"going on from {parent.path}: {symbols}"


def _refuse_to_resume(chosen: Sequence[str]) -> None:
    if chosen:
        names = ", ".join(f"`{name}`" for name in chosen)
        raise ConfigError(
            f"`resume` continues with the run's own settings, so {names} cannot be set: leave "
            f"{'it' if len(chosen) == 1 else 'them'} out, or start another run with `from_run`"
        )


def _resume(folder: RunFolder, source: str | Path | Sequence[str | Path] | None, viewer: TrainingObserver) -> SavedRun:
    config = folder.read_config()
    if config.model.noise_size:
        raise RunError(f"{folder.path} is a GAN: go on with it by 'seqloom gan train --resume --run {folder.path}'")
    if source is not None and _source_names(source) != config.sources:
        raise ConfigError(
            f"`resume` goes on with the run's own text, {config.source}, and the source is "
            f"{', '.join(_source_names(source))}: leave the source out, or start another run with `from_run`"
        )
    codec = folder.read_codec()
    snapshot = load_snapshot(folder.state_file)
    if folder.metrics_file.exists() and folder.report_file.exists():
        viewer.note(
            f"{folder.path} is finished: {snapshot.progress['step']:,} steps are done; to train it further, start "
            f"another run with `from_run` {shlex.quote(str(folder.path))}"
        )
        return SavedRun(folder.path)

    def same_codec(corpus: Corpus) -> Codec:
        if corpus.fingerprint != config.corpus_hash:
            raise RunError(f"{config.source} has changed since {folder.path} began: start another run with `from_run`")
        return codec

    training = config.training
    material = load_dataset(
        training_source(config) if source is None else source,
        config.reading,
        same_codec,
        hold_out=training.hold_out,
        validation=training.validation,
        note=viewer.note,
        called=config.corpus,
    )
    torch.set_num_threads(config.threads)
    config = _with_kernels(config, viewer)
    model = LanguageModel(config.model, training.seed)
    batches = make_batches(material.store, material.split, training, config.conditions)
    return _run(_Session(folder, config, material, model, batches, viewer), snapshot)


def _with_kernels(config: RunConfig, viewer: TrainingObserver) -> RunConfig:
    """The config with kernels that are to be had here."""
    if config.kernels is None or config.kernels in available_kernels():
        return config
    here = kernels_for(config.model, config.training)
    viewer.note(
        f"the kernels {config.kernels} that began this run are not to be had here: going on with {here or 'torch'}, "
        "close to what would have come, but not bit for bit"
    )
    return replace(config, kernels=here)


def _run(session: _Session, snapshot: Snapshot | None) -> SavedRun:
    """Train from a snapshot, or from nothing in place of what the folder holds; alone in the folder."""
    with session.folder.locked():
        if snapshot is not None:
            finished = _train(session, snapshot)
            discard_backup(session.folder)
            return finished
        with replacing_run(session.folder):
            session.folder.write_config(session.config, session.material.codec)
            return _train(session, None)


def _train(session: _Session, snapshot: Snapshot | None) -> SavedRun:
    """Train to the end, an early stop or Ctrl-C."""
    folder, config, material, viewer = session.folder, session.config, session.material, session.viewer
    trainer = Trainer(
        session.model,
        session.batches,
        config.training,
        kernels=config.kernels,
        threads=config.threads,
        validate=validator(session.model, material, config, config.threads),
    )
    if snapshot is not None:
        trainer.restore(snapshot)
    samples = SampleWriter(
        folder,
        trainer,
        lambda weights: GeneratorFactory(config, material.codec, weights).unconditional,
        config.samples,
        material.store,
        material.split.train,
        viewer.samples,
    )
    trainer.listeners = [
        LogWriter(folder, trainer.progress.step),
        CheckpointSaver(folder, trainer),
        samples,
        viewer.listener(),
    ]
    viewer.begin(config, material.store.characters / max(1, material.store.num_records))
    with interrupt_flag() as interrupted:
        finished = trainer.train(interrupted)
    run = SavedRun(folder.path)
    if finished.reason == "interrupted":
        raise KeyboardInterrupt(str(folder.path))
    viewer.finished(write_report(run, material, trainer.progress, finished, viewer))
    return run


def _source_names(source: str | Path | Sequence[str | Path]) -> tuple[str, ...]:
    """What is stored: names as they are, paths made absolute."""
    return tuple(str(Path(one).absolute()) if Path(one).exists() else one for one in _named(source))


def _named(source: str | Path | Sequence[str | Path]) -> tuple[str, ...]:
    """What a person named, one by one."""
    return tuple(map(str, [source] if isinstance(source, str | Path) else source))
