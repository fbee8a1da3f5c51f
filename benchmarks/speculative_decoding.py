"""How much faster is speculative decoding with the model's own prediction heads?

Measured for one stream on one core, at two temperatures, with one token per step and with up to two and three. The
measurements alternate, so that changes of the machine's speed affect all equally. Small models are trained on
characters and on words with --prediction-heads 3, for half a minute each. They are then enlarged without changing their
predictions: layers get units with zero weights, and vocabularies get tokens that never occur. This combines the cost of
a large shape with the acceptance rate of a trained model; the acceptance rate of a large model that was trained longer
differs slightly.

    python benchmarks/speculative_decoding.py                      everything, about five minutes
    python benchmarks/speculative_decoding.py --minutes 0.2 --seconds 0.05
    python benchmarks/speculative_decoding.py --folder runs        keep the trained runs, or reuse them
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import seqloom
from seqloom.api import Run
from seqloom.config import ModelConfig
from seqloom.kernels.batched_decoder import BatchedDecoder
from seqloom.kernels.native_decoder import NativeDecoder, native_decoder
from seqloom.kernels.weights import expected_shapes
from seqloom.sampling import SamplingConfig
from seqloom.sampling.native_engine import start_streams
from seqloom.sampling.request import prepare_request

TRAINED = {
    "conv, characters": {"core": "conv", "hidden_size": (96,) * 6},
    "lstm, characters": {"core": "lstm", "hidden_size": (128,)},
    "lstm, words": {"core": "lstm", "hidden_size": (128,), "level": "word"},
}
SHAPES = (
    ("conv, characters", (96,) * 6, 0),
    ("conv, characters", (128,) * 6, 0),
    ("conv, characters", (192,) * 6, 0),
    ("conv, characters", (256,) * 6, 0),
    ("conv, characters", (384,) * 6, 0),
    ("lstm, characters", (128,), 0),
    ("lstm, characters", (512,), 0),
    ("lstm, words", (256,), 0),
    ("lstm, words", (256,), 20_000),
    ("lstm, words", (256,), 40_000),
)
TEMPERATURES = (0.7, 1.0)
WAYS = (1, 2, 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=0.5, help="training time of each model")
    parser.add_argument("--seconds", type=float, default=0.2, help="duration of each of the seven measurements")
    parser.add_argument("--folder", type=Path, help="folder for the trained runs")
    parser.add_argument("--source", default="python-docs", help="training corpus")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = {
            name: trained((chosen.folder or Path(folder)) / name.replace(", ", "-"), chosen, settings)
            for name, settings in TRAINED.items()
        }
        print_table(rows(runs, chosen.seconds))


def trained(path: Path, chosen: argparse.Namespace, settings: dict[str, object]) -> Run:
    if (path / "config.json").exists():
        return seqloom.load(path)
    return seqloom.train(chosen.source, run=path, minutes=chosen.minutes, prediction_heads=3, **settings)


def rows(runs: dict[str, Run], seconds: float) -> Iterator[tuple[str, ...]]:
    yield (
        "model",
        "weights",
        "temperature",
        "tokens per second",
        *(f"up to {way} per step" for way in WAYS[1:]),
        "default",
    )
    for name, sizes, vocabulary in SHAPES:
        config, weights = enlarged(runs[name], sizes, vocabulary)
        decoder = native_decoder(config, weights)
        if decoder is None:
            raise SystemExit("no compiled kernels: build them with 'python native_build.py'")
        shape = f"{name}: {config.vocabulary:,}, {'+'.join(map(str, sizes))}"
        for temperature in TEMPERATURES:
            lanes = [started(decoder, runs[name], temperature, way) for way in WAYS]
            rates = alternating(lanes, seconds)
            gains = (gained(one, rate / rates[0]) for one, rate in zip(lanes[1:], rates[1:], strict=True))
            size = f"{decoder.weights.kernels} {decoder.weights.precision}, {decoder.weights.weight_bytes / 1e6:.1f} MB"
            yield shape, size, f"{temperature}", f"{rates[0]:,.0f}", *gains, f"{decoder.weights.default_draft_length}"


def gained(lanes: BatchedDecoder, ratio: float) -> str:
    results = lanes.draft_statistics(0)
    share = results.accepted / max(results.drafted, 1)
    return f"{ratio:.2f}x ({results.tokens / results.steps:.2f} tokens, {share:.0%} accepted)"


def started(decoder: NativeDecoder, run: Run, temperature: float, ahead: int) -> BatchedDecoder:
    """One lane that writes after the run's own opening, on one thread."""
    config = SamplingConfig(length=2**31 - 1, temperature=temperature, draft_length=ahead, seed=1)
    prompt = run.codec.encode_text("\n").tolist()
    job = prepare_request(decoder, config, prompt=prompt, token_bytes=[b"?"] * decoder.vocabulary)
    return start_streams(job, 1, threads=1)


def alternating(lanes: list[BatchedDecoder], seconds: float) -> list[float]:
    """Return tokens per second, as medians of alternating measurements; the first one is a warm-up."""
    turns = [[rate(one, seconds) for one in lanes] for _ in range(8)][1:]
    return [statistics.median(each) for each in zip(*turns, strict=True)]


def rate(lanes: BatchedDecoder, seconds: float) -> float:
    start, written = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        written += int(lanes.generate(32).counts[0])
    return written / (time.perf_counter() - start)


def enlarged(run: Run, sizes: tuple[int, ...], vocabulary: int) -> tuple[ModelConfig, dict[str, np.ndarray]]:
    """Return a larger model with the same predictions, by units with zero weights and improbable tokens."""
    old = run.config.model
    fields = {**old.to_json(), "hidden_sizes": sizes, "vocabulary": max(vocabulary, old.vocabulary)}
    config = ModelConfig.from_json(fields)
    shapes = expected_shapes(config)
    for head in range(config.prediction_heads - 1):
        shapes |= {f"head.ahead.{head}.{kind}": shapes[f"head.{kind}"] for kind in ("weight", "bias")}
    blocks = {"lstm": 4, "gru": 3, "conv": 2}[config.core]
    weights = {name: widened(name, run.weights[name], shape, blocks) for name, shape in shapes.items()}
    for name in weights:
        if name.startswith("head.") and name.endswith("bias"):
            weights[name][old.vocabulary :] = -30
    return config, weights


def widened(name: str, array: np.ndarray, shape: tuple[int, ...], blocks: int) -> np.ndarray:
    """Return an array padded with zeros; each gate has a block of rows."""
    gates = name.startswith("core.") and name.split(".")[-1] in ("weight_input", "weight_hidden", "bias")
    count = blocks if gates else 1
    to = np.zeros((count, shape[0] // count, *shape[1:]), np.float32)
    parts = array.reshape(count, -1, *array.shape[1:])
    to[tuple(slice(size) for size in parts.shape)] = parts
    return to.reshape(shape)


def print_table(table: Iterator[tuple[str, ...]]) -> None:
    for number, row in enumerate(table):
        print(f"| {' | '.join(row)} |", flush=True)
        if number == 0:
            print("|" + " --- |" * len(row))


if __name__ == "__main__":
    main()
