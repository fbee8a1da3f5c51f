"""Run the stages of a GAN's training in its run folder: log, checkpoints, samples, progress lines and metrics."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from seqloom.data.scale import Scale
from seqloom.files import write_text
from seqloom.gan.layout import update_gan_config
from seqloom.gan.plots import draw_gan_training
from seqloom.gan.progress import AdversarialStep
from seqloom.gan.reproduce_command import reproduce_gan_command
from seqloom.gan.request import remove_pending_run
from seqloom.gan.rollout import generate_rollout, generator_features
from seqloom.gan.short_texts import ShortTexts
from seqloom.gan.stage_clock import StageClock
from seqloom.gan.stage_limits import StageLimits, StageSchedule
from seqloom.gan.trainer import GanTrainer
from seqloom.models.language_model import num_parameters
from seqloom.percent import format_percent
from seqloom.reporter import Reporter, silent
from seqloom.runs.config import RunConfig
from seqloom.runs.layout import RunFolder
from seqloom.runs.log import LogWriter
from seqloom.runs.saved_run import SavedRun
from seqloom.training.checkpoint import save_snapshot
from seqloom.training.interrupt import interrupt_flag
from seqloom.training.loop import Snapshot

__all__ = ["GanSession", "medium_matmul_precision", "run_session"]

_PRETRAINING_STEPS_PER_LOG_LINE, _PRETRAINING_STEPS_PER_CHECKPOINT = 10, 200
_STEPS_PER_LOG_LINE = 5
"""Steps of the discriminator warm-up or of adversarial training per log line."""

_NUM_GREEDY_TEXTS = 500
"""Number of noise vectors for measuring the share of distinct greedy texts; one text is generated from each."""

_SAMPLES_PER_RATING = 3


@dataclass(frozen=True)
class GanSession:
    """A GAN's training in its run folder.

    Attributes:
        folder: run folder.
        config: configuration of the run.
        trainer: trainer of both networks, new or restored.
        texts: training texts.
        note: receives progress lines.
        stage: receives the name of each stage.
        limits: time limits of the stages; None if all numbers of steps are fixed.
    """

    folder: RunFolder
    config: RunConfig
    trainer: GanTrainer
    texts: ShortTexts
    note: Reporter
    stage: Reporter = silent
    limits: StageLimits | None = None


@contextmanager
def medium_matmul_precision() -> Iterator[None]:
    """Allow bfloat16 matrix products where the device supports them: training is a third faster, at equal quality."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@medium_matmul_precision()
def run_session(session: GanSession) -> SavedRun:
    """Train to the end or to Ctrl-C, and return the run.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; its argument is the folder if there is a checkpoint to resume from.
        TrainingError: too many rollbacks, or a network diverged.
    """
    try:
        return _run_stages(session)
    except KeyboardInterrupt:
        resumable_folder = [str(session.folder.path)] if session.folder.is_resumable else []
        raise KeyboardInterrupt(*resumable_folder) from None


def _run_stages(session: GanSession) -> SavedRun:
    folder = session.folder
    log = LogWriter(folder, session.trainer.progress.steps)
    with interrupt_flag() as interrupted:
        for stage in (_pretrain, _warm_up_discriminator, _train_adversarially):
            stage(session, log, interrupted)
        session.stage("saving and measuring the generator")
        _save_with_samples(session)
        if interrupted():
            raise KeyboardInterrupt
    if session.limits is not None:
        _store_final_steps(session)
    folder.write_metrics(_metrics(session))
    session.note(f"plot: {draw_gan_training(SavedRun(folder), folder.plots_folder)}")
    rating = _highest_rating(session)
    if session.limits is not None:
        session.note(
            f"to repeat this training: {reproduce_gan_command(folder, session.config, session.trainer.config)}"
        )
    session.note(f"run: {folder.path}   generate texts with: seqloom generate {folder.path} --rating {rating}")
    return SavedRun(folder)


