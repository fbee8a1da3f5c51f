"""The rounds of a GAN in its run folder: what is logged, kept, shown and measured while it trains."""

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from seqloom.config.gan import GanConfig
from seqloom.data.conditions import Scale
from seqloom.files import write_json, write_text
from seqloom.gan.plots import draw_gan_training
from seqloom.gan.rollout import generate_rollout, generator_features
from seqloom.gan.short_texts import ShortTexts
from seqloom.gan.trainer import AdversarialStep, GanTrainer
from seqloom.models.language_model import num_parameters
from seqloom.runs.config import RunConfig
from seqloom.runs.layout import RunFolder
from seqloom.runs.saved_run import SavedRun
from seqloom.training.checkpoint import save_snapshot
from seqloom.training.interrupt import interrupt_flag

__all__ = ["GanSession", "medium_matmul_precision", "run_session"]

_LOGGED = 5
"""Rounds between two lines of the log."""

_GREEDY = 500
"""Noises whose greedy texts are counted at the end."""

_SHOWN_NOISES = 3

_PATIENCE = 15.0
"""Seconds after which a person would like to hear something."""


@dataclass(frozen=True)
class GanSession:
    """One training.

    Attributes:
        folder: that everything goes into.
        config: of the run.
        trainer: of both networks, where training goes on.
        texts: that are learned from.
        note: is told what is done.
    """

    folder: RunFolder
    config: RunConfig
    trainer: GanTrainer
    texts: ShortTexts
    note: Callable[[str], None]


