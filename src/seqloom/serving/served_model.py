"""A run that is served: it prepares requests, generates for them, and computes log-probabilities.

A run may be used by one thread at a time, so that whatever uses it takes a lock. Generation itself needs no lock.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

from seqloom.api import Run
from seqloom.codecs.text import TextCodec
from seqloom.config import SamplingConfig
from seqloom.errors import ConfigError
from seqloom.evaluation.token_scores import TokenScore
from seqloom.generation.generator import Prompt, TextGenerator
from seqloom.generation.prompt_characters import replace_unknown
from seqloom.kernels.native_decoder import NativeDecoder
from seqloom.lm.evaluate import iter_scores
from seqloom.sampling.continuous_batch import ContinuousBatch, Job, Update
from seqloom.sampling.request import GenerationRequest
from seqloom.serving.start_token import START_NAME, StartToken
from seqloom.serving.thread_generation import ThreadGeneration
from seqloom.serving.token_names import PART_OF, token_names
from seqloom.serving.weights_version import WeightsVersion

__all__ = ["PromptInput", "ServedModel"]

PromptInput = str | Sequence[int]
"""A prompt of a request: text or token ids."""

_MAX_THREADS = 8
"""Texts that are generated at once outside the batch."""


class ServedModel:
    """A run that is served.

    Args:
        name: name by which clients choose it.
        run: run.
        num_streams: texts that are generated at once; others wait.
        deliver: function that receives the updates of jobs, in any thread.

    Attributes:
        created: time at which the model was loaded, in seconds since 1970.
        version: version of the weights.
        is_closed: whether `close` has ended all generation.
    """

    def __init__(self, name: str, run: Run, num_streams: int, deliver: Callable[[Sequence[Update]], None]) -> None:
        self.name, self.run, self.created = name, run, int(time.time())
        self.version = WeightsVersion.of(run.folder)
        self.lock, self.is_closed = threading.RLock(), False
        self._num_streams, self._deliver = num_streams, deliver
        self._threads = ThreadGeneration(_MAX_THREADS, deliver)
        self._batch: ContinuousBatch | None = None

    @cached_property
    def start_token(self) -> StartToken:
        """The token before a document."""
        return StartToken.of(self.run.codec)

    @cached_property
    def names(self) -> list[str]:
        """Unique name of each token."""
        return token_names(self.run.codec)

    @cached_property
    def odd_names(self) -> dict[str, str]:
        """Texts of tokens whose names differ from them, by name; without parts of characters and the start token."""
        spelled = zip(self.names, self.run.codec.token_bytes, strict=False)
        texts = {name: spelling.decode(errors="ignore") for name, spelling in spelled}
        return {
            name: text for name, text in texts.items() if name != text and not name.startswith((PART_OF, START_NAME))
        }

    @property
    def num_jobs(self) -> int:
        """Number of texts that are generated or wait."""
        return self._threads.num_jobs + (self._batch.num_jobs if self._batch is not None else 0)

    def warm_up(self) -> None:
        """Read and pack the weights, so that the first request does not wait for them."""
        request = self.prepare("", SamplingConfig(length=1), None, 1.0)
        if ContinuousBatch.supports(request):
            self._started_batch(request)

    def check_writes_text(self) -> None:
        """Check that the run generates text.

        Raises:
            ConfigError: it generates something else.
        """
        kind = self.run.codec.payload_type.kind
        if not isinstance(self.run.codec, TextCodec):
            raise ConfigError(f"the model {self.name} generates {kind}, and this route texts: choose another model")

    def prepare(self, prompt: PromptInput, config: SamplingConfig, rating: Any, guidance: float) -> GenerationRequest:
        """Let the model read a prompt, and return a request that `submit` accepts.

        Raises:
            UserError: the prompt has unknown symbols, or a setting is out of range.
        """
        with self.lock:
            run = self.run
            generator = run.generator(rating=rating, guidance=guidance)
            sampling = run.generators.normalized(config)
            return generator.request(self.encoded(generator, prompt), sampling, run.copy_guard(sampling))

    def encoded(self, generator: TextGenerator, prompt: PromptInput) -> Prompt:
        """Return an encoded prompt.

        Raises:
            CodecError: the prompt has symbols or ids outside the vocabulary.
        """
        if isinstance(prompt, str) and START_NAME not in prompt:
            return generator.prompt(self.known_text(prompt))
        ids = self.encode(prompt) if isinstance(prompt, str) else prompt
        return Prompt(self.start_token.ids_to_read(ids) or generator.prompt("").ids)

    def ids_before(self, prompt: PromptInput) -> list[int]:
        """Return what the model reads before the ids of a prompt, and clients do not see.

        It is the boundary before a text, and what stands for an empty prompt. A run on one running text reads nothing
        before a text, which may begin anywhere.
        """
        opening = list(self.run.generator().prompt("").ids)
        is_plain_text = isinstance(prompt, str) and START_NAME not in prompt
        if len(prompt) == 0 or (is_plain_text and self.run.codec.boundary is not None):
            return opening
        return []

    def scores(self, text: str, *, skip_unknown: bool) -> Iterator[TokenScore]:
        """Yield the score of each token of a text, as `Run.score` does.

        Raises:
            CodecError: the text has symbols outside the vocabulary.
        """
        with self.lock:
            scores = iter_scores(self.run, text, skip_unknown=skip_unknown)
        yield from scores

    def known_text(self, text: str) -> str:
        """Return a text as the training corpus was transformed, with characters that the run knows."""
        known, _ = replace_unknown(self.run.normalize(text), self.run.codec)
        return known

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text, in which `START_NAME` stands for the start token.

        Raises:
            CodecError: the text has symbols outside the vocabulary.
        """
        ids: list[int] = []
        for number, part in enumerate(text.split(START_NAME)):
            ids += [self.start_token.id] * (number > 0)
            ids += self.run.codec.encode_text(self.known_text(part)).tolist()
        return ids

    def decode(self, ids: Sequence[int], *, with_start: bool = False) -> str:
        """Return the text of ids; start tokens add `START_NAME` or nothing.

        Raises:
            CodecError: an id is not in the vocabulary.
        """
        self.start_token.check(ids)
        decode_text, start = self.run.codec.decode_text, self.start_token.id
        if not with_start:
            return decode_text([token for token in ids if token != start])
        parts = [list(part) for _, part in itertools.groupby(ids, lambda token: token == start)]
        return "".join(START_NAME * len(part) if part[0] == start else decode_text(part) for part in parts)

    def submit(self, job: Job) -> None:
        """Generate for a job; its updates go to `deliver`."""
        if ContinuousBatch.supports(job.request):
            self._started_batch(job.request).submit(job)
        else:
            self._threads.submit(job)

    def close(self) -> None:
        """End all generation."""
        self.is_closed = True
        self._threads.close()
        if self._batch is not None:
            self._batch.close()

    def _started_batch(self, request: GenerationRequest) -> ContinuousBatch:
        if self._batch is not None:
            return self._batch  # without the lock, which whoever reads a long prompt keeps
        with self.lock:
            if self._batch is None:
                decoder = request.for_sample(0).decoder
                assert isinstance(decoder, NativeDecoder)  # as `ContinuousBatch.supports` says
                self._batch = ContinuousBatch(decoder, self._num_streams, self._deliver)
            return self._batch
