"""What the server refuses before a route sees it, and clients that misbehave."""

import asyncio
import json
import os
import socket
import time
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from tests.serving.conftest import Server
from uvicorn.server import ServerState

from seqloom.cli.app import call
from seqloom.config.serving import ServingConfig
from seqloom.errors import ConfigError
from seqloom.serving import protocol
from seqloom.serving.guards import Guards
from seqloom.serving.protocol import HeadLimitProtocol

BODY = json.dumps({"model": "plain", "prompt": "the ", "max_tokens": 3})
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("headers", "status", "fault"),
    [
        ({"host": "example.org"}, 421, "the host 'example.org' is not this server"),
        ({"host": "127.0.0.1@example.org"}, 421, "is not this server"),
        ({"host": "localhost.example.org"}, 421, "is not this server"),
        ({"host": ""}, 421, "is not this server"),
        *(
            ({"host": host}, 421, "is not this server")
            for host in ("[::1", "[", "]", "a]b", "[::1]example.org", "[::1]]")
        ),
        *(({"origin": origin}, 403, "is another site") for origin in ("http://[", "http://[::1", "ftp://localhost")),
        ({"origin": "http://example.org"}, 403, "the origin 'http://example.org' is another site"),
        ({"origin": "null"}, 403, "is another site"),
        ({"origin": "http://127.0.0.1:1"}, 403, "is another site"),
        ({"sec-fetch-site": "cross-site"}, 403, "comes from another site"),
        ({"content-type": "text/plain"}, 415, "the body has the type 'text/plain': send JSON"),
        ({"content-type": "application/x-www-form-urlencoded"}, 415, "send JSON"),
        ({"content-type": ""}, 415, "send JSON"),
    ],
)
def test_requests_from_elsewhere_are_refused(server: Server, headers: dict[str, str], status: int, fault: str) -> None:
    answer = server.client.post("/v1/completions", content=BODY, headers={**JSON, **headers})
    assert answer.status_code == status
    assert fault in answer.json()["error"]["message"]
    assert "access-control-allow-origin" not in answer.headers


def test_requests_from_the_own_page_are_answered(server: Server) -> None:
    for host in (server.client.base_url.netloc.decode(), f"localhost:{server.client.base_url.port}", "[::1]"):
        headers = {**JSON, "host": host, "origin": f"http://{host}", "sec-fetch-site": "same-origin"}
        answer = server.client.post("/v1/completions", content=BODY, headers=headers)
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "the body is no JSON object"),
        (b"{", "the body is no JSON: "),
        (b'{"model": "plain", "prompt": ' + b"[" * 5000, "the body is no JSON that can be read"),
        (b'{"model": "plain", "prompt": "\xff"}', "must be UTF-8"),
        (b"[1]", "the body is no JSON object"),
        (
            b'{"model": "plain", "prompt": [' + b"-1," * 9999 + b"-1]}",
            "give a text, a list of texts, a list of token ids",
        ),
        (b'{"model": "plain", "stop": [' + b"1," * 9999 + b"1]}", "give a text, or a list of up to 16 texts"),
        (b'{"model": "plain", "messages": 1}', "'messages': there is no such field here"),
        (b'{"model": "plain", "rating": [5]}', "give a number, a category, or an object"),
        (b'{"model": "rated", "rating": {"\\udc00": 1}}', "\\udc00"),
        (b'{"model": "plain", "seed": 1e400}', ""),
        (b'{"model": "plain", "prompt": "\\ud800"}', ""),
    ],
)
def test_malformed_bodies_are_refused(server: Server, content: bytes, fault: str) -> None:
    answer = server.client.post("/v1/completions", content=content, headers=JSON)
    assert answer.status_code == 400
    assert fault in answer.json()["error"]["message"]


def test_large_bodies_are_refused(server: Server) -> None:
    answer = server.client.post("/v1/completions", content=b" " * 2_000_000, headers=JSON)
    assert answer.status_code == 413

    def endless() -> object:
        for _ in range(200):
            yield b" " * 10_000

    try:
        answer = server.client.post("/v1/completions", content=endless(), headers=JSON)
        assert answer.status_code == 413
    except httpx.WriteError:
        pass  # the server closed the connection


