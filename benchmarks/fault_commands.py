"""The commands of `fault_injection.py`: what they write, and when their folder or table is in order.

Every command runs in a working folder with small corpora. `Folder` and `Table` check what a fault left there.
"""

import contextlib
import csv
import hashlib
import os
import pickle
import random
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import seqloom
from seqloom.config.options import GanOptions, TrainOptions
from seqloom.critic import Critic
from seqloom.critic.fit import fit_critic
from seqloom.critic.load import open_critic
from seqloom.critic.rate_table import rate_table
from seqloom.detector import fit, language_models
from seqloom.detector.adversarial import adversarial_rounds
from seqloom.detector.detector import Detector
from seqloom.detector.html_report import report_detector
from seqloom.detector.load import open_detector
from seqloom.detector.score_table import score_table
from seqloom.errors import UserError
from seqloom.gan.train import train_gan
from seqloom.lm.observer import TrainingObserver
from seqloom.lm.train import train
from seqloom.runs.saved_run import SavedRun
from seqloom.text_features.config import EncoderSettings
from seqloom.training.events import Event, Listener, Step

_make_detector = fit._make_detector

OWN_FILES = ("own.txt", "samples/own.txt", "state/.own")
"""Files of the user in a folder of seqloom; no command may change them."""

Snapshot = dict[str, str]
"""Hashes of files by path."""


def snapshot(folder: Path) -> Snapshot:
    """Return the hashes of all files in a folder except locks and the user's files."""
    return {
        name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != "training.lock" and (name := str(file.relative_to(folder))) not in OWN_FILES
    }


