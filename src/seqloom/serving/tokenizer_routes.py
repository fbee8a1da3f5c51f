"""`/tokenize`, `/detokenize` and `/tokenizer_info`, in the form that vLLM introduced and evaluation harnesses read."""

import asyncio
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from seqloom.serving.request_body import RequestBody
from seqloom.serving.served_model import ServedModel
from seqloom.serving.served_models import ServedModels
from seqloom.serving.start_token import START_NAME

__all__ = ["tokenizer_router"]

_MODEL_HELP = "name of a served run; the first one by default"


class TokenizeRequest(RequestBody):
    """A text to convert to token ids; `<|start|>` in it stands for the token before a document."""

    prompt: str
    model: str | None = Field(None, description=_MODEL_HELP)
    add_special_tokens: bool = Field(False, description="whether the token before a document comes first")
    return_token_strs: bool | None = Field(False, description="whether the names of the tokens are returned")


class Tokens(BaseModel):
    """Token ids of a text."""

    tokens: list[int]
    count: int
    max_model_len: int
    token_strs: list[str] | None = None


class DetokenizeRequest(RequestBody):
    """Token ids to convert to text."""

    tokens: list[Annotated[int, Field(ge=0, lt=2**31)]]
    model: str | None = Field(None, description=_MODEL_HELP)


class Detokenized(BaseModel):
    """Text of token ids."""

    prompt: str


class TokenizerInfo(BaseModel):
    """Description of a tokenizer.

    Attributes:
        eos_token: the token before a document, which resets the state of the model.
    """

    tokenizer_class: str
    eos_token: str
    bos_token: str | None = None
    pad_token: str | None = None
    chat_template: str | None = None
    vocab_size: int


def tokenizer_router(models: ServedModels, max_tokens: int) -> APIRouter:
    """Return the routes of the tokenizer.

    Args:
        models: served runs.
        max_tokens: largest length of a text, which clients may want to know.
    """
    router = APIRouter()

    def model_of(name: str | None) -> ServedModel:
        return models.default if name is None else models.get(name)

    @router.post("/tokenize")
    async def tokenize(body: TokenizeRequest) -> Tokens:
        """Convert a text to token ids."""
        served = model_of(body.model)
        text = START_NAME + body.prompt if body.add_special_tokens else body.prompt
        ids = await asyncio.to_thread(served.encode, text)
        names = [served.names[token] for token in ids] if body.return_token_strs else None
        return Tokens(tokens=ids, count=len(ids), max_model_len=max_tokens, token_strs=names)

    @router.post("/detokenize")
    async def detokenize(body: DetokenizeRequest) -> Detokenized:
        """Convert token ids to text."""
        served = model_of(body.model)
        return Detokenized(prompt=await asyncio.to_thread(served.decode, body.tokens, with_start=True))

    @router.get("/tokenizer_info")
    async def tokenizer_info(model: Annotated[str | None, Field(description=_MODEL_HELP)] = None) -> TokenizerInfo:
        """Describe the tokenizer of a run."""
        served = model_of(model)
        return TokenizerInfo(
            tokenizer_class=f"seqloom-{served.run.codec.level}",
            eos_token=START_NAME,
            vocab_size=served.start_token.vocabulary,
        )

    return router
