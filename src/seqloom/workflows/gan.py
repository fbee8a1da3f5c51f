"""Training a conditional text GAN into a run folder: by likelihood first, then against a discriminator."""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from seqloom.corpora.counting import counted
from seqloom.data.conditions import Scale
from seqloom.errors import ConfigError, RunError, SourceError
from seqloom.files import write_json, write_text
from seqloom.gan.config import GanConfig
from seqloom.gan.texts import Texts, texts_of
from seqloom.gan.trainer import GanTrainer
from seqloom.gan.writing import told_of, write
from seqloom.models.language_model import LanguageModel, num_parameters
from seqloom.models.transplant import transplant
from seqloom.registry import GAN_LOSSES, resolve
from seqloom.training.checkpoint import load_snapshot, save_snapshot
from seqloom.workflows.folder import RunConfig, RunFolder
from seqloom.workflows.interrupt import ctrl_c
from seqloom.workflows.looking import draw_game
from seqloom.workflows.material import Material, prepare
from seqloom.workflows.own_text import own_source
from seqloom.workflows.replacing import in_place_of
from seqloom.workflows.run import Run, load
from seqloom.workflows.settings import as_flag, columns
from seqloom.workflows.train import train

__all__ = ["GAN_SETTINGS", "train_gan"]

Note = Callable[[str], None]

GAN_SETTINGS = tuple(field.name for field in fields(GanConfig) if field.name != "seed")
"""Settings of a GAN's own; all others are those of training by likelihood."""

_NOISE, _MINUTES = 10, 8.0
_VALIDATION = 0.05
_LIKELIHOOD, _AWAKENING = 0.25, 0.4
"""Shares of the minutes; what is left is for the rounds."""

_NOISE_WIDTH = 64
"""Features that are made of noise."""

_LEAST_UNSEEN = 16
_LOGGED = 5
"""Rounds between two lines of the log."""

_GREEDY = 500
"""Noises whose greedy texts are counted at the end."""

_SHOWN_NOISES = 3


@dataclass(frozen=True)
class _Session:
    folder: RunFolder
    config: RunConfig
    trainer: GanTrainer
    texts: Texts
    note: Note


def train_gan(
    source: str | Path | None = None,
    *,
    run: str | Path,
    from_run: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    minutes: float | None = None,
    noise: int = _NOISE,
    note: Note = lambda line: None,
    **settings: Any,
) -> Run:
    """Train a generator of rated texts against a discriminator, and return its run.

    Args:
        source: a table with a text and a rating; by default that of the run that is resumed.
        run: the folder that everything goes into; the training by likelihood is kept in `likelihood` in it.
        from_run: a run trained with a rating to begin from, in place of that training.
        resume: go on exactly where the folder's training stopped.
        overwrite: replace the run that the folder holds.
        minutes: of all training, 8 unless `rounds` and `awakening` are given; a quarter is by likelihood.
        noise: normal numbers that each text is made of.
        note: is told what is read and done.
        settings: `GAN_SETTINGS`, and those of `seqloom.train`: `text` and `rating` at least.

    Raises:
        UserError: the source, the settings or the folder are not usable.
        TrainingError: the texts collapsed again and again.
    """
    folder = RunFolder(run)
    if resume:
        given = {**settings, "source": source, "from": from_run, "minutes": minutes, "overwrite": overwrite or None}
        return _resumed(folder, {name for name, value in given.items() if value is not None}, note)
    if source is None:
        raise ConfigError("name the table to learn from, or go on with a run by --resume")
    own = {name: settings.pop(name) for name in GAN_SETTINGS if settings.get(name) is not None}
    settings = {
        name: columns(name, value) for name, value in settings.items() if value is not None and name not in GAN_SETTINGS
    }
    _check(folder, own, settings, minutes, noise, from_run, overwrite=overwrite)
    if not _begins_by_likelihood(own.get("loss")):
        own = {"awakening": 0, "likelihood": 0.0, **own}
        settings = settings if from_run is not None else {**settings, "steps": 1}
    parent = (
        _likelihood(source, folder, settings, minutes, note, overwrite=overwrite)
        if from_run is None
        else load(from_run)
    )
    _check_parent(parent, settings if from_run is not None else {})
    material = _material(parent, source, note)
    seed = int(settings.get("seed", 0))
    draft = GanConfig(**{"rounds": 1, "awakening": 1, **own, "seed": seed})
    texts, unseen = _texts(parent, material, draft, note)
    config = _run_config(parent, noise, draft)
    if "rounds" not in own or "awakening" not in own:
        trainer = _trainer(parent, config, draft, texts, unseen)
        seconds = 60 * (minutes or _MINUTES) * (1 if from_run is not None else 1 - _LIKELIHOOD)
        draft = _in_rounds(trainer, draft, own, seconds)
    note(f"{draft.awakening:,} updates by likelihood with noise, then {draft.rounds:,} rounds against a discriminator")
    config = _run_config(parent, noise, draft)
    with folder.locked(), in_place_of(folder):
        folder.write_config(config, parent.codec)
        write_json(
            folder.gan_file,
            {
                "format": 1,
                "gan": draft.to_json(),
                "source": str(Path(source).absolute()),
                "parent": str(parent.path.absolute()),
            },
        )
        return _run(_Session(folder, config, _trainer(parent, config, draft, texts, unseen), texts, note))