def test_a_client_that_never_reads_does_not_stop_the_others(server: Server) -> None:
    address = server.client.base_url.host, server.client.base_url.port
    body = json.dumps({"model": "plain", "prompt": "the ", "max_tokens": 100_000, "stream": True, "n": 2}).encode()
    lines = ["POST /v1/completions HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode()
    with socket.create_connection(address) as silent:
        silent.sendall(head + body)
        answer = server.post("/v1/completions", model="plain", prompt="the ", max_tokens=20)
        assert answer.status_code == 200


def test_a_request_with_an_endless_head_is_cut_off(server: Server) -> None:
    with socket.create_connection((server.client.base_url.host, server.client.base_url.port), timeout=60) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
        with pytest.raises(OSError):  # noqa: PT011  a reset or a broken pipe, whichever comes first
            client.sendall(b"X-Padding: " + b"x" * 50_000_000 + b"\r\n")


def raw_answer(server: Server, request: bytes) -> bytes:
    """Return the answer to a request that no client would send."""
    with socket.create_connection((server.client.base_url.host, server.client.base_url.port), timeout=60) as client:
        client.sendall(request)
        client.settimeout(60)
        parts = []
        try:
            while part := client.recv(65536):
                parts.append(part)
        except ConnectionResetError:
            pass
    return b"".join(parts)


def test_a_body_is_no_head(server: Server) -> None:
    """Neither if it comes with the end of a divided head, nor if the head alone was enough for a refusal."""
    body = json.dumps({"prompt": "the " * 30_000}).encode()
    address = server.client.base_url.host, server.client.base_url.port
    for media_type, divided_at, status in (
        ("application/json", 1, 200), ("application/json", 3, 200), ("text/plain", 0, 415)
    ):  # fmt: skip
        lines = ["POST /tokenize HTTP/1.1", "Host: localhost", f"Content-Type: {media_type}"]
        head = "\r\n".join([*lines, "Connection: close", f"Content-Length: {len(body)}", "", ""]).encode()
        with socket.create_connection(address, timeout=60) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.sendall(head[: len(head) - divided_at])
            time.sleep(0.1)  # so that the server reads the parts one after the other
            client.sendall(head[len(head) - divided_at :] + body)
            assert client.recv(65536).startswith(f"HTTP/1.1 {status} ".encode())
    answer = server.client.post("/tokenize", content=body, headers={"content-type": "text/plain"})
    assert answer.headers["connection"] == "close"


def test_a_large_head_that_comes_at_once_is_cut_off(server: Server) -> None:
    for size, is_answered in ((30_000, True), (70_000, False)):
        head = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Padding: " + b"x" * size
        assert raw_answer(server, head + b"\r\n\r\n").startswith(b"HTTP/1.1 200 OK") == is_answered


@pytest.mark.parametrize(
    ("request_bytes", "fault"),
    [
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", "is no HTTP"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", "is no HTTP"),
        (
            b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: example.org\r\nConnection: close\r\n\r\n",
            "must have one `Host`",
        ),
    ],
)
def test_what_is_no_http_is_refused_in_the_form_of_all_errors(server: Server, request_bytes: bytes, fault: str) -> None:
    head, _, body = raw_answer(server, request_bytes).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-security-policy: default-src 'none'" in head
    assert fault in json.loads(body)["error"]["message"]


@pytest.mark.parametrize(
    ("host", "name", "is_own"),
    [("MyMachine", "mymachine", True), ("fe80::1", "fe80:0:0:0:0:0:0:1", True), ("0.0.0.0", "192.168.0.7", True),
     ("192.168.0.7", "192.168.0.8", False), ("mymachine", "other", False)],
)  # fmt: skip
def test_the_name_of_the_server(host: str, name: str, is_own: bool) -> None:
    guards = Guards(None, ServingConfig(host=host, token="secret"), frozenset())  # type: ignore[arg-type]
    assert guards._is_own(name) == is_own


def test_a_slow_head_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "_HEAD_SECONDS", 0.1)

    async def lines_of(*parts: bytes) -> bytes:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})

        config = uvicorn.Config(answer, http=HeadLimitProtocol, lifespan="off", log_level="critical")
        config.load()
        state = ServerState()
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(
            lambda: HeadLimitProtocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
        )
        reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
        for part in parts:
            writer.write(part)
            await writer.drain()
        received = await reader.read(-1)
        writer.close()
        listening.close()
        return received

    head = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
    assert asyncio.run(lines_of(head)) == b""
    assert asyncio.run(lines_of(b"")) == b""
    assert asyncio.run(lines_of(head + b"\r\n", head)).startswith(b"HTTP/1.1 200 OK")


def test_the_server_ends_while_a_text_grows(folder: Path) -> None:
    server = Server(folder)
    body = {"model": "plain", "prompt": "the ", "max_tokens": 100_000, "stream": True}
    with (
        httpx.Client(base_url=server.client.base_url) as other,
        other.stream("POST", "/v1/completions", json=body) as answer,
    ):
        next(answer.iter_lines())
        assert server.end() == 0


def test_a_token_is_required(folder: Path) -> None:
    server = Server(folder, "--token", "secret-word")
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "secret-word"}):
        answer = server.client.get("/v1/models", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["error"]["code"] == "invalid_api_key"
    assert server.client.get("/v1/models", headers={"authorization": "Bearer secret-word"}).status_code == 200
    assert server.client.get("/health").status_code == 200
    assert server.end() == 0


def test_an_address_of_the_network_needs_a_token() -> None:
    with pytest.raises(ConfigError, match="can be reached from other machines, so clients need a `token`"):
        ServingConfig(host="0.0.0.0")
    assert "secret" not in repr(ServingConfig(host="0.0.0.0", token="secret"))
    assert ServingConfig(host="::1").is_loopback
    for token in (" x ", "a+b", "€", ""):
        with pytest.raises(ConfigError, match="`token`"):
            ServingConfig(host="0.0.0.0", token=token)


def test_what_cannot_be_served_is_refused(folder: Path, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    plain, port = str(folder / "plain"), str(server.client.base_url.port)
    for words, fault in (
        ([plain, plain], "two runs have the name 'plain'"),
        ([str(folder / "none")], "none"),
        ([plain, "--port", port], f"--port {port} cannot be used"),
        ([plain, "--host", "0.0.0.0"], "--token"),
    ):
        assert call(["serve", *words]) == 2
        assert fault in capsys.readouterr().err
    odd = os.fsdecode(b"na\xffme")
    (folder / odd).mkdir(exist_ok=True)
    assert call(["serve", str(folder / odd)]) == 2
    assert "is not UTF-8" in capsys.readouterr().err
