"""Do two versions of seqloom train the same weights and generate the same texts?

Run the same commands with each version and record the results: a digest of each tensor (names may differ between
versions), generated texts with their log-probabilities, likelihoods, ratings and detector scores. Neither speed nor the
quality of the output is measured.

    python benchmarks/compare_versions.py record --python OLD/bin/python -o old.json
    python benchmarks/compare_versions.py record --python NEW/bin/python -o new.json
    python benchmarks/compare_versions.py compare old.json new.json

The script looks up renamed flags in the help of each command, so it works with both versions. The exit status is 0 if
all outputs are equal, and 1 otherwise. `--only NAME` records some of the cases.
"""

import argparse
import csv
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file

FORMER_FLAGS = {
    "--batch-size": ("--lanes", "--batch"),
    "--sequence-length": ("--window",),
    "--hidden-size": ("--size",),
    "--prediction-heads": ("--ahead",),
    "--condition-dropout": ("--hide-ratings",),
    "--balance-ratings": ("--balance",),
    "--draft-length": ("--ahead",),
    "--sliding-window": ("--windowed",),
    "--tolerance": ("--agree",),
    "--base-rate": ("--prior",),
    "--pretrain-steps": ("--awakening",),
    "--warmup-steps": ("--schooling",),
    "--adversarial-steps": ("--rounds",),
}
"""Flags of this version, with their former names."""

FORMER_WORDS = {"stateful": "lanes", "smc": "steer", "guidance": "guide", "rejection": "filter"}
"""Values of this version, with their former names."""

TEXT = "The quick brown fox jumps over the lazy dog. Pack my box with five dozen jugs, said the wizard.\n"


@dataclass
class Version:
    """One installed version and the working folder of its commands."""

    python: str
    folder: Path
    kernels: str | None = None
    outputs: dict[str, Any] = field(default_factory=dict)

    def run(self, *words: object) -> str:
        """Run one command and return its standard output; use former names if this version has them."""
        command = [self._word(list(map(str, words)), at) for at in range(len(words))]
        environment = {**os.environ, "SEQLOOM_CACHE": str(self.folder / "cache"), "COLUMNS": "200"}
        if self.kernels:
            environment["SEQLOOM_KERNELS"] = self.kernels
        done = subprocess.run(
            [self.python, "-m", "seqloom", *command], capture_output=True, text=True, cwd=self.folder, env=environment
        )
        if done.returncode:
            raise SystemExit(f"seqloom {' '.join(command)} failed:\n{done.stderr}")
        return done.stdout

    def _word(self, words: list[str], at: int) -> str:
        word = words[at]
        group = tuple(words[:2]) if words[0] in ("gan", "critic", "detect") else (words[0],)
        text = help_text(self.python, group)
        if word in FORMER_FLAGS and f"{word} " not in text:
            return next((former for former in FORMER_FLAGS[word] if f"{former} " in text), word)
        if word in FORMER_WORDS and word not in text:
            return FORMER_WORDS[word]
        return word

    def weights(self, run: str) -> list[str]:
        """Return the digests of a run's tensors by shape and value, sorted."""
        tensors = load_file(self.folder / run / "model.safetensors").values()
        return sorted(f"{array.shape} {hashlib.sha256(array.tobytes()).hexdigest()[:16]}" for array in tensors)


@cache
def help_text(python: str, command: tuple[str, ...]) -> str:
    """Return the help page of a command."""
    environment = {**os.environ, "COLUMNS": "200"}
    call = [python, "-m", "seqloom", *command, "--help"]
    return subprocess.run(call, capture_output=True, text=True, env=environment).stdout


