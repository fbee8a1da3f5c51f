"""A run as a notebook shows it: the loss curve, the measurements and a sample."""

import base64
from collections.abc import Callable
from html import escape

from seqloom.errors import SeqloomError
from seqloom.runs.layout import RunFolder

__all__ = ["describe_likelihood", "run_as_html"]

_TEXT_STYLE = "white-space:pre-wrap;font-family:monospace;margin:.4em 0"
_IMAGE_STYLE = "max-width:640px;width:100%"


def run_as_html(description: str, folder: RunFolder, sample: Callable[[], str]) -> str:
    """Return a run as HTML.

    Args:
        description: run in one line.
        folder: run folder, with the plot of the loss.
        sample: function that generates a text.
    """
    parts = [f"<p><code>{escape(description)}</code></p>"]
    plot = folder.plots_folder / "loss.png"
    if plot.is_file():
        image = base64.b64encode(plot.read_bytes()).decode("ascii")
        parts.append(f'<img alt="loss of the training" style="{_IMAGE_STYLE}" src="data:image/png;base64,{image}">')
    try:
        parts.append(f'<div style="{_TEXT_STYLE}">{escape(sample())}</div>')
    except SeqloomError as error:  # a run without weights
        parts.append(f"<p>{escape(str(error))}</p>")
    return "\n".join(parts)


def describe_likelihood(folder: RunFolder) -> str | None:
    """Return the likelihood of held-out text in words, or else that of the validation; None without both."""
    try:
        metrics = folder.read_metrics()
    except SeqloomError:
        return None
    for name in ("held_out", "validation"):
        if figures := (metrics.get(name) or {}).get("full_context"):
            return f"{figures['nats_per_token']:.3f} nats per token on {name.replace('_', '-')} text"
    return None
