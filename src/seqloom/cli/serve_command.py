"""`seqloom serve`: runs over HTTP."""

from pathlib import Path
from typing import Annotated, Any

import typer

from seqloom.cli.options import Section, with_settings
from seqloom.cli.output import note
from seqloom.config.serving import ServingConfig
from seqloom.errors import MissingExtraError

__all__ = ["serve"]


@with_settings(Section("Server", ServingConfig))
def serve(
    runs: Annotated[list[Path], typer.Argument(help="folders of runs, served under their names", metavar="RUN...")],
    critic: Annotated[Path | None, typer.Option("--critic", help="critic that rates texts", metavar="DIR")] = None,
    detector: Annotated[
        Path | None, typer.Option("--detector", help="detector of generated texts", metavar="DIR")
    ] = None,
    settings: dict[str, Any] | None = None,
) -> None:
    """Serve RUNs over HTTP, with OpenAI's API and a page, until Ctrl-C.

    Clients of OpenAI's API use the address with /v1 at its end.
    """
    try:
        from seqloom.serving.server import serve as serve_runs
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "seqloom":
            raise
        raise MissingExtraError(f"the server needs the package {error.name}: pip install 'seqloom[serve]'") from None
    config = ServingConfig(**(settings or {}))
    serve_runs(runs, config, critic=critic, detector=detector, ready=lambda url: note(f"serving at {url}"))
