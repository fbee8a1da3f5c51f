"""How many tokens per second does a training step process, compared with torch's LSTM, `torch.compile` and a JAX scan?

A step includes embedding, LSTM, linear layer, loss, gradients, clipping and AdamW. The peers are `torch.nn.LSTM` with
fused AdamW, in float32 and in bfloat16 autocast; the same with the loss under `torch.compile`; the same in float32,
restricted to AVX2; and JAX with a whole step compiled as one function. Shapes and threads are the same for all. The
peers run in separate processes (see peers/torch_lstm.py and peers/jax_lstm.py). All measurements alternate, and each
number is the median over the rounds, so that a noisy machine affects all equally. Ratios are relative to the faster of
the two eager peers.

The upper bound is a matrix product of 2048 x 2048 x 2048 in torch, the fastest one of each round, in bfloat16 for
kernels that multiply in bfloat16 and in float32 for the others. On a busy machine torch's AVX2 product slows down more
than a step, whose share of the bound can then exceed 100 %. The operations of a step are those of its matrix products,
forward and backward. The first layer's input is a table lookup and does not count.

    python benchmarks/training_step.py [--rounds 5] [--seconds 1] [--threads 2] [--json FILE]
    python benchmarks/training_step.py --no-peers --shapes "128, 32 x 64"       kernels and eager torch only
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from peers.environments import python_of
from peers.processes import AVX2_ONLY, PeerProcess, Rate, in_turn
from peers.serving import median_rate

from seqloom.config import ModelConfig
from seqloom.kernels.library import BFLOAT16_KERNELS, available_kernels
from seqloom.kernels.trainer import DropoutSettings, NativeTrainer
from seqloom.kernels.weights import expected_shapes

VOCABULARY, EMBEDDING = 59, 32
EAGER = ("torch float32", "torch bfloat16")
HELD = "torch float32 restricted to AVX2"


@dataclass(frozen=True)
class Shape:
    """Shape of a measurement: the layers and the batch."""

    sizes: tuple[int, ...]
    lanes: int
    window: int

    @property
    def name(self) -> str:
        """Name in the table."""
        return f"{' + '.join(map(str, self.sizes))}, {self.lanes} x {self.window}"

    @property
    def operations(self) -> int:
        """Floating-point operations per token, forward and backward; a multiply-add counts as two."""
        recurrent = sum(4 * size * size for size in self.sizes)
        inputs = sum(4 * below * size for below, size in zip(self.sizes, self.sizes[1:], strict=False))
        return 3 * 2 * (recurrent + inputs + self.sizes[-1] * VOCABULARY)

    @property
    def flags(self) -> list[object]:
        """Arguments of a peer's script."""
        return ["--sizes", *self.sizes, "--lanes", self.lanes, "--window", self.window]


SHAPES = {shape.name: shape for shape in (Shape((128,), 32, 64), Shape((512,), 64, 128), Shape((256, 256), 32, 64))}


def peer(script: str, *arguments: object, environment: dict[str, str] | None = None) -> Callable[[], Rate]:
    """Return a function that starts a peer."""

    def start() -> Rate:
        python = python_of("jax") if script == "jax_lstm.py" else sys.executable
        return PeerProcess(python, script, *arguments, environment=environment)

    return start


def peer_steps(shape: Shape, threads: int, *, few: bool) -> dict[str, Callable[[], Rate]]:
    """Return the peers by name; only the eager ones if `few`."""
    flags = ["training", *shape.flags, "--threads", threads]
    ways = {
        "torch float32": peer("torch_lstm.py", *flags),
        "torch bfloat16": peer("torch_lstm.py", *flags, "--bfloat16"),
    }
    if few:
        return ways
    return ways | {
        "torch.compile float32": peer("torch_lstm.py", *flags, "--compiled"),
        "torch.compile bfloat16": peer("torch_lstm.py", *flags, "--compiled", "--bfloat16"),
        HELD: peer("torch_lstm.py", *flags, environment=AVX2_ONLY),
        "JAX scan float32": peer("jax_lstm.py", "training", *shape.flags),
    }


def products(threads: int) -> dict[str, Callable[[], Rate]]:
    """Return the matrix products of the upper bounds, by precision."""
    flags = ["product", "--threads", threads]
    return {
        "float32": peer("torch_lstm.py", *flags),
        "bfloat16": peer("torch_lstm.py", *flags, "--bfloat16"),
        "float32 restricted to AVX2": peer("torch_lstm.py", *flags, environment=AVX2_ONLY),
    }


