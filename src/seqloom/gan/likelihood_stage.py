"""The first stage of a GAN's training: a likelihood-trained run in a subfolder of the GAN's run folder.

The likelihood training teaches a language model with ratings as input to predict the next token. The GAN's generator
starts from this model.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from seqloom.config.options import TrainOptions
from seqloom.files import write_json
from seqloom.gan.dataset import UNSEEN_SHARE, check_dataset_size
from seqloom.gan.request import LIKELIHOOD_SHARE, PendingGanRun
from seqloom.lm.observer import Report, SampleSet, TrainingObserver
from seqloom.lm.train import train
from seqloom.reporter import Reporter
from seqloom.runs.config import RunConfig
from seqloom.runs.layout import RunFolder
from seqloom.runs.migrations import FORMAT
from seqloom.runs.saved_run import SavedRun
from seqloom.training.events import Listener

__all__ = ["LikelihoodStage", "train_likelihood"]

_SUBFOLDER = "likelihood"

_MAX_WORDS = 4000
"""Default vocabulary size at the word level; texts with other words are skipped."""


class LikelihoodStage(NamedTuple):
    """Result of the likelihood training.

    Attributes:
        run: likelihood-trained run.
        seconds_left: time for the other stages, at least half of the total.
    """

    run: SavedRun
    seconds_left: float


def train_likelihood(
    folder: RunFolder,
    request: PendingGanRun,
    note: Reporter,
    viewer: TrainingObserver | None,
    *,
    overwrite: bool = False,
    resume: bool = False,
) -> LikelihoodStage:
    """Run the likelihood training, or resume it.

    Args:
        folder: run folder of the GAN.
        request: requested training; it is stored in the folder when the training starts.
        note: receives progress lines.
        viewer: observer of the likelihood training.
        overwrite: whether to replace an earlier likelihood training.
        resume: whether to resume an earlier likelihood training.

    Raises:
        UserError: source or settings are invalid.
    """
    path, start = folder.path / _SUBFOLDER, time.monotonic()
    viewer = viewer or TrainingObserver()
    if resume and RunFolder(path).holds_run:
        note("likelihood training, continued")
        run = train(run=path, resume=True, viewer=_StageObserver(viewer))
    else:
        check_dataset_size(request.source, request.others, request.draft_config, note)
        note("likelihood training")
        settings = {"level": "word", "validation": UNSEEN_SHARE, **request.others, **request.likelihood_budget}
        if settings["level"] == "word":
            settings.setdefault("vocabulary", _MAX_WORDS)
        observer = _StageObserver(
            viewer, lambda: write_json(folder.gan_request_file, {"format": FORMAT, **request.to_json()})
        )
        run = train(request.source, TrainOptions(**settings), run=path, overwrite=overwrite, viewer=observer)
    note(f"likelihood training finished; its report is {run.folder.report_file}")
    # The time before an interruption is not stored. A resumed training counts the planned time instead.
    seconds_spent = LIKELIHOOD_SHARE * request.seconds if resume else time.monotonic() - start
    return LikelihoodStage(run, max(request.seconds - seconds_spent, request.seconds / 2))


class _StageObserver(TrainingObserver):
    """Forward the events of a training to another observer, except the notes and the samples after the last step.

    Args:
        viewer: the other observer.
        on_begin: function to call when the training begins; from then on, the training can be resumed.
    """

    def __init__(self, viewer: TrainingObserver, on_begin: Callable[[], None] = lambda: None) -> None:
        self._viewer, self._on_begin = viewer, on_begin
        self._is_over = False  # whether the training steps are over, so that all further notes are final notes

    def note(self, text: str) -> None:
        if not self._is_over:
            self._viewer.note(text)

    def begin(self, config: RunConfig, units_per_token: float, units: str) -> None:
        self._on_begin()
        self._viewer.begin(config, units_per_token, units)

    def samples(self, samples: SampleSet) -> None:
        self._viewer.samples(samples)

    def listener(self) -> Listener:
        return self._viewer.listener()

    def working(self, activity: str) -> None:
        self._is_over = True
        self._viewer.working(activity)

    def finished(self, report: Report) -> None:
        self._viewer.finished(replace(report, samples=[]))
