"""The page, and the routes that only it uses."""

from functools import partial
from importlib import resources
from typing import Any

import numpy as np
from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from seqloom.errors import ConfigError
from seqloom.kernels.heads.spec import head_spec
from seqloom.runs.describe import num_parameters
from seqloom.runs.suggestion import Suggestion
from seqloom.serving.api_errors import ApiError
from seqloom.serving.column_fields import column_fields
from seqloom.serving.request_body import Rating, RequestBody
from seqloom.serving.served_model import ServedModel
from seqloom.serving.served_models import ServedModels
from seqloom.serving.work import Check, in_thread, judging_size

__all__ = ["PAGE_POST_PATHS", "page_router"]

PAGE_POST_PATHS = frozenset({"/api/next", "/api/explain"})
"""Paths that expect a body of JSON."""

_FILES = {"page.js": "text/javascript", "page.css": "text/css"}
"""Files of the page with their types, besides `index.html`."""

_STEPS_OF_LEVELS = {"word": 3.0, "subword": 3.0}
"""Bits between two levels of surprise of the page, for tokens that are larger than characters."""

_MAX_CHARACTERS = 200_000
"""Largest length of a text."""

_MAX_TOKENS = 2000
"""Largest number of tokens of a distribution, the likeliest ones."""


class NextRequest(RequestBody):
    """A prompt, whose next token is predicted."""

    model: str = Field(max_length=1000)
    prompt: str = Field("", max_length=_MAX_CHARACTERS)
    rating: Rating | None = None
    guidance: float = Field(1.0, ge=0, le=20)


class ExplainRequest(RequestBody):
    """A text that may have been generated."""

    text: str = Field(max_length=_MAX_CHARACTERS)


def page_router(models: ServedModels, max_seconds: float) -> APIRouter:
    """Return the page and its routes; a request that takes longer than `max_seconds` ends."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/", methods=["GET", "HEAD"])
    async def index() -> Response:
        return Response(_content("index.html"), media_type="text/html")

    @router.get("/page/{name}")
    async def file(name: str) -> Response:
        if name not in _FILES:
            raise ApiError(404, f"the page has no file {name[:100]!r}")
        return Response(_content(name), media_type=_FILES[name], headers={"Cache-Control": "no-cache"})

    @router.get("/api/served")
    async def served() -> dict[str, Any]:
        return {
            "models": [_described(model) for model in models.by_name.values()],
            "critic": models.critic is not None,
            "detector": models.detector is not None,
        }

    @router.post("/api/next")
    async def next_tokens(body: NextRequest, request: Request) -> dict[str, Any]:
        work = partial(_next_tokens, models.get(body.model), body)
        return await in_thread(request.receive, max_seconds, work, size=len(body.prompt))

    @router.post("/api/explain")
    async def explain(body: ExplainRequest, request: Request) -> dict[str, Any]:
        if models.detector is None:
            raise ApiError(404, "this server has no detector")

        def explained(check: Check) -> dict[str, Any]:
            with models.judging:
                check()
                explanation = models.detector.explain(body.text)
            return {"probability": explanation.probability, "sentences": list(explanation.sentences)}

        return await in_thread(request.receive, max_seconds, explained, size=judging_size([body.text]))

    return router


def _content(name: str) -> bytes:
    return (resources.files("seqloom.serving") / "playground" / name).read_bytes()


def _next_tokens(served: ServedModel, body: NextRequest, check: Check) -> dict[str, Any]:
    """Return the distribution after a prompt at temperature 1, the likeliest tokens first.

    Raises:
        ConfigError: the model has no distribution of tokens.
    """
    with served.lock:
        check()
        generator = served.run.generator(rating=body.rating, guidance=body.guidance)
        if generator.decoder.distribution is not None:
            raise ConfigError(f"the model {served.name} predicts points, which are no list of tokens")
        probabilities = generator.distribution(served.encoded(generator, body.prompt))
    possible = np.flatnonzero(probabilities)
    order = possible[np.argsort(-probabilities[possible], kind="stable")][:_MAX_TOKENS]
    return {"tokens": [served.names[token] for token in order], "log_probs": np.log(probabilities[order]).tolist()}


def _described(served: ServedModel) -> dict[str, Any]:
    is_density = head_spec(served.run.config.model.head).make_distribution is not None
    return {
        "name": served.name,
        "kind": served.run.codec.payload_type.kind,
        "description": _description(served),
        "temperature": Suggestion.of(served.run).temperature,
        "is_density": is_density,
        "surprise_step": _STEPS_OF_LEVELS.get(served.run.codec.level, 1.5),
        "texts": {} if is_density else served.odd_names,
        "columns": [column_fields(column) for column in served.run.config.conditions],
    }


def _description(served: ServedModel) -> str:
    model = served.run.config.model
    sizes = " + ".join(map(str, model.hidden_sizes))
    return f"{model.core.upper()} of {sizes}, {num_parameters(model):,} weights, level {served.run.config.level}"
