"""Run peers in separate processes, which measure on request and wait in between.

Peers in other environments, and torch with other processor settings, are measured alternately with the kernels, so that
changes of the machine's speed affect all equally. A peer that cannot be measured (no compiler, no network for its
environment) is reported, and the other measurements continue. The other end of the pipe is `serving.py`.
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
"""Environment variables that restrict torch and its libraries to AVX2."""

Rate = Callable[[float], float]
"""Function from a measuring time in seconds to a rate per second."""


class PeerError(Exception):
    """A peer could not be measured; the message is its last error."""


class PeerProcess:
    """A running script of this folder.

    Args:
        python: interpreter.
        script: name of the script.
        arguments: arguments of the script.
        environment: environment variables, in addition to those of this process.
        patience_seconds: timeout of the start, including compilation; also added to the time of each measurement.

    Raises:
        PeerError: the script failed or did not start in time.
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
        """Measure for a number of seconds and return the rate.

        Raises:
            PeerError: the process ended or did not answer in time.
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
        words = (errors or lines or [f"exit status {self.process.returncode} without output"])[-1]
        return words[:200].replace("|", "/")


def in_turn(
    ways: Mapping[str, Callable[[], Rate]], rounds: int, seconds: float
) -> tuple[dict[str, float], dict[str, str]]:
    """Measure several systems alternately.

    Args:
        ways: functions by name that prepare a system and return its measuring function.
        rounds: number of measurements of each system.
        seconds: duration of a measurement.

    Returns:
        The median rate of each system, and the errors of systems that could not be measured.
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
