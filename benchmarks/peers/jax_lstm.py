"""An LSTM in plain JAX with a `lax.scan` loop, run by the interpreter of the environment `jax`.

    jax_lstm.py training --sizes 128 --lanes 32 --window 64      tokens per second, with one compiled function per step
    jax_lstm.py step --sizes 128                                 characters per second, with one compiled call each
    jax_lstm.py scan --sizes 128                                 characters per second, in a compiled loop over 1,000

A training step includes embedding, LSTM, linear layer, loss, gradients, clipping and AdamW, in float32, with JAX's
default number of threads. Generation is restricted to one core, since it is slower on all cores.
"""

import argparse
import os
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax, random

from serving import median_rate, serve

SYMBOLS, EMBEDDING, TEMPERATURE = 59, 32, 0.5
LENGTH = 1_000
Tree = Any


def made(sizes: list[int]) -> Tree:
    """Return random weights."""
    keys = iter(random.split(random.key(0), 3 * len(sizes) + 2))

    def normal(*shape: int) -> jax.Array:
        return random.normal(next(keys), shape) / shape[0] ** 0.5

    layers = [
        {"input": normal(inputs, 4 * size), "hidden": normal(size, 4 * size), "bias": jnp.zeros(4 * size)}
        for inputs, size in zip([EMBEDDING, *sizes], sizes, strict=False)
    ]
    head = {"weight": normal(sizes[-1], SYMBOLS), "bias": jnp.zeros(SYMBOLS)}
    return {"embedding": normal(SYMBOLS, EMBEDDING), "layers": layers, "head": head}


def zero_state(sizes: list[int], lanes: int) -> Tree:
    return [(jnp.zeros((lanes, size)), jnp.zeros((lanes, size))) for size in sizes]


def cell(hidden_weight: jax.Array, state: Tree, below: jax.Array) -> tuple[Tree, jax.Array]:
    """Run one step of one layer; `below` is the input's contribution to the gates, including the bias."""
    hidden, kept = state
    take, keep, add, give = jnp.split(below + hidden @ hidden_weight, 4, axis=-1)
    kept = jax.nn.sigmoid(keep) * kept + jax.nn.sigmoid(take) * jnp.tanh(add)
    hidden = jax.nn.sigmoid(give) * jnp.tanh(kept)
    return (hidden, kept), hidden


def loss_of(weights: Tree, state: Tree, tokens: jax.Array, targets: jax.Array) -> tuple[jax.Array, Tree]:
    """Return the mean cross-entropy of a window `[time, batch]` and the final state."""
    signal, after = weights["embedding"][tokens], []
    for layer, begun in zip(weights["layers"], state, strict=True):
        below = signal @ layer["input"] + layer["bias"]
        ended, signal = lax.scan(partial(cell, layer["hidden"]), begun, below)
        after.append(ended)
    scores = jax.nn.log_softmax(signal @ weights["head"]["weight"] + weights["head"]["bias"])
    return -jnp.take_along_axis(scores, targets[..., None], axis=-1).mean(), after


@partial(jax.jit, donate_argnums=(0, 1, 2, 3))
def update(
    weights: Tree, first: Tree, second: Tree, state: Tree, count: jax.Array, tokens: jax.Array, targets: jax.Array
) -> tuple[Tree, Tree, Tree, Tree, jax.Array]:
    """Run one AdamW step on gradients that are clipped to a norm of 1."""
    (loss, state), gradients = jax.value_and_grad(loss_of, has_aux=True)(weights, state, tokens, targets)
    norm = jnp.sqrt(sum((leaf * leaf).sum() for leaf in jax.tree.leaves(gradients)))
    gradients = jax.tree.map(lambda leaf: leaf * jnp.minimum(1.0, 1.0 / (norm + 1e-6)), gradients)
    first = jax.tree.map(lambda mean, leaf: 0.9 * mean + 0.1 * leaf, first, gradients)
    second = jax.tree.map(lambda mean, leaf: 0.99 * mean + 0.01 * leaf * leaf, second, gradients)
    fast, slow = 1 - 0.9**count, 1 - 0.99**count
    weights = jax.tree.map(
        lambda leaf, mean, square: leaf - 1e-3 * (mean / fast / (jnp.sqrt(square / slow) + 1e-8) + 0.01 * leaf),
        weights,
        first,
        second,
    )
    return weights, first, second, state, loss


def training(sizes: list[int], lanes: int, window: int) -> Callable[[], None]:
    """Return a function that runs one training step."""
    weights = made(sizes)
    kept = [weights, jax.tree.map(jnp.zeros_like, weights), jax.tree.map(jnp.zeros_like, weights)]
    kept.append(zero_state(sizes, lanes))
    tokens, targets = random.randint(random.key(1), (2, window, lanes), 0, SYMBOLS)
    steps = [0]

    def step() -> None:
        steps[0] += 1
        *kept[:], loss = update(*kept, jnp.float32(steps[0]), tokens, targets)
        float(loss)

    return step


def following(weights: Tree, carried: Tree, _: None = None) -> tuple[Tree, jax.Array]:
    """Sample the next character; the input product of the first layer is a table lookup."""
    token, state, key = carried
    key, drawn = random.split(key)
    after, below = [], weights["table"][token]
    for index, (layer, begun) in enumerate(zip(weights["layers"], state, strict=True)):
        if index:
            below = below @ layer["input"] + layer["bias"]
        ended, below = cell(layer["hidden"], begun, below)
        after.append(ended)
    logits = below @ weights["head"]["weight"] + weights["head"]["bias"]
    token = random.categorical(drawn, logits / TEMPERATURE)
    return (token, after, key), token


def writing(sizes: list[int], *, scan: bool) -> Callable[[], None]:
    """Return a function that generates 1,000 characters with a carried state."""
    weights = made(sizes)
    weights["table"] = weights["embedding"] @ weights["layers"][0]["input"] + weights["layers"][0]["bias"]
    kept = [(jnp.zeros(1, jnp.int32), zero_state(sizes, 1), random.key(2))]
    one = jax.jit(following, donate_argnums=1)
    many = jax.jit(lambda weights, carried: lax.scan(partial(following, weights), carried, length=LENGTH))

    def write() -> None:
        if scan:
            kept[0], tokens = many(weights, kept[0])
            tokens.tolist()
            return
        for _ in range(LENGTH):
            kept[0], token = one(weights, kept[0])
            token.item()

    return write


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", choices=("training", "step", "scan"))
    parser.add_argument("--sizes", type=int, nargs="+", default=[128])
    parser.add_argument("--lanes", type=int, default=32)
    parser.add_argument("--window", type=int, default=64)
    options = parser.parse_args()
    if options.work == "training":
        serve(median_rate(training(options.sizes, options.lanes, options.window), options.lanes * options.window))
    else:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        serve(median_rate(writing(options.sizes, scan=options.work == "scan"), LENGTH))


if __name__ == "__main__":
    main()
