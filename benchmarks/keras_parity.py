"""Do the presets `classic` and `reviews` train as the textbook recipes in Keras do?

From the same weights and on the same batches, both make 50 updates; the table shows the largest difference between the
losses of a step, and between the weights after the last one. The row "Keras" compares Keras in float32 with itself in
float64: no other implementation can be expected to round more alike. The second table compares the initial weights.

    python benchmarks/keras_parity.py [--steps 50] [--presets classic,reviews] [--text FILE]

Without a text, such as that of Nietzsche for which `classic` was made, the text is drawn at random. The most frequent
symbols of a text in lower case are used, and all others become one symbol.
Keras runs on JAX, in an environment of its own (see peers/environments.py). `reviews` runs with a tenth of its units
and windows of 64, so that the comparison takes less than a minute.
"""

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peers.environments import python_of

from seqloom.config import ModelConfig, TrainingConfig
from seqloom.config.presets import PRESETS
from seqloom.data.batch import IGNORED, Batch
from seqloom.kernels.library import chosen_kernels
from seqloom.models.language_model import LanguageModel
from seqloom.training.train_step import make_train_step

VOCABULARY, BATCH = 57, 128
SIZES = {"classic": ((128,), 60), "reviews": ((102, 51), 64)}
"""Hidden units of each layer, and length of the windows."""


def make_model(preset: str, precision: str, seed: int = 0) -> LanguageModel:
    """Return a network of a preset with its initial weights."""
    settings = PRESETS[preset].settings
    sizes, _ = SIZES[preset]
    config = ModelConfig(
        vocabulary=VOCABULARY, hidden_sizes=sizes, embedding=0, initialization=settings["initialization"]
    )
    model = LanguageModel(config, seed)
    return model.double() if precision == "float64" else model


def random_symbols() -> np.ndarray:
    """Return a text in which each symbol depends on the two before it."""
    random = np.random.default_rng(1)
    table = random.dirichlet(np.full(VOCABULARY, 0.05), size=(VOCABULARY, VOCABULARY)).cumsum(-1)
    text = [0, 1]
    for uniform in random.random(40_000):
        text.append(min(int(np.searchsorted(table[text[-2], text[-1]], uniform)), VOCABULARY - 1))
    return np.array(text)


def symbols_of(text: str) -> np.ndarray:
    """Return the number of each character of a text, by frequency; all rare ones have the last number."""
    characters = np.frombuffer(text.lower().encode("utf-32-le"), np.uint32)
    _, numbers, counts = np.unique(characters, return_inverse=True, return_counts=True)
    ranks = np.argsort(np.argsort(-counts, kind="stable"))
    return np.minimum(ranks, VOCABULARY - 1)[numbers]


def make_batches(symbols: np.ndarray, preset: str, steps: int) -> list[Batch]:
    """Return batches of windows of a text, in which the symbol after the window is the target."""
    random, (_, window) = np.random.default_rng(1), SIZES[preset]
    batches = []
    for _ in range(steps):
        positions = random.integers(0, len(symbols) - window, BATCH)[:, None] + np.arange(window)
        targets = np.full(positions.shape, IGNORED, np.int64)
        targets[:, -1] = symbols[positions[:, -1] + 1]
        batches.append(Batch(symbols[positions].astype(np.int64), targets, np.zeros(positions.shape, bool), None))
    return batches


def weights_of(model: LanguageModel) -> dict[str, np.ndarray]:
    """Return the weights by the names of `peers/keras_steps.py`."""
    named = {name: value.detach().numpy() for name, value in model.state_dict().items()}
    layers = range(len(model.config.hidden_sizes))
    parts = (("input", "weight_input"), ("hidden", "weight_hidden"), ("bias", "bias"))
    weights = {f"{short}.{layer}": named[f"core.layers.{layer}.{name}"] for layer in layers for short, name in parts}
    return {**weights, "head": named["head.weight"], "head_bias": named["head.bias"]}


def in_keras(model: LanguageModel, preset: str, batches: list[Batch], precision: str) -> dict[str, np.ndarray]:
    """Train in Keras, and return the losses and the final weights."""
    settings = PRESETS[preset].settings
    described = {
        "precision": precision,
        "hidden_sizes": model.config.hidden_sizes,
        "vocabulary": VOCABULARY,
        **{name: settings[name] for name in ("optimizer", "learning_rate")},
    }
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder) / "given.npz", Path(folder) / "found.npz"
        tokens = np.stack([batch.tokens for batch in batches])
        targets = np.stack([batch.targets[:, -1] for batch in batches])
        np.savez(given, tokens=tokens, targets=targets, settings=json.dumps(described), **weights_of(model))
        environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_ENABLE_X64": str(int(precision == "float64"))}
        script = Path(__file__).parent / "peers" / "keras_steps.py"
        subprocess.run([str(python_of("jax")), str(script), str(given), str(found)], check=True, env=environment)
        with np.load(found) as results:
            return dict(results)