def _check(
    folder: RunFolder,
    own: Mapping[str, Any],
    settings: Mapping[str, Any],
    minutes: float | None,
    noise: int,
    from_run: str | Path | None,
    *,
    overwrite: bool,
) -> None:
    """Say all that is wrong before anything is read."""
    faults = []
    if minutes is not None and not 0 < minutes < float("inf"):
        faults.append(f"--minutes got {minutes:g}: choose a number above 0")
    if not 1 <= noise <= 1000:
        faults.append(f"--noise got {noise}: choose 1 to 1000 numbers")
    if from_run is None and not settings.get("rating"):
        faults.append("--rating: name the column of the rating, which the texts are written to")
    try:
        GanConfig(**{"rounds": 1, "awakening": 1, **own})
    except ConfigError as error:
        faults += error.faults
    if faults:
        raise ConfigError(*faults)
    if other := folder.other_kind:
        raise RunError(f"--run got {folder.path}, which holds a {other}: name another folder")
    if folder.holds_run and not overwrite:
        raise RunError(
            f"{folder.path} holds a run already: give --resume to go on with it, or --overwrite to replace it"
        )


def _begins_by_likelihood(loss: str | None) -> bool:
    found: bool = resolve("loss", loss or GanConfig.loss, GAN_LOSSES).from_likelihood
    return found


def _likelihood(
    source: str | Path,
    folder: RunFolder,
    settings: Mapping[str, Any],
    minutes: float | None,
    note: Note,
    *,
    overwrite: bool,
) -> Run:
    """The training that the generator begins from."""
    note("first, learning by likelihood")
    budget = {} if "steps" in settings else {"minutes": _LIKELIHOOD * (minutes or _MINUTES)}
    given = {"level": "word", "validation": _VALIDATION, **settings, **budget}
    return train(source, run=folder.path / "likelihood", overwrite=overwrite, **given)


def _check_parent(parent: Run, settings: Mapping[str, Any]) -> None:
    """Whether a run can be begun from, with settings of learning by likelihood that were given beside it.

    Raises:
        RunError: it cannot.
        ConfigError: the settings have no place, or the run read its texts otherwise.
    """
    reading = parent.config.reading.to_json()
    faults = [
        f"{as_flag(name)} got {value!r}, and {parent.path} was read with {reading[name]!r}: leave it out"
        if name in reading
        else f"{as_flag(name)} is of the training that --from takes the place of: leave it out"
        for name, value in settings.items()
        if name != "seed" and (name not in reading or value != reading[name])
    ]
    if faults:
        raise ConfigError(*faults)
    model, conditions = parent.config.model, parent.config.conditions
    if not len(conditions) or not isinstance(conditions.columns[0], Scale):
        raise RunError(f"{parent.path} was not trained with --rating: begin from a run that was")
    if model.core == "conv" or not model.embedding or model.noise:
        got = "is a GAN already" if model.noise else f"has the core {model.core} and an embedding of {model.embedding}"
        raise RunError(f"{parent.path} {got}: begin from a likelihood run of core lstm or gru with --embedding")
    if parent.codec.boundary is None:
        raise RunError(f"{parent.path} has learned running text: begin from a run of single texts")


def _material(parent: Run, source: str | Path | list[str], note: Note) -> Material:
    reading = parent.config.reading
    return prepare(source, reading, lambda corpus: parent.codec, hold_out=0.0, validation=_VALIDATION, note=note)


