"""Training a conditional text GAN into a run folder: by likelihood first, then against a discriminator."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from seqloom.config import JsonSerializable
from seqloom.config.gan import GanConfig
from seqloom.config.options import GanOptions, TrainOptions
from seqloom.config.settings import check_range, check_type, fields_of
from seqloom.corpora.sources import check_source
from seqloom.data.conditions import Scale
from seqloom.errors import ConfigError, RunError
from seqloom.files import write_json
from seqloom.gan.dataset import UNSEEN, build_dataset, check_dataset_size, load_table
from seqloom.gan.layout import read_gan_config
from seqloom.gan.schedule import fit_schedule
from seqloom.gan.session import GanSession, run_session
from seqloom.gan.short_texts import ShortTexts
from seqloom.gan.trainer import GanTrainer
from seqloom.lm.observer import Report, SampleSet, TrainingObserver
from seqloom.lm.options import resolve_options, to_builtin
from seqloom.lm.train import train
from seqloom.models.language_model import LanguageModel
from seqloom.models.weight_transfer import transfer_weights
from seqloom.plural import counted
from seqloom.registry import GAN_LOSSES, resolve
from seqloom.runs.checks import check_run_folder
from seqloom.runs.config import RunConfig
from seqloom.runs.layout import RunFolder
from seqloom.runs.migrations import FORMAT, migrate
from seqloom.runs.replace import discard_backup, replacing_run
from seqloom.runs.saved_run import SavedRun
from seqloom.runs.training_corpus import training_source
from seqloom.training.checkpoint import load_snapshot
from seqloom.training.events import Listener
from seqloom.training.threads import restored_threads

__all__ = ["GAN_SETTINGS", "train_gan"]

Note = Callable[[str], None]

GAN_SETTINGS = tuple(name for name in fields_of(GanConfig) if name != "seed")
"""Settings of a GAN's own; all others are those of training by likelihood."""

_NOISE, _MINUTES = 10, 8.0
_LIKELIHOOD = 0.15
"""Share of the minutes that is for learning by likelihood alone."""

_WORDS = 4000
"""Words of the vocabulary; texts with others are left out."""

_LIKELIHOOD_RUN = "likelihood"
"""The folder, in the GAN's, of the training by likelihood."""

_MANY = 1_000_000
"""Updates and rounds while it is not known how many there will be."""

_NOISE_WIDTH = 64
"""Features that are made of noise."""

_NEVER = -20.0
"""Logit of a token that is not to be written."""


@restored_threads()
def train_gan(
    source: str | Path | None = None,
    options: GanOptions | None = None,
    *,
    run: str | Path,
    from_run: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    note: Note = lambda line: None,
    viewer: TrainingObserver | None = None,
) -> SavedRun:
    """Train a generator of rated texts against a discriminator, and return its run.

    Args:
        source: a table with a text and a rating; by default that of the run that is resumed.
        options: settings, `text` and `rating` at least; None, and options that are None, are chosen.
        run: the folder that everything goes into; the training by likelihood is kept in `likelihood` in it.
        from_run: a run trained with a rating to begin from, in place of that training.
        resume: go on exactly where the folder's training stopped.
        overwrite: replace the run that the folder holds.
        note: is told what is read and done.
        viewer: is shown the training by likelihood.

    Raises:
        UserError: the source, the settings or the folder are not usable.
        TrainingError: the texts collapsed again and again, or a network diverged.
        KeyboardInterrupt: Ctrl-C was pressed; it has an argument if there is something to go on with.
    """
    folder = RunFolder(run)
    chosen = {name: to_builtin(name, value) for name, value in (options or GanOptions()).chosen().items()}
    if resume:
        arguments = {"source": source is not None, "from_run": from_run is not None, "overwrite": overwrite}
        set_names = {*chosen, *(name for name, present in arguments.items() if present)}
        return _resumed(folder, set_names, note, viewer)
    if source is None:
        raise ConfigError("name the table to learn from, or go on with a run by `resume`")
    noise_size, minutes = chosen.pop("noise_size", _NOISE), chosen.pop("minutes", None)
    own = {name: value for name, value in chosen.items() if name in GAN_SETTINGS}
    others = {name: value for name, value in chosen.items() if name not in GAN_SETTINGS}
    _check(folder, own, others, minutes, noise_size, from_run, overwrite=overwrite)
    if not _begins_by_likelihood(own.get("loss")):
        own = {"pretrain_steps": 0, "likelihood_weight": 0.0, **own}
        others = others if from_run is not None else {**others, "steps": 1}
    if str(source) == "-":
        raise ConfigError("a GAN reads its table more than once, and standard input is gone then: name a file")
    check_source(source)
    asked = PendingGanRun(
        str(Path(source).absolute() if Path(source).exists() else source), own, others, minutes, noise_size
    )
    if from_run is None:
        return _by_likelihood(folder, asked, note, viewer, overwrite=overwrite)
    parent = SavedRun(from_run)
    _check_settings(parent, others)
    return _begun(folder, asked, parent, asked.seconds, note)


