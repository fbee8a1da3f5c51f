"""The parts of `fault_injection.py` with real kills and a real full disk."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from fault_commands import COMMANDS
from fault_injection import Benchmark, in_child, run
from markdown import print_table

from seqloom.replacement import STAGING_FOLDER

__all__ = ["fill_small_disk", "kill_at_random"]

REAL_COMMANDS = {
    "train --overwrite": (
        *("train", "new.txt", "--run", "run", "--overwrite", "--steps", "4", "--hidden-size", "4", "--batch-size", "2"),
        *("--sequence-length", "8", "--threads", "1", "--validate-every", "2"),
    ),
    "critic fit --overwrite": (
        *("critic", "fit", "few-new.csv", "--run", "critic", "--text", "text", "--rating", "stars", "--folds", "2"),
        "--overwrite",
    ),
}
"""Arguments of seqloom that do the same as the commands of these names."""

FREE_BYTES = (*range(0, 100_000, 4096), *range(102_400, 400_000, 20_480), 1_000_000)
"""Free space of the small disk, in bytes."""

Process = subprocess.Popen[bytes]


def kill_at_random(num_kills: int, seed: int = 0) -> list[str]:
    """Kill real commands at random moments, print a table, and return the failures.

    One half of the moments lies anywhere in the command, and the other half after its first change of the folder.
    """
    moments, rows, all_failures = random.Random(seed), [], []
    for name, words in REAL_COMMANDS.items():
        command = next(command for command in COMMANDS if command.name == name)
        outcomes, failures = Counter[str](), []
        with tempfile.TemporaryDirectory() as place:
            benchmark = Benchmark(command, Path(place).resolve())
            before_change, after_change = _durations(benchmark, words)
            for number in range(num_kills // len(REAL_COMMANDS)):
                share, is_late = moments.random(), number % 2 == 1
                benchmark.restore()
                process = _start(words)
                if is_late:
                    _wait_for_change(benchmark, process)
                time.sleep(share * (after_change if is_late else before_change + after_change))
                process.send_signal(signal.SIGKILL)
                process.wait()
                outcome, failure = benchmark.check()
                outcomes[outcome if process.returncode else f"{outcome} (ended before the kill)"] += 1
                failures += [f"{name}, kill {number}: {failure}"] if failure else []
            os.chdir("/")
        all_failures += failures
        rows.append([name, outcomes.total(), _listed(outcomes), len(failures)])
    print_table(["command", "kills", "found afterwards", "failures"], rows)
    return all_failures


def _listed(outcomes: Counter[str]) -> str:
    return ", ".join(f"{outcome} {number}" for outcome, number in sorted(outcomes.items()))


def _start(words: Sequence[str]) -> Process:
    null = subprocess.DEVNULL
    return subprocess.Popen([sys.executable, "-m", "seqloom", *words], stdin=null, stdout=null, stderr=null)


def _durations(benchmark: Benchmark, words: Sequence[str]) -> tuple[float, float]:
    """Return the seconds of a command before and after its first change of the folder."""
    benchmark.restore()
    start = time.perf_counter()
    process = _start(words)
    _wait_for_change(benchmark, process)
    changed = time.perf_counter()
    if status := process.wait():
        raise RuntimeError(f"seqloom {' '.join(words)} ended with status {status}")
    return changed - start, time.perf_counter() - changed


def _wait_for_change(benchmark: Benchmark, process: Process) -> None:
    staging = benchmark.work / benchmark.command.target.path / STAGING_FOLDER
    while not staging.exists() and process.poll() is None:
        time.sleep(0.0005)


def fill_small_disk() -> list[str]:
    """Run commands on a disk of 3 MB with more and more free space, print a table, and return the failures."""
    rows, all_failures = [], []
    for command in (command for command in COMMANDS if "--" in command.name):
        outcomes, failures = Counter[str](), []
        with tempfile.TemporaryDirectory() as place, tempfile.TemporaryDirectory() as name:
            with _small_disk(Path(name).resolve()) as disk_folder:
                if disk_folder is None:
                    print("skipped: this process may not mount a tmpfs")
                    return []
                try:
                    benchmark = Benchmark(command, Path(place).resolve(), disk_folder)
                    for free in FREE_BYTES:
                        outcome, failure = _run_with_free_space(benchmark, disk_folder, free)
                        outcomes[outcome] += 1
                        failures += [f"{command.name}, {free:,} bytes free: {failure}"] if failure else []
                except (OSError, RuntimeError, shutil.Error):
                    outcomes["skipped: old and new files together need more than 3 MB"] += 1
        all_failures += failures
        rows.append([command.name, outcomes.total(), _listed(outcomes), len(failures)])
    print_table(["command", "runs", "found afterwards", "failures"], rows)
    return all_failures


def _run_with_free_space(benchmark: Benchmark, disk_folder: Path, free: int) -> tuple[str, str]:
    benchmark.restore()
    filler = disk_folder / "filler"
    filler.write_bytes(bytes(max(0, shutil.disk_usage(disk_folder).free - free)))
    status, result = in_child(run, benchmark.command, "none", 0, benchmark.fits)
    filler.unlink()
    return ("failed", str(result)) if status else benchmark.check()


@contextlib.contextmanager
def _small_disk(folder: Path) -> Iterator[Path | None]:
    """Mount a disk of 3 MB, and yield its folder; yield None if this process has no right to mount."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        yield None
        return
    try:
        yield folder
    finally:
        os.chdir("/")
        subprocess.run(["umount", str(folder)], check=True)
