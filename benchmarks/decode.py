"""How many characters per second does a model generate, compared with torch, `torch.compile` and JAX?

Measured for one stream on one core, one stream on all cores, and a batch of 256 streams; with temperature only and with
all sampling transforms; with every instruction set of this processor and every precision. The peers generate one stream
on one core and carry the state from character to character: torch eager, torch with one compiled function per
character, JAX with one compiled call per character, and JAX with a compiled loop over 1,000 characters (`lax.scan`).
Each peer runs in a process of its own, alternately with seqloom. The weights are random, which does not change the
speed. Each number is the median of repeated runs, and is compared with an upper bound: the speed of reading the weights
once per character.

    python benchmarks/decode.py [--json FILE]       everything, about five minutes
    python benchmarks/decode.py --seconds 0.2 --models "LSTM(128)" --no-torch
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from peers.environments import python_of
from peers.processes import PeerProcess, Rate, in_turn

from seqloom.config import ModelConfig
from seqloom.kernels.batched_decoder import BatchedDecoder, num_usable_processors
from seqloom.kernels.decoding_abi import SamplingSettings
from seqloom.kernels.library import available_kernels
from seqloom.kernels.native_decoder import NativeDecoder, native_decoder
from seqloom.kernels.native_weights import PRECISIONS
from seqloom.kernels.weights import expected_shapes
from seqloom.sampling import SamplingConfig, generate

SYMBOLS = 59
MODELS = {
    "LSTM(128)": ("lstm", (128,)),
    "LSTM(256)": ("lstm", (256,)),
    "LSTM(512)": ("lstm", (512,)),
    "2 x LSTM(256)": ("lstm", (256, 256)),
    "GRU(128)": ("gru", (128,)),
}
PLAIN = {"temperature": 0.5, "top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0}
FULL = {"temperature": 0.5, "top_p": 0.9, "min_p": 0.05, "repetition_penalty": 1.2}
FIXED = {"typical_p": 1.0, "repetition_window": 64, "length": 2**31 - 1, "boundary": -1}


Models = dict[str, tuple[str, tuple[int, ...]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.6, help="duration of each measurement")
    parser.add_argument("--models", default=",".join(MODELS), help="models to measure, separated by commas")
    parser.add_argument("--no-torch", action="store_true", help="skip the peers")
    parser.add_argument("--json", type=Path, help="file for the measurements")
    chosen = parser.parse_args()
    models = {name: MODELS[name] for name in chosen.models.split(",")}
    seconds = chosen.seconds
    print(
        f"{num_usable_processors()} processors, {SYMBOLS} symbols, temperature 0.5; thousands of characters per "
        "second\n"
    )
    everything: dict[str, Any] = {"processors": num_usable_processors()}
    everything["models"] = as_it_comes(models, seconds)
    if not chosen.no_torch:
        everything["peers"] = against_peers(models, seconds)
    everything["chain"] = full_chain(models, seconds)
    everything["kernels"] = every_path(models, seconds)
    everything["python"] = through_python(seconds)
    if chosen.json:
        chosen.json.write_text(json.dumps(everything, indent=2), encoding="utf-8")


def as_it_comes(models: Models, seconds: float) -> dict[str, dict[str, float]]:
    """Measure one stream on one core and on all cores, and many streams on all cores, and compare with the bound."""
    many, results = num_usable_processors(), {}
    cores = f"{many} cores"
    print_row("model", "one stream, one core", cores, f"256 streams, {cores}", "bound", "share of the bound", head=True)
    for name, model in models.items():
        decoder = made(*model)
        one, bound = rate(decoder, 1, 1, seconds, PLAIN), 1 / seconds_to_read(decoder.weights.weight_bytes)
        each = results[name] = {
            "one_core": one,
            "all_cores": rate(decoder, 1, many, seconds, PLAIN),
            "streams_256": rate(decoder, 256, many, seconds, PLAIN),
            "bound": bound,
        }
        label = f"{name}, {decoder.weights.kernels} {decoder.weights.precision}"
        print_row(label, *map(thousands, each.values()), f"{one / bound:.0%}")
    print()
    return results


def against_peers(models: Models, seconds: float) -> dict[str, dict[str, Any]]:
    """Measure one stream on one core, alternately with the peers."""
    results: dict[str, dict[str, Any]] = {}
    print_row("model, one stream, one core", "system", "thousands per second", "seqloom relative", head=True)
    for name, (core, sizes) in models.items():
        decoder = made(core, sizes)
        ours: Rate = partial(_one_stream, decoder)
        rates, failed = in_turn({"seqloom": lambda ours=ours: ours} | peer_rates(core, sizes), 5, seconds)
        results[name] = {"rates": rates, "failed": failed}
        for system, characters in rates.items():
            print_row(name, system, thousands(characters), f"{rates['seqloom'] / characters:,.1f}x")
        for system, why in failed.items():
            print_row(name, system, f"not measured: {why}", "")
    print()
    return results


def _one_stream(decoder: NativeDecoder, seconds: float) -> float:
    return rate(decoder, 1, 1, seconds, PLAIN)


def peer_rates(core: str, sizes: tuple[int, ...]) -> dict[str, Callable[[], Rate]]:
    """Return the peers: torch eager, and for an LSTM torch.compile and JAX."""
    torch = partial(PeerProcess, sys.executable, "torch_lstm.py", "writing", "--core", core, "--sizes", *sizes)

    def jax(work: str) -> PeerProcess:
        return PeerProcess(python_of("jax"), "jax_lstm.py", work, "--sizes", *sizes)

    if core != "lstm":
        return {"torch eager": torch}
    return {
        "torch eager": torch,
        "torch.compile": partial(torch, "--compiled"),
        "JAX, one call per character": partial(jax, "step"),
        "JAX scan": partial(jax, "scan"),
    }


def full_chain(models: Models, seconds: float) -> dict[str, dict[str, float]]:
    """Measure the cost of all sampling transforms together."""
    results = {}
    print_row("model", "temperature only", "top-p, min-p and repetition penalty", "relative time", head=True)
    for name, model in models.items():
        decoder = made(*model)
        chains = (partial(rate, decoder, 1, 1, seconds / 4, drawing) for drawing in (PLAIN, FULL))
        plain, full = alternating(*chains)
        results[name] = {"plain": plain, "full": full}
        print_row(name, thousands(plain), thousands(full), f"{plain / full:.2f}x")
    print()
    return results


def every_path(models: Models, seconds: float) -> dict[str, dict[str, Any]]:
    """Measure each instruction set in each precision; mark its default precision."""
    results: dict[str, dict[str, Any]] = {}
    print_row("instruction set and precision, one stream, one core", *models, head=True)
    for kernels in available_kernels():
        own = made(*MODELS["LSTM(128)"], kernels).precision
        results[kernels] = {"own_precision": own}
        for precision in PRECISIONS:
            decoders = {name: made(*model, kernels, precision) for name, model in models.items()}
            rates = {name: rate(decoder, 1, 1, seconds / 2, PLAIN) for name, decoder in decoders.items()}
            results[kernels][precision] = rates
            print_row(f"{kernels} {precision}{' (default)' * (precision == own)}", *map(thousands, rates.values()))
    print()
    return results


def through_python(seconds: float) -> dict[str, float]:
    """Measure the Python interface: samples with their text, and a search for stop strings."""
    decoder, letters = made(*MODELS["LSTM(128)"]), [bytes([33 + token]) for token in range(SYMBOLS)]
    results = {}
    print_row("LSTM(128) through Python, as text", "thousands per second", head=True)
    for count in (1, 256):
        length = int(200_000 * seconds) // (1 if count == 1 else 64)
        config = SamplingConfig(temperature=0.5, length=max(length, 100), stop=("\n\n",))
        start = time.perf_counter()
        samples = list(generate(decoder, config, prompt=[1], token_bytes=letters, count=count))
        results[f"{count} samples"] = sum(len(sample.text) for sample in samples) / (time.perf_counter() - start)
        print_row(f"{count} samples", thousands(results[f"{count} samples"]))
    print()
    return results


def made(core: str, sizes: tuple[int, ...], kernels: str = "", precision: str | None = None) -> NativeDecoder:
    config, random = ModelConfig(core=core, vocabulary=SYMBOLS, hidden_sizes=sizes), np.random.default_rng(0)
    shapes = expected_shapes(config)
    weights = {name: random.standard_normal(shape, np.float32) / np.sqrt(shape[-1]) for name, shape in shapes.items()}
    os.environ["SEQLOOM_KERNELS"] = kernels
    decoder = native_decoder(config, weights, precision)
    if decoder is None:
        raise SystemExit("no compiled kernels: build them with 'python native_build.py'")
    return decoder


def rate(decoder: NativeDecoder, streams: int, threads: int, seconds: float, drawing: dict[str, float]) -> float:
    """Return characters per second: the median over runs of up to 256 characters per stream."""
    lanes = BatchedDecoder(decoder.weights, streams, threads)
    lanes.set_sampling(SamplingSettings(**drawing, **FIXED))
    for lane in range(streams):
        lanes.begin(lane, 0, lane, np.zeros(0, np.int32))
    rates: list[float] = []
    begun = time.perf_counter()
    while len(rates) < 3 or time.perf_counter() - begun < seconds:
        start = time.perf_counter()
        written = lanes.generate(256)
        rates.append(int(written.counts.sum()) / (time.perf_counter() - start))
    return statistics.median(rates[1:])


def seconds_to_read(num_bytes: int) -> float:
    """Return the shortest time to read a number of bytes, by the C library's search."""
    data = bytes(num_bytes)
    return min(median_seconds(lambda: data.find(b"x"), 0.02) for _ in range(5))


def median_seconds(work: Callable[[], object], seconds: float) -> float:
    times: list[float] = []
    begun = time.perf_counter()
    while not times or time.perf_counter() - begun < seconds:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def alternating(*measures: Callable[[], float]) -> list[float]:
    """Return the medians of alternating measurements, so that changes of the machine's speed affect all equally."""
    turns = [[measure() for measure in measures] for _ in range(5)]
    return [statistics.median(each) for each in zip(*turns, strict=True)]


def thousands(number: float) -> str:
    return f"{number / 1000:,.1f}"


def print_row(*cells: str, head: bool = False) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)
    if head:
        print("|" + " --- |" * len(cells))


if __name__ == "__main__":
    main()