@dataclass(frozen=True)
class PendingGanRun(JsonSerializable):
    """What a person asked of a GAN; kept while it is not decided yet how many rounds that is.

    Attributes:
        source: the table.
        own: those of `GAN_SETTINGS` that were given.
        others: settings of the training by likelihood.
        minutes: of all training, where they were given.
        noise_size: dimension of the Gaussian noise.
    """

    source: str
    own: Mapping[str, Any]
    others: Mapping[str, Any]
    minutes: float | None
    noise_size: int

    @property
    def seconds(self) -> float:
        """Of all training."""
        return 60 * (self.minutes or _MINUTES)

    @property
    def draft(self) -> GanConfig:
        """How the GAN is trained, with far more updates and rounds than there is time for where that is not said."""
        chosen = {"adversarial_steps": _MANY, "pretrain_steps": _MANY, **self.own, "seed": self.others.get("seed", 0)}
        return GanConfig.from_json(chosen)

    @property
    def budget(self) -> dict[str, float]:
        """Of the training by likelihood."""
        return {} if {"steps", "epochs"} & self.others.keys() else {"minutes": _LIKELIHOOD * self.seconds / 60}


def _by_likelihood(
    folder: RunFolder,
    asked: PendingGanRun,
    note: Note,
    viewer: TrainingObserver | None,
    *,
    overwrite: bool = False,
    resume: bool = False,
) -> SavedRun:
    """Begin by learning by likelihood, in a folder of its own; or go on with that."""
    run, begun = folder.path / _LIKELIHOOD_RUN, time.monotonic()
    if resume and RunFolder(run).holds_run:
        note("first, the rest of learning by likelihood")
        parent = train(run=run, resume=True, viewer=_OnTheWay(viewer or TrainingObserver()))
    else:
        check_dataset_size(asked.source, asked.others, asked.draft, note)
        note("first, learning by likelihood")
        settings = {"level": "word", "validation": UNSEEN, **asked.others, **asked.budget}
        if settings["level"] == "word":
            settings.setdefault("vocabulary", _WORDS)
        shown = _OnTheWay(
            viewer or TrainingObserver(),
            lambda: write_json(folder.gan_request_file, {"format": FORMAT, **asked.to_json()}),
        )
        parent = train(asked.source, TrainOptions(**settings), run=run, overwrite=overwrite, viewer=shown)
    note(f"learned by likelihood; what it came to is in {parent.folder.report_file}")
    spent = _LIKELIHOOD * asked.seconds if resume else time.monotonic() - begun
    return _begun(folder, asked, parent, max(asked.seconds - spent, asked.seconds / 2), note)


class _OnTheWay(TrainingObserver):
    """Shows a training that is only a beginning to another viewer: what it came to is left in its folder.

    Args:
        viewer: the other.
        remember: done when training begins, from when on it can be gone on with.
    """

    def __init__(self, viewer: TrainingObserver, remember: Callable[[], None] = lambda: None) -> None:
        self._viewer, self._remember = viewer, remember
        self._over = False

    def note(self, text: str) -> None:
        if not self._over:
            self._viewer.note(text)

    def begin(self, config: RunConfig, characters_per_token: float) -> None:
        self._remember()
        self._viewer.begin(config, characters_per_token)

    def samples(self, written: SampleSet) -> None:
        self._viewer.samples(written)

    def listener(self) -> Listener:
        return self._viewer.listener()

    def working(self, at: str) -> None:
        self._over = True
        self._viewer.working(at)

    def finished(self, report: Report) -> None:
        self._viewer.finished(replace(report, samples=[]))


