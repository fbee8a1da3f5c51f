"""End the connections of clients that do not read.

The end of an answer is not enough: a connection closes only after all that was written has been read.
"""

import asyncio
import struct
import sys
import time
from collections.abc import Iterable
from typing import Any

if sys.platform != "win32":
    import fcntl
    import termios

__all__ = ["end_unread"]

_MAX_UNREAD_SECONDS = 30.0
"""Time after which a client that has read nothing is cut off."""

_SECONDS_BETWEEN_LOOKS = 1.0


async def end_unread(connections: Iterable[Any]) -> None:
    """Look after connections until the task is cancelled.

    Args:
        connections: the present connections of a server; each has a transport.
    """
    unread: dict[Any, tuple[int, float]] = {}  # bytes that wait for a client, and since when it has read none of them
    while True:
        await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
        now, before = time.monotonic(), unread
        unread = {}
        for connection in list(connections):
            num_bytes = _num_unread(connection.transport)
            last_num_bytes, since = before.get(connection, (num_bytes + 1, now))
            if num_bytes == 0:
                continue
            unread[connection] = num_bytes, since if num_bytes >= last_num_bytes else now
            if now - unread[connection][1] > _MAX_UNREAD_SECONDS:
                connection.transport.abort()


def _num_unread(transport: asyncio.WriteTransport) -> int:
    """Return the number of bytes that wait for the client; 0 once the system has taken over all of them."""
    num_bytes = transport.get_write_buffer_size()
    return num_bytes and num_bytes + _num_in_system(transport)


def _num_in_system(transport: asyncio.WriteTransport) -> int:
    """Return the number of bytes that the system keeps for the client; 0 where it does not say so.

    They are megabytes, of which the system lets a third become free before it takes more.
    """
    connection = transport.get_extra_info("socket")
    if sys.platform == "win32" or connection is None:
        return 0
    try:
        answer = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))
    except (OSError, ValueError):  # it has been closed by now
        return 0
    (num_bytes,) = struct.unpack("i", answer)
    return int(num_bytes)
