"""Train a language model on a source, into a run folder."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from seqloom.config.options import BUDGETS, TrainOptions
from seqloom.config.pace import Pace
from seqloom.corpora.zip_archives import archive_and_pattern
from seqloom.generation.generator import GeneratorFactory
from seqloom.lm.checks import check_new_training, check_resumable
from seqloom.lm.listeners import CheckpointSaver, SampleWriter, TrainingLog
from seqloom.lm.longer_training import longer_training
from seqloom.lm.model_setup import make_validation
from seqloom.lm.observer import TrainingObserver
from seqloom.lm.options import resolve_options
from seqloom.lm.report import write_report
from seqloom.lm.reproduce_command import describe_repetition
from seqloom.lm.same_settings import check_same_settings
from seqloom.lm.session import TrainingSession, new_session, resumed_session
from seqloom.runs.checks import check_is_run, discarded_replacement
from seqloom.runs.config import RunConfig
from seqloom.runs.layout import RunFolder
from seqloom.runs.log import last_step
from seqloom.runs.replace import remove_report, replacing_run
from seqloom.runs.saved_run import SavedRun
from seqloom.stopwatch import Stopwatch
from seqloom.training.checkpoint import load_snapshot, save_snapshot
from seqloom.training.interrupt import interrupt_flag
from seqloom.training.loop import Snapshot, Trainer
from seqloom.training.threads import restored_threads

__all__ = ["TrainingObserver", "default_folder", "train"]

_DEFAULT_SOURCE = "python-docs"


@restored_threads()
def train(
    source: str | Path | Sequence[str | Path] | None = None,
    options: TrainOptions | None = None,
    *,
    run: str | Path | RunFolder | None = None,
    resume: bool = False,
    overwrite: bool = False,
    from_run: str | Path | None = None,
    viewer: TrainingObserver | None = None,
    max_epochs: float | None = None,
    with_report: bool = True,
    stopwatch: Stopwatch | None = None,
    verify: bool = False,
    check: Callable[[TrainingSession], None] | None = None,
) -> SavedRun:
    """Train a model on a source and return the run.

    Args:
        source: catalogue name, file, folder, glob, `-` for standard input, or a list of these; None for
            the catalogue's `python-docs` or, with `resume`, for the run's source.
        options: settings; those that are None are chosen from the corpus and the budget. None leaves the choice of all
            settings to seqloom.
        run: run folder; None for a folder in `runs/` with the name of the source.
        resume: whether to continue the training in the folder exactly where it stopped, with its source and settings;
            with a larger budget, the training becomes longer.
        overwrite: whether to replace the run in the folder.
        from_run: run with the initial weights; new symbols are appended to its vocabulary.
        viewer: observer that receives the messages and events of the training; None for no observer.
        max_epochs: largest number of epochs of a training with a budget in minutes; None for no such limit.
        with_report: whether to measure the trained run, and write samples, plots and the report.
        stopwatch: stopwatch from whose start a budget in minutes counts; None to start one now.
        verify: whether to compare the checksums of the encoded corpus in the cache even if its files have not changed.
        check: function that receives the prepared training and may raise an error, before the folder is changed. A
            training that is resumed was checked before.

    Raises:
        UserError: source, settings or folder cannot be used.
        TrainingError: the loss diverged too often.
        KeyboardInterrupt: Ctrl-C was pressed; the exception has an argument if the folder has a state to resume from.
    """
    viewer, stopwatch = viewer or TrainingObserver(), stopwatch or Stopwatch()
    folder = run if isinstance(run, RunFolder) else RunFolder(run if run is not None else default_folder(source))
    options = options or TrainOptions()
    if resume:
        return _resume(
            folder,
            source,
            options,
            viewer,
            stopwatch,
            from_run=from_run,
            overwrite=overwrite,
            with_report=with_report,
            verify=verify,
        )
    resolved = resolve_options(options)
    if max_epochs is not None:
        resolved = replace(resolved, other={**resolved.other, "max_epochs": max_epochs})
    parent = SavedRun(from_run) if from_run is not None else None
    check_new_training(folder, resolved, parent, overwrite=overwrite)
    source = _DEFAULT_SOURCE if source is None else source
    session = new_session(source, folder, resolved, parent, viewer, stopwatch, with_report=with_report, verify=verify)
    if check is not None:
        check(session)
    return _train_in_folder(session, snapshot=None, with_report=with_report, overwrite=overwrite)


def default_folder(source: str | Path | Sequence[str | Path] | None = None) -> Path:
    """Return the default run folder for a source; it is named after the source, or after the first of several."""
    if source is None or isinstance(source, str | Path):
        first_source = source or _DEFAULT_SOURCE
    else:
        first_source = next(iter(source), "run")
    inside = archive_and_pattern(Path(first_source))
    name = (inside[0] if inside else Path(first_source)).stem
    return Path("runs") / (re.sub(r"[^\w.-]+", "", name).strip("-.") or "run")


def _resume(
    folder: RunFolder,
    source: str | Path | Sequence[str | Path] | None,
    options: TrainOptions,
    viewer: TrainingObserver,
    stopwatch: Stopwatch,
    *,
    from_run: str | Path | None,
    overwrite: bool,
    with_report: bool,
    verify: bool,
) -> SavedRun:
    """Continue the training in a folder, unless it is finished and the budget is not larger than before."""
    if folder.settle():
        viewer.note(discarded_replacement(folder))
    check_is_run(folder)
    config = folder.read_config()
    check_resumable(folder, config, source)
    resolved = check_same_settings(options, folder, config, from_run=from_run, overwrite=overwrite)
    snapshot = load_snapshot(folder.state_file, folder.run_id)
    finished = _is_finished(folder, config, snapshot)
    if finished and not resolved.other.keys() & set(BUDGETS):
        return _finished_run(folder, snapshot, viewer)
    if (logged := last_step(folder)) > snapshot.progress["step"]:
        viewer.note(
            f"the training state is of step {snapshot.progress['step']:,}, and the log ends at step {logged:,}: the "
            "steps between them are repeated"
        )
    session = resumed_session(folder, config, source, viewer, snapshot, stopwatch, verify=verify)
    longer = longer_training(session, snapshot, resolved.other, stopwatch)
    if longer is not None:
        session, snapshot = longer
    elif finished:
        return _finished_run(folder, snapshot, viewer)
    return _train_in_folder(
        session, snapshot, with_report=with_report, overwrite=False, has_new_budget=longer is not None
    )


def _is_finished(folder: RunFolder, config: RunConfig, snapshot: Snapshot) -> bool:
    """Return whether a training has ended, and no larger budget was stored since then."""
    if not (folder.metrics_file.exists() and folder.report_file.exists()):
        return False
    step: int = snapshot.progress["step"]
    pace = Pace(snapshot.progress.get("pace", config.training.make_pace().revisions))
    return pace.last_restart(step) != step


def _finished_run(folder: RunFolder, snapshot: Snapshot, viewer: TrainingObserver) -> SavedRun:
    """Return a run whose training has ended, and say how to train it longer."""
    folder.read_weights()  # raises an error if files of another training are among them
    step, limit = snapshot.progress["step"], snapshot.progress.get("time_limit") or {}
    budget = f"`minutes` {2 * limit['total_seconds'] / 60:g}" if limit.get("total_seconds") else f"`steps` {2 * step}"
    viewer.note(
        f"{folder.path} is finished after {step:,} steps; to train it longer, give a larger budget, such as {budget}"
    )
    return SavedRun(folder)


def _train_in_folder(
    session: TrainingSession,
    snapshot: Snapshot | None,
    *,
    with_report: bool,
    overwrite: bool,
    has_new_budget: bool = False,
) -> SavedRun:
    """Lock the run folder, and continue the training from a snapshot, which is saved if it has a new budget.

    If the snapshot is None, train from the start; with `overwrite`, the first complete save replaces the run in the
    folder, if any.
    """
    folder = session.folder
    with folder.locked():
        if (backup := folder.backup_folder).exists():
            session.viewer.note(f"an earlier run, which this run replaced, is in {backup}: move or remove it")
        if snapshot is not None:
            if has_new_budget:
                save_snapshot(folder.state_file, snapshot, folder.state_metadata())
                folder.write_config(session.config, session.dataset.codec)
            remove_report(folder)
            return _train(session, snapshot, with_report=with_report)
        with replacing_run(folder, overwrite=overwrite):
            folder.write_config(session.config, session.dataset.codec)
            return _train(session, snapshot=None, with_report=with_report)


def _train(session: TrainingSession, snapshot: Snapshot | None, *, with_report: bool = True) -> SavedRun:
    """Train to the last step or an early stop, and write the report if `with_report`.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; the exception has an argument if the state of the training is saved.
    """
    try:
        return _run_trainer(session, snapshot, with_report=with_report)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(*([str(session.folder.path)] if session.folder.is_resumable else [])) from None


def _run_trainer(session: TrainingSession, snapshot: Snapshot | None, *, with_report: bool) -> SavedRun:
    folder, config, dataset, viewer = session.folder, session.config, session.dataset, session.viewer
    trainer = Trainer(
        session.model,
        session.batches,
        config.training,
        kernels=config.kernels,
        threads=config.threads,
        validate=make_validation(session.model, dataset, config, config.threads),
        time_limit=session.time_limit,
    )
    if snapshot is not None:
        trainer.restore(snapshot)
    log = TrainingLog(folder, resumed_at=trainer.progress.step)
    trainer.listeners = [log, CheckpointSaver(folder, trainer), _sample_writer(session, trainer), viewer.listener()]
    units_per_token = dataset.store.num_units / max(1, dataset.store.num_records)  # the records are tokens
    earlier_losses = _logged_losses(folder, trainer.progress.step)
    viewer.begin(config, units_per_token, units=f"{dataset.store.unit}s", earlier_losses=earlier_losses)
    with interrupt_flag() as interrupted:
        finished = trainer.train(interrupted)
    training = replace(config.training, **_latest_pace(trainer))
    if training != config.training:
        config = replace(config, training=training)
        folder.write_config(config, dataset.codec)
    if finished.reason == "interrupted":
        raise KeyboardInterrupt
    run = SavedRun(folder)
    if with_report:
        if session.time_limit is not None:
            viewer.note(describe_repetition(config))
        viewer.finished(write_report(run, dataset, trainer.progress, finished, viewer, session.report))
    return run


def _logged_losses(folder: RunFolder, step: int) -> list[float]:
    """Return the training loss of each step up to `step`, as far as the log has it: means of ten steps."""
    losses: list[float] = []
    for line in folder.read_log() if step else ():
        if "loss" in line and len(losses) < line["step"] <= step:
            losses += [line["loss"]] * (line["step"] - len(losses))
    return losses


def _sample_writer(session: TrainingSession, trainer: Trainer) -> SampleWriter:
    config, dataset = session.config, session.dataset
    return SampleWriter(
        session.folder,
        trainer,
        make_generator=lambda weights: GeneratorFactory(config, dataset.codec, weights).unconditional,
        plan=config.samples,
        store=dataset.store,
        spans=dataset.split.train,
        show=session.viewer.samples,
    )


def _latest_pace(trainer: Trainer) -> dict[str, Any]:
    """Return the settings for the number of steps, with all revisions so far."""
    pace = trainer.pace
    return {"total_steps": pace.total_steps, "pace": str(pace) if len(pace.revisions) > 1 else ""}
