"""Training listeners that write to the run folder: log, checkpoints and samples."""

import math
import time
from collections.abc import Callable, Sequence

import numpy as np

from seqloom.config.presets import SamplePlan
from seqloom.config.sampling import SamplingConfig
from seqloom.data.split import Spans
from seqloom.data.store import TokenStore
from seqloom.files import write_text
from seqloom.generation.generator import TextGenerator
from seqloom.lm.observer import SampleSet
from seqloom.runs.layout import RunFolder
from seqloom.runs.log import LogWriter
from seqloom.training.checkpoint import save_snapshot
from seqloom.training.events import Checkpoint, Epoch, Event, Finished, Paused, Replanned, RolledBack, Step, Validated
from seqloom.training.loop import Snapshot, Trainer

__all__ = ["CheckpointSaver", "SampleWriter", "TrainingLog"]

_STEPS_PER_LOG_LINE = 10

_MIN_SHARE_BETWEEN_SAMPLES = 1 / 40
"""Smallest share of the training between two sets of samples of a sparing plan."""


class TrainingLog:
    """Listener that logs the mean loss of every ten steps, validations, epochs and rollbacks.

    Args:
        folder: run folder.
        resumed_at: step from which training continues; lines of later steps are removed.
    """

    def __init__(self, folder: RunFolder, resumed_at: int) -> None:
        self._log = LogWriter(folder, resumed_at)
        self._losses: list[float] = []

    def __call__(self, event: Event) -> None:
        """Log an event."""
        match event:
            case Step(step=step, loss=loss, seconds=seconds, tokens=tokens, learning_rate=rate):
                self._losses.append(loss)
                if step % _STEPS_PER_LOG_LINE == 0:
                    mean = float(np.mean(self._losses))
                    self._losses.clear()
                    self._log.write(step=step, loss=mean, learning_rate=rate, seconds=seconds, tokens=tokens)
            case Validated(step=step, loss=loss, seconds=seconds):
                self._log.write(step=step, validation_loss=loss, seconds=seconds)
            case Epoch(step=step, epoch=epoch, seconds=seconds):
                self._log.write(step=step, epoch=epoch, seconds=seconds)
            case Replanned(step=step, total_steps=total_steps):
                self._log.write(step=step, total_steps=total_steps)
            case Paused(step=step, seconds=seconds):
                self._log.write(step=step, paused_seconds=seconds)
            case Finished(step=step, seconds=seconds) if self._losses:  # the steps after the last line
                self._log.write(step=step, loss=float(np.mean(self._losses)), seconds=seconds)
            case RolledBack(step=step, to_step=to_step, rate_factor=factor):
                self._losses.clear()
                self._log.write(step=to_step, rolled_back_from=step, rate_factor=factor)


class CheckpointSaver:
    """Listener that saves the training state and the best weights (the newest if there is no validation).

    The first save with both replaces the older run in the folder, if any.

    Args:
        folder: run folder.
        trainer: trainer whose state and weights are saved.
    """

    def __init__(self, folder: RunFolder, trainer: Trainer) -> None:
        self._folder, self._trainer = folder, trainer

    def __call__(self, event: Event) -> None:
        """Save after a new best validation, a checkpoint or an interruption."""
        match event:
            case Validated(best=True, loss=loss):
                self._save_weights(loss)
            case Checkpoint():
                if self._trainer.validate is None:
                    self._save_weights(self._trainer.progress.average_loss)
                self._save_state(self._trainer.last_good_snapshot)
                self._folder.publish()
            case Finished(reason="interrupted"):
                if self._trainer.validate is None or not self._folder.weights_file.exists():
                    self._save_weights(self._trainer.progress.average_loss)
                self._save_state(self._trainer.snapshot())
                self._folder.publish()

    def _save_state(self, snapshot: Snapshot) -> None:
        save_snapshot(self._folder.state_file, snapshot, self._folder.state_metadata())

    def _save_weights(self, loss: float) -> None:
        """Save the weights, unless training is diverging: its loss is more than twice that of a uniform guess.

        Before the first step, the weights are always saved.
        """
        if loss > 2 * math.log(self._trainer.model.config.vocabulary) and self._trainer.progress.step:
            return
        self._folder.write_weights(self._trainer.synced_model().state_dict(), self._trainer.progress.step)


