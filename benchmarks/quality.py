"""How good is a model after a number of seconds of training, with default settings?

The model is trained on the first 90 % of a catalogue corpus and scored on the last 10 %, on which nothing was selected.
Measured are nats per character with full context, in blocks of 256 and in windows of 60 (at every fourth position). The
seconds count training only, without start-up, validation and sampling. The result of a row is the median over its
seeds.

    python benchmarks/quality.py [ROW ...] [--seeds 3] [--json FILE]

Rows: nietzsche-4s, -5s, -7s, -15s and -60s, shakespeare-60s and -600s. The last takes ten minutes per seed. The corpora
are fetched, or read from the folder in SEQLOOM_CORPORA. Published results for comparison: Keras on TensorFlow with the
textbook's LSTM(128) on nietzsche, 1.541 nats after 412 s of training (two cores), 1.520 at its best after 880 s;
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
    """A corpus, a time budget, and the target in nats, with full context (`nats`) or in `blocks_256`."""

    corpus: str
    seconds: float
    lowercase: bool
    reach: float
    protocol: str = "nats"


_OTHER_SECONDS = 6.0
"""Part of the budget that goes to reading, validation and the report; the table shows the seconds of training."""

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
    """Train once and return the held-out losses, the seconds of training and the chosen settings."""
    with tempfile.TemporaryDirectory() as folder:
        run = seqloom.train(
            row.corpus,
            run=Path(folder) / "run",
            minutes=(row.seconds + _OTHER_SECONDS) / 60,
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
    """Measure the selected rows and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="file for the measurements of each seed")
    options = parser.parse_args()
    unknown = [name for name in options.rows if name not in ROWS]
    if unknown:
        parser.error(f"unknown row {', '.join(unknown)}: choose from {', '.join(ROWS)}")
    results: dict[str, list[dict[str, Any]]] = {}
    print("| row | target | nats (median) | each seed | blocks of 256 | windows of 60 | seconds of training |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in options.rows or ROWS:
        each = [measure(ROWS[name], seed) for seed in range(options.seeds)]
        results[name] = each
        medians = {key: statistics.median(one[key] for one in each) for key in ("nats", "blocks_256", "windows_60")}
        seeds = ", ".join(f"{one['nats']:.4f}" for one in each)
        seconds = ", ".join(f"{one['seconds']:.1f}" for one in each)
        reach = f"{ROWS[name].reach}{' in blocks' if ROWS[name].protocol == 'blocks_256' else ''}"
        print(
            f"| {name} | {reach} | {medians['nats']:.4f} | {seeds} | {medians['blocks_256']:.4f} | "
            f"{medians['windows_60']:.4f} | {seconds} |",
            flush=True,
        )
        if options.json:
            options.json.write_text(json.dumps(results, indent=2), encoding="utf-8")
    print("\nSettings chosen for the first seed:\n")
    for name, each in results.items():
        print(f"- {name}: {each[0]['chosen']}")


if __name__ == "__main__":
    main()
