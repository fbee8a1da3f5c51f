"""`seqloom detect watermark`: test texts for a watermark, the trace of a secret key in generated text."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqloom.cli.output import note, print_json, print_table

if TYPE_CHECKING:
    from seqloom.sampling.watermark import WatermarkTest

__all__ = ["watermark"]


def watermark(
    run: Annotated[Path, typer.Argument(help="folder of the run that may have generated the texts", metavar="RUN")],
    source: Annotated[str, typer.Argument(help="texts to test", metavar="SOURCE")],
    key: Annotated[str, typer.Option(metavar="KEY", help="secret key of 'generate --watermark'")],
    text: Annotated[str | None, typer.Option(metavar="COLUMN", help="column of the text, in a table")] = None,
    records: Annotated[
        str | None,
        typer.Option(
            help="what divides the texts in a file: line, blank (lines), or two marks around each, such as '{}'"
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")] = False,
) -> None:
    """Test every text of SOURCE for the watermark of KEY.

    The p-value is exact: it is the probability that a text without the watermark has a statistic at least as high. The
    test needs the vocabulary of RUN, but not its weights.
    """
    from seqloom.api import load
    from seqloom.sampling.watermark import fingerprint
    from seqloom.watermark.detect import MARKED_P_VALUE, find_watermarks

    tests = list(find_watermarks(load(run), source, key, text=text, records=records, note=note))
    marked = sum(test.p_value <= MARKED_P_VALUE for test in tests)
    short = sum(test.short and test.p_value > MARKED_P_VALUE for test in tests)
    if json:
        print_json(
            {
                "texts": [_as_json(test) for test in tests],
                "count": len(tests),
                "marked": marked,
                "short": short,
                "threshold": MARKED_P_VALUE,
                "key_sha256": fingerprint(key),
            }
        )
        return
    # Places are the tokens that could carry the watermark.
    # A text of a table is named by its row, so that rows without text leave no doubt.
    heading = ("row" if any(test.row is not None for test in tests) else "text", "places", "statistic", "p", "")
    rows = (_row(test.row or number, test, MARKED_P_VALUE) for number, test in enumerate(tests, 1))
    print_table([heading, *rows], has_heading=True)
    note(
        f"{marked:,} of {len(tests):,} texts have p <= {MARKED_P_VALUE}; without the watermark, 1 text in "
        f"{1 / MARKED_P_VALUE:,.0f} would"
    )
    if short:
        texts = "text is" if short == 1 else "texts are"
        note(f"{short:,} {texts} too short: a watermark may remain undetected")


def _as_json(test: "WatermarkTest") -> dict[str, Any]:
    row = {} if test.row is None else {"row": test.row}
    return {
        **row,
        "places": test.places,
        "statistic": test.statistic,
        "p_value": test.p_value,
        "variants": test.variants,  # by group of contexts: the variant of the key's noise that fits the text best
        "short": test.short,  # too few tokens to detect a watermark reliably
    }


def _row(number: int, test: "WatermarkTest", threshold: float) -> tuple[str, ...]:
    verdict = "marked" if test.p_value <= threshold else "too short to tell" if test.short else ""
    return f"{number}", f"{test.places:,}", f"{test.statistic:,.1f}", f"{test.p_value:.2g}", verdict
