"""How long does a command take to start: the help page, and the first character of a generated text?

Each measurement starts a new process and stops at its first byte on standard output, which is read unbuffered. The
files are in the system's cache. The run is small and trained for a few steps. The lower bound is Python without any
work; the time of `import torch` is measured for comparison. `-X importtime` shows whether a command imports torch.

    python benchmarks/cold_start.py [--times 11] [--json FILE]
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import seqloom


def seconds_to_first_byte(command: list[str]) -> float:
    """Return the time from the start of a process to its first output byte.

    Raises:
        RuntimeError: the process printed nothing or failed.
    """
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        first = os.read(process.stdout.fileno(), 1)
        seconds = time.perf_counter() - begun
        process.stdout.read()
    if not first or process.returncode:
        raise RuntimeError(f"{' '.join(command[1:])} printed nothing; exit status {process.returncode}")
    return seconds


def imports_torch(arguments: list[str]) -> bool:
    """Return whether a command imports torch."""
    command = [sys.executable, "-X", "importtime", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return re.search(r"\| +torch$", done.stderr, re.MULTILINE) is not None


def main() -> None:
    """Measure the commands alternately and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=11, help="number of measurements of each command")
    parser.add_argument("--json", type=Path, help="file for the measurements")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = seqloom.train("python-docs", run=Path(folder) / "run", steps=20, hidden_size=128).path
        commands = {
            "python, nothing": ["-c", "print()"],
            "python, import torch": ["-c", "import torch; print()"],
            "seqloom --help": ["-m", "seqloom", "--help"],
            "seqloom generate, first character": ["-m", "seqloom", "generate", str(run), "--length", "200"],
            "seqloom generate, one character": ["-m", "seqloom", "generate", str(run), "--length", "1"],
        }
        results: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(options.times):
            for name, arguments in commands.items():
                results[name].append(seconds_to_first_byte([sys.executable, *arguments]))
        torch = {name: imports_torch(arguments) for name, arguments in commands.items()}
    everything = {
        name: {"seconds": statistics.median(times), "least": min(times), "imports_torch": torch[name]}
        for name, times in results.items()
    }
    print("| command | seconds (median) | minimum | torch imported |\n| --- | --- | --- | --- |")
    for name, row in everything.items():
        print(f"| {name} | {row['seconds']:.3f} | {row['least']:.3f} | {'yes' if row['imports_torch'] else 'no'} |")
    if options.json:
        options.json.write_text(json.dumps(everything, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
