"""The channel between the threads that generate and a request."""

import asyncio
from types import SimpleNamespace

from seqloom.sampling.continuous_batch import Update
from seqloom.serving.channel import Channel, ChannelJob, deliver_into


def job(channel: Channel) -> ChannelJob:
    return ChannelJob(SimpleNamespace(), channel=channel)  # type: ignore[arg-type]


def test_updates_arrive_together_and_in_order() -> None:
    async def received() -> list[str]:
        channel = Channel()
        its_job = job(channel)
        deliver = deliver_into(asyncio.get_running_loop())
        await asyncio.to_thread(deliver, [Update(its_job, text) for text in "abc"])
        await channel.wait()
        texts = [update.text for update in channel.take()]
        its_job.is_cancelled = True
        deliver([Update(its_job, "d")])
        await asyncio.sleep(0)
        its_job.is_cancelled = False
        deliver([Update(its_job, "e")])
        await channel.wait()
        return [*texts, *(update.text for update in channel.take())]

    assert asyncio.run(received()) == ["a", "b", "c", "e"]


def test_a_client_that_reads_nothing_ends_its_job_after_a_million_characters() -> None:
    async def filled() -> None:
        channel = Channel()
        its_job = job(channel)
        for _ in range(10):
            channel.put(Update(its_job, "x" * 100_000))
        assert not channel.is_full
        channel.put(Update(its_job, "x"))
        assert channel.is_full
        assert its_job.is_cancelled
        assert len(channel.take()) == 10
        channel.put(Update(its_job, "x"))
        assert channel.is_full

    asyncio.run(filled())
