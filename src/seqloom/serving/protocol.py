"""HTTP connections that close if the head of a request does not come, comes too slowly, or is too large."""

import asyncio

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from seqloom.serving.api_errors import ApiError
from seqloom.serving.guards import SECURITY_HEADERS

__all__ = ["HeadLimitProtocol"]

_HEAD_SECONDS = 15.0
"""Time for the head of a request, from its first byte, or from the beginning of the connection."""

_MAX_HEAD_BYTES = 64 * 1024


class HeadLimitProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """A connection of uvicorn with limits to the heads of requests."""

    _head_timer: asyncio.TimerHandle | None = None
    _num_head_bytes = 0
    _last_of_head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, error: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """Read data, and close the connection if a head is too large."""
        if self._head_size(data) > _MAX_HEAD_BYTES:
            self._close()
            return
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
            return
        self._num_head_bytes += len(data)
        self._last_of_head = (self._last_of_head + data)[-3:]
        if self._head_timer is None:
            self._wait_for_head()

    def send_400_response(self, message: str) -> None:
        """Refuse what is no HTTP, in the form of all errors."""
        body = ApiError(400, "the request is no HTTP that can be read").body.model_dump_json().encode()
        fields = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        lines = [b"%s: %s" % field for field in (*fields, (b"connection", b"close"), *SECURITY_HEADERS)]
        self.transport.write(b"\r\n".join([b"HTTP/1.1 400 Bad Request", *lines, b"", body]))
        self.transport.close()

    def _head_size(self, data: bytes) -> int:
        """Return the size of the head of a request so far, with what arrives; 0 if it is that of a body."""
        if self._head_timer is None and self.cycle is not None and not self.cycle.response_complete:
            return 0
        before = self._last_of_head  # of what may be the end of the head
        end = (before + data).find(b"\r\n\r\n")
        return self._num_head_bytes + (len(data) if end < 0 else end - len(before))

    def _wait_for_head(self) -> None:
        self._head_timer = asyncio.get_running_loop().call_later(_HEAD_SECONDS, self._close)

    def _stop_waiting(self) -> None:
        self._num_head_bytes, self._last_of_head = 0, b""
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _close(self) -> None:
        self._stop_waiting()
        if not self.transport.is_closing():
            self.transport.close()
