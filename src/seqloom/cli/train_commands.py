"""`seqloom train` and `seqloom demo`: from flags to one call of the library, watched in the terminal."""

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from seqloom.cli.error_messages import INTERRUPTED
from seqloom.cli.output import say
from seqloom.config import ModelConfig, ReadingConfig, TrainingConfig
from seqloom.errors import ConfigError, RunError

__all__ = ["demo", "train"]

_DEMO_SOURCE = "python-docs"


def numbers(kind: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    """A parser of numbers with commas between them."""

    def parse(text: str) -> tuple[Any, ...]:
        try:
            return tuple(kind(part) for part in text.split(","))
        except ValueError:
            wanted = "whole numbers" if kind is int else "numbers"
            raise typer.BadParameter(f"{text!r} is no {wanted} with commas between them") from None

    return parse


def names(text: str) -> tuple[str, ...]:
    """Names with commas between them."""
    return tuple(text.split(","))


_DEFAULTS = {
    field.name: field.default for config in (ReadingConfig, ModelConfig, TrainingConfig) for field in fields(config)
}


def usual(said: str, name: str) -> str:
    """Help that ends in the default that the settings have for a name."""
    default = _DEFAULTS[name]
    parts = default if isinstance(default, tuple) else (default,)
    return f"{said} ({','.join(part if isinstance(part, str) else f'{part:g}' for part in parts)})"


_source = partial(typer.Option, rich_help_panel="How the source is read")
_budget = partial(typer.Option, rich_help_panel="How long to train (one of them; a minute unless given)")
_model = partial(typer.Option, rich_help_panel="The model (chosen from corpus and budget unless given)")
_training = partial(typer.Option, rich_help_panel="How it is trained (chosen unless given)")
_run = partial(typer.Option, rich_help_panel="The run")


def train(
    context: typer.Context,
    source: Annotated[
        list[str] | None,
        typer.Argument(help="catalogue names, files, folders, globs, or - for standard input", metavar="SOURCE"),
    ] = None,
    run: Annotated[
        Path | None, _run(help="folder for everything the training makes (runs/ and the source's name)")
    ] = None,
    resume: Annotated[bool, _run("--resume", help="go on exactly where the run stopped")] = False,
    from_run: Annotated[Path | None, _run("--from", metavar="RUN", help="start from another run's weights")] = None,
    overwrite: Annotated[bool, _run("--overwrite", help="replace the run that the folder holds")] = False,
    minutes: Annotated[float | None, _budget(help="minutes of training")] = None,
    epochs: Annotated[float | None, _budget(help="readings of the training text")] = None,
    steps: Annotated[int | None, _budget(help="updates")] = None,
    level: Annotated[str | None, _source(help="char, byte, word or subword (char)")] = None,
    vocabulary: Annotated[int | None, _source(help="most symbols; rarer ones are spelled in bytes")] = None,
    lowercase: Annotated[bool | None, _source(help="fold to lower case")] = None,
    normalize: Annotated[str | None, _source(help="a Unicode form: NFC, NFD, NFKC or NFKD")] = None,
    encoding: Annotated[str | None, _source(help="of the text (detected)")] = None,
    keep_newlines: Annotated[bool | None, _source(help="leave CRLF and CR as they are")] = None,
    records: Annotated[str | None, _source(help="what ends a record: line, blank, or two marks such as '{}'")] = None,
    text: Annotated[str | None, _source(metavar="COLUMN", help="column of a table that holds the text")] = None,
    rating: Annotated[
        list[str] | None, _source(metavar="COLUMN", help="column that holds numbers; may be given again")
    ] = None,
    category: Annotated[
        list[str] | None, _source(metavar="COLUMN", help="column that holds names; may be given again")
    ] = None,
    group: Annotated[str | None, _source(metavar="COLUMN", help="column that says which rows belong together")] = None,
    pool: Annotated[
        str | None,
        _source(help="read one of the disjoint parts of a table: generator, critic, judge, detector-train or -test"),
    ] = None,
    cut_words: Annotated[
        int | None, _source(help="cut records of more words short, where a sentence ends; 0 is off (0)")
    ] = None,
    passages: Annotated[
        bool | None,
        _source("--passages/--no-passages", help="read what --cut-words cuts off too, in passages of that length"),
    ] = None,
    sentences: Annotated[
        bool | None, _source("--sentences/--no-sentences", help="read records sentence by sentence, each as a text")
    ] = None,
    hold_out: Annotated[
        float | None, _source(help=usual("share of the text set aside for the end", "hold_out"))
    ] = None,
    validation: Annotated[
        float | None, _source(help=usual("share of the rest that picks the best weights", "validation"))
    ] = None,
    preset: Annotated[str | None, _model(help="a named recipe: classic or reviews")] = None,
    core: Annotated[str | None, _model(help=usual("lstm, gru or conv", "core"))] = None,
    size: Annotated[Any, _model(parser=numbers(int), metavar="N[,N...]", help="units of each layer")] = None,
    layers: Annotated[int | None, _model(help="how many layers")] = None,
    embedding: Annotated[int | None, _model(help="width of the token embedding; 0 is one-hot")] = None,
    tied: Annotated[bool | None, _model(help="one matrix for embedding and output")] = None,
    layer_norm: Annotated[bool | None, _model(help="normalise inside the layers")] = None,
    forget_bias: Annotated[
        float | None, _model(help=usual("where the LSTM's forget gate starts", "forget_bias"))
    ] = None,
    kernel_width: Annotated[int | None, _model(help=usual("taps of the convolution", "kernel_width"))] = None,
    ahead: Annotated[int | None, _model(help=usual("next tokens predicted at once", "ahead"))] = None,
    condition_into: Annotated[
        Any,
        _model(
            parser=names,
            metavar="A[,B...]",
            help=usual("what ratings change: input, state, output", "condition_into"),
        ),
    ] = None,
    dropout: Annotated[float | None, _model(help="share of units dropped")] = None,
    dropout_kind: Annotated[str | None, _model(help=usual("standard or variational", "dropout_kind"))] = None,
    weight_dropout: Annotated[
        float | None, _model(help=usual("share of recurrent weights dropped", "weight_dropout"))
    ] = None,
    seed: Annotated[int | None, _training(help=usual("of weights, order and dropout", "seed"))] = None,
    lanes: Annotated[int | None, _training(help="sequences side by side")] = None,
    window: Annotated[int | None, _training(help="tokens between two updates")] = None,
    batching: Annotated[
        str | None, _training(help=usual("lanes, which carry state, or windows, which do not", "batching"))
    ] = None,
    stride: Annotated[int | None, _training(help=usual("between the starts of two windows", "stride"))] = None,
    loss: Annotated[
        str | None, _training(help=usual("learn from all positions, or the last of a window", "loss"))
    ] = None,
    hide_ratings: Annotated[
        float | None, _training(help=usual("share of readings that are not told the ratings", "hide_ratings"))
    ] = None,
    balance: Annotated[
        bool | None, _training("--balance", help="read texts of every rating as often as those of any other")
    ] = None,
    optimizer: Annotated[str | None, _training(help=usual("adamw, adam or rmsprop", "optimizer"))] = None,
    learning_rate: Annotated[float | None, _training(help="at its peak")] = None,
    betas: Annotated[
        Any, _training(parser=numbers(float), metavar="A,B", help=usual("decay of the moments", "betas"))
    ] = None,
    weight_decay: Annotated[float | None, _training(help="on weight matrices")] = None,
    clip: Annotated[float | None, _training(help=usual("largest norm of the gradient; 0 is off", "clip"))] = None,
    schedule: Annotated[str | None, _training(help=usual("cosine or constant", "schedule"))] = None,
    warmup: Annotated[int | None, _training(help="steps until the learning rate is at its peak")] = None,
    final_rate: Annotated[
        float | None, _training(help=usual("share of the learning rate at the end", "final_rate"))
    ] = None,
    precision: Annotated[str | None, _training(help="float32 or bfloat16 (what this processor does fast)")] = None,
    validate_every: Annotated[int | None, _training(help="steps between two validations")] = None,
    patience: Annotated[
        int | None, _training(help=usual("validations without a new best before stopping; 0 never", "patience"))
    ] = None,
    threads: Annotated[int | None, _training(help="processor threads (all)")] = None,
) -> None:
    """Train a model on SOURCE and keep everything in a run folder.

    Ctrl-C saves and stops; --resume goes on from there.
    """
    if not source and not resume:
        raise ConfigError("no source was named: give a file, a folder, a glob, - or a name of 'seqloom corpora list'")
    given = {name: value for name, value in context.params.items() if value not in (None, [], ())}
    _train({name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})


def demo(
    minutes: Annotated[float, typer.Option(help="minutes of training")] = 1.0,
    run: Annotated[Path, typer.Option(help="folder for everything the training makes")] = Path("runs/demo"),
) -> None:
    """Train on the text that Python carries, then write.

    Needs no file and no network. A demo that stands in the folder already is replaced.
    """
    _train(
        {"source": _DEMO_SOURCE, "run": run, "minutes": minutes, "overwrite": _holds_demo(run)},
        always_show_texts=True,
    )


def _train(settings: dict[str, Any], *, always_show_texts: bool = False) -> None:
    """Train in sight of a person; Ctrl-C ends it with a word on how to go on."""
    if not settings.get("resume"):
        from seqloom.corpora.sources import check_source

        check_source(settings["source"])  # a misspelt name is told before the slow imports
    from seqloom.cli.training_display import TrainingViewer
    from seqloom.lm.train import default_folder, train

    folder = settings.setdefault("run", default_folder(settings.get("source")))
    with TrainingViewer(always_show_texts=always_show_texts) as viewer:
        try:
            train(**settings, viewer=viewer)
        except KeyboardInterrupt:
            viewer.close()
            say(viewer.interrupted(folder))
            raise typer.Exit(INTERRUPTED) from None


def _holds_demo(path: Path) -> bool:
    """Whether the folder holds a run of the demo's own corpus, which may be replaced unasked."""
    from seqloom.runs.layout import RunFolder

    folder = RunFolder(path)
    if not folder.holds_run:
        return False
    try:
        source = folder.read_config().source
    except RunError:
        source = None
    if source != _DEMO_SOURCE:
        raise RunError(f"{path} holds a run that is no demo: name another folder with --run")
    return True
