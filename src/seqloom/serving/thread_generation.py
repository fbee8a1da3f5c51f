"""Generate for requests that a continuous batch does not support, each in a thread of its own.

Such requests have a pattern, a grammar, guidance, or a model that the compiled kernels do not know.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from seqloom.errors import SeqloomError
from seqloom.sampling.continuous_batch import Job, Update
from seqloom.sampling.engine import stream_request

__all__ = ["ThreadGeneration"]


class ThreadGeneration:
    """Threads that generate one text each.

    Args:
        num_threads: largest number of texts at the same time; others wait.
        deliver: function that receives updates, in the thread of the text.
    """

    def __init__(self, num_threads: int, deliver: Callable[[Sequence[Update]], None]) -> None:
        self._deliver = deliver
        self._pool = ThreadPoolExecutor(num_threads, thread_name_prefix="generation")
        self.num_jobs = 0

    def submit(self, job: Job) -> None:
        """Add a job; its updates go to `deliver`."""
        self.num_jobs += 1
        self._pool.submit(self._generate, job).add_done_callback(self._forget)

    def close(self) -> None:
        """End the threads after their present texts; waiting jobs get no updates."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _forget(self, _: object) -> None:
        self.num_jobs -= 1

    def _generate(self, job: Job) -> None:
        pieces = stream_request(job.request, job.index)
        try:
            while not job.is_cancelled:
                self._deliver([Update(job, next(pieces))])
        except StopIteration as end:
            self._deliver([Update(job, sample=end.value)])
        except SeqloomError as error:
            self._deliver([Update(job, error=error)])
        except Exception as error:
            self._deliver([Update(job, error=SeqloomError(f"the generation failed: {error}"))])
