"""How does seqloom compare with the textbook recipe in Keras, on TensorFlow and on JAX?

Training: windows of 60 characters per second, for the same network and batches (LSTM(128), loss of the last character,
batches of 128). Generation: characters per second at temperature 0.5. The textbook recipe reads the whole window again
for each character. seqloom's `classic` preset does the same, or carries the state and reads each character once.

    python benchmarks/keras_recipe.py [--peers tensorflow,jax] [--seconds 20] [--json FILE]

The peers are installed once into separate environments (see peers/environments.py), about 700 MB.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from peers.environments import PEERS, python_of
from peers.processes import PeerError

import seqloom

HERE = Path(__file__).parent


def peer(name: str, text: Path, seconds: float) -> dict[str, Any]:
    """Run the recipe in a peer's environment and return its measurements.

    Raises:
        CalledProcessError: the environment could not be created.
        PeerError: the recipe failed.
    """
    command = [str(python_of(name)), str(HERE / "peers" / "keras_classic.py"), str(text), str(seconds)]
    environment = {**os.environ, "KERAS_BACKEND": name, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise PeerError((done.stderr.strip().splitlines() or ["no output"])[-1][:200])
    results: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return results


def ours(text: Path, folder: Path) -> dict[str, Any]:
    """Return the same measurements with the preset `classic`, and the speed of generation with a carried state."""
    run = seqloom.train(text, run=folder / "run", preset="classic", lowercase=True, steps=600)
    metrics = run.folder.read_metrics()
    training = run.config.training
    windows = training.total_steps * training.batch_size
    results: dict[str, Any] = {"windows_per_second": windows / metrics["training_seconds"]}
    for name, stateful, length in (("window by window", False, 2_000), ("state carried", True, 400_000)):
        run.generate("the ", length=10, stateful=stateful)
        begun = time.perf_counter()
        run.generate("the ", length=length, temperature=0.5, stateful=stateful)
        results[name] = length / (time.perf_counter() - begun)
    return results


def main() -> None:
    """Measure all systems and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default="tensorflow,jax", help=f"some of {', '.join(PEERS)}, with commas")
    parser.add_argument("--seconds", type=float, default=20.0, help="duration of training and of generation")
    parser.add_argument("--json", type=Path, help="file for the measurements")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        text = Path(place) / "nietzsche.txt"
        text.write_text("".join(_text()), encoding="utf-8")
        everything = {"seqloom": ours(text, Path(place))}
        for name in filter(None, options.peers.split(",")):
            try:
                everything[f"keras on {name}"] = peer(name, text, options.seconds)
            except (PeerError, subprocess.CalledProcessError) as error:
                everything[f"keras on {name}"] = {"failed": str(error)}
    print("| system | training, windows/s | generation, characters/s |\n| --- | --- | --- |")
    for name, results in everything.items():
        if "failed" in results:
            print(f"| {name} | not measured: {results['failed']} | |")
            continue
        written = results.get("characters_per_second") or results["window by window"]
        print(f"| {name} | {results['windows_per_second']:,.0f} | {written:,.0f} |")
        if "state carried" in results:
            print(f"| {name}, state carried | | {results['state carried']:,.0f} |")
    if options.json:
        options.json.write_text(json.dumps(everything, indent=2), encoding="utf-8")


def _text() -> list[str]:
    """Return the chunks of the corpus."""
    from seqloom.config import ReadingConfig
    from seqloom.corpora import open_corpus

    return [chunk for document in open_corpus("nietzsche", ReadingConfig()) for chunk in document.text.chunks]


if __name__ == "__main__":
    main()
