"""`seqloom train` and `seqloom demo`: one call of the library each, shown in the terminal."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from seqloom.cli.config_file import read_config_file
from seqloom.cli.exit_codes import INTERRUPTED
from seqloom.cli.options import Section, with_settings
from seqloom.cli.output import note
from seqloom.cli.reported_stages import stage_display
from seqloom.config import ModelConfig, ReadingConfig, TrainingConfig
from seqloom.config.options import TrainOptions
from seqloom.corpora.sources import check_source
from seqloom.errors import ConfigError, RunError
from seqloom.lm.options import resolve_options
from seqloom.stopwatch import Stopwatch

__all__ = ["demo", "train"]

_DEMO_SOURCE = "python-docs"
"""Corpus of the catalogue that needs no download: documentation that is part of Python."""

# Headings of the help.
_BUDGET = "How long to train (give at most one of these; 1 minute by default)"
_SOURCE = "How the source is read"
_MODEL = "The model (chosen from corpus and budget by default)"
_TRAINING = "How it is trained (chosen by default)"
_RUN = "The run"

_SPLIT_SETTINGS = ("hold_out", "validation")


@with_settings(
    Section(_BUDGET, TrainOptions, only=("minutes", "epochs", "steps", "pace")),
    Section(_SOURCE, TrainOptions, only=("level", "vocabulary")),
    Section(_SOURCE, ReadingConfig),
    Section(_SOURCE, TrainingConfig, only=_SPLIT_SETTINGS),
    Section(_MODEL, TrainOptions, only=("preset", "hidden_size", "layers")),
    Section(_MODEL, ModelConfig, skip=("hidden_sizes",)),
    Section(_TRAINING, TrainingConfig, skip=_SPLIT_SETTINGS),
    Section(_TRAINING, TrainOptions, only=("threads",)),
    checks=False,
)
def train(
    settings: dict[str, Any],
    source: Annotated[
        list[str] | None,
        typer.Argument(
            help="catalogue names, files, folders, globs, zip archives (a.zip/*.mid for a part), or -", metavar="SOURCE"
        ),
    ] = None,
    run: Annotated[
        Path | None, typer.Option(rich_help_panel=_RUN, help="run folder (runs/ and the name of the source)")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", rich_help_panel=_RUN, help="continue exactly where the run stopped")
    ] = False,
    from_run: Annotated[
        Path | None,
        typer.Option("--from", rich_help_panel=_RUN, metavar="RUN", help="start from the weights of another run"),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", rich_help_panel=_RUN, help="replace the run in the folder")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", rich_help_panel=_RUN, help="compare all checksums of the cached corpus")
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(rich_help_panel=_RUN, metavar="FILE", help="settings (TOML, or config.json of a run); flags win"),
    ] = None,
) -> None:
    """Train a model on SOURCE and keep everything in a run folder.

    Ctrl-C saves and stops; --resume continues from there, or trains a finished run longer if the budget is larger.
    """
    if config is not None:
        stored = read_config_file(config)
        source = source or stored.source
        run, from_run = run or stored.run, from_run or stored.from_run
        settings = stored.settings_with(settings)
    if not source and resume and run is None:
        raise ConfigError("`resume` does not know which run to continue: name its folder with `run`")
    if not source and not resume:
        raise ConfigError("no source: name a file, a folder, a glob, - or a corpus of 'seqloom corpora list'")
    sources = tuple(source) if source else None
    _train(sources, settings, run=run, resume=resume, from_run=from_run, overwrite=overwrite, verify=verify)


def demo(
    minutes: Annotated[float, typer.Option(help="minutes of training")] = 1.0,
    run: Annotated[Path, typer.Option(help="run folder")] = Path("runs/demo"),
) -> None:
    """Train on documentation that is part of Python, then generate.

    Needs no file and no network. An earlier demo in the folder is replaced.
    """
    resolve_options(TrainOptions(minutes=minutes))  # reports faults before the slow imports
    _train(_DEMO_SOURCE, {"minutes": minutes}, run=run, overwrite=_is_earlier_demo(run), always_show_texts=True)


def _train(
    source: str | tuple[str, ...] | None,
    settings: dict[str, Any],
    *,
    run: Path | None,
    resume: bool = False,
    from_run: Path | None = None,
    overwrite: bool = False,
    verify: bool = False,
    always_show_texts: bool = False,
) -> None:
    """Train and show the progress; after Ctrl-C, say how to continue, and end the command.

    `settings` are fields of `TrainOptions`. With `always_show_texts`, samples of the trained model are printed even to
    a file or pipe.
    """
    stopwatch, options = Stopwatch(), TrainOptions(**settings)  # has a field for every setting of the sections above
    resolve_options(options)  # reports faults before the slow imports
    if not resume and source is not None:
        check_source(source)
    with ExitStack() as stack:
        stages = stack.enter_context(stage_display(None if resume else options.budget_seconds))
        stages.stage("preparing")  # before the slow imports
        from seqloom.cli.command_viewer import CommandViewer
        from seqloom.lm import train as training

        folder = training.default_folder(source) if run is None else run
        replaced = folder if overwrite else None
        viewer = stack.enter_context(CommandViewer(stages, always_show_texts=always_show_texts, replaced=replaced))
        try:
            training.train(
                source,
                options,
                run=folder,
                resume=resume,
                from_run=from_run,
                overwrite=overwrite,
                verify=verify,
                viewer=viewer,
                stopwatch=stopwatch,
            )
        except KeyboardInterrupt as stop:
            viewer.close()
            # Once there is a state to resume from, the exception has an argument: the run folder.
            note(f"seqloom: {viewer.interrupted_message(folder, saved=bool(stop.args))}")
            raise typer.Exit(INTERRUPTED) from None


def _is_earlier_demo(path: Path) -> bool:
    """Return whether the folder contains an earlier demo, which the next demo replaces; False if it has no run.

    Raises:
        RunError: the folder contains another run.
    """
    from seqloom.runs.layout import RunFolder

    folder = RunFolder(path)
    folder.settle()
    if not folder.holds_run:
        return False
    try:
        source = folder.read_config().source
    except RunError:
        source = None
    if source != _DEMO_SOURCE:
        raise RunError(f"{path} contains a run that is not a demo: name another folder with `run`")
    return True