def _asked(folder: RunFolder) -> PendingGanRun:
    stored = migrate({"format": 1, **folder.read_json(folder.gan_request_file)}, str(folder.gan_request_file))
    try:
        asked = PendingGanRun.from_json(stored)
        others = {name: tuple(value) if isinstance(value, list) else value for name, value in asked.others.items()}
        return replace(asked, others=others)
    except (ConfigError, AttributeError) as error:
        raise RunError(f"{folder.gan_request_file} is damaged ({error}): begin again with `overwrite`") from None


def _begun(folder: RunFolder, asked: PendingGanRun, parent: SavedRun, seconds: float, note: Note) -> SavedRun:
    """Go on from a run that has learned by likelihood."""
    _check_parent(parent)
    material = load_table(parent, asked.source, note)
    draft = asked.draft
    texts, unseen = build_dataset(parent, material, draft, note)
    config = _run_config(parent, asked.noise_size, draft)
    if not {"adversarial_steps", "pretrain_steps"} <= asked.own.keys():
        draft = fit_schedule(_trainer(parent, config, draft, texts, unseen), draft, asked.own, seconds, note)
    plan = f"{counted(draft.pretrain_steps, 'update')} by likelihood with noise"
    note(f"{plan}, then {counted(draft.adversarial_steps, 'round')} against a discriminator")
    config = replace(
        _run_config(parent, asked.noise_size, draft),
        sources=(asked.source,),
        corpus=material.corpus.name,
        corpus_hash=material.corpus.fingerprint,
    )
    with folder.locked(), replacing_run(folder):
        folder.write_config(config, parent.codec)
        stored = {"gan": draft.to_json(), "source": asked.source, "parent": str(parent.path.absolute())}
        write_json(folder.gan_file, {"format": FORMAT, **stored})
        return run_session(GanSession(folder, config, _trainer(parent, config, draft, texts, unseen), texts, note))


def _check(
    folder: RunFolder,
    own: Mapping[str, Any],
    settings: Mapping[str, Any],
    minutes: float | None,
    noise_size: int,
    from_run: str | Path | None,
    *,
    overwrite: bool,
) -> None:
    """Say all that is wrong before anything is read."""
    faults = []
    for name, value in (("minutes", minutes), ("noise_size", noise_size)):
        info = fields_of(GanOptions)[name]
        is_typed, message = check_type(info, value)
        is_met, message = check_range(info, value) if is_typed else (False, message)
        if not is_met:
            faults.append(message)
    if from_run is None and not settings.get("rating"):
        faults.append("`rating`: name the column of the rating, which the texts are written to")
    try:
        GanConfig(**{"adversarial_steps": 1, "pretrain_steps": 1, **own, "seed": settings.get("seed", 0)})
    except ConfigError as error:
        faults += error.faults
    if from_run is None:
        faults += _wrong_beginning(settings)
    if faults:
        raise ConfigError(*faults)
    check_run_folder(folder, overwrite=overwrite, from_run=None if from_run is None else Path(from_run))


def _wrong_beginning(settings: Mapping[str, Any]) -> list[str]:
    """What makes settings of learning by likelihood of no use for a GAN."""
    try:
        resolve_options(TrainOptions(**{"level": "word", **settings, "seed": None}))
    except ConfigError as error:
        return list(error.faults)
    usable = (
        (settings.get("core") != "conv", "`core` got conv: a GAN writes with an lstm or a gru"),
        (settings.get("embedding") != 0, "`embedding` got 0: a GAN needs one; leave it out, or give its width"),
        (
            settings.get("validation", UNSEEN) == UNSEEN,
            f"`validation` is {UNSEEN:g} where a GAN is trained: leave it out",
        ),
    )
    return [said for held, said in usable if not held]


def _begins_by_likelihood(loss: str | None) -> bool:
    found: bool = resolve("loss", loss or GanConfig.loss, GAN_LOSSES).from_likelihood
    return found


def _check_settings(parent: SavedRun, settings: Mapping[str, Any]) -> None:
    """Whether settings of learning by likelihood have a place beside a run to begin from.

    Raises:
        ConfigError: they have not, or the run read its texts otherwise.
    """
    resolve_options(TrainOptions(**settings))
    reading = parent.config.reading.to_json()
    faults = [
        f"`{name}` got {value!r}, and {parent.path} was read with {reading[name]!r}: leave it out"
        if name in reading
        else f"`{name}` belongs to the training that `from_run` replaces: leave it out"
        for name, value in settings.items()
        if name != "seed" and (name not in reading or value != reading[name])
    ]
    if faults:
        raise ConfigError(*faults)