def _texts(parent: Run, material: Material, config: GanConfig, note: Note) -> tuple[Texts, Texts]:
    """The texts to learn from, and others.

    Raises:
        SourceError: there are too few.
    """
    tally: Counter[str] = Counter()
    parts = (material.split.train, material.split.validation)
    texts, unseen = (
        texts_of(material.store, part, parent.codec, parent.config.conditions, config.length, tally) for part in parts
    )
    for reason, count in tally.items():
        note(f"left out: {counted(count, reason)}")
    found = len(texts) + len(unseen)
    outside = tally["text with words outside the vocabulary"]
    if outside > 4 * found:
        raise SourceError(
            f"{outside:,} of {outside + found:,} texts have words that {parent.path} does not know: begin from a run "
            "of this vocabulary, or give a larger --vocabulary"
        )
    if len(texts) < 4 * config.batch or len(unseen) < _LEAST_UNSEEN:
        raise SourceError(
            f"{found:,} texts of at most {config.length - 1} tokens with a rating are too few for batches of "
            f"{config.batch}: give more texts, a larger --length, or a smaller --batch"
        )
    levels = {float(level) for level in texts.levels}
    if len(levels) < 2:
        raise SourceError("all of the texts that are left have one rating: give texts of several ratings")
    note(f"{len(texts):,} texts to learn from, {len(unseen):,} to measure the discriminator on")
    return texts, unseen


def _run_config(parent: Run, noise: int, gan: GanConfig) -> RunConfig:
    config = parent.config
    condition = config.model.condition + _NOISE_WIDTH
    model = replace(config.model, condition=condition, noise=noise, noise_width=_NOISE_WIDTH, ahead=1)
    steps = gan.awakening + gan.schooling + gan.rounds
    training = replace(config.training, total_steps=max(1, steps), lanes=gan.batch, window=gan.length, seed=gan.seed)
    return replace(config, model=model, training=training, kernels=None, parent=str(parent.path.absolute()))


def _trainer(parent: Run, config: RunConfig, gan: GanConfig, texts: Texts, unseen: Texts) -> GanTrainer:
    torch.set_num_threads(config.threads)
    model = LanguageModel(config.model, gan.seed)
    if _begins_by_likelihood(gan.loss):
        transplant(parent.model(), model)
    assert parent.codec.boundary is not None
    return GanTrainer(
        model,
        texts,
        unseen,
        gan,
        boundary=parent.codec.boundary,
        spell=lambda rows: [parent.codec.decode(row) for row in rows],
        device=torch.device("cuda" if torch.cuda.is_available() else "cpu"),
    )


def _in_rounds(trainer: GanTrainer, config: GanConfig, own: Mapping[str, Any], seconds: float) -> GanConfig:
    """The budget in updates and rounds, by how long a few of them take."""
    took = []
    for step in (trainer.awaken, trainer.school, trainer.round):
        step()
        begun = time.perf_counter()
        for _ in range(3):
            step()
        took.append((time.perf_counter() - begun) / 3)
    share = _AWAKENING / (1 - _LIKELIHOOD)
    left = (1 - share) * seconds - config.schooling * took[1]
    found: dict[str, Any] = {
        "awakening": max(1, int(share * seconds / took[0])),
        "rounds": max(1, int(left / took[2])),
    }
    return replace(config, **{name: count for name, count in found.items() if name not in own})


def _resumed(folder: RunFolder, given: set[str], note: Note) -> Run:
    if given:
        raise ConfigError(f"--resume goes on with the run's own settings: leave out {', '.join(sorted(given))}")
    if not folder.gan_file.exists():
        raise RunError(f"there is no GAN at {folder.path} to go on with: begin one with 'seqloom gan train SOURCE'")
    gan, path = folder.read_gan()
    parent, config = load(path), folder.read_config()
    snapshot = load_snapshot(folder.gan_state_file)
    if folder.metrics_file.exists():
        note(f"{folder.path} is finished")
        return load(folder.path)
    material = _material(parent, own_source(parent.config), note)
    if material.corpus.fingerprint != config.corpus_hash:
        raise RunError(f"{config.source} has changed since {folder.path} began: begin another one")
    texts, unseen = _texts(parent, material, gan, note)
    trainer = _trainer(parent, config, gan, texts, unseen)
    trainer.restore(snapshot)
    with folder.locked():
        return _run(_Session(folder, config, trainer, texts, note))