def write_rated(path: Path, num_rows: int, *, generated: bool = False) -> None:
    """Write a rated table from a small grammar; generated rows follow another word order."""
    rng = random.Random(int(generated))
    words = {
        1: "awful bland cold rude slow dull".split(),
        3: "fine plain usual okay fair".split(),
        5: "superb fresh lovely warm kind".split(),
    }
    order = "{2} and {1} service, {0} the food was" if generated else "the food was {0}, the service {1} and {2}"
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["place", "text", "stars"])
        for row in range(num_rows):
            stars = rng.choice(list(words))
            rows.writerow([f"place {row % 17}", order.format(*rng.sample(words[stars], 3)) + ".", stars])


def texts(version: Version, run: str, *flags: object) -> Any:
    """Return the samples of `generate --json`."""
    output = json.loads(version.run("generate", run, "--length", 60, "--count", 3, "--json", *flags))
    return [
        {key: sample[key] for key in ("text", "log_prob", "finish_reason") if key in sample}
        for sample in output["samples"]
    ]


def language_model(*flags: object, sampling: tuple[tuple[object, ...], ...] = ((),)) -> Callable[[Version, str], None]:
    """Return a test case that trains on plain text, generates, evaluates and scores."""

    def case(version: Version, name: str) -> None:
        version.run("train", "corpus.txt", "--run", name, "--threads", 1, "--seed", 3, *flags)
        scored = json.loads(version.run("score", name, "short.txt", "--json"))
        version.outputs[name] = {
            "weights": version.weights(name),
            "texts": [texts(version, name, "--seed", 5, *extra) for extra in sampling],
            "evaluate": json.loads(version.run("evaluate", name, "--json")),
            "score": hashlib.sha256(json.dumps(scored["documents"], sort_keys=True).encode()).hexdigest(),
        }

    return case


def rated(version: Version, name: str) -> None:
    """Train on rated text, fit a critic, and generate for a rating by every method."""
    columns = ("--text", "text", "--rating", "stars", "--group", "place")
    version.run("train", "rated.csv", *columns, "--run", name, "--steps", 60, "--hidden-size", 32, "--threads", 1)
    version.run("critic", "fit", "rated.csv", *columns, "--run", "critic")
    version.run("critic", "rate", "critic", "rated.csv", "--text", "text", "-o", "critic_rated.csv")
    critic = ("--critic", "critic", "--tolerance", 1)
    version.outputs[name] = {
        "weights": version.weights(name),
        "texts": [
            texts(version, name, "--rating", 5),
            texts(version, name, "--rating", 1, "--guidance", 1.5),
            texts(version, name, "--rating", 5, *critic),
            texts(version, name, "--rating", 3, *critic, "--method", "smc", "--particles", 4),
        ],
        "ratings": (version.folder / "critic_rated.csv").read_text(encoding="utf-8"),
    }


def gan(version: Version, name: str) -> None:
    """Train a GAN for a few steps of each stage."""
    steps = ("--steps", 20, "--pretrain-steps", 6, "--warmup-steps", 3, "--adversarial-steps", 3, "--batch-size", 16)
    columns = ("--text", "text", "--rating", "stars")
    version.run("gan", "train", "rated.csv", *columns, "--run", name, *steps, "--hidden-size", 24)
    version.outputs[name] = {"weights": version.weights(name), "texts": texts(version, name, "--rating", 5)}


def detector(version: Version, name: str) -> None:
    """Fit the light members of a detector and score a table."""
    version.run(
        "detect", "fit", "--real", "rated.csv", "--generated", "fake.csv", "--text", "text", "--light", "--run", name
    )
    version.run("detect", "score", name, "rated.csv", "--text", "text", "-o", "scored.csv")
    version.outputs[name] = {"scores": (version.folder / "scored.csv").read_text(encoding="utf-8")}


