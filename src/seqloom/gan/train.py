"""Train a conditional text GAN into a run folder: likelihood training, VAE pretraining, then adversarial training.

The likelihood training gives a language model with ratings as input, the parent, in the subfolder `likelihood`. The
generator starts from the parent's weights. VAE pretraining teaches the generator to use its noise. After a short
warm-up of the discriminator, adversarial training teaches the generator to satisfy the discriminator.
"""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from seqloom.config.gan import NO_SOURCE, GanConfig
from seqloom.config.options import GanOptions
from seqloom.config.pace import Pace
from seqloom.config.settings import fields_of
from seqloom.corpora.sources import check_source
from seqloom.errors import ConfigError, RunError
from seqloom.gan.checks import check_parent, check_parent_settings, check_request
from seqloom.gan.dataset import build_dataset, check_dataset_size, load_table
from seqloom.gan.early_timing import EarlyTiming
from seqloom.gan.layout import read_gan_config, write_gan_config
from seqloom.gan.likelihood_stage import train_likelihood
from seqloom.gan.request import (
    DEFAULT_NOISE_SIZE,
    PendingGanRun,
    is_of_saved_training,
    read_pending_run,
    write_pending_run,
)
from seqloom.gan.schedule import fit_schedule, limit_stages
from seqloom.gan.session import GanSession, run_session
from seqloom.gan.setup import gan_run_config, make_trainer, starts_from_likelihood
from seqloom.gan.stage_limits import StageLimits
from seqloom.gan.step_timing import StepSeconds, measure_step_seconds
from seqloom.gan.trainer import GanTrainer
from seqloom.lm.observer import TrainingObserver
from seqloom.lm.options import to_builtin
from seqloom.plural import counted
from seqloom.reporter import Reporter, silent
from seqloom.runs.checks import check_is_run, discarded_replacement
from seqloom.runs.layout import RunFolder
from seqloom.runs.replace import replacing_run
from seqloom.runs.saved_run import SavedRun
from seqloom.runs.training_corpus import training_source
from seqloom.stopwatch import Stopwatch, TimeBudget
from seqloom.training.checkpoint import load_snapshot
from seqloom.training.threads import restored_threads

__all__ = ["GAN_SETTINGS", "train_gan"]

GAN_SETTINGS = tuple(name for name in fields_of(GanConfig) if name != "seed")
"""Settings of the GAN itself. All other options, except `minutes` and `noise_size`, are for the likelihood training."""


_FINISHING_SECONDS = 4.0
"""Expected duration of the work that follows the last stage, and of the end of the process."""


class _Progress(NamedTuple):
    """Receivers of the progress, and the stopwatch of the command."""

    note: Reporter
    viewer: TrainingObserver | None
    stage: Reporter
    stopwatch: Stopwatch


