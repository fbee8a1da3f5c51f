"""Do commands with `--minutes M` take M minutes?

Each command is started as a user starts it, and its wall time is divided by M. The row "train, busy" shares every core
with two busy processes from the sixth second on; the training with the same number of steps on a quiet machine then
shows what the disturbance costs.

    python benchmarks/time_budget.py [ROW ...] [--minutes 0.5] [--json FILE]

Rows: train, train-busy, gan, critic, detect. The corpora are read from the folder in SEQLOOM_CORPORA. Run it on a
machine that is otherwise idle: the limits hold there.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CORPORA = Path(os.environ.get("SEQLOOM_CORPORA", "../shared/corpora"))
NIETZSCHE, REVIEWS = str(CORPORA / "nietzsche" / "nietzsche.txt"), str(CORPORA / "reviews" / "yelp_10k.csv")

_BUSY_AFTER, _BUSY_PROCESSES_PER_CORE = 6.0, 2

Measurement = dict[str, Any]


def timed(arguments: list[str], busy_after: float | None = None) -> tuple[float, float, str]:
    """Run a command; return its wall time, the time until its first output, and its standard error.

    Args:
        arguments: words after `seqloom`.
        busy_after: seconds after which every core also gets two busy processes; None for none.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "seqloom", *arguments], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert process.stderr is not None
    lines, first_output, busy = [], 0.0, list[subprocess.Popen[bytes]]()
    try:
        if busy_after is not None:
            lines.append(process.stderr.readline())
            first_output = time.perf_counter() - start
            time.sleep(max(0.0, busy_after - first_output))
            busy = [
                subprocess.Popen([sys.executable, "-c", "while True: pass"])
                for _ in range(_BUSY_PROCESSES_PER_CORE * (os.cpu_count() or 1))
            ]
        for line in process.stderr:
            first_output = first_output or time.perf_counter() - start
            lines.append(line)
        process.wait()
        seconds = time.perf_counter() - start
    finally:
        for each in busy:
            each.kill()
            each.wait()
    if process.returncode:
        raise SystemExit("".join(lines))
    return seconds, first_output, "".join(lines)


def _nats(run: Path) -> float:
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    return float(metrics["validation"]["full_context"]["nats_per_token"])


def measure_train(work: Path, minutes: float, *, busy: bool = False) -> Measurement:
    """Train on nietzsche; if busy, train again for the same number of steps on a quiet machine."""
    run = work / "train"
    command = ["train", NIETZSCHE, "--run", str(run), "--minutes", str(minutes)]
    seconds, first_output, errors = timed(command, _BUSY_AFTER if busy else None)
    result = {"seconds": seconds, "first_output": first_output, "nats": _nats(run)}
    if busy:
        match = re.search(r"to repeat this training: seqloom (.*?)(?: --pace \S*:(\d+)| --steps (\d+))$", errors, re.M)
        assert match is not None
        undisturbed = run.with_name(f"{run.name}-repeated")
        words = match[1].split()
        timed([*words, "--steps", match[2] or match[3]])
        result["undisturbed_nats"] = _nats(undisturbed)
    return result


def measure_gan(work: Path, minutes: float) -> Measurement:
    """Train a GAN on sentences of reviews."""
    run = ["--run", str(work / "gan"), "--minutes", str(minutes)]
    columns = ["--text", "text", "--rating", "stars", "--sentences"]
    seconds, first_output, _ = timed(["gan", "train", REVIEWS, *columns, *run])
    return {"seconds": seconds, "first_output": first_output}


def measure_critic(work: Path, minutes: float) -> Measurement:
    """Fit a critic to reviews."""
    run = ["--run", str(work / "critic"), "--minutes", str(minutes)]
    seconds, first_output, _ = timed(["critic", "fit", REVIEWS, "--text", "text", "--rating", "stars", *run])
    report = json.loads((work / "critic" / "critic.json").read_text(encoding="utf-8"))["report"]
    return {"seconds": seconds, "first_output": first_output, "r": report["blend"]["pearson"]}


def measure_detect(work: Path, minutes: float) -> Measurement:
    """Train a generator on reviews for half a minute, then fit a detector to its texts."""
    generator = work / "generator"
    timed(["train", REVIEWS, "--text", "text", "--run", str(generator), "--minutes", "0.5"])
    run = ["--run", str(work / "detector"), "--minutes", str(minutes)]
    command = ["detect", "fit", "--real", REVIEWS, "--text", "text", "--generator", str(generator), *run]
    seconds, first_output, _ = timed(command)
    return {"seconds": seconds, "first_output": first_output}


ROWS: dict[str, Callable[[Path, float], Measurement]] = {
    "train": measure_train,
    "train-busy": lambda work, minutes: measure_train(work, minutes, busy=True),
    "gan": measure_gan,
    "critic": measure_critic,
    "detect": measure_detect,
}


def main() -> None:
    """Measure the chosen rows and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--minutes", type=float, nargs="+", default=[0.5, 1.0])
    parser.add_argument("--json", type=Path, help="file for the measurements")
    options = parser.parse_args()
    unknown = [name for name in options.rows if name not in ROWS]
    if unknown:
        parser.error(f"unknown row {', '.join(unknown)}: choose from {', '.join(ROWS)}")
    measured = []
    print("| command | M | wall time | limits | inside | first output | other |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in options.rows or ROWS:
        for minutes in options.minutes:
            with tempfile.TemporaryDirectory() as folder:
                result = {"row": name, "minutes": minutes, **ROWS[name](Path(folder), minutes)}
            measured.append(result)
            low, high = 54 * minutes, (66 if name == "train-busy" else 63) * minutes + 5
            inside = "yes" if low <= result["seconds"] <= high else "no"
            other = ", ".join(f"{key} {result[key]:.4f}" for key in ("nats", "undisturbed_nats", "r") if key in result)
            print(
                f"| {name} | {minutes:g} min | {result['seconds']:.1f} s | {low:.0f} to {high:.0f} s | {inside} | "
                f"{result['first_output']:.2f} s | {other} |",
                flush=True,
            )
            if options.json:
                options.json.write_text(json.dumps(measured, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
