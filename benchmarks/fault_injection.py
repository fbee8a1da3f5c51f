"""Does a full disk, a disk fault or a kill lose or mix data?

    python benchmarks/fault_injection.py                         every operation of every command, some minutes
    python benchmarks/fault_injection.py --only "critic fit"     some commands
    python benchmarks/fault_injection.py --every 10              every tenth operation
    python benchmarks/fault_injection.py --kills 100             kill real commands at random moments
    python benchmarks/fault_injection.py --small-disk            commands on a disk of 3 MB (needs the right to mount)

All operations that change files pass through `seqloom.disk.perform`. Each command runs once to count its operations.
Then it runs again and again in a forked process, and one operation after another fails, in one of these ways:

    full      the disk is full: this operation and all later ones that need space fail with ENOSPC; a write stores half
    error     this operation fails with EIO
    broken    this operation and all later ones fail with EIO
    killed    the process ends at once, without any clean-up; a write stores half

After a fault, the folder or table must be entirely old or entirely new. It must load, and a training must end with the
same weights as without a fault. The user's own files must not change, and the next command must leave no leftovers. The
exit status is 1 if anything fails.
"""

import argparse
import contextlib
import errno
import importlib
import json
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from fault_commands import COMMANDS, Command, Snapshot, skip_slow_work, snapshot, write_corpora
from markdown import print_table

from seqloom import disk
from seqloom.errors import SeqloomError

FAULTS = ("full", "error", "broken", "killed")
_KILLED = 137
_NEEDS_SPACE = ("open", "write", "fsync", "mkdir", "truncate")


