"""Time the textbook recipe in Keras and print one JSON object; run by the interpreter of a peer's environment.

LSTM(128) on one-hot windows of 60 characters, every third position, loss of the last character, RMSprop(0.01), batches
of 128. For each generated character the model reads the whole window again, as in the recipe.

    KERAS_BACKEND=tensorflow python keras_classic.py TEXT_FILE SECONDS
"""

import json
import sys
import time

import keras
import numpy as np

WINDOW, STRIDE, BATCH = 60, 3, 128


def main() -> None:
    """Train for a number of seconds, then generate for the same time."""
    path, seconds = sys.argv[1], float(sys.argv[2])
    with open(path, encoding="utf-8") as file:
        text = file.read().lower()
    symbols = sorted(set(text))
    ids = np.array([symbols.index(symbol) for symbol in text])
    rows = np.eye(len(symbols), dtype=np.float32)
    starts = np.random.default_rng(0).permutation(np.arange(0, len(ids) - WINDOW, STRIDE))
    model = keras.Sequential(
        [
            keras.layers.Input((WINDOW, len(symbols))),
            keras.layers.LSTM(128),
            keras.layers.Dense(len(symbols), activation="softmax"),
        ]
    )
    model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.RMSprop(learning_rate=0.01))

    def batch(number: int) -> tuple[np.ndarray, np.ndarray]:
        first = starts[number * BATCH % (len(starts) - BATCH) :][:BATCH]
        return rows[ids[first[:, None] + np.arange(WINDOW)]], rows[ids[first + WINDOW]]

    for number in range(5):
        model.train_on_batch(*batch(number))
    begun, batches = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        model.train_on_batch(*batch(batches + 5))
        batches += 1
    training = batches * BATCH / (time.perf_counter() - begun)

    window = ids[:WINDOW].copy()
    random = np.random.default_rng(1)

    def write() -> None:
        scaled = np.log(model.predict(rows[window][None], verbose=0)[0].astype(np.float64) + 1e-30) / 0.5
        chances = np.exp(scaled - scaled.max())
        window[:-1] = window[1:]
        window[-1] = random.choice(len(symbols), p=chances / chances.sum())

    for _ in range(3):
        write()
    begun, written = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        write()
        written += 1
    print(
        json.dumps(
            {
                "keras": keras.__version__,
                "backend": keras.backend.backend(),
                "windows": len(starts),
                "windows_per_second": training,
                "characters_per_second": written / (time.perf_counter() - begun),
            }
        )
    )


if __name__ == "__main__":
    main()
