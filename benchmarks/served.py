"""A server for benchmarks, in a process of its own, and a run to serve where none is named."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import seqloom

__all__ = ["RUN_HELP", "Served", "run_to_serve", "serving"]

RUN_HELP = "run to serve; without one, an LSTM of 256 units learns from the built-in text for half a minute"


@dataclass
class Served:
    """A running server.

    Attributes:
        url: address.
        process: process of the server.
        ready_seconds: seconds from its start until it answered.
        errors: what it has written to standard error after its first line; known at the end.
    """

    url: str
    process: subprocess.Popen[str]
    ready_seconds: float
    errors: str = ""

    @property
    def parts(self) -> SplitResult:
        """The parts of the address."""
        return urlsplit(self.url)


def run_to_serve(path: str | None, folder: Path) -> Path:
    """Return a run: the named one, or a new one in a folder."""
    if path is not None:
        return Path(path).resolve()
    run = seqloom.train("python-docs", run=folder / "python-docs", hidden_size=256, minutes=0.5, progress=False)
    return run.path


@contextmanager
def serving(run: str | Path, *options: str) -> Iterator[Served]:
    """Serve a run until the end of the context."""
    command = [sys.executable, "-m", "seqloom", "serve", str(run), "--port", "0", *options]
    start = time.perf_counter()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        if "serving at " not in line:
            raise SystemExit(line + process.stderr.read())
        served = Served(line.split()[-1], process, time.perf_counter() - start)
        try:
            yield served
        finally:
            process.terminate()
            served.errors = process.stderr.read()