def _store_final_steps(session: GanSession) -> None:
    """Store the numbers of steps as they were at the end, in place of the first plan."""
    folder, gan = session.folder, session.trainer.config
    update_gan_config(folder, gan)
    training = replace(session.config.training, total_steps=max(1, sum(gan.stage_steps)))
    folder.write_config(replace(session.config, training=training), SavedRun(folder).codec)


def _pretrain(session: GanSession, log: LogWriter, interrupted: Callable[[], bool]) -> None:
    trainer, pace, done = session.trainer, session.trainer.pretrain_pace, session.trainer.progress.pretrain_steps
    clock = StageClock(done, _next_stage(session))
    limit = None if session.limits is None else session.limits.pretraining(pace.share(done))
    schedule = StageSchedule(trainer, pace, limit, _PRETRAINING_STEPS_PER_CHECKPOINT, session.note)
    if done < trainer.config.pretrain_steps:
        session.stage("VAE pretraining")
    while trainer.progress.pretrain_steps < trainer.config.pretrain_steps and not interrupted():
        loss = trainer.pretrain_step()
        step = trainer.progress.pretrain_steps
        schedule.step_done(step)
        total = trainer.config.pretrain_steps
        if step % _PRETRAINING_STEPS_PER_LOG_LINE == 0:
            _log(log, step, nats=float(loss.reconstruction_nats), information=float(loss.kl_nats))
        if step % _PRETRAINING_STEPS_PER_CHECKPOINT == 0:
            _save(session)
            schedule.checkpoint_done()
        if step == total or clock.is_note_due:
            reconstruction = f"loss {float(loss.reconstruction_nats):.1f} nats per text"
            losses = f"{reconstruction} (KL of the noise {float(loss.kl_nats):.1f})"
            session.note(
                f"VAE pretraining, step {step:,} of {total:,}: {losses}; {clock.report_time_left(step, total)}"
            )


def _warm_up_discriminator(session: GanSession, log: LogWriter, interrupted: Callable[[], bool]) -> None:
    trainer, done = session.trainer, session.trainer.progress.warmup_steps
    clock = StageClock(done, _next_stage(session))
    limit = None if session.limits is None else session.limits.warmup(trainer.config.warmup_steps)
    schedule = StageSchedule(trainer, trainer.warmup_pace, limit, _STEPS_PER_LOG_LINE, session.note)
    if done < trainer.config.warmup_steps:
        session.stage("discriminator warm-up")
    while trainer.progress.warmup_steps < trainer.config.warmup_steps and not interrupted():
        accuracy = trainer.discriminator_warmup_step()
        step = trainer.progress.warmup_steps
        schedule.step_done(step)
        total = trainer.config.warmup_steps
        if step % _STEPS_PER_LOG_LINE == 0:
            _log(log, trainer.progress.steps, accuracy=accuracy)
        if clock.is_note_due:
            title = f"discriminator warm-up, step {step:,} of {total:,}"
            mean_accuracy = f"discriminator accuracy {format_percent(trainer.controller.accuracy)}"
            session.note(f"{title}: {mean_accuracy}; {clock.report_time_left(step, total)}")
    if trainer.initial_diversity is None and not interrupted():
        trainer.start_adversarial()
        session.note(
            f"generator: {num_parameters(trainer.generator.ema_model):,} parameters; {_describe_diversity(trainer)}"
        )


