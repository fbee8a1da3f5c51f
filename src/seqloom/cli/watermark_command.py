"""`seqloom detect watermark`: test texts for a watermark."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqloom.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from seqloom.sampling.watermark import WatermarkTest

__all__ = ["watermark"]


def watermark(
    run: Annotated[Path, typer.Argument(help="folder of the run that may have generated the texts", metavar="RUN")],
    source: Annotated[str, typer.Argument(help="texts to test", metavar="SOURCE")],
    key: Annotated[str, typer.Option(metavar="KEY", help="secret key of 'generate --watermark'")],
    text: Annotated[str | None, typer.Option(metavar="COLUMN", help="column of the text, in a table")] = None,
    records: Annotated[
        str | None, typer.Option(help="end of a text in a file: line, blank, or two marks such as '{}'")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")] = False,
) -> None:
    """Test every text of SOURCE for the watermark of KEY.

    The p-value is exact: the probability that a text without the watermark looks at least as marked. The test needs no
    weights, only the tokens of RUN.
    """
    from seqloom.api import load
    from seqloom.sampling.watermark import fingerprint
    from seqloom.watermark.detect import RARE, find_watermarks

    tests = list(find_watermarks(load(run), source, key, text=text, records=records, note=say))
    marked = sum(one.p_value <= RARE for one in tests)
    short = sum(one.short and one.p_value > RARE for one in tests)
    if json:
        print_json(
            {
                "texts": [_as_json(one) for one in tests],
                "count": len(tests),
                "marked": marked,
                "short": short,
                "threshold": RARE,
                "key_sha256": fingerprint(key),
            }
        )
        return
    heading = ("text", "places", "statistic", "p", "")
    print_table([heading, *(_row(number, one, RARE) for number, one in enumerate(tests, 1))])
    say(f"{marked:,} of {len(tests):,} texts have p <= {RARE}; of texts without the mark, 1 in {1 / RARE:,.0f} has")
    if short:
        texts = "text is" if short == 1 else "texts are"
        say(f"{short:,} {texts} too short: a watermark would not always show")


def _as_json(one: "WatermarkTest") -> dict[str, Any]:
    return {
        "places": one.places,
        "statistic": one.statistic,
        "p_value": one.p_value,
        "variants": one.variants,
        "short": one.short,
    }


def _row(number: int, one: "WatermarkTest", rare: float) -> tuple[str, ...]:
    verdict = "marked" if one.p_value <= rare else "too short to tell" if one.short else ""
    return f"{number}", f"{one.places:,}", f"{one.statistic:,.1f}", f"{one.p_value:.2g}", verdict