@restored_threads()
def train_gan(
    source: str | Path | None = None,
    options: GanOptions | None = None,
    *,
    run: str | Path,
    from_run: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    note: Reporter = silent,
    viewer: TrainingObserver | None = None,
    stage: Reporter = silent,
    stopwatch: Stopwatch | None = None,
) -> SavedRun:
    """Train a generator of rated texts against a discriminator, and return its run.

    Args:
        source: table with a text and a rating column; not needed with `resume`.
        options: settings, with at least `text` and `rating`; settings that are None are chosen automatically.
        run: run folder; the likelihood training is in its subfolder `likelihood`.
        from_run: run of a language model trained with a rating; it replaces the likelihood training.
        resume: whether to continue the training in the folder exactly where it stopped.
        overwrite: whether to replace the run in the folder.
        note: receives progress lines.
        viewer: observer of the likelihood training.
        stage: receives the name of each stage.
        stopwatch: stopwatch from whose start the budget in minutes counts; None to start one now.

    Raises:
        UserError: source, settings or folder cannot be used.
        TrainingError: the generator collapsed too often (too few different texts), or a network diverged.
        KeyboardInterrupt: Ctrl-C was pressed; the exception has an argument if there is a checkpoint to resume from.
    """
    folder, progress = RunFolder(run), _Progress(note, viewer, stage, stopwatch or Stopwatch())
    chosen = {name: to_builtin(name, value) for name, value in (options or GanOptions()).chosen().items()}
    if resume:
        is_given = {"source": source is not None, "from_run": from_run is not None, "overwrite": overwrite}
        _check_no_other_option({*chosen, *(name for name, given in is_given.items() if given)})
        return _resume(folder, progress)
    if source is None:
        raise ConfigError(NO_SOURCE)
    noise_size, minutes = chosen.pop("noise_size", DEFAULT_NOISE_SIZE), chosen.pop("minutes", None)
    gan_settings = {name: value for name, value in chosen.items() if name in GAN_SETTINGS}
    likelihood_settings = {name: value for name, value in chosen.items() if name not in GAN_SETTINGS}
    gan_settings = _with_steps_of_pace(gan_settings, minutes)
    check_request(folder, gan_settings, likelihood_settings, minutes, noise_size, from_run, overwrite=overwrite)
    if not starts_from_likelihood(gan_settings.get("loss")):
        # The generator starts from random weights. It needs the settings and the codec of the likelihood-trained run,
        # but not its weights. One step of likelihood training is therefore enough.
        gan_settings = {"pretrain_steps": 0, "likelihood_weight": 0.0, **gan_settings}
        if from_run is None:
            likelihood_settings = {**likelihood_settings, "steps": 1}
    if str(source) == "-":
        raise ConfigError("a GAN reads its table more than once, and standard input can be read only once: name a file")
    check_source(source)
    request = PendingGanRun(
        source=str(source),
        own=gan_settings,
        others=likelihood_settings,
        minutes=minutes,
        noise_size=noise_size,
        parent=None if from_run is None else str(from_run),
    )
    stage("reading the texts")
    if from_run is None:
        check_dataset_size(request.source, request.others, request.draft_config, note)
    else:
        check_parent_settings(SavedRun(from_run), likelihood_settings)
    with folder.locked(), replacing_run(folder, overwrite=overwrite):
        write_pending_run(folder, request)
        return _train_requested(folder, request, progress)


def _with_steps_of_pace(settings: dict[str, Any], minutes: float | None) -> dict[str, Any]:
    """Return the settings of a GAN with the numbers of steps at which `pace`, if it is one of them, ends the stages."""
    if not isinstance(settings.get("pace"), str):
        return settings
    names = ("pretrain_steps", "warmup_steps", "adversarial_steps")
    others = [*(name for name in names if name in settings), *(["minutes"] if minutes is not None else [])]
    if others:
        named = ", ".join(f"`{name}`" for name in others)
        raise ConfigError(f"`pace` sets the numbers of steps, and so does {named}: leave one of them out")
    totals = [Pace.parse(part).total_steps if part else 0 for part in settings["pace"].split("/")]
    return {**settings, **dict(zip(names, totals, strict=False))}


def _train_requested(
    folder: RunFolder, request: PendingGanRun, progress: _Progress, *, resume: bool = False
) -> SavedRun:
    """Carry out a requested training; with `resume`, from the state of the likelihood training, if there is one.

    The whole training has the requested time. A resumed likelihood training does not count the time before its
    interruption, only the share of the time that was planned for it.
    """
    stopwatch, note, seconds = progress.stopwatch, progress.note, request.seconds - _FINISHING_SECONDS
    own_stopwatch = stopwatch.restarted()
    timing = EarlyTiming(request, TimeBudget(stopwatch, seconds), own_stopwatch, note, progress.stage)
    if request.parent is None:
        parent = train_likelihood(folder, request, note, progress.viewer, own_stopwatch, timing.check, resume=resume)
        stopwatch.leave_out(own_stopwatch.paused)
    else:
        parent = SavedRun(request.parent)
    budget = TimeBudget(stopwatch, max(seconds, stopwatch.seconds() + request.seconds / 2))
    return _start(folder, request, parent, budget, timing.step_seconds, progress)


