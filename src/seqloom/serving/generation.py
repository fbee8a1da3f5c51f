"""The texts of one request, as they grow."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Literal

from starlette.types import Receive

from seqloom.sampling import Sample
from seqloom.sampling.continuous_batch import Update
from seqloom.sampling.request import GenerationRequest
from seqloom.serving.api_errors import ApiError
from seqloom.serving.channel import Channel, ChannelJob
from seqloom.serving.event_stream import unless_disconnected
from seqloom.serving.served_model import ServedModel

__all__ = ["Generation", "finish_reason_of", "finished_samples"]

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
        self._served, self._channel = served, Channel()
        self._jobs = [
            ChannelJob(request, index, channel=self._channel, number=number)
            for number, (request, index) in enumerate(requests)
        ]
        self._deadline = time.monotonic() + max_seconds
        self._num_running = len(self._jobs)

    def __enter__(self) -> "Generation":
        for job in self._jobs:
            self._served.submit(job)
        return self

    def __exit__(self, *_: object) -> None:
        for job in self._jobs:
            job.is_cancelled = True

    async def samples(self) -> list[Sample]:
        """Wait for all texts.

        Raises:
            SeqloomError: a text failed.
            ApiError: the texts took too long.
        """
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


async def finished_samples(
    served: ServedModel, requests: Sequence[tuple[GenerationRequest, int]], max_seconds: float, receive: Receive
) -> list[Sample]:
    """Generate texts, and return them when all are finished; end them all if the client leaves.

    Args:
        served: model.
        requests: prepared requests with the index of the sample.
        max_seconds: longest time.
        receive: ASGI's function that tells that the client has left.

    Raises:
        SeqloomError: a text failed.
        ApiError: the texts took too long, or the client has left.
    """

    async def generate() -> list[Sample]:
        with Generation(served, requests, max_seconds) as generation:
            return await generation.samples()

    return await unless_disconnected(receive, generate())


def finish_reason_of(sample: Sample) -> Literal["stop", "length"]:
    """Return why a text has ended, in OpenAI's words."""
    return "length" if sample.finish_reason == "length" else "stop"


def _number(update: Update) -> int:
    assert isinstance(update.job, ChannelJob)
    return update.job.number
