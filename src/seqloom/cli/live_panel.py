"""Draw the live panel of a training: progress bar, loss, curve, samples."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from seqloom.cli.metrics import Tally, clock

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

__all__ = ["one_line", "panel", "spark_rows"]

_WIDEST = 110
_CURVE_ROWS = 3
_NUMBERS_WIDTH = 25
"""The last column of it is the chart's edge."""
_SAMPLE_LINES = 2
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_ZERO_WIDTH_JOINERS = "\u200c\u200d"


def panel(tally: Tally, samples: Mapping[float, str], title: str, width: int) -> "RenderableType":
    """Draw the state of training.

    Args:
        tally: the state.
        samples: the newest text at each temperature.
        title: in the frame.
        width: columns of the terminal.
    """
    from rich import box
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    width = min(width, _WIDEST)
    inner = max(20, width - 4)
    rows: list[RenderableType] = [_bar(tally, inner), _facts(tally, inner)]
    if tally.loss is not None:
        rows += _losses(tally, inner)
    if samples:
        rows += [Text(), _samples(samples, inner)]
    return Panel(
        Group(*rows),
        title=Text(f" {_fitting(one_line(title), inner - 6)} ", style="bold"),
        title_align="left",
        border_style="bright_black",
        box=box.ROUNDED,
        width=width,
    )


def _bar(tally: Tally, width: int) -> "Text":
    from rich.text import Text

    left = tally.seconds_left()
    said = tally.reason or ("starting" if left is None else f"{clock(left)} left")
    label = f"  {100 * tally.share:3.0f} %  {said}"
    room = max(4, width - len(label))
    done = round(room * tally.share)
    colour = "green" if tally.reason == "done" else "cyan"
    return Text.assemble(("━" * done, colour), ("━" * (room - done), "bright_black"), (label, "bold"), no_wrap=True)


def _facts(tally: Tally, width: int) -> "Text":
    from rich.text import Text

    facts = [f"step {tally.step:,} of {tally.total_steps:,}", f"epoch {tally.epoch + 1}", tally.speed()]
    if tally.reason is not None:
        facts[1] = tally.epochs()
    facts.append(f"{clock(tally.seconds)} of training")
    line = ""
    for fact in filter(None, facts):
        longer = f"{line} · {fact}" if line else fact
        if len(longer) <= width:
            line = longer
    return Text(line, style="bright_black", no_wrap=True)


def _losses(tally: Tally, width: int) -> list["Text"]:
    """What the chart shows, then three rows: a number each, and beside them all the curve of the training loss."""
    from rich.text import Text

    best = f"{tally.best[0]:.3f} nats" if tally.best else ""
    numbers = [
        ("loss", f"{tally.loss:.3f} nats", "bold cyan"),
        ("validation", "" if tally.validation is None else f"{tally.validation:.3f} nats", "bold magenta"),
        ("best", best, "green"),
    ]
    curve = spark_rows(tally.losses.resampled(max(1, width - _NUMBERS_WIDTH)), _CURVE_ROWS)
    rows = [
        Text.assemble(
            (f"{name if said else '':<12}", "bright_black"),
            (f"{said:<12}", style),
            ("│", "bright_black"),
            (row, "cyan"),
            no_wrap=True,
        )
        for (name, said, style), row in zip(numbers, curve, strict=True)
    ]
    caption = f"{'':<{_NUMBERS_WIDTH - 1}}┌ training loss"
    return [Text(_fitting(caption, width), style="bright_black", no_wrap=True), *rows]


def spark_rows(values: Sequence[float], rows: int) -> list[str]:
    """A filled curve in block characters, top row first.

    The first fall of a loss would press all that follows flat: what lies above the highest value after the
    first twentieth is drawn at full height.
    """
    if not values:
        return [""] * rows
    low = min(values)
    high = max(values[len(values) // 20 :])
    steps = 8 * rows - 1
    heights = [1 + round(steps * min(1.0, (value - low) / (high - low))) if high > low else 1 for value in values]
    return [
        "".join(_EIGHTHS[min(8, max(0, height - 8 * (rows - 1 - row)))] for height in heights) for row in range(rows)
    ]


def _samples(samples: Mapping[float, str], width: int) -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1)
    for temperature, text in samples.items():
        label = Text(f"T {temperature:g}", style=f"bold {_warmth(temperature)}")
        grid.add_row(label, _clipped(one_line(text[: _SAMPLE_LINES * width]), width - len(label) - 1))
    return grid


def _clipped(text: str, width: int) -> "Text":
    """The text's first two lines of `width` columns, broken between words where a space is near."""
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
    """As much of the text's beginning as `width` columns hold, one character at least."""
    from rich.cells import cell_len

    lengths = range(1, len(text) + 1)
    return text[: max(1, bisect_right(lengths, width, key=lambda length: cell_len(text[:length])))]


def _warmth(temperature: float) -> str:
    return "blue" if temperature < 0.4 else "green" if temperature < 0.8 else "yellow" if temperature < 1.1 else "red"


def one_line(text: str) -> str:
    """The text with signs for line ends, and dots for what could move the cursor or turn the text around."""
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
