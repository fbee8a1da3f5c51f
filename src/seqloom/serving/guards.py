"""Refuse requests before they reach a route: by host, origin, token, type and size.

A page of another site must not use a server on this machine. Browsers let it send requests to a loopback address, under
the name of that address or of a name that leads to it (DNS rebinding). So the host must be the server's, and the origin
too. A body must be JSON, which a browser sends to another site only with a permission that this server never gives.
"""

import asyncio
import hmac
import ipaddress
import re
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seqloom.config.serving import ServingConfig
from seqloom.serving.api_errors import CLIENT_LEFT, ApiError

__all__ = ["Guards"]

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,255}))(?::\d{1,5})?")
"""A host, with or without a port: an address of IPv6 in brackets, any other address, or a name."""

_BODY_SECONDS = 30.0
"""Time for a client to send a body."""

_OPEN_PATHS = ("/health", "/")
"""Paths that need no token, besides those of the page's files."""

SECURITY_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
        b"font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


class Guards:
    """Middleware around an application.

    Args:
        app: application.
        config: settings of the server.
        post_paths: paths that expect a body of JSON.
        open_prefix: prefix of the paths of the page's files, which need no token.
    """

    def __init__(
        self, app: ASGIApp, config: ServingConfig, post_paths: frozenset[str], open_prefix: str = "/page/"
    ) -> None:
        self._app, self._config, self._post_paths, self._open_prefix = app, config, post_paths, open_prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with an error."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *SECURITY_HEADERS]}
            await send(message)

        try:
            headers = Headers(scope=scope)
            self._check(scope, headers)
            body = await self._body(receive) if scope["method"] == "POST" else None
        except ApiError as error:
            if scope["method"] == "POST":  # its body may still arrive, and is no further request
                error.headers.setdefault("Connection", "close")
            await _send_error(error, send_with_headers)
            return
        await self._app(scope, receive if body is None else _replay(body, receive), send_with_headers)

    def _check(self, scope: Scope, headers: Headers) -> None:
        self._check_host(headers)
        _check_origin(headers)
        path = scope["path"]
        if path not in _OPEN_PATHS and not path.startswith(self._open_prefix):
            self._check_token(headers)
        if scope["method"] == "POST" and path in self._post_paths:
            media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
            if media_type != "application/json":
                raise ApiError(
                    415, f"the body has the type {media_type[:100]!r}: send JSON, with `Content-Type: application/json`"
                )
            length = headers.get("content-length", "0")
            if not (length.isascii() and length.isdigit()) or int(length) > self._config.max_body_bytes:
                raise self._too_large()

    def _check_host(self, headers: Headers) -> None:
        if len(headers.getlist("host")) > 1:
            raise ApiError(400, "a request must have one `Host` header, and this one has several")
        host = headers.get("host", "")
        match = _HOST.fullmatch(host)
        name = None if match is None else (match[1] or match[2]).lower()
        if name is None or not (name == "localhost" or _is_loopback(name) or self._is_own(name)):
            raise ApiError(421, f"the host {host[:100]!r} is not this server: use its own address")

    def _is_own(self, name: str) -> bool:
        """Return whether the server listens under a name; it may do so under all addresses of the machine."""
        own, address = self._config.host.lower(), _address(name)
        if address is None:
            return name == own
        return own in ("0.0.0.0", "::") or address == _address(own)

    def _check_token(self, headers: Headers) -> None:
        if self._config.token is None:
            return
        scheme, _, token = headers.get("authorization", "").partition(" ")
        is_right = hmac.compare_digest(token.strip().encode(), self._config.token.encode())
        if scheme.lower() != "bearer" or not is_right:
            raise ApiError(
                401,
                "the token is missing or wrong: send `Authorization: Bearer TOKEN`",
                code="invalid_api_key",
                headers={"WWW-Authenticate": "Bearer"},
            )

    async def _body(self, receive: Receive) -> bytes:
        """Return the whole body.

        Raises:
            ApiError: it is too large or too slow, or the client has left.
        """
        body = bytearray()
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ApiError(CLIENT_LEFT, "the client has closed the connection")
                    body += message.get("body", b"")
                    if len(body) > self._config.max_body_bytes:
                        raise self._too_large()
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            raise ApiError(408, "the body did not arrive in time", headers={"Connection": "close"}) from None

    def _too_large(self) -> ApiError:
        limit = f"{self._config.max_body_bytes:,}"
        return ApiError(413, f"the body is larger than {limit} bytes: send less", headers={"Connection": "close"})


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a function that receives a body that has been read already, and then what follows."""
    is_sent = False

    async def replay() -> Message:
        nonlocal is_sent
        if is_sent:
            return await receive()
        is_sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that a name is; None for any other name."""
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _is_loopback(name: str) -> bool:
    address = _address(name)
    return address is not None and address.is_loopback


def _check_origin(headers: Mapping[str, str]) -> None:
    """Refuse a request from a page of another site.

    Raises:
        ApiError: the origin is another one than the host.
    """
    origin = headers.get("origin")
    own = headers.get("host", "").lower()
    if origin is not None and origin.lower() not in (f"http://{own}", f"https://{own}"):
        raise ApiError(403, f"the origin {origin[:100]!r} is another site, which this server does not answer")
    if headers.get("sec-fetch-site") == "cross-site":
        raise ApiError(403, "the request comes from another site, which this server does not answer")


async def _send_error(error: ApiError, send: Send) -> None:
    body = error.body.model_dump_json().encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), **error.headers}
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
