"""The peer's end of the pipe: a measurement for each line that comes in. Needs nothing but Python."""

import statistics
import sys
import time
from collections.abc import Callable

__all__ = ["best_rate", "median_rate", "serve"]


def serve(rate: Callable[[float], float]) -> None:
    """Say that all is ready, then answer every number of seconds with a rate, until the pipe is closed."""
    print(0.0, flush=True)
    for line in sys.stdin:
        print(rate(float(line)), flush=True)


def median_rate(step: Callable[[], object], amount: float) -> Callable[[float], float]:
    """So much a step: how much a second, by the median step; the first ones, which compile, are not timed."""
    return _rate(step, amount, statistics.median)


def best_rate(step: Callable[[], object], amount: float) -> Callable[[float], float]:
    """The same by the fastest step, for a bound: what else the machine does only slows it."""
    return _rate(step, amount, min)


def _rate(
    step: Callable[[], object], amount: float, chosen: Callable[[list[float]], float]
) -> Callable[[float], float]:
    for _ in range(3):
        step()

    def rate(seconds: float) -> float:
        step()
        durations: list[float] = []
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or len(durations) < 3:
            begun = time.perf_counter()
            step()
            durations.append(time.perf_counter() - begun)
        return amount / chosen(durations)

    return rate
