"""Draw the live panel of a training: progress bar, loss, curve, samples.

The layout, with the function that draws each part:

    ╭─ title ─────────────────────────────────────────╮
    │ ━━━━━━━━━━━━━━━━━━━━━━   62 %  0:12 left        │   _bar
    │ step 1,240 of 2,000 · epoch 3 · ...             │   _facts
    │                        ┌ training loss          │   _losses: a caption and
    │ loss        1.031 nats │█▃▁▁▁▁▁▁▁▁              │   three rows, of numbers on the left
    │ ...                    │██████████              │   and a curve on the right
    │ T 0.5 the newest sample                         │   _samples
    ╰─────────────────────────────────────────────────╯
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from seqloom.display.metrics import Tally
from seqloom.display.stage_display import clock
from seqloom.percent import whole_percent

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

__all__ = ["one_line", "panel", "spark_rows"]

_MAX_WIDTH = 110
_CURVE_ROWS = 3
_NUMBERS_WIDTH = 25
"""Columns on the left of the curve: name, number, and the vertical line at the edge of the curve."""
_SAMPLE_LINES = 2
"""Largest number of lines of each sample."""
_EIGHTHS = " ▁▂▃▄▅▆▇█"
"""Blocks of 0 to 8 eighths of the height of a row."""
_ZERO_WIDTH_JOINERS = "\u200c\u200d"


def panel(tally: Tally, samples: Mapping[float, str], title: str, width: int) -> "RenderableType":
    """Draw the state of training.

    Args:
        tally: state of the training.
        samples: newest text at each temperature.
        title: title in the frame.
        width: number of columns of the terminal.
    """
    from rich import box
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    width = min(width, _MAX_WIDTH)
    inner_width = max(20, width - 4)
    rows: list[RenderableType] = [_bar(tally, inner_width), _facts(tally, inner_width)]
    if tally.loss is not None:
        rows += _losses(tally, inner_width)
    if samples:
        rows += [Text(), _samples(samples, inner_width)]
    return Panel(
        Group(*rows),
        title=Text(f" {_fitting(one_line(title), inner_width - 6)} ", style="bold"),
        title_align="left",
        border_style="bright_black",
        box=box.ROUNDED,
        width=width,
    )


def _bar(tally: Tally, width: int) -> "Text":
    from rich.text import Text

    status = tally.reason or tally.time_left() or "starting"
    label = f"  {whole_percent(tally.share):>5}  {status}"
    bar_width = max(4, width - len(label))
    done = round(bar_width * tally.share)
    colour = "green" if tally.reason == "done" else "cyan"
    return Text.assemble(
        ("━" * done, colour), ("━" * (bar_width - done), "bright_black"), (label, "bold"), no_wrap=True
    )


def _facts(tally: Tally, width: int) -> "Text":
    """Return a line with step, epoch, speed and time, without the facts that do not fit into `width` columns."""
    from rich.text import Text

    facts = [
        f"step {tally.step:,} of {tally.total_steps:,}",
        f"epoch {tally.epoch + 1}" if tally.reason is None else tally.epochs(),
        tally.speed(),
        f"{clock(tally.seconds)} of training",
    ]
    line = ""
    for fact in filter(None, facts):
        longer = f"{line} · {fact}" if line else fact
        if len(longer) <= width:
            line = longer
    return Text(line, style="bright_black", no_wrap=True)


def _losses(tally: Tally, width: int) -> list["Text"]:
    """Return the caption of the curve, then three rows with a loss on the left and the curve on the right."""
    from rich.text import Text

    best = f"{tally.best_loss:.3f} nats" if tally.best_loss is not None else ""
    numbers = [
        ("loss", f"{tally.loss:.3f} nats", "bold cyan"),
        ("validation", "" if tally.validation_loss is None else f"{tally.validation_loss:.3f} nats", "bold magenta"),
        ("best", best, "green"),
    ]
    curve = spark_rows(tally.losses.resampled(max(1, width - _NUMBERS_WIDTH)), _CURVE_ROWS)
    rows = [
        Text.assemble(
            (f"{name if number else '':<12}", "bright_black"),
            (f"{number:<12}", style),
            ("│", "bright_black"),
            (curve_row, "cyan"),
            no_wrap=True,
        )
        for (name, number, style), curve_row in zip(numbers, curve, strict=True)
    ]
    caption = f"{'':<{_NUMBERS_WIDTH - 1}}┌ training loss"
    return [Text(_fitting(caption, width), style="bright_black", no_wrap=True), *rows]


def spark_rows(values: Sequence[float], num_rows: int) -> list[str]:
    """Return a filled curve in block characters, top row first.

    The top of the curve is the highest value after the first twentieth of the series, and higher values are cut off.
    Otherwise the steep fall of a loss at the start would leave no height for the rest.
    """
    if not values:
        return [""] * num_rows
    low = min(values)
    high = max(values[len(values) // 20 :])
    max_rise = 8 * num_rows - 1  # heights are in eighths of a row; the lowest value has height 1
    heights = [1 + round(max_rise * min(1.0, (value - low) / (high - low))) if high > low else 1 for value in values]
    return [
        "".join(_EIGHTHS[min(8, max(0, height - 8 * rows_below))] for height in heights)
        for rows_below in reversed(range(num_rows))
    ]


def _samples(samples: Mapping[float, str], width: int) -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1)
    for temperature, text in samples.items():
        label = Text(f"T {temperature:g}", style=f"bold {_temperature_colour(temperature)}")
        grid.add_row(label, _clipped(one_line(text[: _SAMPLE_LINES * width]), width - len(label) - 1))
    return grid


def _clipped(text: str, width: int) -> "Text":
    """Break a text into lines of at most `width` columns and return the first two; "…" marks a text that is cut.

    A line ends at its last space if this space is in the second half of the line.
    """
    from rich.text import Text

    lines: list[str] = []
    while text and len(lines) < _SAMPLE_LINES:
        line = _fitting(text, width)
        space = line.rfind(" ")
        if len(line) < len(text) and space > len(line) // 2:
            line = line[:space]
        lines.append(line)
        text = text[len(line) :].lstrip(" ")
    if text:
        lines[-1] = _fitting(lines[-1], width - 1) + "…"
    return Text("\n".join(lines), no_wrap=True)


def _fitting(text: str, width: int) -> str:
    """Return the longest beginning of a text that fits into `width` columns, but at least one character."""
    from rich.cells import cell_len

    lengths = range(1, len(text) + 1)
    return text[: max(1, bisect_right(lengths, width, key=lambda length: cell_len(text[:length])))]


def _temperature_colour(temperature: float) -> str:
    return "blue" if temperature < 0.4 else "green" if temperature < 0.8 else "yellow" if temperature < 1.1 else "red"


def one_line(text: str) -> str:
    """Return a text with `⏎` for line ends, and dots for characters that move the cursor or reverse the writing."""
    return "".join(
        character
        if character.isprintable() or character in _ZERO_WIDTH_JOINERS
        else "⏎"
        if character == "\n"
        else " "
        if character == "\t"
        else "·"
        for character in text
    )