@contextmanager
def medium_matmul_precision() -> Iterator[None]:
    """Matrix products may round to bfloat16 where a processor has units for that: a third faster, and as good."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@medium_matmul_precision()
def run_session(game: GanSession) -> SavedRun:
    """Train to the end, or to Ctrl-C.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; with the folder as its argument where there is something to go on with.
        TrainingError: the texts collapsed again and again, or a network diverged.
    """
    try:
        return _played_out(game)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(*[str(game.folder.path)] * game.folder.gan_state_file.exists()) from None


def _played_out(game: GanSession) -> SavedRun:
    folder, progress = game.folder, game.trainer.progress
    log = _Log(folder, progress.awakened + progress.schooled + progress.rounds)
    with interrupt_flag() as interrupted:
        for stage in (_awaken, _school, _play_rounds):
            stage(game, log, interrupted)
        _keep(game)
        if interrupted():
            raise KeyboardInterrupt
    write_json(folder.metrics_file, _measured(game))
    game.note(f"plot: {draw_gan_training(SavedRun(folder.path), folder.plots_folder)}")
    game.note(f"run: {folder.path}   write with it: seqloom generate {folder.path} --rating {_example(game)}")
    return SavedRun(folder.path)


def _awaken(game: GanSession, log: "_Log", interrupted: Callable[[], bool]) -> None:
    trainer, total = game.trainer, game.trainer.config.pretrain_steps
    clock = _Clock(trainer.progress.awakened, total, _then(trainer.config))
    while trainer.progress.awakened < total and not interrupted():
        found = trainer.pretrain_step()
        step = trainer.progress.awakened
        if step % 10 == 0:
            log(step, nats=float(found.nats), information=float(found.information))
        if step % 200 == 0:
            _save(game)
        if step == total or clock.due:
            told = f"{float(found.nats):.1f} nats a text besides {float(found.information):.1f} that the noise tells"
            game.note(f"update {step:,} of {total:,}: {told}; {clock.left(step)}")


def _school(game: GanSession, log: "_Log", interrupted: Callable[[], bool]) -> None:
    trainer, config = game.trainer, game.trainer.config
    clock = _Clock(trainer.progress.schooled, config.warmup_steps, _then(config))
    while trainer.progress.schooled < config.warmup_steps and not interrupted():
        accuracy = trainer.discriminator_warmup_step()
        step = trainer.progress.schooled
        if step % _LOGGED == 0:
            log(config.pretrain_steps + step, accuracy=accuracy)
        if clock.due:
            right = f"the discriminator is right in {100 * trainer.balance.accuracy:.0f} %"
            game.note(f"schooling, update {step:,} of {config.warmup_steps:,}: {right}; {clock.left(step)}")
    if trainer.reference is None and not interrupted():
        trainer.start_adversarial()
        game.note(f"the generator has {num_parameters(trainer.mean):,} parameters; {_varied(trainer)}")


def _play_rounds(game: GanSession, log: "_Log", interrupted: Callable[[], bool]) -> None:
    trainer, config = game.trainer, game.trainer.config
    clock, seen = _Clock(trainer.progress.rounds, config.adversarial_steps), list[AdversarialStep]()
    while trainer.progress.rounds < config.adversarial_steps and not interrupted():
        before = len(trainer.rollbacks)
        seen.append(trainer.adversarial_step())
        number = trainer.progress.rounds
        if number % _LOGGED == 0 or number == config.adversarial_steps:
            log(config.pretrain_steps + config.warmup_steps + number, **asdict(seen[-1]), **_state(trainer))
        for at, why in trainer.rollbacks[before:]:
            game.note(f"round {at:,}: {why}; gone back, and on with less pressure")
        if number % config.eval_every == 0:
            told = "; ".join((_balanced(trainer), _played(seen), _varied(trainer), clock.left(number)))
            game.note(f"round {number:,} of {config.adversarial_steps:,}: {told}")
            for line in _keep(game).splitlines():
                game.note(f"    {line}")
            seen.clear()
        elif clock.due:
            game.note(f"round {number:,} of {config.adversarial_steps:,}: {_balanced(trainer)}; {clock.left(number)}")


def _then(config: GanConfig) -> str:
    return ", and the rounds after it" if config.adversarial_steps else ""


class _Clock:
    """Says how long the rest of a stage takes, by how long what is done of it took, and when to say something.

    Args:
        done: steps of it that are done.
        total: that it has.
        then: what comes after it, in words.
    """

    def __init__(self, done: int, total: int, then: str = "") -> None:
        self._from, self._total, self._then, self._begun = done, total, then, time.monotonic()
        self._said = self._begun

    @property
    def due(self) -> bool:
        """Whether a person has waited for long since the time that was left was told."""
        return time.monotonic() - self._said > _PATIENCE

    def left(self, done: int) -> str:
        """In words, when so many steps are done."""
        self._said = time.monotonic()
        each = (self._said - self._begun) / max(1, done - self._from)
        seconds = each * (self._total - done)
        return (f"{seconds / 60:.0f} min left" if seconds >= 90 else f"{seconds:.0f} s left") + self._then


class _Log:
    """Appends to `log.jsonl`; lines from beyond where training goes on are dropped."""

    def __init__(self, folder: RunFolder, resumed_at: int) -> None:
        self._file = folder.log_file
        kept = [line for line in folder.read_log() if line["step"] <= resumed_at]
        write_text(self._file, "".join(json.dumps(line) + "\n" for line in kept))

    def __call__(self, step: int, **numbers: float) -> None:
        known = {name: value for name, value in numbers.items() if np.isfinite(value)}
        with open(self._file, "a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **known}) + "\n")


def _state(trainer: GanTrainer) -> dict[str, float]:
    balance, found = trainer.balance, trainer.latest_diversity
    varied = {} if found is None else {name: float(value) for name, value in found._asdict().items()}
    return {"mean_accuracy": balance.accuracy, "noise": balance.noise, "updates": float(balance.updates), **varied}


def _save(game: GanSession) -> None:
    """Weights and state, from when on nothing before them is needed to go on."""
    folder, trainer = game.folder, game.trainer
    folder.write_weights(trainer.mean.state_dict())
    save_snapshot(folder.gan_state_file, trainer.snapshot())
    folder.gan_request_file.unlink(missing_ok=True)


def _keep(game: GanSession) -> str:
    """Weights, state and samples; gives the samples."""
    _save(game)
    folder, number = game.folder, game.trainer.progress.rounds
    samples = _grid(game)
    write_text(folder.samples_folder / f"round-{number:05d}.txt", samples)
    return samples


def _grid(game: GanSession) -> str:
    """Texts for a fixed grid of noise and ratings."""
    trainer, scale = game.trainer, game.config.conditions.columns[0]
    assert isinstance(scale, Scale)
    ratings = sorted({scale.knots[0], scale.knots[len(scale.knots) // 2], scale.knots[-1]})
    random = torch.Generator(trainer.device).manual_seed(0)
    noise = torch.randn(_SHOWN_NOISES, game.config.model.noise_size, generator=random, device=trainer.device)
    lines = []
    for rating in ratings:
        values = np.full((_SHOWN_NOISES, len(game.config.conditions)), np.nan)
        values[:, 0] = rating
        told = torch.from_numpy(game.config.conditions.features(values)).to(trainer.device)
        lines += [f"{rating:g}  {' '.join(text.split())}" for text in _greedy(trainer, told, noise)]
    return "\n".join(lines) + "\n"


def _greedy(trainer: GanTrainer, ratings: torch.Tensor, noise: torch.Tensor) -> list[str]:
    """The likeliest texts of the mean weights."""
    with torch.no_grad():
        features = generator_features(trainer.mean, ratings, noise)
        random = torch.Generator(trainer.device)
        drafts = generate_rollout(
            trainer.mean, features, trainer.config.max_length, trainer.boundary, random, spread=0.0
        )
    return trainer.spell(drafts.ids())


def _measured(game: GanSession) -> dict[str, Any]:
    """What is kept of the whole training."""
    trainer = game.trainer
    balance = trainer.balance
    random = torch.Generator(trainer.device).manual_seed(1)
    rating = torch.from_numpy(game.texts.ratings[:1]).to(trainer.device).expand(_GREEDY, -1)
    noise = torch.randn(_GREEDY, game.config.model.noise_size, generator=random, device=trainer.device)
    greedy = _greedy(trainer, rating, noise)
    return {
        "rounds": trainer.progress.rounds,
        "rollbacks": [[number, why] for number, why in trainer.rollbacks],
        "inside_band": balance.rounds_in_band / max(balance.rounds, 1),
        "distinct_greedy": len(set(greedy)) / _GREEDY,
        "variety": trainer.diversity()._asdict(),
    }


def _balanced(trainer: GanTrainer) -> str:
    balance = trainer.balance
    return (
        f"the discriminator is right in {100 * balance.accuracy:.0f} %, and was inside its band in "
        f"{100 * balance.rounds_in_band / max(balance.rounds, 1):.0f} % of the rounds"
    )


def _played(rounds: Sequence[AdversarialStep]) -> str:
    """What both lost since the last look, and how well the wanted ratings are read in the texts."""
    found = {}
    for name in ("generator", "discriminator", "rating"):
        known = [getattr(one, name) for one in rounds if math.isfinite(getattr(one, name))]
        found[name] = f"{sum(known) / len(known):.2f}" if known else "unknown"
    return f"losses {found['generator']} and {found['discriminator']}, wanted ratings are read with r {found['rating']}"


def _varied(trainer: GanTrainer) -> str:
    found = trainer.latest_diversity
    if found is None:
        return "not looked at yet"
    return f"{100 * found.distinct:.0f} % of pairs of tokens distinct, self-BLEU {found.self_bleu:.2f}"


def _example(game: GanSession) -> str:
    """The best rating, as `seqloom generate` is told it."""
    scale = game.config.conditions.columns[0]
    assert isinstance(scale, Scale)
    named = f"{scale.name}=" if len(game.config.conditions) > 1 else ""
    return f"{named}{scale.knots[-1]:g}"
