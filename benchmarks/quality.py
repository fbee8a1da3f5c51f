"""How good is a model after so many seconds of training, with nothing set but the budget?

Trains with the default settings on the first 90 % of a catalogue corpus and scores the last 10 %, which nothing was
chosen on: nats a character with full context, by blocks of 256 and by windows of 60 (one every fourth position).
Seconds are of training: start-up, validation and sampling are not counted. A row's figure is the median of its seeds.

    python benchmarks/quality.py [ROW ...] [--seeds 3] [--json FILE]

Rows: nietzsche-4s, -5s, -7s, -15s and -60s, shakespeare-60s and -600s. The last takes ten minutes a seed. The corpora
are fetched, or found under the folder that SEQLOOM_CORPORA names. Published, to compare with: Keras on TensorFlow with
the textbook's LSTM(128) on nietzsche, 1.541 nats after 412 s of training (two cores), 1.520 at its best after 880 s;
nanoGPT on shakespeare, 1.88 after about 3 minutes on a laptop's processor, 1.4697 (random blocks of 256) on an A100.
"""

import argparse
import json
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import seqloom


@dataclass(frozen=True)
class Row:
    """One question: a corpus, a budget, and the nats to reach, with full context (`nats`) or in `blocks_256`."""

    corpus: str
    seconds: float
    lowercase: bool
    reach: float
    protocol: str = "nats"


ROWS = {
    "nietzsche-4s": Row("nietzsche", 4.1, True, 1.541),
    "nietzsche-5s": Row("nietzsche", 5, True, 1.48),
    "nietzsche-7s": Row("nietzsche", 7, True, 1.541),
    "nietzsche-15s": Row("nietzsche", 15, True, 1.40),
    "nietzsche-60s": Row("nietzsche", 60, True, 1.33),
    "shakespeare-60s": Row("shakespeare", 60, False, 1.52),
    "shakespeare-600s": Row("shakespeare", 600, False, 1.49, "blocks_256"),
}


def measure(row: Row, seed: int) -> dict[str, Any]:
    """Train once; the held-out figures, the seconds of training and the settings that were chosen."""
    with tempfile.TemporaryDirectory() as folder:
        run = seqloom.train(
            row.corpus,
            run=Path(folder) / "run",
            minutes=row.seconds / 60,
            hold_out=0.1,
            lowercase=row.lowercase,
            seed=seed,
        )
        metrics = run.folder.read_metrics()
        model, training = run.config.model, run.config.training
    return {
        "nats": metrics["held_out"]["full_context"]["nats_per_token"],
        "blocks_256": metrics["held_out"]["blocks_256"]["nats_per_token"],
        "windows_60": metrics["held_out"]["windows_60"]["nats_per_token"],
        "seconds": metrics["training_seconds"],
        "tokens_per_second": metrics["tokens_per_second"],
        "chosen": f"{model.core} {model.hidden_sizes}, {training.batch_size} x {training.sequence_length}, "
        f"rate {training.learning_rate:.3g}, dropout {model.dropout}, {training.total_steps:,} steps",
    }


def main() -> None:
    """Measure the rows that are named, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="where the single measurements go")
    asked = parser.parse_args()
    unknown = [name for name in asked.rows if name not in ROWS]
    if unknown:
        parser.error(f"unknown row {', '.join(unknown)}: choose from {', '.join(ROWS)}")
    found: dict[str, list[dict[str, Any]]] = {}
    print("| row | reach | nats (median) | each seed | blocks of 256 | windows of 60 | seconds of training |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in asked.rows or ROWS:
        each = [measure(ROWS[name], seed) for seed in range(asked.seeds)]
        found[name] = each
        medians = {key: statistics.median(one[key] for one in each) for key in ("nats", "blocks_256", "windows_60")}
        seeds = ", ".join(f"{one['nats']:.4f}" for one in each)
        seconds = ", ".join(f"{one['seconds']:.1f}" for one in each)
        reach = f"{ROWS[name].reach}{' in blocks' if ROWS[name].protocol == 'blocks_256' else ''}"
        print(
            f"| {name} | {reach} | {medians['nats']:.4f} | {seeds} | {medians['blocks_256']:.4f} | "
            f"{medians['windows_60']:.4f} | {seconds} |",
            flush=True,
        )
        if asked.json:
            asked.json.write_text(json.dumps(found, indent=2), encoding="utf-8")
    print("\nWhat the planner chose, first seed:\n")
    for name, each in found.items():
        print(f"- {name}: {each[0]['chosen']}")


if __name__ == "__main__":
    main()