class Injector:
    """Stand-in for `disk.perform` in which operations fail.

    Args:
        fault: one of `FAULTS`, or another value for no fault.
        number: number of the operation that fails first, from 0.
    """

    def __init__(self, fault: str | None, number: int) -> None:
        self._fault, self._number = fault, number
        self.operations: list[str] = []

    def perform(self, operation: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Carry out an operation, or let it fail."""
        number = len(self.operations)
        self.operations.append(operation)
        if self._fault not in FAULTS or not self._fails(operation, number):
            return function(*arguments)
        if operation == "write" and self._fault in ("full", "killed"):
            data = memoryview(arguments[0]).cast("B")
            function(data[: len(data) // 2])
        if self._fault == "killed":
            os._exit(_KILLED)
        code = errno.ENOSPC if self._fault == "full" else errno.EIO
        raise OSError(code, os.strerror(code))

    def _fails(self, operation: str, number: int) -> bool:
        if number < self._number:
            return False
        if number == self._number:
            return True
        return self._fault == "broken" or (self._fault == "full" and operation in _NEEDS_SPACE)


def in_child(function: Callable[..., Any], *arguments: Any) -> tuple[int, Any]:
    """Call a function in a forked process; return the exit status and the result, which is JSON.

    The status is 0, or 1 after an exception; the result is then its traceback.
    """
    sys.stdout.flush()
    read_end, write_end = os.pipe()
    child = os.fork()
    if not child:
        status, result = 1, None
        with open(os.devnull, "w") as null:
            os.dup2(null.fileno(), 1)
            os.dup2(null.fileno(), 2)
        try:
            status, result = 0, function(*arguments)
        except BaseException:
            result = traceback.format_exc()
        with os.fdopen(write_end, "w") as pipe:
            json.dump(result, pipe)
        os._exit(status)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        text = pipe.read()
    _, wait_status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(wait_status), json.loads(text) if text else None


def expect(result: tuple[int, Any]) -> Any:
    """Return the result of `in_child`, which must have succeeded."""
    status, value = result
    if status:
        raise RuntimeError(f"a command without a fault ended with status {status}:\n{value}")
    return value


def prepare(command: Command, fits: Path) -> Snapshot:
    """Write what is there before the command, and return its files."""
    skip_slow_work(fits)
    write_corpora()
    for step in command.prepare:
        step()
    command.target.write_own_files()
    return snapshot(command.target.path)


def run(command: Command, fault: str | None, number: int, fits: Path) -> list[str]:
    """Run a command with a fault, and return its operations."""
    skip_slow_work(fits)
    injector = Injector(fault, number)
    disk.perform = injector.perform
    with contextlib.suppress(SeqloomError) if fault else contextlib.nullcontext():
        command.run()
    return injector.operations


def modules_of_run(command: Command, fits: Path) -> list[str]:
    """Run a command, and return the names of all imported modules: imported before the fork, they cost no time."""
    run(command, None, 0, fits)
    return sorted(sys.modules)


def check(command: Command, before: Snapshot, after: Snapshot, fits: Path) -> str:
    """Check what a fault has left, and return what was found."""
    skip_slow_work(fits)
    return command.target.check(before, after)


class Benchmark:
    """Inject faults into one command.

    Args:
        command: the command.
        place: empty folder for the template of the working folder.
        disk_folder: folder for the working folder itself; None for `place`.
    """

    def __init__(self, command: Command, place: Path, disk_folder: Path | None = None) -> None:
        self.command, self._place = command, place
        self.work, self._template = (disk_folder or place) / "work", place / "template"
        self.fits = place / "fits"
        os.environ["SEQLOOM_CACHE"] = str(self.work / "cache")
        self._template.mkdir()
        os.chdir(self._template)
        self._before: Snapshot = expect(in_child(prepare, command, self.fits))
        self.restore()
        for name in expect(in_child(modules_of_run, command, self.fits)):
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        self.operations: list[str] = expect(self.run(None, 0))
        self._after = snapshot(command.target.path)

    def inject(self, fault: str, number: int) -> tuple[str, str]:
        """Let an operation fail; return what was found afterwards, and a description of the failure or nothing."""
        status, result = self.run(fault, number)
        if status not in (0, _KILLED):
            return "failed", f"the command ended with status {status}:\n{result}"
        if fault == "killed" and status == 0:
            return "no fault", ""
        return self.check()

    def check(self) -> tuple[str, str]:
        """Check what is in the working folder; return what was found, and a description of the failure or nothing."""
        status, result = in_child(check, self.command, self._before, self._after, self.fits)
        return ("failed", str(result)) if status else (result, "")

    def restore(self) -> None:
        """Create the working folder as it is before the command, and enter it."""
        os.chdir(self._place)
        if self.work.exists():
            shutil.rmtree(self.work)
        shutil.copytree(self._template, self.work, symlinks=True)
        os.chdir(self.work)

    def run(self, fault: str | None, number: int) -> tuple[int, Any]:
        """Run the command in a child process, with a fault; return the result of `in_child`."""
        self.restore()
        return in_child(run, self.command, fault, number, self.fits)


def measure(
    command: Command, place: Path, numbers: Callable[[int], Iterable[tuple[str, int]]]
) -> tuple[int, Counter[str], list[str]]:
    """Inject faults into a command.

    Args:
        command: the command.
        place: empty folder.
        numbers: function from the number of operations to pairs of a fault and the number of an operation.

    Returns:
        The number of operations, the numbers of outcomes, and descriptions of the failures.
    """
    before = Path.cwd()
    try:
        benchmark = Benchmark(command, place)
        outcomes, failures = Counter[str](), []
        for fault, number in numbers(len(benchmark.operations)):
            outcome, failure = benchmark.inject(fault, number)
            outcomes[outcome] += 1
            if failure:
                operation = benchmark.operations[number]
                failures.append(f"{command.name}, {fault} at operation {number} ({operation}): {failure}")
        return len(benchmark.operations), outcomes, failures
    finally:
        os.chdir(before)


def every_fault(every: int, first: int = 0) -> Callable[[int], Iterator[tuple[str, int]]]:
    """Return a function that lists all faults at every n-th operation from `first` on."""
    return lambda count: ((fault, number) for number in range(first, count, every) for fault in FAULTS)


def inject_faults(commands: Sequence[Command], every: int, first: int) -> list[str]:
    """Inject faults into commands, print a table, and return the failures."""
    rows, all_failures = [], []
    for command in commands:
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as place:
            count, outcomes, failures = measure(command, Path(place).resolve(), every_fault(every, first))
        all_failures += failures
        found = ", ".join(f"{outcome} {number}" for outcome, number in sorted(outcomes.items()))
        rows.append([command.name, count, outcomes.total(), found, len(failures)])
        print(f"{command.name}: {rows[-1]}, {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
        for failure in failures[:3]:
            print(failure, file=sys.stderr, flush=True)
    print_table(["command", "operations", "faults", "found afterwards", "failures"], rows)
    print(f"\n{sum(row[2] for row in rows):,} faults, {len(all_failures)} failures")
    return all_failures


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[command.name for command in COMMANDS], metavar="COMMAND")
    parser.add_argument("--first", type=int, default=0, help="leave out the operations before this one")
    parser.add_argument("--every", type=int, default=1, help="inject faults into every n-th operation")
    parser.add_argument("--kills", type=int, default=0, help="number of kills at random moments, instead of faults")
    parser.add_argument("--small-disk", action="store_true", help="run commands on a small disk, instead of faults")
    arguments = parser.parse_args()
    if arguments.kills or arguments.small_disk:
        import fault_processes

        kills = arguments.kills
        failures = fault_processes.kill_at_random(kills) if kills else fault_processes.fill_small_disk()
    else:
        commands = [command for command in COMMANDS if not arguments.only or command.name in arguments.only]
        failures = inject_faults(commands, arguments.every, arguments.first)
    print("\n".join(failures), file=sys.stderr)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
