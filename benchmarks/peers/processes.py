"""A peer in a process of its own, which measures when it is told to and waits in between.

So peers of other environments, and torch under other settings of the processor, take turns with the kernels: a change
of the machine's speed meets all alike. What cannot be measured (no compiler, no network for the environment) becomes a
line that says so, and the rest goes on. The other end of the pipe is `serving.py`.
"""

import json
import os
import re
import statistics
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

__all__ = ["AVX2_ONLY", "PeerError", "PeerProcess", "in_turn"]

HERE = Path(__file__).parent

AVX2_ONLY = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}
"""What holds torch, and the libraries under it, to AVX2."""

Rate = Callable[[float], float]
"""Measures for about so many seconds; gives something a second."""


class PeerError(Exception):
    """A peer that could not be measured, and the error that it ended with."""


class PeerProcess:
    """A script of this folder, started and ready.

    Args:
        python: the interpreter.
        script: the script's name.
        arguments: its arguments.
        environment: variables to set, over those of this process.
        patience_seconds: for getting ready, compilation included, and for each measurement beyond its own time.

    Raises:
        PeerError: it did not get ready.
    """

    def __init__(
        self,
        python: str | Path,
        script: str,
        *arguments: object,
        environment: Mapping[str, str] | None = None,
        patience_seconds: float = 300.0,
    ) -> None:
        self.patience = patience_seconds
        self.said = tempfile.TemporaryFile("w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [str(python), str(HERE / script), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.said,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        self._answer(self.patience)

    def __call__(self, seconds: float) -> float:
        """Let it measure for about so many seconds.

        Raises:
            PeerError: it ended, or it took far too long.
        """
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(f"{seconds}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise PeerError(self._last_words()) from None
        return float(self._answer(seconds + self.patience))

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()
        self.said.close()

    def _answer(self, seconds: float) -> float:
        assert self.process.stdout is not None
        watch = threading.Timer(seconds, self.process.kill)
        watch.start()
        line = self.process.stdout.readline()
        in_time = watch.is_alive()
        watch.cancel()
        if not line:
            words = self._last_words() if in_time else f"no answer within {seconds:.0f} s"
            self.close()
            raise PeerError(words)
        return float(json.loads(line))

    def _last_words(self) -> str:
        self.process.wait()
        self.said.seek(0)
        lines = [line.strip() for line in self.said.read().splitlines() if line.strip()]
        errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
        words = (errors or lines or [f"ended with {self.process.returncode} and said nothing"])[-1]
        return words[:200].replace("|", "/")


def in_turn(
    ways: Mapping[str, Callable[[], Rate]], rounds: int, seconds: float
) -> tuple[dict[str, float], dict[str, str]]:
    """Measure ways in turns.

    Args:
        ways: by name, what makes a way ready and gives its measurement.
        rounds: how often each has its turn.
        seconds: of a turn.

    Returns:
        The median of each way's turns, and why the others could not be measured.
    """
    ready: dict[str, Rate] = {}
    failed: dict[str, str] = {}
    found: dict[str, list[float]] = {}
    for name, make in ways.items():
        try:
            ready[name] = make()
        except (PeerError, subprocess.CalledProcessError) as error:
            failed[name] = str(error)
    for _ in range(rounds):
        for name, rate in ready.items():
            if name not in failed:
                try:
                    found.setdefault(name, []).append(rate(seconds))
                except PeerError as error:
                    failed[name] = str(error)
    for rate in ready.values():
        if isinstance(rate, PeerProcess):
            rate.close()
    return {name: statistics.median(rates) for name, rates in found.items() if name not in failed}, failed
