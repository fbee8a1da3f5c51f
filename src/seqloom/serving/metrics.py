"""Counters of a server, in the format of Prometheus."""

import time
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seqloom.serving.served_models import ServedModels

__all__ = ["Metrics"]


class Metrics:
    """Middleware that counts requests, and the answer of `/metrics`.

    Args:
        app: application.
        models: served runs.
        paths: paths of the routes; requests for other paths are counted together.
    """

    def __init__(self, app: ASGIApp, models: ServedModels, paths: frozenset[str]) -> None:
        self._app, self._paths = app, paths
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "seqloom_requests", "Requests by path and status", ["path", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "seqloom_request_seconds", "Duration of requests in seconds", ["path"], registry=self._registry
        )
        jobs = Gauge("seqloom_texts", "Texts that are generated or wait", ["model"], registry=self._registry)
        for name in models.by_name:
            jobs.labels(name).set_function(partial(_num_jobs, models, name))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"] if scope["path"] in self._paths else "other"
        start, status = time.perf_counter(), 500

        async def counting_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, counting_send)
        finally:
            self._requests.labels(path, str(status)).inc()
            self._seconds.labels(path).observe(time.perf_counter() - start)

    def response(self) -> Response:
        """Return all counters."""
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)


def _num_jobs(models: ServedModels, name: str) -> int:
    return models.by_name[name].num_jobs
