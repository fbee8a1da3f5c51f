"""Free memory goes back to the system."""

import asyncio

import pytest

from seqloom.serving import memory


def test_free_memory_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(memory, "_SECONDS", 0.001)
    monkeypatch.setattr(memory, "_trim_function", lambda: calls.append)

    async def run() -> None:
        task = asyncio.create_task(memory.keep_small())
        while len(calls) < 2:
            await asyncio.sleep(0.001)
        task.cancel()

    asyncio.run(run())
    assert set(calls) == {0}


def test_a_system_without_it_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())
    asyncio.run(memory.keep_small())
