"""Ctrl-C as a question that a loop asks between two steps, so that no step is left half done."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

__all__ = ["interrupt_flag"]


@contextlib.contextmanager
def interrupt_flag() -> Iterator[Callable[[], bool]]:
    """Give a function that says whether Ctrl-C was pressed; a second press interrupts at once.

    Outside the main thread, where signals cannot be caught, it always says no.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    pressed = False

    def remember(_signal: int, _frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    before = {number: signal.signal(number, remember) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: pressed
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
