"""Time the steps of a GAN before its likelihood training, to refuse too short a time at once."""

from dataclasses import dataclass

from seqloom.gan.checks import check_parent
from seqloom.gan.dataset import build_dataset
from seqloom.gan.parent import UntrainedParent
from seqloom.gan.request import PendingGanRun
from seqloom.gan.schedule import fit_schedule
from seqloom.gan.setup import gan_run_config, make_trainer
from seqloom.gan.step_timing import StepSeconds, measure_step_seconds
from seqloom.lm.session import TrainingSession
from seqloom.reporter import Reporter, silent
from seqloom.stopwatch import Stopwatch, TimeBudget

__all__ = ["EarlyTiming"]


@dataclass
class EarlyTiming:
    """Check of the texts and of the time before the likelihood training.

    Attributes:
        request: requested training.
        budget: time of the whole training.
        likelihood_stopwatch: stopwatch of the likelihood training, which does not count the duration of the check.
        note: receives advice if the time is short.
        stage: receives the name of the stage.
        step_seconds: measured duration of a step of each stage; None until the check, and if the user chose the numbers
            of steps.
    """

    request: PendingGanRun
    budget: TimeBudget
    likelihood_stopwatch: Stopwatch
    note: Reporter
    stage: Reporter
    step_seconds: StepSeconds | None = None

    def check(self, session: TrainingSession) -> None:
        """Check a prepared likelihood training.

        Raises:
            SourceError: there are too few usable texts, or all of them have the same rating.
            RunError: a GAN cannot start from a model with these settings.
            ConfigError: the time is too short to learn anything.
        """
        start, request, config = self.likelihood_stopwatch.seconds(), self.request, self.request.draft_config
        parent = UntrainedParent.of(session)
        check_parent(parent)
        texts, unseen = build_dataset(parent, session.dataset, config, silent)
        if not request.has_all_steps:
            self.stage("timing a few steps of each stage")
            trainer = make_trainer(parent, gan_run_config(parent, request.noise_size, config), config, texts, unseen)
            self.step_seconds = measure_step_seconds(trainer)
            seconds = self.budget.left() - (request.likelihood_seconds or 0.0)
            fit_schedule(self.step_seconds, len(texts), config, request.own, seconds, self.note)
        self.likelihood_stopwatch.leave_out(self.likelihood_stopwatch.seconds() - start)
