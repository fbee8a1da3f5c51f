"""Answers that grow: server-sent events, for as long as the client reads them.

See https://html.spec.whatwg.org/multipage/server-sent-events.html for the format.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from seqloom.serving.api_errors import CLIENT_LEFT, ApiError, api_error_of

__all__ = ["DONE", "HEARTBEAT", "EventStream", "event", "unless_disconnected"]

ResultT = TypeVar("ResultT")

DONE = b"data: [DONE]\n\n"
"""Last event of a stream of OpenAI's API."""

HEARTBEAT = b": still working\n\n"
"""A comment, which keeps proxies from closing a stream in which nothing happens."""

_MAX_SEND_SECONDS = 30.0
"""Time after which a client that does not read is cut off."""


def event(body: str) -> bytes:
    """Return an event with a body of one line."""
    return f"data: {body}\n\n".encode()


class EventStream(Response):
    """Send events until they end, the client leaves, or the client stops reading.

    An error becomes an event, and then the last one.

    Args:
        events: events; the iterator is closed in every case.
    """

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes]) -> None:
        super().__init__(headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._events = events
        self._sending_since: float | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, as ASGI requires it."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        work = self._send_events(send), _wait_for_disconnect(receive), self._wait_for_slow_client()
        tasks = {asyncio.ensure_future(one) for one in work}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_events(self, send: Send) -> None:
        try:
            async for body in self._safe_events():
                self._sending_since = time.monotonic()
                await send({"type": "http.response.body", "body": body, "more_body": True})
                self._sending_since = None
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await self._events.aclose()  # type: ignore[attr-defined]

    async def _wait_for_slow_client(self) -> None:
        """Wait until the client has left an event unread for too long; a timeout for each event would cost more."""
        while self._sending_since is None or time.monotonic() - self._sending_since < _MAX_SEND_SECONDS:
            await asyncio.sleep(_MAX_SEND_SECONDS / 30)

    async def _safe_events(self) -> AsyncIterator[bytes]:
        try:
            async for body in self._events:
                yield body
        except Exception as error:
            yield event(api_error_of(error).body.model_dump_json())
            yield DONE


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def unless_disconnected(receive: Receive, work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Return the result of some work, which is cancelled if the client leaves.

    Raises:
        ApiError: the client has left; nobody will see this error.
    """
    task = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_wait_for_disconnect(receive))
    try:
        await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ApiError(CLIENT_LEFT, "the client has closed the connection")
        return task.result()
    finally:
        for waiting in (task, leaving):
            waiting.cancel()
        await asyncio.gather(task, leaving, return_exceptions=True)
