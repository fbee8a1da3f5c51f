"""A panel in a notebook, which is drawn again in its place."""

import io
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["NotebookPanel", "as_html", "in_notebook"]

_WIDTH = 100
"""Columns of the panel."""

_FRAME = (
    '<pre style="line-height:1.15;font-family:Menlo,Consolas,DejaVu Sans Mono,monospace;font-size:12px;'
    'white-space:pre;overflow-x:auto;margin:0">{code}</pre>'
)


def in_notebook() -> bool:
    """Return whether the program runs in a notebook that can show HTML, such as Jupyter's."""
    ipython = sys.modules.get("IPython")  # a notebook has imported it
    shell = None if ipython is None else ipython.get_ipython()
    return type(shell).__name__ in ("ZMQInteractiveShell", "Shell")  # of Jupyter and of Colab


def _show(html: str) -> Callable[[str], None]:
    """Show HTML below the cell, and return a function that replaces it."""
    from IPython.display import HTML, display

    handle = display(HTML(html), display_id=True)
    return lambda new_html: handle.update(HTML(new_html))


class NotebookPanel:
    """Panel with the interface of `rich.live.Live`.

    Args:
        show: function that shows HTML and returns a function that replaces it; None for that of the notebook.
    """

    def __init__(self, show: Callable[[str], Callable[[str], None]] | None = None) -> None:
        self._show = show or _show
        self._replace: Callable[[str], None] | None = None

    @property
    def is_started(self) -> bool:
        """Whether the panel is visible."""
        return self._replace is not None

    def start(self) -> None:
        """Show an empty panel."""
        self._replace = self._show("")

    def update(self, renderable: "RenderableType", *, refresh: bool = True) -> None:
        """Draw the panel again."""
        if self._replace is not None and refresh:
            self._replace(as_html(renderable))

    def stop(self) -> None:
        """Leave the panel as it is."""


def as_html(renderable: "RenderableType", width: int = _WIDTH) -> str:
    """Return what rich draws, as HTML with inline styles."""
    from rich.console import Console

    options: dict[str, Any] = {"force_terminal": True, "color_system": "truecolor", "force_jupyter": False}
    console = Console(record=True, file=io.StringIO(), width=width, **options)
    console.print(renderable)
    return console.export_html(inline_styles=True, code_format=_FRAME)
