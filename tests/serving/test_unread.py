"""Connections of clients that do not read are ended."""

import asyncio
import socket

import pytest

from seqloom.serving import unread
from seqloom.serving.unread import end_unread


class Writing(asyncio.Protocol):
    """A connection that sends more than its client's buffers take, and then closes."""

    def __init__(self, connections: set["Writing"], num_bytes: int) -> None:
        self._connections, self._num_bytes = connections, num_bytes
        self.has_ended = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._connections.add(self)
        transport.write(b"x" * self._num_bytes)
        transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self)
        self.has_ended.set()


@pytest.mark.parametrize("reads", [True, False], ids=["reads slowly", "does not read"])
def test_a_client_that_does_not_read_is_cut_off(reads: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unread, "_MAX_UNREAD_SECONDS", 600 if reads else 0.05)
    monkeypatch.setattr(unread, "_SECONDS_BETWEEN_LOOKS", 0.01)
    num_bytes = 30_000_000

    async def num_received() -> int:
        connections: set[Writing] = set()
        loop = asyncio.get_running_loop()
        made: list[Writing] = []

        def make() -> Writing:
            made.append(Writing(connections, num_bytes))
            return made[-1]

        listening = await loop.create_server(make, "127.0.0.1", 0)
        task = asyncio.create_task(end_unread(connections))
        client = socket.create_connection(listening.sockets[0].getsockname())
        client.setblocking(False)
        received = 0
        if not reads:
            while not made:
                await asyncio.sleep(0)
            await asyncio.wait_for(made[0].has_ended.wait(), 60)
        try:
            while part := await loop.sock_recv(client, 1_000_000):
                received += len(part)
        except ConnectionResetError:
            pass
        await made[0].has_ended.wait()
        task.cancel()
        client.close()
        listening.close()
        return received

    received = asyncio.run(num_received())
    assert received == num_bytes if reads else received < num_bytes
