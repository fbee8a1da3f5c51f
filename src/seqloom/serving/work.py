"""Work in threads that ends when its client leaves, when it takes too long, and when the server ends."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from starlette.types import Receive

from seqloom.serving.api_errors import ApiError
from seqloom.serving.event_stream import unless_disconnected

__all__ = ["Check", "in_thread"]

ResultT = TypeVar("ResultT")

Check = Callable[[], None]
"""Function that work calls between its parts; it raises an exception when nobody waits for the result any more."""

_THREADS = ThreadPoolExecutor(2, thread_name_prefix="work")
"""Threads of their own, so that long work leaves those alone that short work needs."""


class _NobodyWaits(Exception):
    """Nobody waits for the result."""


async def in_thread(receive: Receive, max_seconds: float, work: Callable[[Check], ResultT]) -> ResultT:
    """Return the result of work, which a thread does in parts.

    Args:
        receive: ASGI's function that tells that the client has left.
        max_seconds: longest time.
        work: function that gets a `Check`.

    Raises:
        ApiError: the work took too long, or the client has left.
    """
    is_over = threading.Event()

    def check() -> None:
        if is_over.is_set():
            raise _NobodyWaits

    async def result() -> ResultT:
        return await asyncio.get_running_loop().run_in_executor(_THREADS, partial(work, check))

    try:
        async with asyncio.timeout(max_seconds):
            return await unless_disconnected(receive, result())
    except TimeoutError:
        raise ApiError(503, f"the request took longer than {max_seconds:g} seconds: ask for less at once") from None
    finally:
        is_over.set()
