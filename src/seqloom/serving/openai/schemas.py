"""Bodies of requests and answers of OpenAI's completions, as far as seqloom knows them, and its own further fields."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field

from seqloom.serving.request_body import Rating, RequestBody, check_size

__all__ = [
    "ChatRequest",
    "Choice",
    "Completion",
    "CompletionRequest",
    "LogProbs",
    "Message",
    "ModelCard",
    "ModelList",
    "SamplingFields",
    "StreamOptions",
    "Usage",
]

# Lists are refused at their first fault, so that a body with many faults is refused as fast as one with one.
_Strings = str | Annotated[list[str], Field(max_length=16, fail_fast=True)]
_TokenId = Annotated[int, Field(ge=0, lt=2**31)]
_TokenIds = Annotated[list[_TokenId], Field(fail_fast=True)]
_Texts = Annotated[list[str], Field(fail_fast=True)]
_Prompt = str | _TokenIds | _Texts | Annotated[list[_TokenIds], Field(fail_fast=True)]


_Biases = Annotated[dict[str, Annotated[float, Field(ge=-100, le=100)]], BeforeValidator(check_size)]


class StreamOptions(RequestBody):
    """Options of a stream.

    Attributes:
        include_usage: whether the last event counts the tokens.
        include_obfuscation: ignored; events are never padded.
    """

    include_usage: bool = False
    include_obfuscation: bool = False


class SamplingFields(RequestBody):
    """Fields of every request for texts.

    Attributes:
        model: name of a served run.
        n: number of texts for each prompt.
        temperature: softmax temperature; 0 is greedy.
        top_p: draw from the likeliest tokens of this total probability.
        top_k: draw from this many likeliest tokens; 0 is off.
        min_p: smallest probability relative to that of the likeliest token.
        frequency_penalty: subtraction from the logit of a token for each of its occurrences among the last 64 tokens.
        presence_penalty: subtraction from the logit of every token among the last 64.
        seed: seed of the draws; null draws one.
        stop: strings that end a text.
        stream: whether the text is sent while it is generated.
        stream_options: options of the stream.
        logit_bias: addition to the logit, by token id.
        rating: requested rating or category, or several of them by column.
        guidance: factor that amplifies the effect of the rating.
        user: ignored.
    """

    model: str = Field(max_length=1000)
    n: int = Field(1, ge=1, le=10_000)
    temperature: float | None = Field(1.0, ge=0, le=1e6, allow_inf_nan=False)
    top_p: float | None = Field(1.0, gt=0, le=1)
    top_k: int = Field(0, ge=0, lt=2**31)
    min_p: float = Field(0.0, ge=0, le=1)
    frequency_penalty: float | None = Field(0.0, ge=-2, le=2)
    presence_penalty: float | None = Field(0.0, ge=-2, le=2)
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    stop: _Strings | None = None
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    logit_bias: _Biases | None = None
    rating: Rating | None = None
    guidance: float = Field(1.0, ge=0, le=20)
    user: str | None = None


class CompletionRequest(SamplingFields):
    """Body of a request for completions.

    Attributes:
        prompt: one or more texts, or token ids; an empty text begins a document.
        max_tokens: largest number of tokens; 0 generates none, which is useful with `echo`.
        best_of: number of texts for each prompt of which the `n` likeliest per token are returned.
        echo: whether the texts begin with the prompt.
        logprobs: number of likeliest tokens that are returned at each position; null for none.
        suffix: not supported.
    """

    prompt: _Prompt = ""
    max_tokens: int | None = Field(16, ge=0, lt=2**31)
    best_of: int | None = Field(None, ge=1, le=10_000)
    echo: bool | None = False
    logprobs: int | None = Field(None, ge=0, le=20)
    suffix: str | None = None


class TextPart(RequestBody):
    """A part of a message that is text, as all parts must be."""

    type: Literal["text"]
    text: str


class Message(RequestBody):
    """A message of a conversation: a text, or several parts of one."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | Annotated[list[TextPart], Field(max_length=100, fail_fast=True)]
    name: str | None = None

    @property
    def text(self) -> str:
        """The whole text."""
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)


class ChatRequest(SamplingFields):
    """Body of a request to continue a conversation, which is one plain text for the model.

    Attributes:
        messages: messages so far; their contents are joined by line ends.
        max_tokens: largest number of tokens.
        max_completion_tokens: the newer name of `max_tokens`.
        logprobs: whether log-probabilities are returned.
        top_logprobs: number of likeliest tokens that are returned at each position.
    """

    messages: list[Message] = Field(min_length=1, max_length=1000)
    max_tokens: int | None = Field(None, ge=1, lt=2**31)
    max_completion_tokens: int | None = Field(None, ge=1, lt=2**31)
    logprobs: bool | None = False
    top_logprobs: int | None = Field(None, ge=0, le=20)


class LogProbs(BaseModel):
    """Log-probabilities of the tokens of a text, at temperature 1, before bias and filters.

    Attributes:
        tokens: names of the tokens.
        token_logprobs: log-probabilities in nats; null where there is no context.
        top_logprobs: the likeliest tokens, and the token that stands there, by name; null where there is no context.
        text_offset: position of each token in the text, in characters.
    """

    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float] | None]
    text_offset: list[int]


class Choice(BaseModel):
    """One text."""

    index: int
    text: str
    logprobs: LogProbs | None = None
    finish_reason: Literal["stop", "length"] | None = None


class Usage(BaseModel):
    """Numbers of tokens."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(BaseModel):
    """Answer with texts."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage | None = None


class ModelCard(BaseModel):
    """A served run."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "seqloom"
    kind: str
    level: str
    conditions: list[dict[str, Any]]


class ModelList(BaseModel):
    """All served runs."""

    object: Literal["list"] = "list"
    data: list[ModelCard]