class SampleWriter:
    """Listener that writes one sample per temperature after each epoch.

    If the plan is sparing, an epoch gets no samples if training since the last samples took less time than generating
    the last samples, or less than a fortieth of the whole training.

    Args:
        folder: run folder.
        trainer: trainer of the model that generates the samples.
        make_generator: function from weights (arrays by name) to a text generator.
        plan: temperatures, length and prompt of the samples.
        store: encoded corpus, from which prompts are taken.
        spans: training text in the store.
        show: receives each set of samples; may be None.
    """

    def __init__(
        self,
        folder: RunFolder,
        trainer: Trainer,
        make_generator: Callable[[dict[str, np.ndarray]], TextGenerator],
        plan: SamplePlan,
        store: TokenStore,
        spans: Spans,
        show: Callable[[SampleSet], None] | None,
    ) -> None:
        self._folder, self._trainer, self._make_generator = folder, trainer, make_generator
        self._plan, self._store, self._spans, self._show = plan, store, spans, show
        self._seconds_at_last_samples = self._sampling_seconds = self._share_at_last_samples = 0.0

    def __call__(self, event: Event) -> None:
        """Write samples when an epoch ends."""
        if not isinstance(event, Epoch):
            return
        share = self._trainer.pace.share(event.step)
        if self._plan.sparing and (
            event.seconds - self._seconds_at_last_samples < self._sampling_seconds
            or share - self._share_at_last_samples < _MIN_SHARE_BETWEEN_SAMPLES
        ):
            return
        start = time.perf_counter()
        self._write_samples(event)
        self._seconds_at_last_samples, self._sampling_seconds = event.seconds, time.perf_counter() - start
        self._share_at_last_samples = share

    def _write_samples(self, event: Epoch) -> None:
        weights = {
            name: value.detach().cpu().numpy() for name, value in self._trainer.synced_model().state_dict().items()
        }
        prompt, samples = self.generate(self._make_generator(weights), seed=event.epoch)
        path = self._folder.samples_folder / f"epoch-{event.epoch:04d}.txt"
        write_text(path, _format_samples(event, prompt, samples))
        if self._show is not None:
            self._show(samples)

    def generate(self, generator: TextGenerator, seed: int) -> tuple[str, SampleSet]:
        """Return the prompt and one sample per temperature; in a chained plan, a sample continues the previous one."""
        plan = self._plan
        first_prompt = self._prompt(seed)
        prompt = first_prompt
        samples: SampleSet = []
        for temperature in plan.temperatures:
            config = SamplingConfig(temperature=temperature, length=plan.length, seed=seed)
            # A chained sample has draws of its own. Samples that are compared share theirs.
            sample = generator.generate_from_ids(prompt, config, index=len(samples) if plan.chained else 0)
            samples.append((temperature, sample.text))
            if plan.chained:
                # An empty prompt would begin a new text, so at least one token is kept.
                prompt = [*prompt, *sample.tokens][-max(1, plan.prompt_length) :]
        return generator.codec.decode_text(first_prompt), samples

    def _prompt(self, seed: int) -> list[int]:
        """Return random consecutive tokens of the training text; empty if no span is long enough.

        `seed` is the number of the epoch; together with the seed of the training, it determines the position.
        """
        length = self._plan.prompt_length
        if length == 0:
            return []
        random = np.random.Generator(np.random.Philox(key=[self._trainer.config.seed, seed]))
        long_enough = self._spans.select(self._spans.lengths >= length)
        if len(long_enough) == 0:
            return []
        index = random.integers(len(long_enough))
        start = int(random.integers(long_enough.starts[index], long_enough.stops[index] - length + 1))
        return [int(token) for token in self._store.records[start : start + length]]


def _format_samples(event: Epoch, prompt: str, samples: Sequence[tuple[float, str]]) -> str:
    parts = [f"epoch {event.epoch}, step {event.step}, {event.seconds:.1f} seconds of training\n"]
    if prompt:
        parts.append(f"--- prompt\n{prompt}\n")
    parts += [f"--- temperature {temperature}\n{text}\n" for temperature, text in samples]
    return "\n".join(parts)