def _train_adversarially(session: GanSession, log: LogWriter, interrupted: Callable[[], bool]) -> None:
    trainer, done = session.trainer, session.trainer.progress.adversarial_steps
    clock, recent = StageClock(done), list[AdversarialStep]()
    limit = None if session.limits is None else session.limits.adversarial()
    schedule = StageSchedule(trainer, trainer.adversarial_pace, limit, trainer.config.eval_every, session.note)
    if done < trainer.config.adversarial_steps:
        session.stage("adversarial training")
    while trainer.progress.adversarial_steps < trainer.config.adversarial_steps and not interrupted():
        rollbacks_before = len(trainer.rollbacks)
        recent.append(trainer.adversarial_step())
        step = trainer.progress.adversarial_steps
        schedule.step_done(step)
        total = trainer.config.adversarial_steps
        if step % _STEPS_PER_LOG_LINE == 0 or step == total:
            _log(log, trainer.progress.steps, **recent[-1].to_log(), **_trainer_state(trainer))
        for rollback_step, reason in trainer.rollbacks[rollbacks_before:]:
            session.note(
                f"adversarial training, step {rollback_step:,}: {reason}; rolled back, adversarial weight halved"
            )
        title = f"adversarial training, step {step:,} of {total:,}"
        if step % trainer.config.eval_every == 0:
            _report_evaluation(session, title, recent, clock.report_time_left(step, total))
            recent.clear()
            schedule.checkpoint_done()
        elif clock.is_note_due:
            session.note(f"{title}: {_describe_accuracy(trainer)}; {clock.report_time_left(step, total)}")


def _report_evaluation(session: GanSession, title: str, recent: Sequence[AdversarialStep], time_left: str) -> None:
    """Report the latest measurements, save the training, and show its samples."""
    trainer = session.trainer
    measurements = (_describe_accuracy(trainer), _describe_losses(recent), _describe_diversity(trainer), time_left)
    session.note(f"{title}: {'; '.join(measurements)}")
    for line in _save_with_samples(session).splitlines():
        session.note(f"    {line}")


def _next_stage(session: GanSession) -> str:
    """Return the name of the next long stage, for progress lines such as "2 min left, then adversarial training".

    The name is empty if there are no adversarial steps.
    """
    return "adversarial training" if session.trainer.config.adversarial_steps else ""


def _log(log: LogWriter, step: int, **measurements: float) -> None:
    """Append the finite measurements to the log, under their names in `log.jsonl`."""
    log.write(step=step, **{name: value for name, value in measurements.items() if np.isfinite(value)})


def _trainer_state(trainer: GanTrainer) -> dict[str, float]:
    """Return the state of the accuracy controller and the latest diversity under their names in `log.jsonl`.

    "noise" is the standard deviation of the noise on the embeddings that the discriminator reads. "updates" is the
    number of discriminator steps in the next adversarial step.
    """
    controller, diversity = trainer.controller, trainer.latest_diversity
    diversity_by_name = {} if diversity is None else {name: float(value) for name, value in diversity._asdict().items()}
    return {
        "mean_accuracy": controller.accuracy,
        "noise": controller.noise,
        "updates": float(controller.discriminator_steps),
        **diversity_by_name,
    }


def _save(session: GanSession) -> None:
    """Save weights and training state, delete the request file, and replace the older run in the folder, if any.

    The request file contains the options of the user. A training that has the file resumes at the likelihood training,
    and one that has a saved state resumes from the state.
    """
    folder, trainer = session.folder, session.trainer
    folder.write_weights(trainer.generator.ema_model.state_dict(), trainer.progress.steps)
    snapshot = trainer.snapshot()
    limits = None if session.limits is None else session.limits.to_json()
    state = Snapshot(snapshot.tensors, {**snapshot.progress, "time_limits": limits})
    save_snapshot(folder.gan_state_file, state, folder.state_metadata())
    remove_pending_run(folder)
    folder.publish()


def _save_with_samples(session: GanSession) -> str:
    """Save weights, training state and samples, and return the samples."""
    _save(session)
    folder, step = session.folder, session.trainer.progress.adversarial_steps
    samples = _sample_grid(session)
    write_text(folder.samples_folder / f"round-{step:05d}.txt", samples)
    return samples


