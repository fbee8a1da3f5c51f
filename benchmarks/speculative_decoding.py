"""What does it gain to draft the next tokens with a model's further heads, and to read them at once?

Asked of one stream on one core, at two temperatures, of each way to write: a token a step, and up to two and three. The
two take turns, so that a change of the machine's speed meets both. Small models are trained on characters and on words
with --prediction-heads 3, for half a minute each. Then they are made larger without a change of what they predict:
layers with units whose weights are zero, vocabularies with words that never come. So a large shape's costs meet the
acceptance of drafts of a trained model; a large model that was trained for longer predicts its own drafts a
little better or worse.

    python benchmarks/ahead.py                      everything, about five minutes
    python benchmarks/ahead.py --minutes 0.2 --seconds 0.05
    python benchmarks/ahead.py --folder runs        keep the trained runs, or use those that are there
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
from seqloom.kernels.batched_decoder import Lanes
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
    parser.add_argument("--minutes", type=float, default=0.5, help="of training, for each model")
    parser.add_argument("--seconds", type=float, default=0.2, help="of each turn; there are seven")
    parser.add_argument("--folder", type=Path, help="where the trained runs are kept")
    parser.add_argument("--source", default="python-docs", help="what they are trained on")
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
    yield "model", "weights", "temperature", "a second", *(f"up to {way} a step" for way in WAYS[1:]), "usual"
    for name, sizes, vocabulary in SHAPES:
        config, weights = enlarged(runs[name], sizes, vocabulary)
        decoder = native_decoder(config, weights)
        if decoder is None:
            raise SystemExit("the compiled kernels are not there: build them with 'python native_build.py'")
        shape = f"{name}: {config.vocabulary:,}, {'+'.join(map(str, sizes))}"
        for temperature in TEMPERATURES:
            lanes = [started(decoder, runs[name], temperature, way) for way in WAYS]
            rates = alternating(lanes, seconds)
            gains = (gained(one, rate / rates[0]) for one, rate in zip(lanes[1:], rates[1:], strict=True))
            size = f"{decoder.kernels} {decoder.precision}, {decoder.weight_bytes / 1e6:.1f} MB"
            yield shape, size, f"{temperature}", f"{rates[0]:,.0f}", *gains, f"{decoder.usual_ahead}"


def gained(lanes: Lanes, ratio: float) -> str:
    found = lanes.drafting(0)
    share = found.accepted / max(found.drafted, 1)
    return f"{ratio:.2f}x ({found.tokens / found.steps:.2f} tokens, {share:.0%} accepted)"


def started(decoder: NativeDecoder, run: Run, temperature: float, ahead: int) -> Lanes:
    """One lane that writes after the run's own opening, on one thread."""
    config = SamplingConfig(length=2**31 - 1, temperature=temperature, draft_length=ahead, seed=1)
    prompt = run.codec.encode("\n").tolist()
    job = prepare_request(decoder, config, prompt=prompt, token_bytes=[b"?"] * decoder.vocabulary)
    return start_streams(job, 1, threads=1)


def alternating(lanes: list[Lanes], seconds: float) -> list[float]:
    """Tokens a second of each, medians of turns; the first is for warming up."""
    turns = [[rate(one, seconds) for one in lanes] for _ in range(8)][1:]
    return [statistics.median(each) for each in zip(*turns, strict=True)]


def rate(lanes: Lanes, seconds: float) -> float:
    start, written = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        written += int(lanes.write(32).counts[0])
    return written / (time.perf_counter() - start)


def enlarged(run: Run, sizes: tuple[int, ...], vocabulary: int) -> tuple[ModelConfig, dict[str, np.ndarray]]:
    """A model of other sizes that predicts what the run's does: units of zeros, and tokens that are never likely."""
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
    """An array in the corner of zeros; the rows of gates lie in blocks of their own."""
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
