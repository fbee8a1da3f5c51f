"""How many characters a second does a trained model write, against torch, `torch.compile` and JAX?

Asked of one stream on one core, of one stream on all, and of 256 streams side by side; of temperature alone and of the
full chain of transforms; of every instruction set that this processor has, and every precision. The peers write one
stream on one core, their state carried from character to character: torch eager, torch with one compiled function a
character, JAX with one compiled call a character and with a compiled loop over a thousand (`lax.scan`); each in a
process of its own, in turns with ours. Weights are random, of the right shapes: they take as long as trained ones.
Each figure is the median of repeated runs, beside the share of the bound: the time that it takes to read the weights
once from where they lie.

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
from seqloom.kernels.batched_decoder import Lanes, usable_processors
from seqloom.kernels.decoding_abi import SamplingSettings
from seqloom.kernels.library import available_kernels
from seqloom.kernels.native_decoder import PRECISIONS, NativeDecoder, native_decoder
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
    parser.add_argument("--seconds", type=float, default=0.6, help="of each measurement")
    parser.add_argument("--models", default=",".join(MODELS), help="which models to ask")
    parser.add_argument("--no-torch", action="store_true", help="leave the peers out")
    parser.add_argument("--json", type=Path, help="where the measurements go")
    chosen = parser.parse_args()
    models = {name: MODELS[name] for name in chosen.models.split(",")}
    seconds = chosen.seconds
    print(f"{usable_processors()} processors, {SYMBOLS} symbols, temperature 0.5; thousands of characters a second\n")
    everything: dict[str, Any] = {"processors": usable_processors()}
    everything["models"] = as_it_comes(models, seconds)
    if not chosen.no_torch:
        everything["peers"] = against_peers(models, seconds)
    everything["chain"] = full_chain(models, seconds)
    everything["kernels"] = every_path(models, seconds)
    everything["python"] = through_python(seconds)
    if chosen.json:
        chosen.json.write_text(json.dumps(everything, indent=2), encoding="utf-8")


def as_it_comes(models: Models, seconds: float) -> dict[str, dict[str, float]]:
    """One stream on one core and on all, many streams on all, and the share of the bound that one reaches."""
    many, found = usable_processors(), {}
    cores = f"{many} cores"
    print_row("model", "one stream, one core", cores, f"256 streams, {cores}", "bound", "of it", head=True)
    for name, model in models.items():
        decoder = made(*model)
        one, bound = rate(decoder, 1, 1, seconds, PLAIN), 1 / seconds_to_read(decoder.weight_bytes)
        each = found[name] = {
            "one_core": one,
            "all_cores": rate(decoder, 1, many, seconds, PLAIN),
            "streams_256": rate(decoder, 256, many, seconds, PLAIN),
            "bound": bound,
        }
        label = f"{name}, {decoder.kernels} {decoder.precision}"
        print_row(label, *map(thousands, each.values()), f"{one / bound:.0%}")
    print()
    return found


def against_peers(models: Models, seconds: float) -> dict[str, dict[str, Any]]:
    """One stream on one core, peers and ours in turns."""
    found: dict[str, dict[str, Any]] = {}
    print_row("model, one stream, one core", "system", "thousands a second", "ours is", head=True)
    for name, (core, sizes) in models.items():
        decoder = made(core, sizes)
        ours: Rate = partial(_one_stream, decoder)
        rates, failed = in_turn({"seqloom": lambda ours=ours: ours} | peer_rates(core, sizes), 5, seconds)
        found[name] = {"rates": rates, "failed": failed}
        for system, characters in rates.items():
            print_row(name, system, thousands(characters), f"{rates['seqloom'] / characters:,.1f}x")
        for system, why in failed.items():
            print_row(name, system, f"not measured: {why}", "")
    print()
    return found


def _one_stream(decoder: NativeDecoder, seconds: float) -> float:
    return rate(decoder, 1, 1, seconds, PLAIN)


def peer_rates(core: str, sizes: tuple[int, ...]) -> dict[str, Callable[[], Rate]]:
    """Torch, and for LSTMs what compiles a step."""
    torch = partial(PeerProcess, sys.executable, "torch_lstm.py", "writing", "--core", core, "--sizes", *sizes)

    def jax(work: str) -> PeerProcess:
        return PeerProcess(python_of("jax"), "jax_lstm.py", work, "--sizes", *sizes)

    if core != "lstm":
        return {"torch eager": torch}
    return {
        "torch eager": torch,
        "torch.compile": partial(torch, "--compiled"),
        "JAX, a call a character": partial(jax, "step"),
        "JAX scan": partial(jax, "scan"),
    }


def full_chain(models: Models, seconds: float) -> dict[str, dict[str, float]]:
    """What all transforms together cost."""
    found = {}
    print_row("model", "temperature alone", "top-p, min-p and repetition", "time", head=True)
    for name, model in models.items():
        decoder = made(*model)
        chains = (partial(rate, decoder, 1, 1, seconds / 4, drawing) for drawing in (PLAIN, FULL))
        plain, full = alternating(*chains)
        found[name] = {"plain": plain, "full": full}
        print_row(name, thousands(plain), thousands(full), f"{plain / full:.2f}x")
    print()
    return found


def every_path(models: Models, seconds: float) -> dict[str, dict[str, Any]]:
    """Each instruction set in each precision, and which precision it takes by itself."""
    found: dict[str, dict[str, Any]] = {}
    print_row("instruction set and precision, one stream, one core", *models, head=True)
    for kernels in available_kernels():
        own = made(*MODELS["LSTM(128)"], kernels).precision
        found[kernels] = {"own_precision": own}
        for precision in PRECISIONS:
            decoders = {name: made(*model, kernels, precision) for name, model in models.items()}
            rates = {name: rate(decoder, 1, 1, seconds / 2, PLAIN) for name, decoder in decoders.items()}
            found[kernels][precision] = rates
            print_row(f"{kernels} {precision}{' (its own)' * (precision == own)}", *map(thousands, rates.values()))
    print()
    return found


def through_python(seconds: float) -> dict[str, float]:
    """What a person gets: samples with their text, stop strings looked for."""
    decoder, letters = made(*MODELS["LSTM(128)"]), [bytes([33 + token]) for token in range(SYMBOLS)]
    found = {}
    print_row("LSTM(128) through Python, as text", "thousands a second", head=True)
    for count in (1, 256):
        length = int(200_000 * seconds) // (1 if count == 1 else 64)
        config = SamplingConfig(temperature=0.5, length=max(length, 100), stop=("\n\n",))
        start = time.perf_counter()
        samples = list(generate(decoder, config, prompt=[1], token_bytes=letters, count=count))
        found[f"{count} samples"] = sum(len(sample.text) for sample in samples) / (time.perf_counter() - start)
        print_row(f"{count} samples", thousands(found[f"{count} samples"]))
    print()
    return found


def made(core: str, sizes: tuple[int, ...], kernels: str = "", precision: str | None = None) -> NativeDecoder:
    config, random = ModelConfig(core=core, vocabulary=SYMBOLS, hidden_sizes=sizes), np.random.default_rng(0)
    shapes = expected_shapes(config)
    weights = {name: random.standard_normal(shape, np.float32) / np.sqrt(shape[-1]) for name, shape in shapes.items()}
    os.environ["SEQLOOM_KERNELS"] = kernels
    decoder = native_decoder(config, weights, precision)
    if decoder is None:
        raise SystemExit("the compiled kernels are not there: build them with 'python hatch_build.py'")
    return decoder


def rate(decoder: NativeDecoder, streams: int, threads: int, seconds: float, drawing: dict[str, float]) -> float:
    """Characters a second, the median of runs of up to 256 characters a stream."""
    lanes = Lanes(decoder, streams, threads)
    lanes.set_sampling(SamplingSettings(**drawing, **FIXED))
    for lane in range(streams):
        lanes.begin(lane, 0, lane, np.zeros(0, np.int32))
    rates: list[float] = []
    begun = time.perf_counter()
    while len(rates) < 3 or time.perf_counter() - begun < seconds:
        start = time.perf_counter()
        written = lanes.write(256)
        rates.append(int(written.counts.sum()) / (time.perf_counter() - start))
    return statistics.median(rates[1:])


def seconds_to_read(num_bytes: int) -> float:
    """The least time that it takes to look through as many bytes, over and over: the search of the C library."""
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
    """The medians of measurements that take turns, so that a change of the machine's speed meets all."""
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
