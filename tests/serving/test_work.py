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


def test_the_result_of_work() -> None:
    def work(check: Check) -> int:
        check()
        return 3

    assert asyncio.run(in_thread(never, 600, work)) == 3


@pytest.mark.parametrize("leaves", [True, False], ids=["leaves", "takes too long"])
def test_work_ends_when_nobody_waits(leaves: bool) -> None:
    has_begun, has_ended = threading.Event(), threading.Event()

    def work(check: Check) -> None:
        has_begun.set()
        try:
            while True:
                check()
        finally:
            has_ended.set()

    async def leaving() -> Message:
        await asyncio.to_thread(has_begun.wait)  # work that has not begun never begins
        return {"type": "http.disconnect"}

    with pytest.raises(ApiError) as error:
        asyncio.run(in_thread(leaving if leaves else never, 600 if leaves else 0.5, work))
    if has_begun.is_set():
        assert has_ended.wait(60)
    assert error.value.status == (499 if leaves else 503)


def test_a_fault_of_work_is_raised() -> None:
    def work(check: Check) -> None:
        raise ValueError("no number")

    with pytest.raises(ValueError, match="no number"):
        asyncio.run(in_thread(never, 600, work))


def test_short_work_does_not_wait_for_long_work_and_too_much_is_refused() -> None:
    is_free = threading.Event()

    async def results() -> tuple[int, list[object]]:
        async def long() -> None:
            await in_thread(never, 600, lambda check: is_free.wait(), size=10**6)

        tasks = [asyncio.create_task(long()) for _ in range(70)]
        await asyncio.sleep(0)
        short = await in_thread(never, 600, lambda check: 3)
        begun = asyncio.create_task(in_thread(never, 600, lambda check: 4, size=10**6, is_last_part=True))
        await asyncio.sleep(0)
        assert not begun.done()
        is_free.set()
        assert await begun == 4
        return short, await asyncio.gather(*tasks, return_exceptions=True)

    short, ends = asyncio.run(results())
    assert short == 3
    refused = [end for end in ends if isinstance(end, ApiError)]
    assert len(refused) == 70 - 66
    assert {error.status for error in refused} == {429}
