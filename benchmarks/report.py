"""Runs the benchmarks one after another and puts their tables into one page: `make bench` writes `REPORT.md`.

    python benchmarks/report.py                     everything, some hours
    python benchmarks/report.py --only decode       measures these again; the other sections stay as they were
    python benchmarks/report.py --only              measures nothing, and makes the page anew

Run it on a machine that does nothing else. What each benchmark found lies in `results/NAME.json` beside the page, which
is made from those files alone, after every benchmark: what was interrupted goes on with `--only`. A benchmark that
fails is named in the page, with the last line that it said, and the others go on.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from peers.environments import PEERS, versions
from summary import table

from seqloom.kernels.library import available_kernels

HERE = Path(__file__).parent
RESULTS = HERE / "results"

BENCHMARKS: dict[str, tuple[str, ...]] = {
    "start": ("start.py",),
    "encode": ("encode.py", "--levels", "char,byte"),
    "decode": ("decode.py",),
    "ahead": ("ahead.py",),
    "training_step": ("training_step.py",),
    "classic": ("classic.py",),
    "quality": ("quality.py", "nietzsche-4s", "nietzsche-5s", "nietzsche-15s", "nietzsche-60s", "shakespeare-60s"),
    "transformer": ("transformer.py", "--seeds", "1"),
    "quality_ten_minutes": ("quality.py", "shakespeare-600s"),
    "ratings": ("ratings.py", "--ablations"),
    "ratings_titles": (
        *("ratings.py", "titles/hacker_news.csv", "--text", "title", "--rating", "num_points", "--group", ""),
        *("--cut-words", "0", "--count", "1000"),
    ),
    "detection": ("detection.py", "--only", "own", "unseen", "altered", "nothing", "hotels", "watermark"),
    "detection_speed": ("detection.py", "--only", "speed", "table"),
    "detection_again": ("detection.py", "--seed", "1", "--only", "own", "unseen"),
    "gan": ("gan.py", "--only", "sentences"),
    "gan_grammar": ("gan.py", "--only", "grammar"),
    "gan_titles": ("gan.py", "--only", "titles"),
    "gan_ablations": ("gan.py", "--only", "ablations"),
}
"""Names, and the command of each. A docstring's first line is the question; what takes `--json FILE` is given one."""


def machine() -> str:
    """The processor, and what runs on it."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        named = re.search(r"^model name\s*: (.+)$", cpuinfo.read_text(encoding="utf-8"), re.MULTILINE)
        processor = named[1] if named else processor
    own = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("seqloom", "torch", "numpy"))
    return (
        f"{processor}, {os.cpu_count()} cores, {platform.system()}, kernels "
        f"{', '.join(available_kernels()) or 'none'}; Python {platform.python_version()}, {own}"
    )


def measure(name: str) -> dict[str, Any]:
    """Run a benchmark: its tables, what it found, and how it failed if it did."""
    script, *flags = BENCHMARKS[name]
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "found.json"
        command = [sys.executable, str(HERE / script), *flags]
        if '"--json"' in (HERE / script).read_text(encoding="utf-8"):
            command += ["--json", str(file)]
        done = subprocess.run(command, capture_output=True, text=True)
        found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    said = done.stderr.strip().splitlines() or ["it said nothing"]
    return {
        "command": shlex.join(["python", f"benchmarks/{script}", *flags]),
        "date": str(datetime.date.today()),
        "minutes": round((time.perf_counter() - begun) / 60, 1),
        "machine": machine(),
        "tables": done.stdout.strip(),
        "failed": said[-1][:200] if done.returncode else None,
        "found": found,
    }


def saved() -> dict[str, dict[str, Any]]:
    """What was measured, now or earlier, in the order of the table above."""
    files = {name: RESULTS / f"{name}.json" for name in BENCHMARKS}
    return {name: json.loads(file.read_text(encoding="utf-8")) for name, file in files.items() if file.exists()}


def heading(results: dict[str, dict[str, Any]]) -> list[str]:
    """Machines, versions and dates."""
    dates = sorted({result["date"] for result in results.values()})
    lines = ["# Benchmarks", "", f"Made by `make bench`, {' to '.join(dict.fromkeys(dates[:1] + dates[-1:]))}.", ""]
    lines += [f"- {each}" for each in dict.fromkeys(result["machine"] for result in results.values())]
    lines += [f"- peers in environments of their own: {versions(peer)}" for peer in PEERS]
    return [
        *lines,
        "",
        "Medians of repeated measurements; ratios are of one run, peers and ours in turns where the section says so. "
        "What was tried and did not help is in [LOG.md](LOG.md).",
    ]


def question(script: str) -> str:
    """The first line of a benchmark's docstring."""
    return (HERE / script).read_text(encoding="utf-8").split('"""')[1].strip().splitlines()[0]


def section(name: str, result: dict[str, Any]) -> list[str]:
    """What a benchmark asks, and what it found."""
    lines = ["", f"## {name}: {question(BENCHMARKS[name][0])}", ""]
    lines += [f"`{result['command']}`, {result['date']}, {result['minutes']:g} min", ""]
    lines.append(result["tables"] or "Nothing was measured.")
    if result["failed"]:
        lines += ["", f"This benchmark failed: {result['failed']}"]
    return lines


def page(results: dict[str, dict[str, Any]]) -> str:
    """The report."""
    lines = heading(results)
    lines += ["", "## What was asked, and what was reached", ""]
    lines += table({name: result["found"] for name, result in results.items()})
    failed = [f"`{name}` failed: {result['failed']}" for name, result in results.items() if result["failed"]]
    lines += [""] * bool(failed) + failed
    for name, result in results.items():
        lines += section(name, result)
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run what is named, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=list(BENCHMARKS), default=list(BENCHMARKS))
    parser.add_argument("-o", "--output", type=Path, default=HERE / "REPORT.md")
    asked = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    for name in asked.only:
        print(f"{name} ...", file=sys.stderr, flush=True)
        result = json.dumps(measure(name), indent=2)
        (RESULTS / f"{name}.json").write_text(result + "\n", encoding="utf-8")
        asked.output.write_text(page(saved()), encoding="utf-8")
    asked.output.write_text(page(saved()), encoding="utf-8")
    print(asked.output)


if __name__ == "__main__":
    main()
