"""The texts of one request, as they grow."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Literal

from starlette.types import Receive

from seqloom.config.serving import ServingConfig
from seqloom.sampling import Sample
from seqloom.sampling.continuous_batch import Update
from seqloom.sampling.request import GenerationRequest
from seqloom.serving.api_errors import ApiError
from seqloom.serving.channel import Channel, ChannelJob
from seqloom.serving.event_stream import unless_disconnected
from seqloom.serving.served_model import ServedModel

__all__ = ["Generation", "finish_reason_of"]

_HEARTBEAT_SECONDS = 15.0
_EVENT_SECONDS = 0.01
"""Time between two events of a stream; the first one comes at once."""


class Generation:
    """The texts of one request; used as a context, whose end ends them all.

    Args:
        served: model.
        requests: prepared requests, one for each text, with the index of the sample.
        max_seconds: longest time until all texts are finished.
    """

    def __init__(
        self, served: ServedModel, requests: Sequence[tuple[GenerationRequest, int]], max_seconds: float
    ) -> None:
        self._channel = Channel()
        self._jobs = [
            ChannelJob(request, index, channel=self._channel, number=number)
            for number, (request, index) in enumerate(requests)
        ]
        self._deadline = time.monotonic() + max_seconds
        self._num_running = len(self._jobs)
        for job in self._jobs:
            served.submit(job)

    @classmethod
    def begun(
        cls, served: ServedModel, requests: Sequence[tuple[GenerationRequest, int]], config: ServingConfig
    ) -> "Generation":
        """Return the texts of a request, which begin at once if there is room for them.

        Raises:
            ApiError: too many texts wait already, or the model has been replaced.
        """
        if served.num_jobs + len(requests) > max(config.streams + config.max_waiting, len(requests)):
            raise ApiError(429, "too many texts are waiting: try again soon", headers={"Retry-After": "1"})
        if served.is_closed:
            raise ApiError(503, "the model has new weights by now: try again", headers={"Retry-After": "0"})
        return cls(served, requests, config.max_seconds)

    def __enter__(self) -> "Generation":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all texts."""
        for job in self._jobs:
            job.is_cancelled = True

    async def finished(self, receive: Receive) -> list[Sample]:
        """Return all texts when they are finished; end them if the client leaves.

        Args:
            receive: ASGI's function that tells that the client has left.

        Raises:
            SeqloomError: a text failed.
            ApiError: the texts took too long, or the client has left.
        """
        with self:
            return await unless_disconnected(receive, self._samples())

    async def _samples(self) -> list[Sample]:
        samples: dict[int, Sample] = {}
        async for updates in self._updates():
            for update in updates:
                if update.sample is not None:
                    samples[_number(update)] = update.sample
        return [samples[number] for number in range(len(self._jobs))]

    async def growing(self) -> AsyncIterator[dict[int, list[Update]]]:
        """Yield what is new, by number of the text, not more often than each `_EVENT_SECONDS`.

        An empty result stands for a long time without news.
        """
        last = 0.0
        async for updates in self._updates():
            by_text: dict[int, list[Update]] = {}
            for update in updates:
                by_text.setdefault(_number(update), []).append(update)
            yield by_text
            now = time.monotonic()
            if self._num_running:
                await asyncio.sleep(max(0.0, last + _EVENT_SECONDS - now))
            last = max(now, last + _EVENT_SECONDS)

    async def _updates(self) -> AsyncIterator[list[Update]]:
        while self._num_running:
            await self._wait()
            updates = self._channel.take()
            if self._channel.is_full:
                raise ApiError(503, "the client does not read the answer")
            for update in updates:
                if update.error is not None:
                    raise update.error
                self._num_running -= update.sample is not None
            yield updates

    async def _wait(self) -> None:
        """Wait for updates, up to the time of a heartbeat.

        Raises:
            ApiError: the texts took too long.
        """
        seconds_left = self._deadline - time.monotonic()
        if seconds_left <= 0:
            raise ApiError(503, "the request took too long: ask for fewer or shorter texts")
        if not self._channel.has_updates:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(_HEARTBEAT_SECONDS, seconds_left)):
                    await self._channel.wait()


def finish_reason_of(sample: Sample) -> Literal["stop", "length"]:
    """Return why a text has ended, in OpenAI's words."""
    return "length" if sample.finish_reason == "length" else "stop"


def _number(update: Update) -> int:
    assert isinstance(update.job, ChannelJob)
    return update.job.number
