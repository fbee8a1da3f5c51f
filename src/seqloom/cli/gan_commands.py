"""`seqloom gan`: train a generator of rated texts against a discriminator."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from seqloom.cli.exit_codes import INTERRUPTED
from seqloom.cli.help import CommandGroup, SectionedCommand
from seqloom.cli.options import Section, with_settings
from seqloom.cli.output import note
from seqloom.cli.reported_stages import stage_display
from seqloom.config import ReadingConfig
from seqloom.config.gan import DEFAULT_MINUTES, NO_RATING, NO_SOURCE, GanConfig
from seqloom.config.options import GanOptions, TrainOptions
from seqloom.corpora.sources import check_source
from seqloom.errors import ConfigError
from seqloom.stopwatch import Stopwatch

__all__ = ["app"]

app = typer.Typer(cls=CommandGroup, help="Train a conditional text GAN.", rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def gan() -> None:
    """Make `train` a subcommand: without this callback, typer would name the only command `seqloom gan`."""


# Headings of the help.
_SOURCE = "How the source is read"
_TRAINING = "How it is trained"
_RUN = "The run"
_READING_SETTINGS = (
    "text",
    "rating",
    "group",
    "pool",
    "cut_words",
    "passages",
    "sentences",
    "lowercase",
    "missing",
    "max_size",
)


@app.command(
    cls=SectionedCommand,
    epilog="Example: seqloom gan train reviews.csv --text text --rating stars --sentences --run runs/gan",
)
@with_settings(
    Section(_SOURCE, ReadingConfig, only=_READING_SETTINGS),
    Section(_SOURCE, GanOptions, only=("level", "vocabulary")),
    Section(_SOURCE, GanConfig, only=("max_length",)),
    Section(_TRAINING, GanOptions, only=("minutes", "steps", "noise_size")),
    Section(_TRAINING, GanConfig, skip=("max_length",)),
    Section(_TRAINING, TrainOptions, only=("hidden_size",)),
)
def train(
    settings: dict[str, Any],
    source: Annotated[str | None, typer.Argument(help="table of rated texts", metavar="SOURCE")] = None,
    run: Annotated[Path | None, typer.Option(rich_help_panel=_RUN, help="run folder")] = None,
    from_run: Annotated[
        Path | None,
        typer.Option(
            "--from",
            rich_help_panel=_RUN,
            metavar="RUN",
            help="start from a run trained with --rating (by default such a run is trained first)",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", rich_help_panel=_RUN, help="continue exactly where the run stopped")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", rich_help_panel=_RUN, help="replace the run in the folder")
    ] = False,
) -> None:
    """Train a generator of short texts from noise and a rating, against a discriminator.

    The result is an ordinary run: seqloom generate accepts it, and draws new noise for every text.
    """
    if run is None:
        raise ConfigError("`run` is missing: name the run folder")
    minutes = settings.get("minutes") or DEFAULT_MINUTES
    if not resume and source is None:
        raise ConfigError(NO_SOURCE)
    if not resume and "rating" not in settings and from_run is None:
        raise ConfigError(NO_RATING)
    if source is not None:
        check_source(source)
    stopwatch = Stopwatch()
    with ExitStack() as stack:
        stages = stack.enter_context(stage_display(None if resume else 60 * minutes))
        stages.stage("preparing")  # before the slow imports
        from seqloom.cli.command_viewer import CommandViewer, interrupted_gan_message
        from seqloom.gan.train import train_gan

        viewer = stack.enter_context(CommandViewer(stages, scope=" in this stage"))
        try:
            train_gan(
                source,
                GanOptions(**settings),
                run=run,
                from_run=from_run,
                resume=resume,
                overwrite=overwrite,
                note=stages.note,
                viewer=viewer,
                stage=stages.stage,
                stopwatch=stopwatch,
            )
        except KeyboardInterrupt as stop:
            viewer.close()
            # Once there is a checkpoint, the KeyboardInterrupt of `train_gan` has an argument: the run folder.
            note(f"seqloom: {interrupted_gan_message(run, saved=resume or bool(stop.args))}")
            raise typer.Exit(INTERRUPTED) from None
