"""How many tokens a second does one training step read, against torch's own LSTM?

A step is everything between two batches: embedding, LSTM, linear layer, loss, gradients, clipping, AdamW. The peer is
`torch.nn.LSTM` with fused AdamW in the same process, in float32 and in bfloat16 autocast; a ratio is against the better
of the two. Shapes and threads are the same for both. Peer and kernels take turns, and each figure is the median of the
rounds, so that a noisy machine troubles all alike.

    python benchmarks/training_step.py [--rounds 5] [--seconds 1] [--threads 2] [--json FILE]
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from seqloom.config import ModelConfig
from seqloom.kernels.native import available_kernels
from seqloom.kernels.trainer import Dropped, NativeTrainer
from seqloom.models.language_model import LanguageModel

VOCABULARY, EMBEDDING = 59, 32


@dataclass(frozen=True)
class Shape:
    """One question: the layers, and the windows that they read."""

    sizes: tuple[int, ...]
    lanes: int
    window: int

    @property
    def name(self) -> str:
        """For the table."""
        return f"{' + '.join(map(str, self.sizes))}, {self.lanes} x {self.window}"


SHAPES = (Shape((128,), 32, 64), Shape((512,), 64, 128), Shape((256, 256), 32, 64))


class Peer(nn.Module):
    """Embedding, `torch.nn.LSTM` and a linear layer."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, EMBEDDING)
        self.lstm = nn.LSTM(EMBEDDING, shape.sizes[0], num_layers=len(shape.sizes), batch_first=True)
        self.head = nn.Linear(shape.sizes[-1], VOCABULARY)

    def forward(self, tokens: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Logits, and the state after the window."""
        hidden, state = self.lstm(self.embedding(tokens), state)
        return self.head(hidden), state


def peer_step(shape: Shape, *, bfloat16: bool) -> Callable[[], None]:
    """One update after another by torch."""
    torch.manual_seed(0)
    model = Peer(shape)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    tokens, targets = torch.randint(0, VOCABULARY, (2, shape.lanes, shape.window))
    kept: list[tuple[Tensor, Tensor] | None] = [None]

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            logits, (hidden, cell) = model(tokens, kept[0])
            loss = nn.functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten())
        kept[0] = hidden.detach(), cell.detach()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=True)
        optimizer.step()
        loss.item()

    return step


def native_step(shape: Shape, kernels: str, threads: int) -> Callable[[], None]:
    """One update after another by the compiled kernels."""
    config = ModelConfig(vocabulary=VOCABULARY, sizes=shape.sizes, embedding=EMBEDDING)
    trainer = NativeTrainer(config, kernels, threads)
    weights = LanguageModel(config).state_dict()
    trainer.put("parameter", {name: value.numpy() for name, value in weights.items()})
    trainer.zero_state(shape.lanes)
    tokens, targets = np.random.default_rng(0).integers(0, VOCABULARY, (2, shape.lanes, shape.window))
    steps = [0]

    def step() -> None:
        steps[0] += 1
        trainer.compute(tokens, targets[None], None, np.ones(1, np.float32), Dropped())
        trainer.keep_state()
        scale = min(1.0, 1.0 / (trainer.gradient_norm() + 1e-6))
        trainer.adam(steps[0], 1e-3, (0.85, 0.99), 1e-8, 0.01, scale)

    return step


def rate(step: Callable[[], None], tokens: int, seconds: float) -> float:
    """Tokens a second, by the median step of about so many seconds."""
    step()
    durations: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(durations) < 3:
        begun = time.perf_counter()
        step()
        durations.append(time.perf_counter() - begun)
    return tokens / statistics.median(durations)


def measure(shape: Shape, rounds: int, seconds: float, threads: int) -> dict[str, float]:
    """Tokens a second of each way, the median of the rounds."""
    steps = {"torch float32": peer_step(shape, bfloat16=False), "torch bfloat16": peer_step(shape, bfloat16=True)}
    steps |= {name: native_step(shape, name, threads) for name in available_kernels()}
    found: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            found[name].append(rate(step, shape.lanes * shape.window, seconds))
    return {name: statistics.median(rates) for name, rates in found.items()}


def main() -> None:
    """Measure all shapes, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each way in each round")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="where the measurements go")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    everything = {}
    print("| shape | way | tokens a second | against the better of torch |\n| --- | --- | --- | --- |")
    for shape in SHAPES:
        found = everything[shape.name] = measure(shape, asked.rounds, asked.seconds, asked.threads)
        best = max(found["torch float32"], found["torch bfloat16"])
        for name, tokens in found.items():
            print(f"| {shape.name} | {name} | {tokens:,.0f} | {tokens / best:.2f} |", flush=True)
    if asked.json:
        asked.json.write_text(json.dumps(everything, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
