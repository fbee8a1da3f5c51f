"""`/score`, `/detect` and `/rate`: judge texts by a run, the detector and the critic."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request

from seqloom.serving.api_errors import ApiError
from seqloom.serving.request_body import RequestBody
from seqloom.serving.served_models import ServedModels
from seqloom.serving.work import Check, in_thread, judging_size

__all__ = ["judging_router"]

_Texts = Annotated[list[str], Field(min_length=1, max_length=10_000, fail_fast=True)]

_TEXTS_BETWEEN_CHECKS, _TOKENS_BETWEEN_CHECKS = 64, 1000
"""Parts of work after which it ends if nobody waits for it."""


class ScoreRequest(RequestBody):
    """A text whose tokens are scored, each in the context of all before it.

    Attributes:
        model: name of a served run.
        text: text.
        skip_unknown: whether to leave out symbols outside the vocabulary; otherwise they are an error.
    """

    model: str = Field(max_length=1000)
    text: str
    skip_unknown: bool = False


class ScoredTokens(BaseModel):
    """Scores of the tokens of a text.

    Attributes:
        tokens: names of the tokens.
        log_probs: log-probabilities in nats.
        ranks: numbers of tokens that were likelier.
        entropies: entropies of the predicted distributions in nats.
    """

    tokens: list[str]
    log_probs: list[float]
    ranks: list[int]
    entropies: list[float]


class DetectRequest(RequestBody):
    """Texts that may have been generated.

    Attributes:
        texts: texts.
        base_rate: expected share of generated texts.
        light: whether only the fast members of the detector are used.
    """

    texts: _Texts
    base_rate: float = Field(0.5, gt=0, lt=1)
    light: bool = False


class Detections(BaseModel):
    """What the detector says, in the order of the texts.

    Attributes:
        probabilities: probability that a text was generated.
        too_short: whether a text is too short for a reliable probability.
        out_of_distribution: whether a text is unlike all training texts.
        seen_in_training: whether a text is one of the training, or a near copy.
    """

    probabilities: list[float]
    too_short: list[bool]
    out_of_distribution: list[bool]
    seen_in_training: list[bool]


class RateRequest(RequestBody):
    """Texts to rate."""

    texts: _Texts


class Ratings(BaseModel):
    """Ratings that the critic predicts, in the order of the texts."""

    ratings: list[float]


def judging_router(models: ServedModels, max_seconds: float) -> APIRouter:
    """Return the routes that judge texts; a request that takes longer than `max_seconds` ends."""
    router = APIRouter()

    @router.post("/score")
    async def score(body: ScoreRequest, request: Request) -> ScoredTokens:
        """Score the tokens of a text."""
        served = models.get(body.model)

        def scored(check: Check) -> ScoredTokens:
            scores = []
            for score in served.scores(body.text, skip_unknown=body.skip_unknown):
                scores.append(score)
                if len(scores) % _TOKENS_BETWEEN_CHECKS == 0:
                    check()
            return ScoredTokens(
                tokens=[served.names[score.token] for score in scores],
                log_probs=[score.log_prob for score in scores],
                ranks=[score.rank for score in scores],
                entropies=[score.entropy for score in scores],
            )

        return await in_thread(request.receive, max_seconds, scored, size=len(body.text))

    @router.post("/detect")
    async def detect(body: DetectRequest, request: Request) -> Detections:
        """Estimate whether texts were generated."""
        if models.detector is None:
            raise ApiError(404, "this server has no detector: start it with 'seqloom serve RUN --detector DETECTOR'")

        def detected(check: Check) -> Detections:
            detections = Detections(probabilities=[], too_short=[], out_of_distribution=[], seen_in_training=[])
            for texts in _batches(body.texts, check):
                with models.judging:
                    scores = models.detector.score_texts(texts, base_rate=body.base_rate, light=body.light)
                for name in Detections.model_fields:
                    getattr(detections, name).extend(getattr(scores, name).tolist())
            return detections

        return await in_thread(request.receive, max_seconds, detected, size=judging_size(body.texts))

    @router.post("/rate")
    async def rate(body: RateRequest, request: Request) -> Ratings:
        """Predict the ratings of texts."""
        if models.critic is None:
            raise ApiError(404, "this server has no critic: start it with 'seqloom serve RUN --critic CRITIC'")

        def rated(check: Check) -> Ratings:
            ratings: list[float] = []
            for texts in _batches(body.texts, check):
                with models.judging:
                    ratings += [float(rating) for rating in models.critic.predict(texts)]
            return Ratings(ratings=ratings)

        return await in_thread(request.receive, max_seconds, rated, size=judging_size(body.texts))

    return router


def _batches(texts: Sequence[str], check: Check) -> Iterator[Sequence[str]]:
    """Yield parts of some texts for as long as somebody waits."""
    for start in range(0, len(texts), _TEXTS_BETWEEN_CHECKS):
        check()
        yield texts[start : start + _TEXTS_BETWEEN_CHECKS]
