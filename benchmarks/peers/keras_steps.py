"""Train a stack of LSTMs in Keras from given weights on given batches; run by the interpreter of a peer's environment.

    KERAS_BACKEND=jax python keras_steps.py INPUT.npz OUTPUT.npz

The input has `tokens` [steps, batch, time], `targets` [steps, batch], the settings in `settings` (JSON), and the
weights `input.L` [4*hidden, width], `hidden.L` and `bias.L` of each layer L, and `head` and `head_bias`. The output has
the loss of each step, and the weights after the last one.
"""

import json
import sys

import jax
import keras
import numpy as np


def main() -> None:
    """Read the input, train, and write the output."""
    inputs = np.load(sys.argv[1])
    settings = json.loads(str(inputs["settings"]))
    keras.config.set_floatx(settings["precision"])
    sizes, vocabulary = settings["hidden_sizes"], settings["vocabulary"]
    last = len(sizes) - 1
    # The tanh of Keras computes in float32 even if everything else has float64.
    tanh = jax.numpy.tanh if settings["precision"] == "float64" else "tanh"
    layers = [
        keras.layers.LSTM(size, activation=tanh, return_sequences=layer < last) for layer, size in enumerate(sizes)
    ]
    head = keras.layers.Dense(vocabulary, activation="softmax")
    model = keras.Sequential([keras.layers.Input((inputs["tokens"].shape[2], vocabulary)), *layers, head])
    # A bias of Keras's LSTM is one of ours, and its gates have the same order.
    for number, layer in enumerate(layers):
        layer.set_weights([inputs[f"input.{number}"].T, inputs[f"hidden.{number}"].T, inputs[f"bias.{number}"]])
    head.set_weights([inputs["head"].T, inputs["head_bias"]])
    optimizers = {"rmsprop": keras.optimizers.RMSprop, "adam": keras.optimizers.Adam}
    optimizer = optimizers[settings["optimizer"]](learning_rate=settings["learning_rate"])
    model.compile(loss="categorical_crossentropy", optimizer=optimizer)
    rows, losses = np.eye(vocabulary, dtype=settings["precision"]), []
    for tokens, targets in zip(inputs["tokens"], inputs["targets"], strict=True):
        model.reset_metrics()
        losses.append(float(model.train_on_batch(rows[tokens], rows[targets])))
    weights = {
        f"{name}.{number}": value for number, layer in enumerate(layers) for name, value in _parts(layer).items()
    }
    final_head, final_bias = head.get_weights()
    np.savez(sys.argv[2], losses=losses, head=final_head.T, head_bias=final_bias, **weights)


def _parts(layer: keras.layers.LSTM) -> dict[str, np.ndarray]:
    of_input, of_hidden, bias = layer.get_weights()
    return {"input": of_input.T, "hidden": of_hidden.T, "bias": bias}


if __name__ == "__main__":
    main()
