"""Answers that grow, and clients that send or read too slowly."""

import asyncio
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest
from starlette.types import Message, Receive, Send

from seqloom.config.serving import ServingConfig
from seqloom.errors import ConfigError
from seqloom.serving import generation, guards
from seqloom.serving.event_stream import DONE, EventStream
from seqloom.serving.generation import Generation
from seqloom.serving.guards import Guards


async def never() -> Message:
    """Receive nothing: the client is there, and says nothing."""
    await asyncio.Event().wait()
    raise AssertionError


def sent_by(stream: EventStream, receive: Receive = never) -> list[Message]:
    """Return what a stream sends."""
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    asyncio.run(stream({"type": "http"}, receive, send))  # type: ignore[arg-type]
    return messages


def test_a_stream_ends_after_its_events() -> None:
    async def events() -> AsyncIterator[bytes]:
        yield b"data: 1\n\n"
        yield DONE

    start, first, last, end = sent_by(EventStream(events()))
    headers = dict(start["headers"])
    assert headers[b"cache-control"] == b"no-cache"
    assert headers[b"x-accel-buffering"] == b"no"
    assert (first["body"], last["body"]) == (b"data: 1\n\n", DONE)
    assert not end["more_body"]


def test_an_error_in_a_stream_is_an_event() -> None:
    async def events() -> AsyncIterator[bytes]:
        yield b"data: 1\n\n"
        raise ConfigError("the sky has fallen: hold it up")

    *_, error, last, _ = sent_by(EventStream(events()))
    assert json.loads(error["body"].removeprefix(b"data: "))["error"]["message"] == "the sky has fallen: hold it up"
    assert last["body"] == DONE


def test_a_client_that_leaves_ends_the_stream() -> None:
    ended = []

    async def events() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"data: 1\n\n"
        finally:
            ended.append("events")

    async def leaving() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()  # its buffers are full

    stream = EventStream(events(), lambda: ended.append("generation"))
    asyncio.run(stream({"type": "http"}, leaving, send))  # type: ignore[arg-type]
    assert sorted(ended) == ["events", "generation"]


def test_a_stream_without_news_says_that_it_still_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "_HEARTBEAT_SECONDS", 0.01)
    served = SimpleNamespace(submit=lambda job: None)  # a model that is busy with other texts

    async def first_news() -> object:
        with Generation(served, [(SimpleNamespace(), 0)], max_seconds=600) as waiting:  # type: ignore[arg-type,list-item]
            return await anext(aiter(waiting.growing()))

    assert asyncio.run(first_news()) == {}


def test_a_slow_body_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "_BODY_SECONDS", 0.05)
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    async def app(scope: object, receive: Receive, send: Send) -> None:
        raise AssertionError("the request has no body yet")

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json"), (b"content-length", b"10")]
    scope = {"type": "http", "method": "POST", "path": "/score", "headers": headers}
    asyncio.run(Guards(app, ServingConfig(), frozenset({"/score"}))(scope, never, send))
    assert messages[0]["status"] == 408
    assert (b"connection", b"close") in messages[0]["headers"]
    assert "did not arrive" in json.loads(messages[1]["body"])["error"]["message"]