def hidden_names(folder: Path) -> list[str]:
    """Return the hidden files and folders in a folder, which a command should not leave; the user's file is no such."""
    return [str(path.relative_to(folder)) for path in folder.rglob(".*") if path.name != ".own"]


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command that writes.

    Attributes:
        name: name in the results.
        prepare: functions that write what is there before the command.
        run: function that calls the command.
        target: what the command writes.
        num_sampled: number of faults that the tests inject.
    """

    name: str
    prepare: tuple[Callable[[], Any], ...] = ()
    run: Callable[[], Any]
    target: "Folder | Table"
    num_sampled: int = 0


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder with a run, a critic or a detector.

    Attributes:
        path: folder.
        use: function that loads what is in the folder and uses it.
        identity: names of the files that decide whether two results are the same. The others contain times.
        resume: function that continues an interrupted command; None if it cannot be continued.
        restart: function that repeats the command, and replaces what is there.
        continues: whether the command itself continues a training, so that there is neither old nor new.
        needs_no_state: whether the command can be resumed from the start, before the first state was saved.
        has_own_files: whether the user has files in the folder.
    """

    path: Path
    use: Callable[[], Any]
    identity: tuple[str, ...]
    restart: Callable[[], Any]
    resume: Callable[[], Any] | None = None
    continues: bool = False
    needs_no_state: bool = False
    has_own_files: bool = True

    def write_own_files(self) -> None:
        """Write files of the user into the folder."""
        for name in OWN_FILES if self.has_own_files else ():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_text("own")

    def check(self, before: Snapshot, after: Snapshot) -> str:
        """Check the folder after a fault, run the next commands, and return what was found: old, new or none.

        Args:
            before: files before the command.
            after: files after the command without a fault.
        """
        is_usable = _succeeds(self.use)
        now = snapshot(self.path)
        if not self.continues and now == before:
            assert is_usable == bool(before), "the old content cannot be used"
            if before and self.resume is not None:
                self.resume()
                assert snapshot(self.path) == before, "resuming changed a finished run"
            outcome = "old" if before else "none"
        else:
            outcome = self._check_new(before, after, is_usable=is_usable)
        if self.has_own_files:
            assert all((self.path / name).read_text() == "own" for name in OWN_FILES), "a file of the user has changed"
        assert not hidden_names(self.path), f"left over: {hidden_names(self.path)}"
        return outcome

    def _check_new(self, before: Snapshot, after: Snapshot, *, is_usable: bool) -> str:
        now = snapshot(self.path)
        if not self.continues:
            stale = [name for name in before if now.get(name) == before[name] != after.get(name)]
            assert not stale, f"old and new files are mixed: {stale}"
        outcome = "new"
        if self.resume is None:
            assert is_usable, "the new content cannot be used"
        elif not _succeeds(self.resume):
            assert not before, "the new run replaced the old one, but cannot be resumed"
            assert not self.needs_no_state, "cannot be resumed"
            assert not (self.path / "state" / "training.safetensors").exists(), "there is a state to resume from"
            outcome = "started"
            self.restart()
        self.use()
        finished = snapshot(self.path)
        different = [name for name in self.identity if finished.get(name) != after.get(name)]
        assert not different, f"other than without a fault: {different}"
        return outcome


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table, or other single files that are each old or new.

    Attributes:
        path: folder of the files, with nothing else in it.
        restart: function that repeats the command and replaces what is there.
        resume: function that continues an interrupted command; None if it cannot be continued.
        is_reproducible: whether the command always writes the same bytes.
    """

    path: Path
    restart: Callable[[], Any]
    resume: Callable[[], Any] | None = None
    is_reproducible: bool = True

    def write_own_files(self) -> None:
        """Create the folder."""
        self.path.mkdir(parents=True, exist_ok=True)

    def check(self, before: Snapshot, after: Snapshot) -> str:
        """Check the files after a fault, repeat the command, and return what was found: old, new or none."""
        visible = {name: value for name, value in snapshot(self.path).items() if not Path(name).name.startswith(".")}
        for name, value in visible.items():
            is_new = value == after.get(name) if self.is_reproducible else name in after
            assert value == before.get(name) or is_new, f"{name} is neither old nor new"
        missing = [name for name in before if name not in visible]
        assert not missing, f"lost: {missing}"
        is_partial = any(name.endswith(".part") for name in snapshot(self.path))
        if self.resume is not None and is_partial:
            self.resume()
        else:
            self.restart()
        finished = snapshot(self.path)
        assert finished == after if self.is_reproducible else finished.keys() == after.keys(), "the repetition differs"
        assert not hidden_names(self.path), f"left over: {hidden_names(self.path)}"
        return "old" if before and visible == before else "new" if visible else "none"


def _succeeds(function: Callable[[], Any]) -> bool:
    """Call a function, and return False if it raises a clear error."""
    try:
        function()
    except UserError:
        return False
    return True


class _Interrupter(TrainingObserver):
    """Press Ctrl-C at a step."""

    def __init__(self, step: int) -> None:
        self._step = step

    def listener(self) -> Listener:
        def listen(event: Event) -> None:
            if isinstance(event, Step) and event.step == self._step:
                os.kill(os.getpid(), signal.SIGINT)

        return listen


def write_corpora() -> None:
    """Write small corpora into the working folder."""
    Path("old.txt").write_text("the quick brown fox jumps over the lazy dog. " * 12)
    Path("new.txt").write_text("pack my box with five dozen liquor jugs! " * 12)
    numbers = random.Random(0)
    words = ("good", "bad", "food", "soup", "warm", "cold", "nice", "slow")
    for name in ("old", "new"):
        rows = [[" ".join([name, *numbers.choices(words, k=6 + row % 5)]), 1 + row % 5] for row in range(400)]
        for file_name, size in ((f"{name}.csv", 400), (f"few-{name}.csv", 60)):
            with open(file_name, "w", newline="") as file:
                csv.writer(file).writerows([["text", "stars"], *rows[:size]])


def skip_slow_work(place: Path) -> None:
    """Skip work that changes no file, but takes most of the time.

    Critics and detectors that were fitted to the same texts before are read from a folder; only the language models of
    a detector are trained again, which writes files. Their training is short. Plots are not rendered: their files
    contain a hash of what they show.
    """
    language_models.train = _short_training  # type: ignore[attr-defined]
    fit._make_detector = _with_small_encoder  # type: ignore[attr-defined]
    torch.set_num_threads(1)
    Figure.savefig = _save_hash  # type: ignore[method-assign]
    for kind in (Critic, Detector):
        kind.fit = _reusing(kind.fit, place)  # type: ignore[method-assign]


def _short_training(source: Path, options: TrainOptions, *, run: Path, from_run: str | None, **_: Any) -> SavedRun:
    shape = {"hidden_size": 4} if from_run is None else {}
    sizes = {name: value for name, value in _SMALL.items() if name != "hidden_size"}
    short = TrainOptions(steps=4, text="text", level=options.level, **sizes, **shape)
    return train(source, short, run=run, from_run=from_run, with_report=False)


def _with_small_encoder(*arguments: Any, **settings: Any) -> Detector:
    detector = _make_detector(*arguments, **settings)
    detector.encoder_settings = EncoderSettings(updates=1, epochs=1)
    return detector


def _save_hash(figure: Figure, file: BinaryIO, **_settings: Any) -> None:
    shown: list[Any] = []
    for axes in figure.axes:
        shown += [line.get_xydata().tolist() for line in axes.lines]
        shown += [bar.get_bbox().bounds for bar in axes.patches if isinstance(bar, Rectangle)]
        shown += [text.get_text() for text in (axes.title, *axes.texts)]
    file.write(hashlib.sha256(repr(shown).encode()).digest())


def _reusing(fit: Callable[..., Any], place: Path) -> Callable[..., Any]:
    def fit_or_read(model: Any, texts: Any, *arguments: Any, **settings: Any) -> Any:
        trainer = getattr(model, "language_model_trainer", None)
        key = hashlib.sha256(repr((type(model), model.seed, list(texts), trainer is None)).encode()).hexdigest()
        file = place / f"{key}.pickle"
        if file.exists():
            vars(model).update(pickle.loads(file.read_bytes()))
            if trainer is not None:
                trainer(texts[::2], texts[1::2])
        else:
            fit(model, texts, *arguments, **settings)
            place.mkdir(exist_ok=True)
            file.write_bytes(pickle.dumps({name: part for name, part in vars(model).items() if name.endswith("_")}))
        return model

    return fit_or_read


_SMALL: dict[str, Any] = {"hidden_size": 4, "batch_size": 2, "sequence_length": 8, "threads": 1, "validate_every": 2}


def _train(source: str, *, with_report: bool = False, viewer: TrainingObserver | None = None) -> None:
    options = TrainOptions(steps=4, **_SMALL)
    train(source, options, run="run", overwrite=True, viewer=viewer, with_report=with_report)


def _resume(*, with_report: bool = False) -> None:
    train(run="run", resume=True, with_report=with_report)


def _train_longer() -> None:
    train(options=TrainOptions(steps=8), run="run", resume=True)


def _interrupted_training() -> None:
    with contextlib.suppress(KeyboardInterrupt):
        _train("new.txt", viewer=_Interrupter(2))


def _train_gan(source: str) -> None:
    steps = {"steps": 2, "pretrain_steps": 1, "warmup_steps": 1, "adversarial_steps": 2, "eval_every": 1}
    sizes = {
        "hidden_size": 4,
        "embedding": 4,
        "batch_size": 4,
        "pack_size": 2,
        "max_length": 14,
        "noise_size": 2,
        "threads": 1,
    }
    train_gan(source, GanOptions(text="text", rating=("stars",), **steps, **sizes), run="gan", overwrite=True)


def _fit_critic(source: str) -> None:
    fit_critic(source, run="critic", text="text", rating="stars", folds=2, overwrite=True)


def _fit_detector(real: str, generated: str, *, light: bool = True) -> None:
    fit.fit_detector(real, run="detector", generated=[generated], text="text", light=light, overwrite=True)


def _lengths(texts: Sequence[str]) -> list[float]:
    return [float(len(text)) for text in texts]


def _rate(source: str) -> None:
    rate_table(
        lambda texts: [float(len(text)) for text in texts], source, text="text", output="out/rated.csv", overwrite=True
    )


def _score(source: str, *, resume: bool = False) -> None:
    score_table("detector", source, text="text", output="out/s.csv", light=True, overwrite=not resume, resume=resume)


def _plot() -> None:
    seqloom.load("run").plot(folder=Path("out"))


def _report() -> None:
    report_detector(
        "detector", "few-new.csv", text="text", generated="few-old.csv", output=Path("out", "r.html"), overwrite=True
    )


def _duel() -> None:
    adversarial_rounds("old.csv", generator="run", run="out", text="text", rounds=1, keep=0.5, count=150)


_RUN = Folder(
    path=Path("run"),
    use=lambda: seqloom.load("run").generate(length=3, seed=1),
    identity=("config.json", "codec.json", "model.safetensors"),
    restart=lambda: _train("new.txt"),
    resume=_resume,
)
_REPORTED_RUN = Folder(
    path=Path("run"),
    use=_RUN.use,
    identity=(*_RUN.identity, "plots/entropy.png", "plots/temperature.png"),
    restart=lambda: _train("new.txt", with_report=True),
    resume=lambda: _resume(with_report=True),
)
_GAN = Folder(
    path=Path("gan"),
    use=lambda: seqloom.load("gan").generate(rating=3, length=3, seed=1),
    identity=("config.json", "codec.json", "gan.json", "model.safetensors", "likelihood/model.safetensors"),
    restart=lambda: _train_gan("new.csv"),
    resume=lambda: train_gan(run="gan", resume=True),
    needs_no_state=True,
)
_CRITIC = Folder(
    path=Path("critic"),
    use=lambda: open_critic("critic").predict(["good soup"]),
    identity=("critic.json", "critic.safetensors"),
    restart=lambda: _fit_critic("few-new.csv"),
)
_DETECTOR = Folder(
    path=Path("detector"),
    use=lambda: open_detector("detector").predict_proba(["good soup, slow and warm"]),
    identity=("detector.json", "detector.safetensors"),
    restart=lambda: _fit_detector("few-new.csv", "few-old.csv"),
)


_WHOLE_DETECTOR = replace(
    _DETECTOR,
    identity=(*_DETECTOR.identity, "real/model.safetensors", "generated/model.safetensors"),
    restart=lambda: _fit_detector("few-new.csv", "few-old.csv", light=False),
)


def _old_critic() -> None:
    _fit_critic("few-old.csv")


def _old_detector() -> None:
    _fit_detector("few-old.csv", "few-new.csv")


COMMANDS = (
    Command(name="train", run=lambda: _train("new.txt"), target=_RUN, num_sampled=8),
    Command(
        name="train --overwrite",
        prepare=(lambda: _train("old.txt", with_report=True),),
        run=lambda: _train("new.txt"),
        target=_RUN,
        num_sampled=12,
    ),
    Command(
        name="train --resume",
        prepare=(_interrupted_training,),
        run=_resume,
        target=replace(_RUN, continues=True),
        num_sampled=6,
    ),
    Command(
        name="train --resume, longer",
        prepare=(lambda: _train("new.txt", with_report=True),),
        run=_train_longer,
        target=replace(_REPORTED_RUN, continues=True, resume=_train_longer),
        num_sampled=6,
    ),
    Command(
        name="train, with report",
        run=lambda: _train("new.txt", with_report=True),
        target=_REPORTED_RUN,
    ),
    Command(name="gan train", run=lambda: _train_gan("new.csv"), target=_GAN),
    Command(
        name="gan train --overwrite",
        prepare=(lambda: _train_gan("old.csv"),),
        run=lambda: _train_gan("new.csv"),
        target=_GAN,
    ),
    Command(name="critic fit", run=lambda: _fit_critic("few-new.csv"), target=replace(_CRITIC, has_own_files=False)),
    Command(
        name="critic fit --overwrite",
        prepare=(_old_critic,),
        run=lambda: _fit_critic("few-new.csv"),
        target=_CRITIC,
        num_sampled=8,
    ),
    Command(
        name="detect fit",
        run=lambda: _fit_detector("few-new.csv", "few-old.csv"),
        target=replace(_DETECTOR, has_own_files=False),
    ),
    Command(
        name="detect fit --overwrite",
        prepare=(_old_detector,),
        run=lambda: _fit_detector("few-new.csv", "few-old.csv"),
        target=_DETECTOR,
    ),
    Command(
        name="detect fit --overwrite, with language models",
        prepare=(lambda: _fit_detector("few-old.csv", "few-new.csv", light=False),),
        run=lambda: _fit_detector("few-new.csv", "few-old.csv", light=False),
        target=_WHOLE_DETECTOR,
    ),
    Command(
        name="critic rate",
        run=lambda: _rate("few-new.csv"),
        target=Table(path=Path("out"), restart=lambda: _rate("few-new.csv")),
    ),
    Command(
        name="critic rate --overwrite",
        prepare=(lambda: _rate("few-old.csv"),),
        run=lambda: _rate("few-new.csv"),
        target=Table(path=Path("out"), restart=lambda: _rate("few-new.csv")),
        num_sampled=9,
    ),
    Command(
        name="detect score --overwrite",
        prepare=(_old_detector, lambda: _score("few-old.csv")),
        run=lambda: _score("few-new.csv"),
        target=Table(
            path=Path("out"), restart=lambda: _score("few-new.csv"), resume=lambda: _score("few-new.csv", resume=True)
        ),
    ),
    Command(
        name="plot",
        prepare=(lambda: _train("old.txt"),),
        run=_plot,
        target=Table(path=Path("out"), restart=_plot),
    ),
    Command(
        name="detect report",
        prepare=(_old_detector,),
        run=_report,
        target=Table(path=Path("out"), restart=_report, is_reproducible=False),
    ),
    Command(
        name="detect duel",
        prepare=(lambda: _train("old.txt"),),
        run=_duel,
        target=Table(path=Path("out"), restart=_duel, is_reproducible=False),
    ),
)
