"""What the training log contains."""

import pytest

from seqloom.lm.listeners import TrainingLog
from seqloom.runs.layout import RunFolder
from seqloom.training.events import RolledBack, Step


def step(number: int, loss: float) -> Step:
    return Step(step=number, loss=loss, learning_rate=0.1, seconds=number, tokens=number)


def test_a_mean_loss_leaves_out_the_steps_that_were_rolled_back(tmp_path):
    folder = RunFolder(tmp_path)
    log = TrainingLog(folder, resumed_at=0)
    for number in range(1, 16):
        log(step(number, 100.0 if number > 10 else 1.0))
    log(RolledBack(step=15, to_step=10, loss=1e9, rate_factor=0.5))
    for number in range(11, 21):
        log(step(number, 2.0))
    means = [line["loss"] for line in folder.read_log() if "loss" in line]
    assert means == pytest.approx([1.0, 2.0])
