"""How many characters a second does a trained model write?

Asked of one stream on one core, of one stream on all, and of 256 streams side by side; of temperature alone and of the
full chain of transforms; of every instruction set that this processor has, and every precision. The peer is torch in
the same environment, eager, one stream, its state carried from character to character. Weights are random, of the
right shapes: they take as long as trained ones. Each figure is the median of repeated runs, beside the share of the
bound: the time that it takes to read the weights once from where they lie.

    python benchmarks/decode.py                     everything, about three minutes
    python benchmarks/decode.py --seconds 0.2 --models "LSTM(128)" --no-torch
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from seqloom.config import ModelConfig
from seqloom.kernels.decoding_library import SamplingSettings
from seqloom.kernels.lanes import Lanes, usable_processors
from seqloom.kernels.native import available_kernels
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.6, help="of each measurement")
    parser.add_argument("--models", default=",".join(MODELS), help="which models to ask")
    parser.add_argument("--no-torch", action="store_true", help="leave the peer out")
    chosen = parser.parse_args()
    models = {name: MODELS[name] for name in chosen.models.split(",")}
    print(f"{usable_processors()} processors, {SYMBOLS} symbols, temperature 0.5; thousands of characters a second\n")
    print_table(as_it_comes(models, chosen.seconds, not chosen.no_torch))
    print_table(full_chain(models, chosen.seconds))
    print_table(every_path(models, chosen.seconds))
    print_table([("LSTM(128) through Python, as text", "thousands a second"), *through_python(chosen.seconds)])


def as_it_comes(
    models: dict[str, tuple[str, tuple[int, ...]]], seconds: float, torch: bool
) -> Iterator[tuple[str, ...]]:
    many = usable_processors()
    yield "model", "one stream, one core", f"{many} cores", f"256 streams, {many} cores", "bound", "torch", "ratio"
    for name, model in models.items():
        decoder = made(*model)
        one = rate(decoder, 1, 1, seconds, PLAIN)
        peer = torch_rate(*model, seconds) if torch else 0
        yield (
            f"{name}, {decoder.kernels} {decoder.precision}",
            thousands(one),
            thousands(rate(decoder, 1, many, seconds, PLAIN)),
            thousands(rate(decoder, 256, many, seconds, PLAIN)),
            f"{one * seconds_to_read(decoder.weight_bytes):.0%}",
            thousands(peer) if torch else "",
            f"{one / peer:.0f}x" if torch else "",
        )


def full_chain(models: dict[str, tuple[str, tuple[int, ...]]], seconds: float) -> Iterator[tuple[str, ...]]:
    yield "model", "temperature alone", "top-p, min-p and repetition", "time"
    for name, model in models.items():
        decoder = made(*model)
        chains = (partial(rate, decoder, 1, 1, seconds / 4, drawing) for drawing in (PLAIN, FULL))
        plain, full = alternating(*chains)
        yield name, thousands(plain), thousands(full), f"{plain / full:.2f}x"


def every_path(models: dict[str, tuple[str, tuple[int, ...]]], seconds: float) -> Iterator[tuple[str, ...]]:
    yield "instruction set and precision, one stream, one core", *models
    for kernels in available_kernels():
        for precision in PRECISIONS:
            rates = [rate(made(*model, kernels, precision), 1, 1, seconds / 2, PLAIN) for model in models.values()]
            yield f"{kernels} {precision}", *map(thousands, rates)


def through_python(seconds: float) -> Iterator[tuple[str, ...]]:
    """What a person gets: samples with their text, stop strings looked for."""
    decoder, letters = made(*MODELS["LSTM(128)"]), [bytes([33 + token]) for token in range(SYMBOLS)]
    for count in (1, 256):
        length = int(200_000 * seconds) // (1 if count == 1 else 64)
        config = SamplingConfig(temperature=0.5, length=max(length, 100), stop=("\n\n",))
        start = time.perf_counter()
        samples = list(generate(decoder, config, prompt=[1], token_bytes=letters, count=count))
        elapsed = time.perf_counter() - start
        yield f"{count} samples", thousands(sum(len(sample.text) for sample in samples) / elapsed)


def made(core: str, sizes: tuple[int, ...], kernels: str = "", precision: str | None = None) -> NativeDecoder:
    config, random = ModelConfig(core=core, vocabulary=SYMBOLS, sizes=sizes), np.random.default_rng(0)
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


def torch_rate(core: str, sizes: tuple[int, ...], seconds: float) -> float:
    """Characters a second of torch.nn, eager, one stream on one core, softmax and draw included."""
    import torch

    torch.set_num_threads(1)
    network = (torch.nn.LSTM if core == "lstm" else torch.nn.GRU)(SYMBOLS, sizes[0], num_layers=len(sizes))
    head, rows = torch.nn.Linear(sizes[-1], SYMBOLS), torch.eye(SYMBOLS)
    token, state = torch.zeros(1, dtype=torch.long), None

    def write() -> None:
        nonlocal token, state
        for _ in range(32):
            output, state = network(rows[token], state)
            token = torch.multinomial(torch.softmax(head(output[-1]) / 0.5, dim=-1), 1)

    with torch.inference_mode():
        write()
        return 32 / median_seconds(write, seconds)


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


def print_table(rows: Iterator[tuple[str, ...]] | list[tuple[str, ...]]) -> None:
    for number, row in enumerate(rows):
        print(f"| {' | '.join(row)} |", flush=True)
        if number == 0:
            print("|" + " --- |" * len(row))
    print()


if __name__ == "__main__":
    main()