def _sample_grid(session: GanSession) -> str:
    """Return greedy texts for the lowest, a middle and the highest rating, one text per line.

    All ratings and all calls use the same noise vectors, so that the texts can be compared.
    """
    trainer, conditions, scale = session.trainer, session.config.conditions, _rating_scale(session)
    ratings = sorted({scale.knots[0], scale.knots[len(scale.knots) // 2], scale.knots[-1]})
    random = torch.Generator(trainer.device).manual_seed(0)
    noise = torch.randn(_SAMPLES_PER_RATING, session.config.model.noise_size, generator=random, device=trainer.device)
    lines = []
    for rating in ratings:
        condition_values = np.full((_SAMPLES_PER_RATING, len(conditions)), np.nan)  # NaN: not requested
        condition_values[:, 0] = rating
        features = torch.from_numpy(conditions.features(condition_values)).to(trainer.device)
        lines += [f"{rating:g}  {' '.join(text.split())}" for text in _greedy_texts(trainer, features, noise)]
    return "\n".join(lines) + "\n"


def _greedy_texts(trainer: GanTrainer, conditions: torch.Tensor, noise: torch.Tensor) -> list[str]:
    """Return the greedy text of the generator with averaged weights for each row of condition features and of noise."""
    model = trainer.generator.ema_model
    with torch.no_grad():
        features = generator_features(model, conditions, noise)
        random = torch.Generator(trainer.device)  # required, but at temperature 0 nothing is drawn
        max_length, boundary = trainer.config.max_length, trainer.boundary
        rollout = generate_rollout(model, features, max_length, boundary, random, sampling_temperature=0.0)
    return trainer.decode(rollout.ids())


def _metrics(session: GanSession) -> dict[str, Any]:
    """Return the content of `metrics.json`; "rounds" are adversarial steps."""
    trainer = session.trainer
    random = torch.Generator(trainer.device).manual_seed(1)
    conditions = torch.from_numpy(session.texts.conditions[:1]).to(trainer.device).expand(_NUM_GREEDY_TEXTS, -1)
    noise = torch.randn(_NUM_GREEDY_TEXTS, session.config.model.noise_size, generator=random, device=trainer.device)
    greedy_texts = _greedy_texts(trainer, conditions, noise)  # one rating: the texts differ only by their noise
    return {
        "rounds": trainer.progress.adversarial_steps,
        "rollbacks": [[step, reason] for step, reason in trainer.rollbacks],
        "inside_band": trainer.controller.band_share,
        "distinct_greedy": len(set(greedy_texts)) / _NUM_GREEDY_TEXTS,
        "variety": trainer.measure_diversity()._asdict(),
    }


def _describe_accuracy(trainer: GanTrainer) -> str:
    controller = trainer.controller
    inside = f"inside its band in {format_percent(controller.band_share)} of the steps"
    return f"discriminator accuracy {format_percent(controller.accuracy)} ({inside})"


def _describe_losses(steps: Sequence[AdversarialStep]) -> str:
    """Return the mean losses and the mean rating correlation of the steps, in words."""
    generator = _format_mean([step.generator_loss for step in steps])
    discriminator = _format_mean([step.discriminator_loss for step in steps])
    correlation = _format_mean([step.rating_correlation for step in steps])
    return f"losses: generator {generator}, discriminator {discriminator}; rating correlation {correlation}"


def _format_mean(values: Sequence[float]) -> str:
    """Return the mean of the finite values with two decimals; "unknown" if no value is finite."""
    finite = [value for value in values if math.isfinite(value)]
    return f"{sum(finite) / len(finite):.2f}" if finite else "unknown"


def _describe_diversity(trainer: GanTrainer) -> str:
    diversity = trainer.latest_diversity
    if diversity is None:
        return "diversity not measured yet"
    return f"{format_percent(diversity.distinct)} distinct bigrams, self-BLEU {diversity.self_bleu:.2f}"


def _highest_rating(session: GanSession) -> str:
    """Return the highest rating as an argument of `seqloom generate`."""
    scale = _rating_scale(session)
    column = f"{scale.name}=" if len(session.config.conditions) > 1 else ""
    return f"{column}{scale.knots[-1]:g}"


def _rating_scale(session: GanSession) -> Scale:
    scale = session.config.conditions.columns[0]
    assert isinstance(scale, Scale)
    return scale
