"""`seqloom detect watermark`: looking for a key's mark."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqloom.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from seqloom.sampling.watermark import WatermarkTest

__all__ = ["watermark"]


def watermark(
    run: Annotated[Path, typer.Argument(help="folder of the run that may have written", metavar="RUN")],
    source: Annotated[str, typer.Argument(help="texts to look at", metavar="SOURCE")],
    key: Annotated[str, typer.Option(metavar="KEY", help="the secret that 'generate --watermark' was given")],
    text: Annotated[str | None, typer.Option(metavar="COLUMN", help="column of the text, in a table")] = None,
    records: Annotated[
        str | None, typer.Option(help="where texts end within a file: line, blank, or a pair of marks such as '{}'")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")] = False,
) -> None:
    """Look for KEY's watermark in every text of SOURCE.

    The p-value says how often a text that knows nothing of the key looks as much as if it were marked. It is exact. The
    model is not asked, only how RUN cuts text into tokens.
    """
    from seqloom.api import load
    from seqloom.sampling.watermark import fingerprint
    from seqloom.watermark.detect import RARE, find_watermarks

    found = list(find_watermarks(load(run), source, key, text=text, records=records, note=say))
    marked = sum(one.p_value <= RARE for one in found)
    short = sum(one.short and one.p_value > RARE for one in found)
    if json:
        print_json(
            {
                "texts": [_as_json(one) for one in found],
                "count": len(found),
                "marked": marked,
                "short": short,
                "threshold": RARE,
                "key_sha256": fingerprint(key),
            }
        )
        return
    heading = ("text", "places", "statistic", "p", "")
    print_table([heading, *(_row(number, one) for number, one in enumerate(found, 1))])
    say(f"{marked:,} of {len(found):,} texts have p <= {RARE}; of texts without the mark, 1 in {1 / RARE:,.0f} has")
    if short:
        texts = "text is" if short == 1 else "texts are"
        say(f"{short:,} {texts} too short to tell: a mark there would show in some of them only")


def _as_json(one: "WatermarkTest") -> dict[str, Any]:
    return {
        "places": one.places,
        "statistic": one.statistic,
        "p_value": one.p_value,
        "variants": one.variants,
        "short": one.short,
    }


def _row(number: int, one: "WatermarkTest") -> tuple[str, ...]:
    from seqloom.watermark.detect import RARE

    said = "marked" if one.p_value <= RARE else "too short to tell" if one.short else ""
    return f"{number}", f"{one.places:,}", f"{one.statistic:,.1f}", f"{one.p_value:.2g}", said
