"""Write a drawing as SVG: still, or drawn stroke by stroke when it is shown."""

from pathlib import Path

from seqloom.corpora.drawings import GRID, Drawing, Stroke
from seqloom.files import write_text

__all__ = ["svg_path", "write_drawing_svg"]

_MARGIN = 6
_LINE_WIDTH = 2
_SECONDS_PER_POINT, _SECONDS_BETWEEN_STROKES = 0.05, 0.15


def write_drawing_svg(drawing: Drawing, path: Path, *, animate: bool = False) -> None:
    """Write an SVG file.

    Args:
        drawing: drawing.
        path: path of the file.
        animate: whether the strokes appear one after the other.

    Raises:
        SeqloomError: the file cannot be written.
    """
    size = GRID - 1 + 2 * _MARGIN
    view = f"{-_MARGIN} {-_MARGIN} {size} {size}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{view}" width="512" height="512">',
        f'<g fill="none" stroke="black" stroke-width="{_LINE_WIDTH}" stroke-linecap="round" stroke-linejoin="round">',
    ]
    begin = 0.0
    for stroke in drawing.centred.strokes:
        if not animate:
            lines.append(f'<path d="{svg_path(stroke)}"/>')
            continue
        seconds = _SECONDS_PER_POINT * len(stroke)
        lines.append(
            f'<path d="{svg_path(stroke)}" pathLength="1" stroke-dasharray="1 2" stroke-dashoffset="1.1">'
            f'<animate attributeName="stroke-dashoffset" from="1.1" to="0" begin="{begin:.2f}s" dur="{seconds:.2f}s" '
            'fill="freeze"/></path>'
        )
        begin += seconds + _SECONDS_BETWEEN_STROKES
    write_text(path, "\n".join([*lines, "</g>", "</svg>", ""]))


def svg_path(stroke: Stroke) -> str:
    """Return the path of a stroke; a dot is a line to its own place."""
    points = stroke if len(stroke) > 1 else (*stroke, *stroke)
    return "M" + " L".join(f"{x} {y}" for x, y in points)