def native_step(shape: Shape, kernels: str, threads: int) -> Callable[[], None]:
    """Return a function that runs one training step with the compiled kernels."""
    config = ModelConfig(vocabulary=VOCABULARY, hidden_sizes=shape.sizes, embedding=EMBEDDING)
    trainer, random = NativeTrainer(config, kernels, threads), np.random.default_rng(0)
    weights = {
        name: (random.uniform(-1, 1, size) / np.sqrt(size[-1])).astype(np.float32)
        for name, size in expected_shapes(config).items()
    }
    trainer.load("parameter", weights)
    trainer.clear_state(shape.lanes)
    tokens, targets = random.integers(0, VOCABULARY, (2, shape.lanes, shape.window))
    steps = [0]

    def step() -> None:
        steps[0] += 1
        trainer.compute_gradients(tokens, targets[None], None, np.ones(1, np.float32), DropoutSettings())
        trainer.carry_state()
        scale = min(1.0, 1.0 / (trainer.gradient_norm() + 1e-6))
        trainer.adam(steps[0], 1e-3, (0.85, 0.99), 1e-8, 0.01, scale)

    return step


def native_steps(shape: Shape, threads: int, *, portable: bool) -> dict[str, Callable[[], Rate]]:
    """Return seqloom's training steps by instruction set."""
    names = [name for name in available_kernels() if portable or name != "portable"]

    def make(name: str) -> Callable[[], Rate]:
        return lambda: median_rate(native_step(shape, name, threads), shape.lanes * shape.window)

    return {name: make(name) for name in names}


def bound_of(way: str) -> str:
    """Return the name of the matrix product that bounds a system."""
    if way in BFLOAT16_KERNELS or way.endswith("bfloat16"):
        return "bfloat16"
    return "float32 restricted to AVX2" if way in ("avx2", HELD) else "float32"


def measure(shape: Shape, options: argparse.Namespace) -> dict[str, Any]:
    """Return tokens per second of each system, operations per second of the bounds, and failures."""
    bounds = {f"product {name}": make for name, make in products(options.threads).items()}
    ways = peer_steps(shape, options.threads, few=options.no_peers)
    ways |= native_steps(shape, options.threads, portable=options.portable)
    results, failed = in_turn(ways | bounds, options.rounds, options.seconds)
    return {
        "tokens_per_second": {name: results[name] for name in ways if name in results},
        "operations_per_token": shape.operations,
        "products_per_second": {name.removeprefix("product "): results[name] for name in bounds if name in results},
        "failed": failed,
    }


def rows(shape: Shape, results: dict[str, Any]) -> list[str]:
    """Return the rows of the table for one shape."""
    rates, bounds = results["tokens_per_second"], results["products_per_second"]
    best = max((rates[name] for name in EAGER if name in rates), default=float("nan"))
    lines = []
    for way, tokens in rates.items():
        reached, bound = tokens * shape.operations, bounds.get(bound_of(way), float("nan"))
        lines.append(
            f"| {shape.name} | {way} | {tokens:,.0f} | {tokens / best:.2f} | {reached / 1e9:,.0f} | "
            f"{bound / 1e9:,.0f} ({bound_of(way)}) | {reached / bound:.0%} |"
        )
    return lines + [f"| {shape.name} | {way} | not measured: {why} | | | | |" for way, why in results["failed"].items()]


def main() -> None:
    """Measure all shapes and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="duration of each measurement")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shapes", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--no-peers", action="store_true", help="skip all peers except eager torch")
    parser.add_argument(
        "--portable", action="store_true", help="also measure the portable kernels, which takes minutes"
    )
    parser.add_argument("--json", type=Path, help="file for the measurements")
    options = parser.parse_args()
    everything: dict[str, Any] = {}
    print("| shape | system | tokens/s | relative to faster eager torch | GFLOP/s | bound, GFLOP/s | share of bound |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in options.shapes:
        everything[name] = measure(SHAPES[name], options)
        print("\n".join(rows(SHAPES[name], everything[name])), flush=True)
        if options.json:
            options.json.write_text(json.dumps(everything, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