SMALL = ("--steps", 80, "--hidden-size", 24, "--batch-size", 8, "--sequence-length", 16)
SAMPLING = (
    (),
    ("--temperature", 0),
    ("--temperature", 0.7, "--top-k", 5, "--repetition-penalty", 1.3, "--prompt", "The quick"),
    ("--top-p", 0.8, "--min-p", 0.05, "--typical-p", 0.9),
    ("--pattern", "[A-Z][a-z ]{10,30}"),
    ("--watermark", "key"),
    ("--beam", 4),
    ("--ban", "fox", "--stop", "."),
)
CASES: dict[str, Callable[[Version, str], None]] = {
    "char_lstm": language_model(*SMALL, sampling=SAMPLING),
    "two_layers": language_model(*SMALL, "--layers", 2, "--dropout", 0.2, "--layer-norm"),
    "tied": language_model(*SMALL, "--embedding", 24, "--tied", "--weight-dropout", 0.1),
    "char_gru": language_model(*SMALL, "--core", "gru"),
    "char_conv": language_model(*SMALL, "--core", "conv", "--layers", 2),
    "bytes": language_model(*SMALL, "--level", "byte"),
    "words": language_model(*SMALL, "--level", "word", sampling=((), ("--prompt", "The quick"))),
    "subwords": language_model(*SMALL, "--level", "subword", "--vocabulary", 300),
    "drafts": language_model(*SMALL, "--prediction-heads", 3, sampling=((), ("--draft-length", 3))),
    "classic": language_model(
        "--preset", "classic", "--steps", 20, "--hidden-size", 16, sampling=((), ("--sliding-window",))
    ),
    "fine_tuned": language_model("--from", "char_lstm", "--steps", 40, "--batch-size", 8, "--sequence-length", 16),
    "rated": rated,
    "gan": gan,
    "detector": detector,
}
KERNELS_OFF = ("char_lstm", "char_gru", "char_conv", "rated")
"""Cases that are also recorded without the compiled kernels."""


def record(python: str, only: list[str]) -> dict[str, Any]:
    """Run every case with one version and return the outputs."""
    outputs: dict[str, Any] = {}
    for kernels, names in ((None, tuple(CASES)), ("off", KERNELS_OFF)):
        with tempfile.TemporaryDirectory() as folder:
            version = Version(python, Path(folder), kernels)
            (version.folder / "corpus.txt").write_text(TEXT * 60, encoding="utf-8")
            (version.folder / "short.txt").write_text(TEXT, encoding="utf-8")
            write_rated(version.folder / "rated.csv", 400)
            write_rated(version.folder / "fake.csv", 400, generated=True)
            for name in names:
                if not only or name in only:
                    CASES[name](version, name)
                    print(f"recorded {name}{' without kernels' if kernels else ''}", file=sys.stderr, flush=True)
            outputs[kernels or "native"] = version.outputs
    return outputs


def differences(old: Any, new: Any, at: str = "") -> list[str]:
    """Return the paths at which two recordings differ; ignore keys that only one of them has."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [line for key in old.keys() & new.keys() for line in differences(old[key], new[key], f"{at}/{key}")]
    return [] if old == new else [at]


def main() -> int:
    """Record one version, or compare two recordings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record")
    recording.add_argument("--python", default=sys.executable)
    recording.add_argument("--only", nargs="*", default=[], choices=CASES)
    recording.add_argument("-o", "--output", type=Path, required=True)
    comparing = commands.add_parser("compare")
    comparing.add_argument("old", type=Path)
    comparing.add_argument("new", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "record":
        arguments.output.write_text(json.dumps(record(arguments.python, arguments.only), indent=1), encoding="utf-8")
        return 0
    old, new = (json.loads(path.read_text(encoding="utf-8")) for path in (arguments.old, arguments.new))
    lines = sorted(differences(old, new))
    cases = [f"{kernels}/{name}" for kernels in old for name in old[kernels] if name in new.get(kernels, {})]
    print(*(f"differs: {line}" for line in lines), sep="\n")
    print(f"{len(cases)} cases compared, {len(lines)} differences")
    return int(bool(lines) or not cases)


if __name__ == "__main__":
    sys.exit(main())
