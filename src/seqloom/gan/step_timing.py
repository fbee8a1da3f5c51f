"""Time a few steps of each stage of a GAN's training."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from seqloom.config.gan import GanConfig
from seqloom.gan.session import medium_matmul_precision
from seqloom.gan.trainer import GanTrainer

__all__ = ["StepSeconds", "measure_step_seconds"]


@dataclass(frozen=True)
class StepSeconds:
    """Duration of one step of each stage."""

    pretrain: float
    warmup: float
    adversarial: float

    def needed(self, config: GanConfig, steps: Mapping[str, int]) -> float:
        """Return the duration of a training with numbers of steps."""
        return (
            steps["pretrain_steps"] * self.pretrain
            + config.warmup_steps * self.warmup
            + steps["adversarial_steps"] * self.adversarial
        )


@medium_matmul_precision()
def measure_step_seconds(trainer: GanTrainer) -> StepSeconds:
    """Return the durations of the second step of each stage.

    One step is a rough measure, but it may already take seconds, and the training revises its plan by the measured
    speed. The steps change the trainer's weights: use another trainer for the training.
    """
    steps = (trainer.pretrain_step, trainer.discriminator_warmup_step, trainer.adversarial_step)
    return StepSeconds(*map(_seconds_of_second, steps))


def _seconds_of_second(step: Callable[[], Any]) -> float:
    """Return the duration of the second step; the first one includes the initialisation of torch's kernels."""
    step()
    start = time.perf_counter()
    step()
    return time.perf_counter() - start
