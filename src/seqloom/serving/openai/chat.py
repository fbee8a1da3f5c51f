"""`POST /v1/chat/completions`: a conversation as one plain text, which the model continues.

The messages are joined by line ends. A model that learned from dialogues needs no more; any other continues the text.
"""

import json
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from seqloom.config.serving import ServingConfig
from seqloom.sampling import Sample
from seqloom.serving.api_errors import ApiError
from seqloom.serving.event_stream import DONE, HEARTBEAT, EventStream, event
from seqloom.serving.generation import Generation, finish_reason_of
from seqloom.serving.openai.sampling_fields import check_max_tokens, sampling_of
from seqloom.serving.openai.schemas import ChatRequest
from seqloom.serving.served_model import ServedModel
from seqloom.serving.served_models import ServedModels
from seqloom.serving.work import in_thread

__all__ = ["chat"]

_DEFAULT_MAX_TOKENS = 400


async def chat(body: ChatRequest, request: Request, models: ServedModels, config: ServingConfig) -> Response:
    """Answer a request to continue a conversation.

    Raises:
        ApiError: the request is wrong, or the server has too much to do.
        UserError: a message or a setting is wrong.
    """
    served = models.get(body.model)
    served.check_writes_text()
    if body.logprobs or body.top_logprobs is not None:
        raise ApiError(400, "'logprobs' is not supported for conversations: use /v1/completions", param="logprobs")
    if body.n > config.max_samples:
        raise ApiError(400, f"'n' {body.n} is too large: this server allows up to {config.max_samples}", param="n")
    if body.stream_options is not None and not body.stream:
        raise ApiError(400, "'stream_options' has no effect without 'stream': leave it out", param="stream_options")
    check_max_tokens(_max_tokens(body), "max_tokens", config)
    size = sum(len(message.text) for message in body.messages)
    answer = await in_thread(request.receive, config.max_seconds, lambda check: _Answer(body, served), size=size)
    generation = Generation.begun(served, answer.requests, config)
    if body.stream:
        return EventStream(answer.events(generation), generation.close)
    return JSONResponse(answer.whole(await generation.finished(request.receive)))


class _Answer:
    """The answer to a conversation.

    Args:
        body: request.
        served: model.

    Attributes:
        requests: requests for texts, with the index of the sample.
    """

    def __init__(self, body: ChatRequest, served: ServedModel) -> None:
        prompt = "".join(f"{message.text}\n" for message in body.messages)
        sampling = sampling_of(body, _max_tokens(body), len(served.run.codec))
        request = served.prepare(prompt, sampling, body.rating, body.guidance)
        self._num_prompt_tokens = len(request.prompt)
        self._body = body
        self.requests = [(request, index) for index in range(body.n)]
        self._common = {"id": f"chatcmpl-{uuid4().hex}", "created": int(time.time()), "model": served.name}

    def whole(self, samples: list[Sample]) -> dict[str, Any]:
        """Return the body of the answer."""
        choices = [
            {
                "index": number,
                "message": {"role": "assistant", "content": sample.text, "refusal": None},
                "logprobs": None,
                "finish_reason": finish_reason_of(sample),
            }
            for number, sample in enumerate(samples)
        ]
        return {**self._common, "object": "chat.completion", "choices": choices, "usage": self._usage(samples)}

    async def events(self, generation: Generation) -> AsyncIterator[bytes]:
        """Yield the events of a stream."""
        samples: list[Sample] = []
        for number in range(self._body.n):
            yield self._event(number, {"role": "assistant", "content": ""})
        with generation:
            async for by_text in generation.growing():
                if not by_text:
                    yield HEARTBEAT
                for number, updates in by_text.items():
                    text, sample = "".join(update.text for update in updates), updates[-1].sample
                    if text:
                        yield self._event(number, {"content": text})
                    if sample is not None:
                        samples.append(sample)
                        yield self._event(number, {}, finish_reason_of(sample))
        if self._body.stream_options is not None and self._body.stream_options.include_usage:
            usage = {"choices": [], "usage": self._usage(samples)}
            yield event(json.dumps({**self._common, "object": "chat.completion.chunk", **usage}))
        yield DONE

    def _event(self, number: int, delta: dict[str, str], finish_reason: str | None = None) -> bytes:
        choice = {"index": number, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return event(json.dumps({**self._common, "object": "chat.completion.chunk", "choices": [choice]}))

    def _usage(self, samples: list[Sample]) -> dict[str, int]:
        num_tokens = sum(len(sample.tokens) for sample in samples)
        return {
            "prompt_tokens": self._num_prompt_tokens,
            "completion_tokens": num_tokens,
            "total_tokens": self._num_prompt_tokens + num_tokens,
        }


def _max_tokens(body: ChatRequest) -> int:
    return body.max_completion_tokens or body.max_tokens or _DEFAULT_MAX_TOKENS
