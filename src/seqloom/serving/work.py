"""Work in threads that ends when its client leaves, when it takes too long, and when the server ends."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from starlette.types import Receive

from seqloom.serving.api_errors import ApiError
from seqloom.serving.event_stream import unless_disconnected

__all__ = ["Check", "in_thread", "judging_size"]

ResultT = TypeVar("ResultT")

Check = Callable[[], None]
"""Function that work calls between its parts; it raises an exception when nobody waits for the result any more."""

_MAX_SHORT_SIZE = 20_000
_NUM_THREADS = 2
_WORK_PER_CHARACTER = 20


class _Pool:
    """Two threads, for which a number of requests may wait."""

    def __init__(self, name: str, max_waiting: int) -> None:
        self.threads = ThreadPoolExecutor(_NUM_THREADS, thread_name_prefix=name)
        self.max_jobs = _NUM_THREADS + max_waiting
        self.num_jobs = 0


_SHORT, _LONG = _Pool("short work", max_waiting=2000), _Pool("long work", max_waiting=64)
"""Long work has threads of its own, so that short work does not wait for it."""


class _NobodyWaits(Exception):
    """Nobody waits for the result."""


async def in_thread(
    receive: Receive,
    max_seconds: float,
    work: Callable[[Check], ResultT],
    *,
    size: int = 0,
    is_last_part: bool = False,
) -> ResultT:
    """Return the result of work, which a thread does in parts.

    Args:
        receive: ASGI's function that tells that the client has left.
        max_seconds: longest time.
        work: function that gets a `Check`.
        size: about how many characters or tokens a model reads; large work waits for other large work.
        is_last_part: whether most of the request has been done, so that it is not refused any more.

    Raises:
        ApiError: too much work waits, the work took too long, or the client has left.
    """
    pool = _LONG if size > _MAX_SHORT_SIZE else _SHORT
    if pool.num_jobs >= pool.max_jobs and not is_last_part:
        raise ApiError(429, "too many requests are waiting: try again soon", headers={"Retry-After": "1"})
    is_over = threading.Event()

    def check() -> None:
        if is_over.is_set():
            raise _NobodyWaits

    async def result() -> ResultT:
        return await asyncio.get_running_loop().run_in_executor(pool.threads, partial(work, check))

    pool.num_jobs += 1
    try:
        async with asyncio.timeout(max_seconds):
            return await unless_disconnected(receive, result())
    except TimeoutError:
        raise ApiError(503, f"the request took longer than {max_seconds:g} seconds: ask for less at once") from None
    finally:
        pool.num_jobs -= 1
        is_over.set()


def judging_size(texts: Sequence[str]) -> int:
    """Return the size of the work on texts: critic and detector take longer for a character than a language model."""
    return _WORK_PER_CHARACTER * sum(len(text) + 1 for text in texts)
