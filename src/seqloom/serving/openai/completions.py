"""`POST /v1/completions`: texts that continue prompts, at once or as they grow."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from seqloom.config.serving import ServingConfig
from seqloom.errors import CodecError
from seqloom.sampling import Sample
from seqloom.sampling.continuous_batch import Update
from seqloom.sampling.request import GenerationRequest
from seqloom.serving.api_errors import ApiError
from seqloom.serving.event_stream import DONE, HEARTBEAT, EventStream, event
from seqloom.serving.generation import Generation, finish_reason_of
from seqloom.serving.openai.logprobs import GrowingLogProbs, LogProbReader, joined
from seqloom.serving.openai.sampling_fields import check_max_tokens, sampling_of
from seqloom.serving.openai.schemas import Choice, Completion, CompletionRequest, LogProbs, Usage
from seqloom.serving.served_model import PromptInput, ServedModel
from seqloom.serving.served_models import ServedModels
from seqloom.serving.start_token import START_NAME
from seqloom.serving.work import Check, in_thread

__all__ = ["complete"]

_DEFAULT_MAX_TOKENS = 16

_MAX_ECHOED = 500_000
"""Largest number of log-probabilities of prompts in an answer."""


async def complete(
    body: CompletionRequest, request: Request, models: ServedModels, config: ServingConfig
) -> Completion | Response:
    """Answer a request for completions.

    Raises:
        ApiError: the request is wrong, or the server has too much to do.
        UserError: a prompt or a setting is wrong.
    """
    served = models.get(body.model)
    served.check_writes_text()
    check_request(body, config)
    receive, max_seconds = request.receive, config.max_seconds
    num_readings = 1 if body.logprobs is None else body.best_of or body.n  # of each prompt
    size = num_readings * sum(map(len, _prompts(body)))
    task = await in_thread(receive, max_seconds, partial(_Task.prepare, body, served), size=size)
    generation = Generation.begun(served, task.requests, config)
    if body.stream:
        return EventStream(task.events(generation), generation.close)
    samples = await generation.finished(receive)
    size = 0 if body.logprobs is None else size + sum(len(sample.tokens) for sample in samples)
    return await in_thread(receive, max_seconds, partial(task.answer, samples), size=size, is_last_part=True)


def check_request(body: CompletionRequest, config: ServingConfig) -> None:
    """Check what the schema does not: fields that contradict one another, and the limits of the server."""
    if body.suffix is not None:
        raise ApiError(400, "'suffix' is not supported: leave it out", param="suffix")
    best_of = body.n if body.best_of is None else body.best_of
    if best_of < body.n:
        raise ApiError(400, f"'best_of' {best_of} is below 'n' {body.n}: raise one or lower the other", param="best_of")
    if body.stream and best_of > body.n:
        raise ApiError(
            400,
            "'best_of' chooses among finished texts, which 'stream' cannot: leave out one of the two",
            param="best_of",
        )
    if body.stream_options is not None and not body.stream:
        raise ApiError(400, "'stream_options' has no effect without 'stream': leave it out", param="stream_options")
    num_prompts = len(_prompts(body))
    if num_prompts == 0:
        raise ApiError(400, "'prompt' is an empty list: give at least one prompt", param="prompt")
    if num_prompts * best_of > config.max_samples:
        message = f"the request is for {num_prompts * best_of:,} texts: this server allows up to {config.max_samples:,}"
        raise ApiError(400, message, param="n")
    check_max_tokens(_max_tokens(body), "max_tokens", config)


@dataclass(frozen=True)
class _Text:
    """One text of a request before its generation.

    Attributes:
        prompt: number of the prompt.
        request: prepared request; None if no token is generated.
        index: index of the sample.
        ids_before: ids that the model reads before those of the prompt, and that the client does not see.
        prompt_ids: ids of the prompt from the client, or of its text.
        read_ids: ids that the model has read before the first generated one.
        prompt_text: text of the prompt.
    """

    prompt: int
    request: GenerationRequest
    index: int
    ids_before: list[int]
    prompt_ids: list[int]
    read_ids: list[int]
    prompt_text: str


class _Task:
    """A request that is ready for generation.

    Args:
        body: request.
        served: model.
        texts: texts to generate: `best_of` for each prompt.
        reader: reader of log-probabilities; None for none.
    """

    def __init__(
        self, body: CompletionRequest, served: ServedModel, texts: Sequence[_Text], reader: LogProbReader | None
    ) -> None:
        self._body, self._served, self._texts, self._reader = body, served, texts, reader
        self._echoed: list[LogProbs | None] = [None] * len(texts)
        self._readers: dict[int, GrowingLogProbs] = {}
        self._id, self._created = f"cmpl-{uuid4().hex}", int(time.time())
        head = {"id": self._id, "object": "text_completion", "created": self._created, "model": served.name}
        self._head = json.dumps(head).removesuffix("}")  # of the body of every event

    @classmethod
    def prepare(cls, body: CompletionRequest, served: ServedModel, check: Check) -> "_Task":
        """Let the model read all prompts, also for the log-probabilities of a stream."""
        with served.lock:
            reader = None if body.logprobs is None else LogProbReader(served, body.logprobs, body.rating)
            sampling = sampling_of(body, _max_tokens(body), len(served.run.codec))
            texts = []
            prompts = _prompts(body)
            for number, prompt in enumerate(prompts):
                check()
                try:
                    request = served.prepare(prompt, sampling, body.rating, body.guidance)
                except CodecError as error:
                    raise CodecError(f"prompt {number + 1}: {error}" if len(prompts) > 1 else str(error)) from error
                before, ids, read_ids = _ids_of(prompt, served, is_generated=_max_tokens(body) > 0)
                text = _text_of(prompt, ids, served)
                for index in range(body.best_of or body.n):
                    texts.append(_Text(number, request, index, before, ids, read_ids, text))
        if reader is not None and body.echo:
            num_entries = sum(len(text.prompt_ids) for text in texts) * (1 + (body.logprobs or 0))
            if num_entries > _MAX_ECHOED:
                raise ApiError(
                    400, f"'echo' with 'logprobs' would return {num_entries:,} log-probabilities of prompts: this "
                    f"server allows up to {_MAX_ECHOED:,}", param="echo",
                )  # fmt: skip
        task = cls(body, served, texts, reader)
        if body.stream:
            task._read_prompts(check)
        return task

    @property
    def requests(self) -> list[tuple[GenerationRequest, int]]:
        """Requests with the index of the sample; none if no token is generated."""
        return [(text.request, text.index) for text in self._texts] if _max_tokens(self._body) else []

    def answer(self, samples: Sequence[Sample], check: Check) -> Completion:
        """Return the body of the answer, from all texts."""
        empty: list[Sample | None] = [None] * len(self._texts)
        results = list(zip(self._texts, samples or empty, strict=True))
        return self._completion(self._choices(self._best(results), check), self._usage(samples))

    async def events(self, generation: Generation) -> AsyncIterator[bytes]:
        """Yield the events of a stream."""
        samples: list[Sample] = []
        if self._body.echo or not self.requests:
            for number, (text, logprobs) in enumerate(zip(self._texts, self._echoed, strict=True)):
                prompt = text.prompt_text if self._body.echo else ""
                yield self._event(number, prompt, None if self.requests else "length", logprobs)
        with generation:
            async for by_text in generation.growing():
                if not by_text:
                    yield HEARTBEAT
                for number, updates in by_text.items():
                    yield await self._growth(number, updates, samples)
        if self._body.stream_options is not None and self._body.stream_options.include_usage:
            yield event(self._completion([], self._usage(samples)).model_dump_json())
        yield DONE

    def _read_prompts(self, check: Check) -> None:
        """Read the prompts of a stream: those that are echoed, and what each text goes on from."""
        if self._reader is None:
            return
        for number, text in enumerate(self._texts):
            check()
            if self._body.echo:
                self._echoed[number] = self._logprobs(text, [])
            if self.requests:
                self._readers[number] = self._growing(self._reader, text)

    def _growing(self, reader: LogProbReader, text: _Text) -> GrowingLogProbs:
        """Return a reader of the log-probabilities of what is generated."""
        # A space that ends the prompt, and with which the first generated token begins, is counted once.
        characters = reader.counted(text.prompt_ids, 0 if self._body.echo else -len(text.prompt_text))
        return reader.growing(text.read_ids, characters)

    async def _growth(self, number: int, updates: Sequence[Update], samples: list[Sample]) -> bytes:
        """Return the event of what is new in a text.

        Args:
            number: number of the text.
            updates: what is new.
            samples: finished samples, to which that of the text is appended if it has finished.
        """
        sample, logprobs = updates[-1].sample, None
        if self._readers:
            reader = self._readers[number]
            if sample is None:
                ids = [token for update in updates for token in update.tokens.tolist()]
            else:
                ids = [*sample.tokens, *self._end_of(sample)][reader.num_read :]
            logprobs = await asyncio.to_thread(reader.read, ids)
        if sample is not None:
            samples.append(sample)
        finish_reason = None if sample is None else finish_reason_of(sample)
        return self._event(number, "".join(update.text for update in updates), finish_reason, logprobs)

    def _event(self, number: int, text: str, finish_reason: str | None, logprobs: LogProbs | None) -> bytes:
        # This is on the path of every event, so that it does without the models of the schema.
        fields = {"index": number, "text": text, "finish_reason": finish_reason}
        choice = json.dumps({**fields, "logprobs": None if logprobs is None else logprobs.model_dump()})
        return event(f'{self._head}, "choices": [{choice}]}}')

    def _completion(self, choices: list[Choice], usage: Usage) -> Completion:
        name = self._served.name
        return Completion(id=self._id, created=self._created, model=name, choices=choices, usage=usage)

    def _best(self, results: list[tuple[_Text, Sample | None]]) -> list[tuple[_Text, Sample | None]]:
        """Return the `n` likeliest texts per token of each prompt, or all if `best_of` requests no more."""
        if self._body.best_of in (None, self._body.n):
            return results
        best: list[tuple[_Text, Sample | None]] = []
        for number in range(len(_prompts(self._body))):
            of_prompt = [result for result in results if result[0].prompt == number]
            best += sorted(of_prompt, key=lambda result: -_mean_log_prob(result[1]))[: self._body.n]
        return best

    def _choices(self, results: Sequence[tuple[_Text, Sample | None]], check: Check) -> list[Choice]:
        choices = []
        for number, (text, sample) in enumerate(results):
            check()
            written = "" if sample is None else sample.text
            tokens = [] if sample is None else [*sample.tokens, *self._end_of(sample)]
            choices.append(
                Choice(
                    index=number,
                    text=text.prompt_text + written if self._body.echo else written,
                    logprobs=self._logprobs(text, tokens),
                    finish_reason="length" if sample is None else finish_reason_of(sample),
                )
            )
        return choices

    def _logprobs(self, text: _Text, tokens: Sequence[int]) -> LogProbs | None:
        """Return log-probabilities of the prompt, if it is echoed, and of the tokens; None if they are not requested.

        Those of a prompt are the ones of `Run.score`.
        """
        if self._reader is None:
            return None
        echoed = text.prompt_ids if self._body.echo else []
        of_prompt = self._reader.read(echoed, text.ids_before)
        if echoed:  # the first token of a prompt has no log-probability, as OpenAI's API has it
            of_prompt.token_logprobs[0] = of_prompt.top_logprobs[0] = None
        return joined(of_prompt, self._growing(self._reader, text).read(tokens)) if tokens else of_prompt

    def _end_of(self, sample: Sample) -> list[int]:
        """Return the token that has ended a text, if the model did so."""
        start = self._served.start_token
        return [start.id] if sample.finish_reason == "end" and start.is_predicted else []

    def _usage(self, samples: Sequence[Sample]) -> Usage:
        prompts = {text.prompt: len(text.prompt_ids) for text in self._texts}
        num_prompt_tokens = sum(prompts.values())
        num_tokens = sum(len(sample.tokens) + len(self._end_of(sample)) for sample in samples)
        return Usage(
            prompt_tokens=num_prompt_tokens,
            completion_tokens=num_tokens,
            total_tokens=num_prompt_tokens + num_tokens,
        )


def _ids_of(prompt: PromptInput, served: ServedModel, *, is_generated: bool) -> tuple[list[int], list[int], list[int]]:
    """Return what the model reads before the ids of a prompt, these ids, and all that it reads of both.

    A final space that a generated token begins with is no part of the ids; if nothing is generated, it is one.
    """
    before = served.ids_before(prompt)
    read_ids = list(served.encoded(served.run.generator(), prompt).ids)
    if not isinstance(prompt, str):
        return before, list(prompt), read_ids
    if is_generated and START_NAME not in prompt:
        return before, read_ids[len(before) :], read_ids
    return before, served.encode(prompt), read_ids


def _text_of(prompt: PromptInput, ids: Sequence[int], served: ServedModel) -> str:
    """Return the text of a prompt as the model knows it, without start tokens."""
    if isinstance(prompt, str) and START_NAME not in prompt:
        return served.known_text(prompt)
    return served.decode(ids)


def _prompts(body: CompletionRequest) -> list[PromptInput]:
    """Return the prompts of a request: one or more texts, or one or more lists of ids."""
    prompt = body.prompt
    if isinstance(prompt, str):
        return [prompt]
    ids = [token for token in prompt if isinstance(token, int)]
    return [ids] if ids else [part for part in prompt if not isinstance(part, int)]


def _max_tokens(body: CompletionRequest) -> int:
    return _DEFAULT_MAX_TOKENS if body.max_tokens is None else body.max_tokens


def _mean_log_prob(sample: Sample | None) -> float:
    return 0.0 if sample is None else sample.log_prob / max(1, len(sample.tokens))
