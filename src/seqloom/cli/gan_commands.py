"""`seqloom gan`: training a generator of rated texts against a discriminator."""

import shlex
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from seqloom.cli.help import SectionedCommand
from seqloom.cli.output import say
from seqloom.cli.train_commands import numbers
from seqloom.config.gan import GanConfig

__all__ = ["app"]

app = typer.Typer(help="Train a conditional text GAN.", rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def gan() -> None:
    """Train a conditional text GAN: noise and a rating in, text out."""


_DEFAULTS = {field.name: field.default for field in fields(GanConfig)}


def _usual(said: str, name: str) -> str:
    default = _DEFAULTS[name]
    return f"{said} ({','.join(map(str, default)) if isinstance(default, tuple) else default})"


_source = partial(typer.Option, rich_help_panel="How the source is read")
_game = partial(typer.Option, rich_help_panel="How it is trained")
_run = partial(typer.Option, rich_help_panel="The run")


@app.command(
    cls=SectionedCommand,
    epilog="Example: seqloom gan train reviews.csv --text text --rating stars --sentences --run runs/gan",
)
def train(
    source: Annotated[str | None, typer.Argument(help="a table of rated texts", metavar="SOURCE")] = None,
    run: Annotated[Path | None, _run(help="folder for everything the training makes")] = None,
    from_run: Annotated[
        Path | None,
        _run("--from", metavar="RUN", help="begin from a run trained with --rating (one is trained first)"),
    ] = None,
    resume: Annotated[bool, _run("--resume", help="go on exactly where the run stopped")] = False,
    overwrite: Annotated[bool, _run("--overwrite", help="replace the run that the folder holds")] = False,
    text: Annotated[str | None, _source(metavar="COLUMN", help="column of the text")] = None,
    rating: Annotated[
        list[str] | None, _source(metavar="COLUMN", help="column that holds numbers; may be given again")
    ] = None,
    group: Annotated[str | None, _source(metavar="COLUMN", help="column that says which rows belong together")] = None,
    pool: Annotated[str | None, _source(help="read one of the disjoint parts of the table")] = None,
    cut_words: Annotated[int | None, _source(help="cut texts of more words short, where a sentence ends")] = None,
    passages: Annotated[
        bool | None,
        _source("--passages/--no-passages", help="read what --cut-words cuts off too, in passages of that length"),
    ] = None,
    sentences: Annotated[
        bool | None, _source("--sentences/--no-sentences", help="read texts sentence by sentence, each as a text")
    ] = None,
    lowercase: Annotated[bool | None, _source(help="fold to lower case")] = None,
    level: Annotated[str | None, _source(help="char, byte, word or subword (word)")] = None,
    vocabulary: Annotated[
        int | None, _source(help="most symbols; texts with other words are left out (of words 4000)")
    ] = None,
    length: Annotated[
        int | None, _source(help=_usual("tokens of the longest text; longer ones are left out", "length"))
    ] = None,
    minutes: Annotated[float | None, _game(help="of all training, a seventh of it by likelihood alone (8)")] = None,
    steps: Annotated[int | None, _game(help="updates of the first training by likelihood, in place of minutes")] = None,
    awakening: Annotated[
        int | None, _game(help="updates in which noise is learned by likelihood, in place of minutes")
    ] = None,
    schooling: Annotated[
        int | None, _game(help=_usual("updates of the discriminator before the rounds", "schooling"))
    ] = None,
    rounds: Annotated[int | None, _game(help="of generator against discriminator, in place of minutes")] = None,
    noise: Annotated[int | None, _game(help="normal numbers that each text is made of (10)")] = None,
    information: Annotated[
        float | None, _game(help=_usual("nats that the noise tells of a text", "information"))
    ] = None,
    loss: Annotated[str | None, _game(help=_usual("relativistic, wasserstein or score", "loss"))] = None,
    batch: Annotated[int | None, _game(help=_usual("texts of an update", "batch"))] = None,
    pack: Annotated[int | None, _game(help=_usual("texts that the discriminator judges together", "pack"))] = None,
    likelihood: Annotated[
        float | None, _game(help=_usual("weight of likelihood in the rounds; 0 leaves it out", "likelihood"))
    ] = None,
    last_likelihood: Annotated[
        float | None, _game(help=_usual("share of that weight that is left at the end", "last_likelihood"))
    ] = None,
    pressure: Annotated[float | None, _game(help=_usual("of the rewards, beside likelihood", "pressure"))] = None,
    temperature: Annotated[
        float | None, _game(help=_usual("of the gradients' softmax at first", "temperature"))
    ] = None,
    last_temperature: Annotated[float | None, _game(help=_usual("the same at the end", "last_temperature"))] = None,
    band: Annotated[
        Any,
        _game(
            parser=numbers(float),
            metavar="LOW,HIGH",
            help=_usual("accuracies that the discriminator is held between; 0,1 leaves it alone", "band"),
        ),
    ] = None,
    generator_rate: Annotated[float | None, _game(help=_usual("learning rate", "generator_rate"))] = None,
    discriminator_rate: Annotated[
        float | None, _game(help=_usual("learning rate; 0.3 of it in the rounds", "discriminator_rate"))
    ] = None,
    size: Annotated[Any, _game(parser=numbers(int), metavar="N[,N...]", help="units of each layer (chosen)")] = None,
    seed: Annotated[int | None, _game(help="of weights, order and draws (0)")] = None,
) -> None:
    """Train a generator that writes short texts to a rating from noise, against a discriminator.

    The folder is a run like any other: seqloom generate writes with it, and every text has noise of its own.
    """
    from seqloom.cli.error_messages import INTERRUPTED
    from seqloom.cli.training_display import TrainingViewer
    from seqloom.errors import ConfigError
    from seqloom.gan.train import train_gan

    if run is None:
        raise ConfigError("--run names the folder for everything the training makes: give one")
    given = {
        "text": text, "rating": tuple(rating) if rating else None, "group": group, "pool": pool,
        "cut_words": cut_words, "passages": passages, "sentences": sentences, "lowercase": lowercase, "level": level,
        "vocabulary": vocabulary, "length": length, "steps": steps, "awakening": awakening, "schooling": schooling,
        "rounds": rounds, "information": information, "loss": loss, "batch": batch, "pack": pack,
        "likelihood": likelihood, "last_likelihood": last_likelihood, "pressure": pressure,
        "temperature": temperature, "last_temperature": last_temperature, "band": band,
        "generator_rate": generator_rate, "discriminator_rate": discriminator_rate, "size": size, "seed": seed,
    }  # fmt: skip
    with TrainingViewer() as viewer:
        try:
            train_gan(
                source,
                run=run,
                from_run=from_run,
                resume=resume,
                overwrite=overwrite,
                minutes=minutes,
                noise_size=noise,
                note=say,
                viewer=viewer,
                **{name: value for name, value in given.items() if value is not None},
            )
        except KeyboardInterrupt as stop:
            viewer.close()
            say(_interrupted(run, resume or bool(stop.args)))
            raise typer.Exit(INTERRUPTED) from None


def _interrupted(run: Path, saved: bool) -> str:
    """What Ctrl-C left, and how to go on."""
    from seqloom.runs.layout import RunFolder

    if not saved and not RunFolder(run).gan_request_file.exists():
        return "interrupted before anything was saved"
    return f"interrupted and saved; go on with: seqloom gan train --resume --run {shlex.quote(str(run))}"
