"""From the threads that generate to the event loop: what the jobs of one request have generated so far."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from seqloom.sampling.continuous_batch import Job, Update

__all__ = ["Channel", "ChannelJob", "deliver_into"]

_MAX_PENDING_CHARACTERS = 1_000_000
"""Number of characters that wait for a slow client; more than these end its request."""


class Channel:
    """The updates of one request, which its handler awaits; all methods belong to the thread of the event loop.

    Attributes:
        is_full: whether more text waited than a client may leave unread; its jobs have then been cancelled.
    """

    def __init__(self) -> None:
        self.is_full = False
        self._updates: list[Update] = []
        self._has_updates = asyncio.Event()
        self._num_characters = 0

    def put(self, update: Update) -> None:
        """Add an update; cancel its job if too much waits."""
        self._num_characters += len(update.text)
        self.is_full = self.is_full or self._num_characters > _MAX_PENDING_CHARACTERS
        if self.is_full:
            update.job.is_cancelled = True
        else:
            self._updates.append(update)
        self._has_updates.set()

    @property
    def has_updates(self) -> bool:
        """Whether there are updates to take."""
        return self._has_updates.is_set()

    async def wait(self) -> None:
        """Wait until there are updates to take."""
        await self._has_updates.wait()

    def take(self) -> list[Update]:
        """Return all updates so far."""
        updates, self._updates, self._num_characters = self._updates, [], 0
        self._has_updates.clear()
        return updates


@dataclass(eq=False)
class ChannelJob(Job):
    """A job of a request.

    Attributes:
        channel: channel of the request.
        number: number of the text among those of the request.
    """

    channel: Channel = field(default_factory=Channel)
    number: int = 0


def deliver_into(loop: asyncio.AbstractEventLoop) -> Callable[[Sequence[Update]], None]:
    """Return a function for any thread that puts updates into the channels of their jobs."""

    def put(updates: Sequence[Update]) -> None:
        for update in updates:
            if isinstance(update.job, ChannelJob) and not update.job.is_cancelled:
                update.job.channel.put(update)

    def deliver(updates: Sequence[Update]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(put, updates)

    return deliver
