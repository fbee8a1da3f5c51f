"""The routes of OpenAI's API."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from seqloom.config.serving import ServingConfig
from seqloom.serving.column_fields import column_fields
from seqloom.serving.openai.chat import chat
from seqloom.serving.openai.completions import complete
from seqloom.serving.openai.schemas import ChatRequest, Completion, CompletionRequest, ModelCard, ModelList
from seqloom.serving.served_model import ServedModel
from seqloom.serving.served_models import ServedModels

__all__ = ["openai_router"]

_EVENTS: dict[str, Any] = {"content": {"text/event-stream": {}}}


def openai_router(models: ServedModels, config: ServingConfig) -> APIRouter:
    """Return the routes of OpenAI's API for the served runs."""
    router = APIRouter(prefix="/v1")

    @router.post("/completions", response_model=Completion, responses={200: _EVENTS})
    async def completions(body: CompletionRequest, request: Request) -> Completion | Response:
        """Continue prompts."""
        return await complete(body, request, models, config)

    @router.post("/chat/completions", response_model=None, responses={200: _EVENTS})
    async def chat_completions(body: ChatRequest, request: Request) -> Response:
        """Continue a conversation, which is one plain text for the model."""
        return await chat(body, request, models, config)

    @router.get("/models")
    async def list_models() -> ModelList:
        """List the served runs."""
        return ModelList(data=[_card(served) for served in models.by_name.values()])

    @router.get("/models/{model}")
    async def model(model: str) -> ModelCard:
        """Describe a served run."""
        return _card(models.get(model))

    return router


def _card(served: ServedModel) -> ModelCard:
    config = served.run.config
    return ModelCard(
        id=served.name,
        created=served.created,
        kind=served.run.codec.payload_type.kind,
        level=config.level,
        conditions=[column_fields(column) for column in config.conditions],
    )
