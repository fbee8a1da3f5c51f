"""`POST /api/generate`: samples of any kind of run: texts, drawings as strokes, music as notes."""

from functools import partial

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request

from seqloom.codecs.text import TextCodec
from seqloom.config import SamplingConfig
from seqloom.config.serving import ServingConfig
from seqloom.corpora.drawings import GRID
from seqloom.serving.api_errors import ApiError
from seqloom.serving.request_body import Rating, RequestBody
from seqloom.serving.sample_files import SampleFile, sample_file
from seqloom.serving.sample_parts import Note, sample_parts
from seqloom.serving.served_model import ServedModel
from seqloom.serving.served_models import ServedModels
from seqloom.serving.work import Check, in_thread

__all__ = ["payload_router"]

_MAX_SAMPLES = 16
_MAX_TOKENS = 5000
"""Largest length of a sample; nothing of it is sent before its end."""


class GenerateRequest(RequestBody):
    """A request for samples.

    Attributes:
        model: name of a served run.
        prompt: text, or for other kinds labels of tokens, that the samples continue.
        n: number of samples.
        max_tokens: largest number of tokens of a sample.
        temperature: softmax temperature.
        top_k: draw from this many likeliest tokens; 0 is off.
        top_p: draw from the likeliest tokens of this total probability.
        min_p: smallest probability relative to that of the likeliest token.
        seed: seed of the draws.
        rating: requested rating or category, or several of them by column.
        guidance: factor that amplifies the effect of the rating.
    """

    model: str = Field(max_length=1000)
    prompt: str = ""
    n: int = Field(1, ge=1, le=_MAX_SAMPLES)
    max_tokens: int = Field(1000, ge=1, le=_MAX_TOKENS)
    temperature: float = Field(1.0, ge=0, le=1e6, allow_inf_nan=False)
    top_k: int = Field(0, ge=0, lt=2**31)
    top_p: float = Field(1.0, gt=0, le=1)
    min_p: float = Field(0.0, ge=0, le=1)
    seed: int = Field(0, ge=0, lt=2**63)
    rating: Rating | None = None
    guidance: float = Field(1.0, ge=0, le=20)


class GeneratedSample(BaseModel):
    """A sample.

    Attributes:
        text: text, or labels of tokens, after the prompt.
        finish_reason: why it has ended.
        strokes: strokes of a drawing, each with its points (x, y); null for other kinds.
        notes: notes of a piece of music; null for other kinds.
        file: drawing as SVG, music as MIDI, or tune as ABC, with the prompt; null for other kinds.
    """

    text: str
    finish_reason: str
    strokes: list[list[tuple[int, int]]] | None = None
    notes: list[Note] | None = None
    file: SampleFile | None = None


class Generated(BaseModel):
    """Samples.

    Attributes:
        kind: "text", "drawings", "music" or "tunes".
        grid: number of places on each side of a drawing.
        samples: samples.
    """

    kind: str
    grid: int = GRID
    samples: list[GeneratedSample]


def payload_router(models: ServedModels, config: ServingConfig) -> APIRouter:
    """Return the route."""
    router = APIRouter()

    @router.post("/api/generate")
    async def generate(body: GenerateRequest, request: Request) -> Generated:
        """Generate samples of any kind of run."""
        served = models.get(body.model)
        if body.max_tokens > config.max_tokens:
            raise ApiError(
                400, f"'max_tokens' {body.max_tokens:,} is too large: this server allows {config.max_tokens:,}"
            )
        size = len(body.prompt) + body.n * body.max_tokens
        return await in_thread(request.receive, config.max_seconds, partial(_generated, served, body), size=size)

    return router


def _generated(served: ServedModel, body: GenerateRequest, check: Check) -> Generated:
    settings = {name: getattr(body, name) for name in ("temperature", "top_k", "top_p", "min_p", "seed")}
    config = SamplingConfig(length=body.max_tokens, **settings)
    run = served.run
    with served.lock:
        generator = run.generator(rating=body.rating, guidance=body.guidance)
        prompt = served.encoded(generator, body.prompt)
        prompt_ids = served.encode(body.prompt)
        drawn = run.generators.drawn(generator, prompt, config, body.n)
    samples = []
    for number, sample in enumerate(drawn, 1):
        check()
        generated = GeneratedSample(text=sample.text, finish_reason=sample.finish_reason)
        if not isinstance(run.codec, TextCodec):
            payload = run.codec.decode([*prompt_ids, *sample.tokens])
            file = sample_file(payload, f"{served.name}-seed-{body.seed}-{number}")
            generated = generated.model_copy(update={**sample_parts(payload), "file": file})
        samples.append(generated)
    return Generated(kind=run.codec.payload_type.kind, samples=samples)