def _start(
    folder: RunFolder,
    request: PendingGanRun,
    parent: SavedRun,
    budget: TimeBudget,
    step_seconds: StepSeconds | None,
    progress: _Progress,
) -> SavedRun:
    """Start the GAN stages from a likelihood-trained run.

    Args:
        folder: run folder.
        request: requested training.
        parent: likelihood-trained run.
        budget: time of all stages after the likelihood training.
        step_seconds: duration of a step of each stage, if it was measured before the likelihood training.
        progress: receivers of the progress.
    """
    note = progress.note
    check_parent(parent)
    progress.stage("reading the texts")
    dataset = load_table(parent, request.source, note)
    gan, limits = request.draft_config, None
    texts, unseen = build_dataset(parent, dataset, gan, note)
    if not request.has_all_steps:
        receiver = silent if step_seconds else note  # the early timing has given advice
        if step_seconds is None:
            progress.stage("timing a few steps of each stage")
            # The timed steps change this trainer's weights. The training below starts with a new trainer.
            trainer = make_trainer(parent, gan_run_config(parent, request.noise_size, gan), gan, texts, unseen)
            step_seconds = measure_step_seconds(trainer)
        # A likelihood training is not thrown away because it has taken longer than planned.
        refuse = request.parent is not None
        gan = fit_schedule(step_seconds, len(texts), gan, request.own, budget.left(), receiver, refuse=refuse)
        limits = limit_stages(len(texts), gan, request.own, budget)
    pretraining, adversarial = counted(gan.pretrain_steps, "step"), counted(gan.adversarial_steps, "step")
    note(f"plan: {pretraining} of VAE pretraining, then {adversarial} of adversarial training")
    config = replace(
        gan_run_config(parent, request.noise_size, gan),
        sources=(request.source,),
        corpus=dataset.corpus.name,
        corpus_hash=dataset.corpus.fingerprint,
    ).with_run_id(parent.codec, parent.config.run_id)
    write_gan_config(folder, gan, request.source, parent.path, config.run_id)
    folder.write_config(config, parent.codec)
    trainer = make_trainer(parent, config, gan, texts, unseen)
    return run_session(GanSession(folder, config, trainer, texts, note, progress.stage, limits))


def _check_no_other_option(names: set[str]) -> None:
    """Raise a ConfigError if `names`, the options that were given in addition to `resume`, is not empty."""
    if names:
        settings = ", ".join(f"`{name}`" for name in sorted(names))
        raise ConfigError(f"`resume` uses the settings of the run: leave out {settings}")


def _resume(folder: RunFolder, progress: _Progress) -> SavedRun:
    """Continue a training, in whichever stage it stopped."""
    note = progress.note
    if folder.settle():
        note(discarded_replacement(folder))
    if folder.gan_request_file.exists() and not is_of_saved_training(folder):
        request = read_pending_run(folder)
        # A folder with weights has an older GAN, next to a request that an earlier version of seqloom stored.
        replacing = replacing_run(folder, overwrite=True) if folder.weights_file.exists() else nullcontext()
        with folder.locked(), replacing:
            return _train_requested(folder, request, progress, resume=True)
    if not folder.gan_file.exists():
        raise RunError(f"no GAN to resume at {folder.path}: start one with 'seqloom gan train SOURCE'")
    check_is_run(folder)
    config = folder.read_config()
    gan, parent_path = read_gan_config(folder)
    has_state = folder.gan_state_file.exists()
    # Before the first checkpoint, the folder has no weights, and the training starts again from the parent.
    run = SavedRun(folder if has_state else parent_path)
    if has_state and folder.metrics_file.exists():
        folder.read_weights()  # raises an error if files of another training are among them
        note(f"{folder.path} is finished")
        return run
    dataset = load_table(run, training_source(config), note)
    if dataset.corpus.fingerprint != config.corpus_hash:
        raise RunError(f"{config.source} has changed since the training of {folder.path} began: start a new training")
    texts, unseen = build_dataset(run, dataset, gan, note)
    trainer = make_trainer(run, config, gan, texts, unseen, fresh=not has_state)
    limits = _restore(trainer, folder, progress.stopwatch) if has_state else None
    with folder.locked():
        return run_session(GanSession(folder, config, trainer, texts, note, progress.stage, limits))


def _restore(trainer: GanTrainer, folder: RunFolder, stopwatch: Stopwatch) -> StageLimits | None:
    """Load the training state of a run folder, and return the time limits that it had.

    Raises:
        RunError: the state has other settings than `gan.json` and `config.json`.
    """
    try:
        snapshot = load_snapshot(folder.gan_state_file, folder.run_id)
        trainer.restore(snapshot)
        limits = snapshot.progress.get("time_limits")  # absent in a state of an older version
        return None if limits is None else StageLimits.from_json(limits, stopwatch)
    except (ConfigError, KeyError, TypeError, ValueError, RuntimeError):
        raise RunError(
            f"{folder.gan_state_file} does not fit {folder.gan_file.name} and {folder.config_file.name}: undo the "
            "changes to these files, or start again with `overwrite`"
        ) from None
