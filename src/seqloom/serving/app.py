"""The application: all routes, their errors and their schema."""

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from seqloom.config.serving import ServingConfig
from seqloom.errors import SeqloomError
from seqloom.serving.api_errors import ApiError, ErrorBody, api_error_of
from seqloom.serving.guards import Guards
from seqloom.serving.judging_routes import judging_router
from seqloom.serving.metrics import Metrics
from seqloom.serving.openai.routes import openai_router
from seqloom.serving.page_routes import PAGE_POST_PATHS, page_router
from seqloom.serving.payload_routes import payload_router
from seqloom.serving.served_models import ServedModels
from seqloom.serving.tokenizer_routes import tokenizer_router
from seqloom.serving.training_routes import training_router
from seqloom.version import __version__

__all__ = ["make_app"]

_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody, "description": description}
    for status, description in (
        (400, "the request is wrong"),
        (401, "the token is missing or wrong"),
        (403, "the request comes from another site"),
        (404, "there is no such path, model, critic or detector"),
        (408, "the body did not arrive in time"),
        (413, "the body is too large"),
        (415, "the body is no JSON"),
        (421, "the host is another one"),
        (429, "too many texts are waiting"),
        (500, "the server has failed"),
        (503, "the request took too long"),
    )
}


_MAX_FAULTS = 5

_WANTED = {
    "prompt": "give a text, a list of texts, a list of token ids from 0, or a list of such lists",
    "messages": "give a list of objects with a 'role' (system, developer, user, assistant) and a text as 'content'",
    "rating": 'give a number, a category, or an object with one of them for each column, as in {"stars": 4}',
    "stop": "give a text, or a list of up to 16 texts",
    "logit_bias": "give an object with up to 1,000 numbers from -100 to 100 by token id",
}
"""What is allowed for fields with values of several types."""


def make_app(models: ServedModels, config: ServingConfig) -> ASGIApp:
    """Return the application.

    Args:
        models: what is served.
        config: settings of the server.
    """
    app = FastAPI(
        title="seqloom", version=__version__, docs_url=None, redoc_url=None, openapi_url="/openapi.json",
        responses=_ERRORS, separate_input_output_schemas=False, redirect_slashes=False,
    )  # fmt: skip
    app.include_router(openai_router(models, config))
    app.include_router(tokenizer_router(models, config.max_tokens))
    app.include_router(judging_router(models, config.max_seconds))
    app.include_router(payload_router(models, config))
    app.include_router(page_router(models, config.max_seconds))
    app.include_router(training_router(models))
    schema = get_openapi(title="", version="", routes=app.routes)["paths"]
    metrics = Metrics(app, models, frozenset(schema) | {"/health", "/metrics"})

    @app.api_route("/health", methods=["GET", "HEAD"])
    async def health() -> dict[str, str]:
        """Say that the server answers."""
        return {"status": "ok"}

    @app.get("/metrics", response_class=Response)
    async def counters() -> Response:
        """Return counters for Prometheus."""
        return metrics.response()

    _add_error_handlers(app)
    app.openapi = partial(_schema, app, list(models.by_name))  # type: ignore[method-assign]
    post_paths = frozenset(path for path, operations in schema.items() if "post" in operations) | PAGE_POST_PATHS
    return Guards(metrics, config, post_paths)


def _add_error_handlers(app: FastAPI) -> None:
    async def answer(request: Request, error: Exception) -> Response:
        known = api_error_of(error)
        return JSONResponse(known.body.model_dump(), known.status, headers=known.headers)

    async def refuse(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return await answer(request, _validation_error(error))

    async def refuse_path(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == HTTPStatus.NOT_FOUND:
            message = f"there is no path {request.url.path[:100]!r}: /openapi.json lists all"
        elif error.status_code == HTTPStatus.BAD_REQUEST:
            message = (
                "the body is no JSON that can be read: it must be UTF-8, and neither too deep nor with huge numbers"
            )
        else:
            message = f"{request.method} {request.url.path[:100]}: {error.detail}"
        headers = dict(error.headers or {})
        return await answer(request, ApiError(error.status_code, message, headers=headers))

    app.add_exception_handler(RequestValidationError, refuse)
    app.add_exception_handler(HTTPException, refuse_path)
    for error_type in (ApiError, SeqloomError, Exception):
        app.add_exception_handler(error_type, answer)


def _validation_error(error: RequestValidationError) -> ApiError:
    """Return the first faults of a body, one in each line, by field."""
    faults = error.errors()
    if faults[0]["type"] == "json_invalid":
        reason = faults[0].get("ctx", {}).get("error", "")
        return ApiError(400, f"the body is no JSON: {reason} at byte {faults[0]['loc'][-1]}")
    if len(faults[0]["loc"]) == 1:  # the body itself
        return ApiError(400, "the body is no JSON object: send the fields of the request as one")
    lines: dict[str, None] = {}
    for fault in faults:
        name, *place = (str(part) for part in fault["loc"] if part not in ("body", "query"))
        if fault["type"] == "extra_forbidden":
            lines[f"'{'.'.join([name, *place])[:100]}': there is no such field here: leave it out"] = None
            continue
        # The further parts of a place name the kinds of values that a field may have, which clients do not know.
        inner = "" if name in _WANTED else "".join(f".{part}" for part in place)
        lines[f"'{name}{inner}'"[:100] + f": {_WANTED.get(name) or _fault_of(fault)}"] = None
    shown = [*lines][:_MAX_FAULTS]
    if len(lines) > len(shown):
        shown.append(f"and {len(lines) - len(shown)} more faults")
    names = [str(part) for part in faults[0]["loc"] if part not in ("body", "query")]
    return ApiError(400, "\n".join(shown), param=names[0][:100])


def _fault_of(fault: Mapping[str, Any]) -> str:
    return "this field is missing" if fault["type"] == "missing" else str(fault["msg"])


def _schema(app: FastAPI, names: list[str]) -> dict[str, Any]:
    """Return the schema, which names the models, and in which a wrong request is answered with 400 and not with 422."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, routes=app.routes)
        for operations in schema["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
        for name in ("HTTPValidationError", "ValidationError"):
            schema["components"]["schemas"].pop(name, None)
        for part in schema["components"]["schemas"].values():
            model = part.get("properties", {}).get("model", {})
            if "maxLength" in model:  # the field of a request, not of an answer
                model["enum"] = names
        app.openapi_schema = schema
    return app.openapi_schema
