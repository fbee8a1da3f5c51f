"""How long does a command take to begin: help, and the first character of a text?

Each is a new process, from its start to its first byte on standard output, which is read unbuffered; the files lie in
the system's cache. The run is a small one, trained for a few steps. The bound is Python doing nothing; beside it what
`import torch` takes. Python's own account of its imports (`-X importtime`) says whether torch was among them.

    python benchmarks/start.py [--times 11] [--json FILE]
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
    """From the start of a process to the first byte that it writes.

    Raises:
        RuntimeError: it wrote nothing.
    """
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        first = os.read(process.stdout.fileno(), 1)
        seconds = time.perf_counter() - begun
        process.stdout.read()
    if not first or process.returncode:
        raise RuntimeError(f"{' '.join(command[1:])} wrote nothing, and ended with {process.returncode}")
    return seconds


def imports_torch(arguments: list[str]) -> bool:
    """Whether Python imported torch for a command."""
    command = [sys.executable, "-X", "importtime", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return re.search(r"\| +torch$", done.stderr, re.MULTILINE) is not None


def main() -> None:
    """Measure in turns, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=11, help="how often each is started")
    parser.add_argument("--json", type=Path, help="where the measurements go")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = seqloom.train("python-docs", run=Path(folder) / "run", steps=20, hidden_size=128).path
        commands = {
            "python, nothing": ["-c", "print()"],
            "python, import torch": ["-c", "import torch; print()"],
            "seqloom --help": ["-m", "seqloom", "--help"],
            "seqloom generate, first character": ["-m", "seqloom", "generate", str(run), "--length", "200"],
            "seqloom generate, one character": ["-m", "seqloom", "generate", str(run), "--length", "1"],
        }
        found: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(asked.times):
            for name, arguments in commands.items():
                found[name].append(seconds_to_first_byte([sys.executable, *arguments]))
        torch = {name: imports_torch(arguments) for name, arguments in commands.items()}
    everything = {
        name: {"seconds": statistics.median(times), "least": min(times), "imports_torch": torch[name]}
        for name, times in found.items()
    }
    print("| command | seconds (median) | least | torch imported |\n| --- | --- | --- | --- |")
    for name, row in everything.items():
        print(f"| {name} | {row['seconds']:.3f} | {row['least']:.3f} | {'yes' if row['imports_torch'] else 'no'} |")
    if asked.json:
        asked.json.write_text(json.dumps(everything, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
