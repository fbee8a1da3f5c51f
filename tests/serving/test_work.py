"""Work in threads ends when nobody waits for it."""

import asyncio
import threading

import pytest
from starlette.types import Message

from seqloom.serving.api_errors import ApiError
from seqloom.serving.work import Check, in_thread


async def never() -> Message:
    """Receive nothing: the client is there, and says nothing."""
    await asyncio.Event().wait()
    raise AssertionError


async def leaving() -> Message:
    """Receive that the client leaves."""
    return {"type": "http.disconnect"}


def test_the_result_of_work() -> None:
    def work(check: Check) -> int:
        check()
        return 3

    assert asyncio.run(in_thread(never, 600, work)) == 3


@pytest.mark.parametrize("leaves", [True, False], ids=["leaves", "takes too long"])
def test_work_ends_when_nobody_waits(leaves: bool) -> None:
    has_ended = threading.Event()

    def work(check: Check) -> None:
        try:
            while True:
                check()
        finally:
            has_ended.set()

    with pytest.raises(ApiError) as error:
        asyncio.run(in_thread(leaving if leaves else never, 600 if leaves else 0.05, work))
    assert has_ended.wait(600)
    assert error.value.status == (499 if leaves else 503)


def test_a_fault_of_work_is_raised() -> None:
    def work(check: Check) -> None:
        raise ValueError("no number")

    with pytest.raises(ValueError, match="no number"):
        asyncio.run(in_thread(never, 600, work))
