"""The first stage of a GAN's training: a likelihood-trained run in a subfolder of the GAN's run folder.

The likelihood training teaches a language model with ratings as input to predict the next token. The GAN's generator
starts from this model.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from seqloom.config.options import TrainOptions
from seqloom.gan.dataset import UNSEEN_SHARE
from seqloom.gan.request import PendingGanRun
from seqloom.lm.observer import Report, SampleSet, TrainingObserver
from seqloom.lm.session import TrainingSession
from seqloom.lm.train import train
from seqloom.reporter import Reporter
from seqloom.runs.config import RunConfig
from seqloom.runs.layout import RunFolder
from seqloom.runs.saved_run import SavedRun
from seqloom.stopwatch import Stopwatch
from seqloom.training.events import Listener

__all__ = ["train_likelihood"]

_MIN_SECONDS_WITH_REPORT = 30.0
"""Shortest time budget of a likelihood training that ends with a report."""

_MAX_WORDS = 4000
"""Default vocabulary size at the word level; texts with other words are skipped."""


def train_likelihood(
    folder: RunFolder,
    request: PendingGanRun,
    note: Reporter,
    viewer: TrainingObserver | None,
    stopwatch: Stopwatch,
    check: Callable[[TrainingSession], None],
    *,
    resume: bool = False,
) -> SavedRun:
    """Run the likelihood training, or resume it; without a state to resume from, it starts again.

    Args:
        folder: run folder of the GAN.
        request: requested training.
        note: receives progress lines.
        viewer: observer of the likelihood training.
        stopwatch: stopwatch that was started with the likelihood training.
        check: receives a new likelihood training before it begins, and may raise an error.
        resume: whether to resume an earlier likelihood training.

    Raises:
        UserError: source or settings are invalid.
    """
    likelihood_folder = folder.likelihood_folder
    viewer = viewer or TrainingObserver()
    likelihood_folder.settle()
    if resume and likelihood_folder.state_file.exists():
        note("likelihood training, continued")
        run = train(run=likelihood_folder, resume=True, viewer=_StageObserver(viewer), stopwatch=stopwatch)
    else:
        note("likelihood training")
        settings = {"level": "word", "validation": UNSEEN_SHARE, **request.others, **request.likelihood_budget}
        if settings["level"] == "word":
            settings.setdefault("vocabulary", _MAX_WORDS)
        observer = _StageObserver(viewer)
        run = train(
            request.source,
            TrainOptions(**settings),
            run=likelihood_folder,
            overwrite=True,
            viewer=observer,
            stopwatch=stopwatch,
            check=check,
            with_report=request.likelihood_seconds is None or request.likelihood_seconds >= _MIN_SECONDS_WITH_REPORT,
        )
    report = run.folder.report_file
    note(f"likelihood training finished{f'; its report is {run.path / report.name}' if report.exists() else ''}")
    return run


class _StageObserver(TrainingObserver):
    """Forward the events of a training to another observer, except the notes and the samples after the last step.

    Args:
        viewer: the other observer.
    """

    def __init__(self, viewer: TrainingObserver) -> None:
        self._viewer = viewer
        self._is_over = False  # whether the training steps are over, so that all further notes are final notes

    def note(self, text: str) -> None:
        if not self._is_over:
            self._viewer.note(text)

    def begin(
        self, config: RunConfig, units_per_token: float, units: str, earlier_losses: Sequence[float] = ()
    ) -> None:
        self._viewer.begin(config, units_per_token, units, earlier_losses)

    def samples(self, samples: SampleSet) -> None:
        self._viewer.samples(samples)

    def listener(self) -> Listener:
        return self._viewer.listener()

    def working(self, activity: str) -> None:
        self._is_over = True
        self._viewer.working(activity)

    def finished(self, report: Report) -> None:
        self._viewer.finished(replace(report, samples=[]))
