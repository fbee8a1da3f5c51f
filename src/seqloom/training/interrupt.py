"""Ctrl-C as a flag that a loop checks between two steps, so that every step is completed."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

__all__ = ["interrupt_flag"]


@contextlib.contextmanager
def interrupt_flag() -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether Ctrl-C was pressed, or the process was asked to terminate (SIGTERM).

    A second signal raises KeyboardInterrupt at once. Outside the main thread, where signals cannot be caught, the
    function always returns False.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    is_interrupted = False

    def set_flag(_signal: int, _frame: FrameType | None) -> None:
        nonlocal is_interrupted
        if is_interrupted:
            raise KeyboardInterrupt
        is_interrupted = True

    previous_handlers = {number: signal.signal(number, set_flag) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: is_interrupted
    finally:
        for number, handler in previous_handlers.items():
            signal.signal(number, handler)