def _run(session: _Session) -> Run:
    """Train to the end, or to Ctrl-C."""
    folder, trainer = session.folder, session.trainer
    config, progress = trainer.config, trainer.progress
    log = _Log(folder, progress.awakened + progress.schooled + progress.rounds)
    with ctrl_c() as interrupted:
        while trainer.progress.awakened < config.awakening and not interrupted():
            found = trainer.awaken()
            step = trainer.progress.awakened
            if step % 10 == 0:
                log(step, nats=float(found.nats), information=float(found.information))
            if step % 200 == 0:
                session.note(f"update {step:,}: {_explained(found.nats, found.information)}")
        while trainer.progress.schooled < config.schooling and not interrupted():
            accuracy = trainer.school()
            step = trainer.progress.schooled
            if step % _LOGGED == 0:
                log(config.awakening + step, accuracy=accuracy)
        if trainer.reference is None and not interrupted():
            trainer.begin()
            session.note(f"the generator has {num_parameters(trainer.mean):,} parameters; {_varied(trainer)}")
        while trainer.progress.rounds < config.rounds and not interrupted():
            before = len(trainer.gone_back)
            one = trainer.round()
            number = trainer.progress.rounds
            if number % _LOGGED == 0 or number == config.rounds:
                log(config.awakening + config.schooling + number, **asdict(one), **_state(trainer))
            for at, why in trainer.gone_back[before:]:
                session.note(f"round {at:,}: {why}; gone back, and on with less pressure")
            if number % config.check_every == 0:
                session.note(f"round {number:,} of {config.rounds:,}: {_balanced(trainer)}; {_varied(trainer)}")
                _keep(session)
        _keep(session)
        if interrupted():
            raise KeyboardInterrupt(str(folder.path))
    write_json(folder.metrics_file, _measured(session))
    session.note(f"plot: {draw_game(load(folder.path), folder.plots_folder)}")
    session.note(f"run: {folder.path}   write with it: seqloom generate {folder.path} --rating {_example(session)}")
    return load(folder.path)


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
    balance, found = trainer.balance, trainer.found
    varied = {} if found is None else {name: float(value) for name, value in found._asdict().items()}
    return {"mean_accuracy": balance.accuracy, "noise": balance.noise, "updates": float(balance.updates), **varied}


def _keep(session: _Session) -> None:
    """Weights, state and samples."""
    folder, trainer = session.folder, session.trainer
    folder.write_weights(trainer.mean.state_dict())
    save_snapshot(folder.gan_state_file, trainer.snapshot())
    number = trainer.progress.rounds
    write_text(folder.samples_folder / f"round-{number:05d}.txt", _grid(session))


def _grid(session: _Session) -> str:
    """Texts for a fixed grid of noise and ratings."""
    trainer, scale = session.trainer, session.config.conditions.columns[0]
    assert isinstance(scale, Scale)
    ratings = sorted({scale.knots[0], scale.knots[len(scale.knots) // 2], scale.knots[-1]})
    random = torch.Generator(trainer.device).manual_seed(0)
    noise = torch.randn(_SHOWN_NOISES, session.config.model.noise, generator=random, device=trainer.device)
    lines = []
    for rating in ratings:
        values = np.full((_SHOWN_NOISES, len(session.config.conditions)), np.nan)
        values[:, 0] = rating
        told = torch.from_numpy(session.config.conditions.features(values)).to(trainer.device)
        lines += [f"{rating:g}  {' '.join(text.split())}" for text in _greedy(trainer, told, noise)]
    return "\n".join(lines) + "\n"


def _greedy(trainer: GanTrainer, ratings: torch.Tensor, noise: torch.Tensor) -> list[str]:
    """The likeliest texts of the mean weights."""
    with torch.no_grad():
        features = told_of(trainer.mean, ratings, noise)
        random = torch.Generator(trainer.device)
        drafts = write(trainer.mean, features, trainer.config.length, trainer.boundary, random, spread=0.0)
    return trainer.spell(drafts.ids())


def _measured(session: _Session) -> dict[str, Any]:
    """What is kept of the whole training."""
    trainer = session.trainer
    balance = trainer.balance
    random = torch.Generator(trainer.device).manual_seed(1)
    rating = torch.from_numpy(session.texts.ratings[:1]).to(trainer.device).expand(_GREEDY, -1)
    noise = torch.randn(_GREEDY, session.config.model.noise, generator=random, device=trainer.device)
    greedy = _greedy(trainer, rating, noise)
    return {
        "rounds": trainer.progress.rounds,
        "rollbacks": [[number, why] for number, why in trainer.gone_back],
        "inside_band": balance.inside / max(balance.rounds, 1),
        "distinct_greedy": len(set(greedy)) / _GREEDY,
        "variety": trainer.variety()._asdict(),
        "variety_before": None if trainer.reference is None else trainer.reference._asdict(),
    }


def _explained(nats: torch.Tensor, information: torch.Tensor) -> str:
    return f"{float(nats):.1f} nats a text besides {float(information):.1f} that the noise tells"


def _balanced(trainer: GanTrainer) -> str:
    balance = trainer.balance
    return (
        f"the discriminator is right in {100 * balance.accuracy:.0f} %, and was inside its band in "
        f"{100 * balance.inside / max(balance.rounds, 1):.0f} % of the rounds"
    )


def _varied(trainer: GanTrainer) -> str:
    found = trainer.found
    if found is None:
        return "not looked at yet"
    return f"{100 * found.distinct:.0f} % of pairs of tokens distinct, self-BLEU {found.self_bleu:.2f}"


def _example(session: _Session) -> str:
    scale = session.config.conditions.columns[0]
    assert isinstance(scale, Scale)
    return f"{scale.knots[-1]:g}"
