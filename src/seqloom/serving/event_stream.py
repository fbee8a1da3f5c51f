"""Answers that grow: server-sent events, for as long as the client reads them.

See https://html.spec.whatwg.org/multipage/server-sent-events.html for the format.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
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


def event(body: str) -> bytes:
    """Return an event with a body of one line."""
    return f"data: {body}\n\n".encode()


class EventStream(Response):
    """Send events until they end or the client leaves; `unread` ends the connections of clients that do not read.

    An error becomes an event, and then the last one.

    Args:
        events: events; the iterator is closed in every case.
        close: function that is called at the end, also if no event was read.
    """

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], close: Callable[[], None] = lambda: None) -> None:
        super().__init__(headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._events, self._close = events, close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, as ASGI requires it."""
        tasks = {asyncio.ensure_future(self._send_events(send)), asyncio.ensure_future(_wait_for_disconnect(receive))}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_events(self, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for body in self._safe_events():
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await self._events.aclose()  # type: ignore[attr-defined]

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