def _check_parent(parent: SavedRun) -> None:
    """Whether a run can be begun from.

    Raises:
        RunError: it cannot.
    """
    model, conditions = parent.config.model, parent.config.conditions
    if not len(conditions) or not isinstance(conditions.columns[0], Scale):
        raise RunError(f"{parent.path} was not trained with `rating`: begin from a run that was")
    if model.core == "conv" or not model.embedding or model.noise_size:
        got = (
            "is a GAN already"
            if model.noise_size
            else f"has the core {model.core} and an embedding of {model.embedding}"
        )
        raise RunError(f"{parent.path} {got}: begin from a likelihood run of core lstm or gru with `embedding`")
    if parent.codec.boundary is None:
        raise RunError(f"{parent.path} has learned running text: begin from a run of single texts")


def _run_config(parent: SavedRun, noise_size: int, gan: GanConfig) -> RunConfig:
    config = parent.config
    features = config.model.num_condition_features + _NOISE_WIDTH
    model = replace(
        config.model,
        num_condition_features=features,
        noise_size=noise_size,
        noise_width=_NOISE_WIDTH,
        prediction_heads=1,
    )
    steps = gan.pretrain_steps + gan.warmup_steps + gan.adversarial_steps
    training = replace(
        config.training,
        total_steps=max(1, steps),
        batch_size=gan.batch_size,
        sequence_length=gan.max_length,
        seed=gan.seed,
        validation=UNSEEN,
    )
    return replace(config, model=model, training=training, kernels=None, parent=str(parent.path.absolute()))


def _trainer(
    run: SavedRun, config: RunConfig, gan: GanConfig, texts: ShortTexts, unseen: ShortTexts, *, fresh: bool = True
) -> GanTrainer:
    """Both networks, of which the generator knows what `run` does; or nothing, where all is put back from its state."""
    torch.set_num_threads(config.threads)
    model = LanguageModel(config.model, gan.seed)
    if fresh and _begins_by_likelihood(gan.loss):
        transfer_weights(run.model(), model)
    if fresh:
        _silence(model, texts, unseen)
    assert run.codec.boundary is not None
    return GanTrainer(
        model,
        texts,
        unseen,
        gan,
        boundary=run.codec.boundary,
        spell=lambda rows: [run.codec.decode(row) for row in rows],
        device=torch.device("cuda" if torch.cuda.is_available() else "cpu"),
    )


@torch.no_grad()
def _silence(model: LanguageModel, *texts: ShortTexts) -> None:
    """Make tokens that none of the texts has unlikely: those that spell words which the vocabulary lacks, above all."""
    known = np.unique(np.concatenate([np.unique(some.tokens) for some in texts]))
    never = np.setdiff1d(np.arange(model.config.vocabulary), known)
    model.head.bias[torch.from_numpy(never)] = _NEVER


def _resumed(folder: RunFolder, set_names: set[str], note: Note, viewer: TrainingObserver | None) -> SavedRun:
    if set_names:
        names = ", ".join(f"`{name}`" for name in sorted(set_names))
        raise ConfigError(f"`resume` continues with the run's own settings: leave out {names}")
    if folder.gan_request_file.exists():
        return _by_likelihood(folder, _asked(folder), note, viewer, resume=True)
    if not folder.gan_file.exists():
        raise RunError(f"there is no GAN at {folder.path} to go on with: begin one with 'seqloom gan train SOURCE'")
    (gan, parent), config = read_gan_config(folder), folder.read_config()
    kept = folder.gan_state_file.exists()
    run = SavedRun(folder.path if kept else parent)
    if kept and folder.metrics_file.exists():
        note(f"{folder.path} is finished")
        return run
    material = load_table(run, training_source(config), note)
    if material.corpus.fingerprint != config.corpus_hash:
        raise RunError(f"{config.source} has changed since {folder.path} began: begin another one")
    texts, unseen = build_dataset(run, material, gan, note)
    trainer = _trainer(run, config, gan, texts, unseen, fresh=not kept)
    if kept:
        try:
            trainer.restore(load_snapshot(folder.gan_state_file))
        except (ConfigError, KeyError, TypeError, ValueError, RuntimeError):
            raise RunError(
                f"{folder.gan_state_file} is not of the GAN that {folder.gan_file.name} and {folder.config_file.name} "
                "tell of: put back what was changed there, or begin again with `overwrite`"
            ) from None
    with folder.locked():
        finished = run_session(GanSession(folder, config, trainer, texts, note))
        discard_backup(folder)
        return finished
