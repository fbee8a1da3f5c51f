"""What happens while a run trains: the log, the weights and state on disk, and samples after each epoch."""

import json
import math
import time
from collections.abc import Callable, Sequence

import numpy as np

from seqloom.config.presets import SamplePlan
from seqloom.config.sampling import SamplingConfig
from seqloom.data.split import Spans
from seqloom.data.store import TokenStore
from seqloom.errors import SeqloomError
from seqloom.files import write_text
from seqloom.generation.generator import TextGenerator
from seqloom.lm.observer import SampleSet
from seqloom.runs.layout import RunFolder
from seqloom.training.checkpoint import save_snapshot
from seqloom.training.events import Checkpoint, Epoch, Event, Finished, RolledBack, Step, Validated
from seqloom.training.loop import Trainer

__all__ = ["CheckpointSaver", "LogWriter", "SampleWriter"]


class LogWriter:
    """Appends to `log.jsonl`: the mean loss of every ten steps, validations, epochs and rollbacks.

    Args:
        folder: of the run.
        resumed_at: the step that training goes on from; later lines are dropped.
    """

    def __init__(self, folder: RunFolder, resumed_at: int) -> None:
        self._path = folder.log_file
        kept = [line for line in folder.read_log() if line["step"] <= resumed_at]
        write_text(self._path, "".join(json.dumps(line) + "\n" for line in kept))
        self._losses: list[float] = []

    def __call__(self, event: Event) -> None:
        """Write what is worth keeping of an event."""
        match event:
            case Step(step=step, loss=loss, seconds=seconds, tokens=tokens, learning_rate=rate):
                self._losses.append(loss)
                if step % 10 == 0:
                    mean = float(np.mean(self._losses))
                    self._losses.clear()
                    self._write(step=step, loss=mean, learning_rate=rate, seconds=seconds, tokens=tokens)
            case Validated(step=step, loss=loss, seconds=seconds):
                self._write(step=step, validation_loss=loss, seconds=seconds)
            case Epoch(step=step, epoch=epoch, seconds=seconds):
                self._write(step=step, epoch=epoch, seconds=seconds)
            case Finished(step=step, seconds=seconds) if self._losses:
                self._write(step=step, loss=float(np.mean(self._losses)), seconds=seconds)
            case RolledBack(step=step, to_step=to_step, rate_factor=factor):
                self._write(step=to_step, rolled_back_from=step, rate_factor=factor)

    def _write(self, **line: float) -> None:
        try:
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise SeqloomError(
                f"cannot write {self._path}: {error.strerror}; free some space, then `resume`"
            ) from error


class CheckpointSaver:
    """Keeps the state on disk, and the weights of the best validation (the newest where nothing is validated)."""

    def __init__(self, folder: RunFolder, trainer: Trainer) -> None:
        self._folder, self._trainer = folder, trainer

    def __call__(self, event: Event) -> None:
        """Save where an event asks for it."""
        match event:
            case Validated(best=True, loss=loss):
                self._keep_weights(loss)
            case Checkpoint():
                if self._trainer.validate is None:
                    self._keep_weights(self._trainer.progress.average_loss)
                save_snapshot(self._folder.state_file, self._trainer.last_good)
            case Finished(reason="interrupted"):
                if self._trainer.validate is None or not self._folder.weights_file.exists():
                    self._keep_weights(self._trainer.progress.average_loss)
                save_snapshot(self._folder.state_file, self._trainer.snapshot())

    def _keep_weights(self, loss: float) -> None:
        """Write the weights, unless they are far worse than a guess: then the loss has exploded unnoticed yet."""
        if loss > 2 * math.log(self._trainer.model.config.vocabulary) and self._trainer.progress.step:
            return
        self._folder.write_weights(self._trainer.model_snapshot().state_dict())


class SampleWriter:
    """Writes one sample a temperature after each epoch, into `samples/` and to whoever shows them.

    Where the plan is sparing, an epoch that was trained in less time than its samples would take is passed over, so
    that a tiny corpus is not spent on samples.

    Args:
        folder: of the run.
        trainer: whose weights write.
        writer: makes a writer of weights.
        plan: how many, how long, and from where.
        store: the corpus, for prompts taken from it.
        spans: the part of it that is trained on.
        show: is given each set; may be None.
    """

    def __init__(
        self,
        folder: RunFolder,
        trainer: Trainer,
        writer: Callable[[dict[str, np.ndarray]], TextGenerator],
        plan: SamplePlan,
        store: TokenStore,
        spans: Spans,
        show: Callable[[SampleSet], None] | None,
    ) -> None:
        self._folder, self._trainer, self._writer = folder, trainer, writer
        self._plan, self._store, self._spans, self._show = plan, store, spans, show
        self._last_seconds = self._took_seconds = 0.0

    def __call__(self, event: Event) -> None:
        """Write samples when an epoch ends."""
        if not isinstance(event, Epoch):
            return
        if self._plan.sparing and event.seconds - self._last_seconds < self._took_seconds:
            return
        begun = time.perf_counter()
        self._write_set(event)
        self._last_seconds, self._took_seconds = event.seconds, time.perf_counter() - begun

    def _write_set(self, event: Epoch) -> None:
        weights = {
            name: value.detach().cpu().numpy() for name, value in self._trainer.model_snapshot().state_dict().items()
        }
        prompt, written = self.write(self._writer(weights), seed=event.epoch)
        path = self._folder.samples_folder / f"epoch-{event.epoch:04d}.txt"
        write_text(path, _as_text(event, prompt, written))
        if self._show is not None:
            self._show(written)

    def write(self, writer: TextGenerator, seed: int) -> tuple[str, SampleSet]:
        """The prompt, and one sample a temperature."""
        plan = self._plan
        first = self._prompt(seed)
        prompt, written = first, []
        for temperature in plan.temperatures:
            config = SamplingConfig(temperature=temperature, length=plan.length, seed=seed)
            sample = writer.generate_from_ids(prompt, config)
            written.append((temperature, sample.text))
            if plan.chained:
                prompt = [*prompt, *sample.tokens][-max(1, plan.prompt_length) :]
        return writer.codec.decode(first), written

    def _prompt(self, seed: int) -> list[int]:
        wanted = self._plan.prompt_length
        if wanted == 0:
            return []
        random = np.random.Generator(np.random.Philox(key=[self._trainer.config.seed, seed]))
        long_enough = self._spans.chosen(self._spans.lengths >= wanted)
        if len(long_enough) == 0:
            return []
        span = random.integers(len(long_enough))
        start = int(random.integers(long_enough.starts[span], long_enough.stops[span] - wanted + 1))
        return [int(token) for token in self._store.records[start : start + wanted]]


def _as_text(event: Epoch, prompt: str, written: Sequence[tuple[float, str]]) -> str:
    parts = [f"epoch {event.epoch}, step {event.step}, {event.seconds:.1f} seconds of training\n"]
    if prompt:
        parts.append(f"--- prompt\n{prompt}\n")
    parts += [f"--- temperature {temperature}\n{text}\n" for temperature, text in written]
    return "\n".join(parts)
