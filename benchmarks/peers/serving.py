"""The peer's end of the pipe: one measurement per input line. It needs the standard library only."""

import statistics
import sys
import time
from collections.abc import Callable

__all__ = ["best_rate", "median_rate", "serve"]


def serve(rate: Callable[[float], float]) -> None:
    """Print a line when ready, then a rate for every number of seconds that is read, until the pipe is closed."""
    print(0.0, flush=True)
    for line in sys.stdin:
        print(rate(float(line)), flush=True)


def median_rate(step: Callable[[], object], amount: float) -> Callable[[float], float]:
    """Return a measuring function for `amount` per step: the rate of the median step, after untimed warm-up steps."""
    return _rate(step, amount, statistics.median)


def best_rate(step: Callable[[], object], amount: float) -> Callable[[float], float]:
    """Return a measuring function that uses the fastest step, for upper bounds."""
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
