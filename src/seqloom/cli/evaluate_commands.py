"""`seqloom evaluate` and `seqloom score`: how well a run predicts a text, as a whole and token by token."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from seqloom.cli.options import Section, with_settings
from seqloom.cli.output import as_json, note, print_json, print_table
from seqloom.cli.rating_control_command import print_rating_control
from seqloom.cli.token_table import ScoreSummary
from seqloom.config import SamplingConfig
from seqloom.config.choices import check_split
from seqloom.config.protocol import Protocol
from seqloom.errors import ConfigError
from seqloom.rating.request import RatingRequest
from seqloom.reporter import silent

if TYPE_CHECKING:
    from seqloom.codecs.base import Codec
    from seqloom.config.choices import SplitName
    from seqloom.evaluation.likelihood import Likelihood
    from seqloom.evaluation.token_scores import TokenScore

__all__ = ["evaluate", "score"]

_CONTROL = "Rating control (with --rating-control)"
"""Heading of the options that measure how well generated texts have the requested rating."""

_Run = Annotated[Path, typer.Argument(help="folder of a run", metavar="RUN")]
_SkipUnknown = Annotated[
    bool, typer.Option("--skip-unknown", help="skip symbols that the run does not know, and count them")
]
_Json = Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")]


@with_settings(
    Section(_CONTROL, RatingRequest, only=("guidance", "tolerance")),
    Section(_CONTROL, SamplingConfig, only=("temperature", "length", "seed")),
)
def evaluate(
    settings: dict[str, Any],
    run: _Run,
    source: Annotated[
        str | None, typer.Argument(help="text to score, or a run, for its corpus (RUN by default)", metavar="SOURCE")
    ] = None,
    split: Annotated[
        str, typer.Option(help="all, or a part of the corpus of a run: train, validation, held-out")
    ] = "all",
    blocks: Annotated[int, typer.Option(help="score blocks of this many tokens, each from a zero state; 0 is off")] = 0,
    windows: Annotated[int, typer.Option(help="score only the token after each window of this size; 0 is off")] = 0,
    stride: Annotated[int | None, typer.Option(help="tokens from one window to the next (1)")] = None,
    skip_unknown: _SkipUnknown = False,
    against: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="also measure this run on the same text, without symbols unknown to either"),
    ] = None,
    rating_control: Annotated[
        bool,
        typer.Option(
            "--rating-control",
            rich_help_panel=_CONTROL,
            help="generate texts for the ratings that occur in SOURCE, a rated table, and have an independent judge "
            "rate the generated texts; docs/ratings.md explains the printed columns",
        ),
    ] = False,
    critic: Annotated[
        Path | None,
        typer.Option(rich_help_panel=_CONTROL, metavar="CRITIC", help="critic that the methods rejection and smc use"),
    ] = None,
    methods: Annotated[
        list[str] | None,
        typer.Option(
            "--method",
            rich_help_panel=_CONTROL,
            metavar="A[,B...]",
            help="methods to combine, as for generate; repeat it to compare combinations",
        ),
    ] = None,
    count: Annotated[
        int | None, typer.Option(rich_help_panel=_CONTROL, help="number of texts for each combination (500)")
    ] = None,
    texts: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=_CONTROL, metavar="FILE", help="file for the generated texts, one JSON object per line"
        ),
    ] = None,
    json: _Json = False,
) -> None:
    """Measure how well RUN predicts a text.

    By default, every token is predicted from all tokens before it.
    """
    combinations = [tuple(combination.split(",")) for combination in methods] if methods else None
    others = {"critic": critic, "methods": combinations, "count": count}
    chosen = {**{name: value for name, value in others.items() if value is not None}, **settings}
    if stride is not None and not windows:
        raise ConfigError("`stride` has no effect without `windows`: add `windows`, or leave `stride` out")
    check_split(split)
    protocol = Protocol(blocks=blocks, windows=windows, stride=1 if stride is None else stride)
    if not rating_control and (chosen or texts):
        name = next(iter(chosen), "texts")
        raise ConfigError(f"`{name}` needs `rating_control`: add `rating_control`, or leave `{name}` out")
    if against is not None and rating_control:
        raise ConfigError("`against` and `rating_control` contradict each other: leave out one of the two")
    from seqloom.api import load

    opened, part = load(run), cast("SplitName", split)
    if against is not None:
        likelihoods = opened.compare(against, source, protocol, part, note=silent if json else note)
        _print_comparison((run, against), likelihoods, f"{source or f'corpus of {run}'}, {split}", as_json=json)
        return
    if rating_control:
        print_rating_control(opened, source, chosen, texts, as_json=json)
        return
    likelihood = opened.evaluate(source, protocol, part, skip_unknown=skip_unknown, note=silent if json else note)
    if json:
        print_json(
            {
                "nats_per_token": likelihood.nats_per_token,
                "bits_per_char": likelihood.bits_per_char,
                "unit": likelihood.unit,
                "nats_per_unit": likelihood.nats_per_unit,
                "perplexity": likelihood.perplexity,
                "tokens": likelihood.tokens,
                "characters": likelihood.characters,
                "protocol": str(protocol),
                "split": split,
                "source": source,
                "left_out": dict(likelihood.skipped_symbols),
            }
        )
        return
    is_text = likelihood.bits_per_char is not None
    print_table(
        [
            ("nats per token", f"{likelihood.nats_per_token:.4f}"),
            *([] if is_text else [(f"nats per {likelihood.unit}", f"{likelihood.nats_per_unit:.4f}")]),
            (f"bits per {likelihood.unit}", f"{likelihood.bits_per_unit:.4f}"),
            ("perplexity", f"{likelihood.perplexity:.3f}"),
            ("tokens", f"{likelihood.tokens:,}"),
            (f"{likelihood.unit}s", f"{likelihood.num_units:,}"),
            ("protocol", str(protocol)),
            ("text", f"{source or 'own corpus'}, {split}"),
            *([("left out", likelihood.left_out)] if likelihood.left_out else []),
        ]
    )


def _print_comparison(runs: Sequence[Path], likelihoods: Sequence["Likelihood"], text: str, *, as_json: bool) -> None:
    """Print the likelihood of the same text under two runs."""
    pairs = list(zip(map(str, runs), likelihoods, strict=True))
    if as_json:
        print_json({"runs": [{"run": run, **one.measures()} for run, one in pairs], "text": text})
        return
    heading = ("run", f"bits per {likelihoods[0].unit}", "nats per token", "tokens")
    rows = ((run, f"{one.bits_per_unit:.4f}", f"{one.nats_per_token:.4f}", f"{one.tokens:,}") for run, one in pairs)
    print_table([heading, *rows], has_heading=True)
    note(f"text: {text}")
    if likelihoods[-1].left_out:
        note(f"left out for both: {likelihoods[-1].left_out}")


def score(
    run: _Run,
    source: Annotated[str, typer.Argument(help="text to score", metavar="SOURCE")],
    skip_unknown: _SkipUnknown = False,
    json: _Json = False,
) -> None:
    """Show how surprising each token of SOURCE is to RUN.

    With --json: log-probability in nats, rank (0 is the likeliest) and entropy of each token.
    """
    from seqloom.api import load

    opened = load(run)
    documents = opened.score_source(source, skip_unknown=skip_unknown, note=note)
    if json:
        _print_scores(opened.codec, documents)
        return
    summary = ScoreSummary(opened.codec)
    for document in documents:
        summary.add(document)
    summary.print()


def _print_scores(codec: "Codec[Any]", documents: Iterable[Iterable["TokenScore"]]) -> None:
    """Print one JSON object piece by piece, so that it never has to fit into memory."""
    opening = '{"documents": ['
    for document in documents:
        sys.stdout.write(opening + '{"tokens": [')
        separator = ""
        for score in document:
            sys.stdout.write(separator + as_json(_token_fields(codec, score)))
            separator = ", "
        sys.stdout.write("]}")
        opening = ", "  # before the next document
    print("]}" if opening == ", " else '{"documents": []}')


def _token_fields(codec: "Codec[Any]", score: "TokenScore") -> dict[str, Any]:
    """Return the scores of a token; the boundary token, which ends a record, has an empty text."""
    return {
        "token": codec.decode_text([score.token]),
        "id": score.token,
        "log_prob": score.log_prob,
        "rank": score.rank,
        "entropy": score.entropy,
    }
