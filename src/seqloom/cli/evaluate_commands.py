"""`seqloom evaluate` and `seqloom score`: how well a run predicts a text, as a whole and token by token."""

import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqloom.cli.output import as_json, print_json, print_table, say
from seqloom.cli.token_table import Surprises
from seqloom.errors import ConfigError

if TYPE_CHECKING:
    from seqloom.codecs.text import TextCodec
    from seqloom.evaluation.token_scores import TokenScore
    from seqloom.lm.evaluate import Protocol

__all__ = ["evaluate", "score"]

_Run = Annotated[Path, typer.Argument(help="folder of a run", metavar="RUN")]
_SkipUnknown = Annotated[
    bool, typer.Option("--skip-unknown", help="leave out of the text what the run never saw, and count it")
]
_control = partial(typer.Option, rich_help_panel="Writing to a rating (with --rating-control)")
_Json = Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")]


def evaluate(
    run: _Run,
    source: Annotated[str | None, typer.Argument(help="text to score (the run's own corpus)", metavar="SOURCE")] = None,
    split: Annotated[
        str, typer.Option(help="all, or a part of the run's own corpus: train, validation, held-out")
    ] = "all",
    blocks: Annotated[int, typer.Option(help="score blocks of so many tokens, each from a zero state; 0 is off")] = 0,
    windows: Annotated[int, typer.Option(help="score only the token after each window of so many; 0 is off")] = 0,
    stride: Annotated[int | None, typer.Option(help="tokens from one window to the next (1)")] = None,
    skip_unknown: _SkipUnknown = False,
    rating_control: Annotated[
        bool,
        _control(
            "--rating-control",
            help="write to the ratings of SOURCE, and have an independent judge rate that (docs/ratings.md tells what "
            "each column says)",
        ),
    ] = False,
    critic: Annotated[Path | None, _control(metavar="CRITIC", help="for filter and steering")] = None,
    method: Annotated[
        list[str] | None, _control(metavar="A[,B...]", help="a way of writing, as for generate; may be given again")
    ] = None,
    count: Annotated[int | None, _control(help="texts of each way (500)")] = None,
    guidance: Annotated[float | None, _control(help="of the ways that guide (1.5)")] = None,
    agree: Annotated[float | None, _control(help="how far off the critic may be")] = None,
    temperature: Annotated[float | None, _control(help="of the draws (1)")] = None,
    length: Annotated[int | None, _control(help="most tokens of a text (400)")] = None,
    seed: Annotated[int | None, _control(help="of the draws (0)")] = None,
    texts: Annotated[Path | None, _control(metavar="FILE", help="keep the texts, a JSON object a line")] = None,
    json: _Json = False,
) -> None:
    """Measure how well RUN predicts a text.

    By default every token is scored with all that stands before it.
    """
    named_control = {
        "critic": critic,
        "methods": [tuple(way.split(",")) for way in method] if method else None,
        "count": count,
        "guidance": guidance,
        "agree": agree,
        "temperature": temperature,
        "length": length,
        "seed": seed,
    }
    given = {name: value for name, value in named_control.items() if value is not None}
    if rating_control:
        from seqloom.cli.rating_control_command import control

        control(run, source, given, texts, as_json=json)
        return
    if given or texts:
        raise ConfigError(f"--{next(iter(given), 'texts')} belongs to --rating-control: add that, or leave it out")
    from seqloom.api import load
    from seqloom.lm.evaluate import Protocol
    from seqloom.runs.vocabulary_filter import format_symbols

    if stride is not None and not windows:
        raise ConfigError("--stride has no meaning without --windows: add --windows, or leave --stride out")
    protocol = Protocol(blocks=blocks, windows=windows, stride=1 if stride is None else stride)
    scored = load(run).evaluate(source, protocol, split, skip_unknown=skip_unknown)
    named = _named(protocol)
    if json:
        print_json(
            {
                **scored.measures(),
                "protocol": named,
                "split": split,
                "source": source,
                "left_out": dict(scored.skipped_symbols),
            }
        )
        return
    print_table(
        [
            ("nats a token", f"{scored.nats_per_token:.4f}"),
            *([] if scored.bits_per_char is None else [("bits a character", f"{scored.bits_per_char:.4f}")]),
            ("perplexity", f"{scored.perplexity:.3f}"),
            ("tokens", f"{scored.tokens:,}"),
            (f"{scored.unit}s", f"{scored.num_units:,}"),
            ("protocol", named),
            ("text", f"{source or 'own corpus'}, {split}"),
            *([("left out", format_symbols(scored.skipped_symbols))] if scored.skipped_symbols else []),
        ]
    )


def _named(protocol: "Protocol") -> str:
    if protocol.blocks:
        return f"blocks of {protocol.blocks}"
    if protocol.windows:
        return f"windows of {protocol.windows}, stride {protocol.stride}"
    return "full context"


def score(
    run: _Run,
    source: Annotated[str, typer.Argument(help="text to score", metavar="SOURCE")],
    skip_unknown: _SkipUnknown = False,
    json: _Json = False,
) -> None:
    """Say of every token of SOURCE how surprising it is to RUN.

    With --json: log-probability in nats, rank (0 is the likeliest) and entropy of every token.
    """
    from seqloom.api import load
    from seqloom.lm.evaluate import score_source

    opened = load(run)
    documents = score_source(opened, source, skip_unknown=skip_unknown, note=say)
    if json:
        _print_scores(opened.text_codec, documents)
        return
    surprises = Surprises(opened.text_codec)
    for document in documents:
        surprises.add(document)
    surprises.print()


def _print_scores(codec: "TextCodec", documents: Iterable[Iterable["TokenScore"]]) -> None:
    """One JSON object, written as the scores come, so that a text of any length fits into memory."""
    opening = '{"documents": ['
    for document in documents:
        sys.stdout.write(opening + '{"tokens": [')
        between = ""
        for scored in document:
            sys.stdout.write(between + as_json(_as_json(codec, scored)))
            between = ", "
        sys.stdout.write("]}")
        opening = ", "
    print("]}" if opening == ", " else '{"documents": []}')


def _as_json(codec: "TextCodec", scored: "TokenScore") -> dict[str, Any]:
    """A token's scores; the boundary that ends a record spells nothing."""
    return {
        "token": codec.decode_text([scored.token]),
        "id": scored.token,
        "log_prob": scored.log_prob,
        "rank": scored.rank,
        "entropy": scored.entropy,
    }
