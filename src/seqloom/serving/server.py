"""Start the server, and end it gracefully."""

import asyncio
import logging
import signal
import socket
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from seqloom.api import Run
from seqloom.config.serving import ServingConfig
from seqloom.errors import ConfigError
from seqloom.files import is_utf8_name
from seqloom.registry import import_part
from seqloom.serving.app import make_app
from seqloom.serving.channel import deliver_into
from seqloom.serving.memory import keep_small
from seqloom.serving.protocol import HeadLimitProtocol
from seqloom.serving.reloading import Reloader
from seqloom.serving.served_model import ServedModel
from seqloom.serving.served_models import ServedModels
from seqloom.serving.unread import end_unread

__all__ = ["serve"]

_SHUTDOWN_SECONDS = 10
"""Time for requests to finish after the server was asked to end."""

_OPEN_CRITIC, _OPEN_DETECTOR = "seqloom.critic.load:open_critic", "seqloom.detector.load:open_detector"
"""Places of functions whose import takes a second; a server without critic and detector does not wait for it."""

_LOG = logging.getLogger("uvicorn.error")

_KEEP_ALIVE_SECONDS = 75
_BACKLOG = 1024


def serve(
    runs: Sequence[str | Path],
    config: ServingConfig | None = None,
    *,
    critic: str | Path | None = None,
    detector: str | Path | None = None,
    ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve runs until SIGTERM or Ctrl-C.

    Args:
        runs: folders of runs; each is served under the name of its folder.
        config: settings of the server.
        critic: folder of a critic, or of a run with ratings; None for none.
        detector: folder of a detector; None for none.
        ready: function that receives the address once the server answers.

    Raises:
        UserError: a folder cannot be opened, two runs have the same name, or the address is in use.
        KeyboardInterrupt: Ctrl-C has ended the server.
    """
    config = config or ServingConfig()
    opened = _open_runs(runs)
    judges = _opened_judge(_OPEN_CRITIC, critic), _opened_judge(_OPEN_DETECTOR, detector)
    listener = _listen(config)
    warnings.simplefilter("ignore")  # those are about requests, and no matter of the person who serves
    try:
        with asyncio.Runner(loop_factory=_new_event_loop) as runner:
            runner.run(_serve(opened, judges, config, listener, ready))
    finally:
        listener.close()


def _new_event_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop of uvloop, the fastest one; Windows has none of these."""
    loop: asyncio.AbstractEventLoop = (
        asyncio.new_event_loop() if sys.platform == "win32" else import_part("uvloop:new_event_loop")()
    )
    return loop


async def _serve(
    runs: dict[str, Run],
    judges: tuple[Any, Any],
    config: ServingConfig,
    listener: socket.socket,
    ready: Callable[[str], None],
) -> None:
    deliver = deliver_into(asyncio.get_running_loop())

    def warm(name: str, run: Run) -> ServedModel:
        served = ServedModel(name, run, config.streams, deliver)
        served.warm_up()
        return served

    opened = await asyncio.gather(*(asyncio.to_thread(warm, name, run) for name, run in runs.items()))
    models = ServedModels({served.name: served for served in opened}, *judges)
    reloader = Reloader(models, lambda served: warm(served.name, Run(served.run.path)), _LOG.error)
    _LOG.addFilter(_is_no_end_of_a_request)
    settings = uvicorn.Config(
        make_app(models, config),
        http=HeadLimitProtocol,
        log_level="error",
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        ws="none",
        lifespan="off",
        limit_concurrency=None,
        backlog=_BACKLOG,
    )
    server = _Server(settings, lambda: ready(_url(config, listener)))
    work = reloader.run(), keep_small(), end_unread(server.server_state.connections)
    tasks = [asyncio.create_task(one) for one in work]
    try:
        await server.serve([listener])
    finally:
        for task in tasks:
            task.cancel()
        reloader.close()


class _Server(uvicorn.Server):
    """A server that says when it is ready, and whose end by SIGTERM is a success."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to answer."""
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let SIGTERM and Ctrl-C end the server gracefully; a second Ctrl-C ends it at once."""
        handlers = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        if signal.SIGINT in self._captured_signals:
            raise KeyboardInterrupt


def _is_no_end_of_a_request(record: logging.LogRecord) -> bool:
    """Return whether a line of the log is about a fault, not about a request that ends early."""
    error = record.exc_info[1] if record.exc_info else None
    ends = ("Cancel %s running task", "ASGI callable returned without completing response")
    return not (isinstance(error, asyncio.CancelledError) or str(record.msg).startswith(ends))


def _opened_judge(place: str, folder: str | Path | None) -> Any:
    """Return a critic or detector; None without a folder."""
    return None if folder is None else import_part(place)(folder)


def _open_runs(paths: Sequence[str | Path]) -> dict[str, Run]:
    if not paths:
        raise ConfigError("there is no run to serve: name at least one")
    runs: dict[str, Run] = {}
    for path in paths:
        name = Path(path).resolve().name
        if not is_utf8_name(name):
            raise ConfigError(f"the name of the run {name!r} is not UTF-8, so that no client can send it: rename it")
        if name in runs:
            raise ConfigError(f"two runs have the name {name!r}: rename one of the folders")
        runs[name] = Run(path)
    return runs


def _listen(config: ServingConfig) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise ConfigError(
            f"`host` {config.host} and `port` {config.port} cannot be used ({error.strerror or error}): choose another "
            "`port`, or 0 for any"
        ) from None
    return listener


def _url(config: ServingConfig, listener: socket.socket) -> str:
    host = f"[{config.host}]" if ":" in config.host else config.host
    return f"http://{host}:{listener.getsockname()[1]}/"