def in_seqloom(model: LanguageModel, preset: str, batches: list[Batch], kernels: str | None) -> dict[str, np.ndarray]:
    """Train here, and return the losses and the final weights."""
    chosen = PRESETS[preset].settings
    names = ("optimizer", "learning_rate", "betas", "schedule", "weight_decay", "clip", "precision")
    config = TrainingConfig(total_steps=len(batches), **{name: chosen[name] for name in names if name in chosen})
    train_step = make_train_step(
        model, config, batch_size=BATCH, carries_state=False, kernels=kernels, threads=torch.get_num_threads()
    )
    losses = [train_step.update(batch, step, config.learning_rate) for step, batch in enumerate(batches)]
    train_step.sync_to_model()
    return {"losses": np.array(losses), **weights_of(model)}


def compare(preset: str, batches: list[Batch]) -> Iterator[tuple[str, ...]]:
    """Yield a row of the table for each way to train here, and one for the rounding of Keras."""
    ways: list[tuple[str, str, str | None]] = [("torch", "float64", None), ("torch", "float32", None)]
    if (kernels := chosen_kernels()) is not None:
        ways.append((f"kernels ({kernels})", "float32", kernels))
    # The weights of float32 are the start of both, so that only the rounding differs.
    keras = {
        precision: in_keras(make_model(preset, precision), preset, batches, precision)
        for precision in ("float64", "float32")
    }
    for way, precision, kernel in ways:
        ours = in_seqloom(make_model(preset, precision), preset, batches, kernel)
        yield preset, way, precision, *_differences(ours, keras[precision])
    yield preset, "Keras", "float32 and float64", *_differences(keras["float32"], keras["float64"])


def _differences(ours: dict[str, np.ndarray], others: dict[str, np.ndarray]) -> tuple[str, str]:
    """Return the largest difference of the losses, and that of the weights."""
    weights = (np.abs(values - others[name]).max() for name, values in ours.items() if name != "losses")
    return f"{np.abs(ours['losses'] - others['losses']).max():.1e}", f"{max(weights):.1e}"


def initial_weights(preset: str) -> Iterator[tuple[str, ...]]:
    """Yield a row for each part of the initial weights, with what Keras's definitions give."""
    weights = weights_of(make_model(preset, "float64", seed=3))
    sizes, _ = SIZES[preset]
    width = VOCABULARY
    for layer, size in enumerate(sizes):
        limit = (6 / (width + 4 * size)) ** 0.5
        yield preset, f"input weights, layer {layer}", f"within ±{limit:.4f}", _spread(weights[f"input.{layer}"])
        of_hidden = weights[f"hidden.{layer}"]
        error = np.abs(of_hidden.T @ of_hidden - np.eye(size)).max()
        yield preset, f"recurrent weights, layer {layer}", "orthonormal columns", f"to {error:.0e}"
        bias = weights[f"bias.{layer}"].reshape(4, size)
        yield preset, f"biases, layer {layer}", "forget gate 1, others 0", str(bias.mean(axis=1).tolist())
        width = size
    limit = (6 / (width + VOCABULARY)) ** 0.5
    yield preset, "output weights", f"within ±{limit:.4f}", _spread(weights["head"])
    yield preset, "output biases", "0", _spread(weights["head_bias"])


def _spread(values: np.ndarray) -> str:
    return f"{values.min():.4f} to {values.max():.4f}"


def main() -> None:
    """Compare the presets, and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=50, help="number of updates")
    parser.add_argument("--presets", default="classic,reviews", help="some of classic, reviews, with a comma")
    parser.add_argument("--text", type=Path, help="text file")
    options: Any = parser.parse_args()
    symbols = random_symbols() if options.text is None else symbols_of(options.text.read_text("utf-8"))
    presets = options.presets.split(",")
    print("| preset | here | precision | losses | weights |\n| --- | --- | --- | ---: | ---: |")
    for preset in presets:
        for row in compare(preset, make_batches(symbols, preset, options.steps)):
            print(f"| {' | '.join(row)} |", flush=True)
    print("\n| preset | part | Keras | here |\n| --- | --- | --- | --- |")
    for preset in presets:
        for row in initial_weights(preset):
            print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
