"""Generate for independent requests in one batch, which requests join and leave while it runs.

Each request has its own prompt, settings, seed and conditions, and gets the text that it would get alone. A thread
generates a chunk of tokens at a time in all streams (`BatchedDecoder`). Between two chunks, waiting requests take the
streams of those that have ended or were cancelled: continuous batching (Yu et al. 2022, Orca).
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Int32

from seqloom.errors import SeqloomError
from seqloom.kernels.batched_decoder import NOT_FINITE, BatchedDecoder, Chunk
from seqloom.kernels.native_decoder import NativeDecoder
from seqloom.sampling.native_engine import add_chunk, begin_alone, builder_factory, supports_native
from seqloom.sampling.request import GenerationRequest
from seqloom.sampling.sample import Sample
from seqloom.sampling.sample_builder import SampleBuilder
from seqloom.sampling.transforms import non_finite_error

__all__ = ["ContinuousBatch", "Job", "Update"]

MAX_CHUNK_TOKENS = 32
"""Largest number of tokens of a chunk, after which a cancelled request leaves its stream at the latest."""

_MAX_CHUNK_SECONDS = 0.005
"""Intended maximum duration of a chunk: a new request waits no longer for its first token."""


@dataclass(eq=False)
class Job:
    """A request in a batch.

    Attributes:
        request: generation request.
        index: index of the sample.
        is_cancelled: whether nobody waits for the text any more; any thread may set it.
    """

    request: GenerationRequest
    index: int = 0
    is_cancelled: bool = False


@dataclass(frozen=True)
class Update:
    """What one chunk has added to a job.

    Attributes:
        job: job.
        text: text that has become final.
        tokens: generated ids, without the boundary, which ends a text.
        sample: finished sample; None while the job runs, or if it failed.
        error: why the job failed; None if it did not.
    """

    job: Job
    text: str = ""
    tokens: Int32[np.ndarray, " time"] = field(default_factory=lambda: np.zeros(0, np.int32))
    sample: Sample | None = None
    error: SeqloomError | None = None


class ContinuousBatch:
    """A thread that generates for the jobs of one model.

    Args:
        decoder: decoder with the weights of the model; its conditions do not matter.
        num_streams: largest number of jobs that run at the same time; others wait.
        deliver: function that receives the updates of a chunk, in the thread of the batch. A cancelled job gets no more
            updates.
        threads: number of threads of the kernels; None starts one per processor.
    """

    def __init__(
        self,
        decoder: NativeDecoder,
        num_streams: int,
        deliver: Callable[[Sequence[Update]], None],
        threads: int | None = None,
    ) -> None:
        self._streams: BatchedDecoder = NativeDecoder(decoder.weights).streams(num_streams, threads)
        self._deliver = deliver
        self._changed = threading.Condition()
        self._waiting: deque[Job] = deque()
        self._is_closed = False
        self._running: dict[int, tuple[Job, SampleBuilder]] = {}  # by stream
        self._thread = threading.Thread(target=self._run, name="continuous batch", daemon=True)
        self._thread.start()

    @staticmethod
    def supports(request: GenerationRequest) -> bool:
        """Return whether a batch can generate for a request: the kernels support it, and it has no guidance."""
        return isinstance(request.for_sample(0).decoder, NativeDecoder) and supports_native(request)

    @property
    def num_jobs(self) -> int:
        """Number of jobs that run or wait."""
        return len(self._running) + len(self._waiting)

    def submit(self, job: Job) -> None:
        """Add a job; its updates go to `deliver`."""
        with self._changed:
            if self._is_closed:
                raise SeqloomError("the model is being closed and generates no more texts")
            self._waiting.append(job)
            self._changed.notify()

    def close(self) -> None:
        """End the thread; jobs that have not finished get no more updates."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        max_tokens = 1
        while not self._is_closed:
            has_new_job, updates = self._admit()
            max_tokens = 1 if has_new_job else min(2 * max_tokens, MAX_CHUNK_TOKENS)
            if self._running:
                start = time.perf_counter()
                chunk = self._streams.generate(max_tokens)
                if time.perf_counter() - start > _MAX_CHUNK_SECONDS:
                    max_tokens = max(1, max_tokens // 4)
                updates += self._updates(chunk)
            if updates:
                self._deliver(updates)

    def _admit(self) -> tuple[bool, list[Update]]:
        """Wait until there is a job, and let waiting jobs begin in free streams.

        Returns:
            Whether a job has begun, and updates for those that cannot.
        """
        self._drop_cancelled()
        with self._changed:
            self._changed.wait_for(lambda: self._running or self._waiting or self._is_closed)
            free = [stream for stream in range(len(self._streams)) if stream not in self._running]
            admitted = [(stream, self._waiting.popleft()) for stream in free if self._waiting]
        has_begun, failed = False, []
        for stream, job in admitted:
            if job.is_cancelled:
                continue
            try:
                begin_alone(job.request, self._streams, stream, job.index)
            except SeqloomError as error:
                failed.append(Update(job, error=error))
            except Exception as error:  # any fault must end the job, not the thread that all jobs share
                failed.append(Update(job, error=SeqloomError(f"the generation failed: {error}")))
            else:
                self._running[stream] = job, builder_factory(job.request)(job.index)
                has_begun = True
        return has_begun, failed

    def _drop_cancelled(self) -> None:
        for stream in [stream for stream, (job, _) in self._running.items() if job.is_cancelled]:
            self._streams.end(stream)
            del self._running[stream]

    def _updates(self, chunk: Chunk) -> list[Update]:
        updates = []
        for stream, (job, builder) in list(self._running.items()):
            update = self._update(job, builder, chunk, stream)
            if update.sample is not None or update.error is not None:
                self._streams.end(stream)
                del self._running[stream]
            if not job.is_cancelled:
                updates.append(update)
        return updates

    @staticmethod
    def _update(job: Job, builder: SampleBuilder, chunk: Chunk, stream: int) -> Update:
        if chunk.endings[stream] == NOT_FINITE:
            return Update(job, error=non_finite_error())
        num_before = builder.num_tokens
        text, reason = add_chunk(builder, chunk, stream)
        tokens = chunk.tokens[stream, : builder.num_tokens - num_before].copy()
        if reason is None:
            return Update(job, text, tokens)
        rest, sample = builder.finish(reason)
        return Update(job, text + rest, tokens, sample)
