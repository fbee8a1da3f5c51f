"""The commands of `seqloom`, each with an example. A command's module is imported only if the command is needed."""

from collections.abc import Mapping
from typing import Annotated

import typer

from seqloom.cli.help import CommandGroup, SectionedCommand
from seqloom.registry import import_part
from seqloom.version import __version__

__all__ = ["make_app"]

_COMMANDS: Mapping[str, tuple[str, str]] = {
    "train": ("seqloom.cli.train_commands:train", "seqloom train novel.txt --run runs/novel --minutes 5"),
    "generate": (
        "seqloom.cli.generate_command:generate",
        'seqloom generate runs/novel --prompt "It was" --temperature 0.7 --count 3',
    ),
    "evaluate": ("seqloom.cli.evaluate_commands:evaluate", "seqloom evaluate runs/novel --split held-out"),
    "score": ("seqloom.cli.evaluate_commands:score", "seqloom score runs/novel chapter.txt"),
    "info": ("seqloom.cli.info_commands:info", "seqloom info runs/novel"),
    "runs": ("seqloom.cli.info_commands:runs", "seqloom runs runs"),
    "plot": ("seqloom.cli.info_commands:plot", 'seqloom plot runs/novel --prompt "It wa"'),
    "serve": ("seqloom.cli.serve_command:serve", "seqloom serve runs/novel"),
    "demo": ("seqloom.cli.train_commands:demo", "seqloom demo --minutes 1"),
}
"""Place of each command, as "module:function", and an example."""

_GROUPS: Mapping[str, tuple[str, str]] = {
    "critic": ("seqloom.cli.critic_commands:app", "seqloom critic fit reviews.csv --text text --rating stars"),
    "detect": ("seqloom.cli.detect_commands:app", "seqloom detect fit --real a.csv --generator r --text text --run d"),
    "gan": ("seqloom.cli.gan_commands:app", "seqloom gan train reviews.csv --text text --rating stars --run g"),
    "corpora": ("seqloom.cli.corpora_commands:app", "seqloom corpora fetch shakespeare"),
}
"""Place of each group of commands, as "module:app", and an example."""


def make_app(name: str | None = None) -> typer.Typer:
    """Return the application.

    Args:
        name: the only command or group to include; None, or a name that does not exist, includes all.
    """
    app = typer.Typer(
        cls=CommandGroup,
        help="Train small sequence models on your own corpus and generate new sequences in its style.",
        epilog="Begin with: seqloom demo",
        add_completion=not (name in _COMMANDS or name in _GROUPS),
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback(invoke_without_command=True)(_root)
    is_known = name in _COMMANDS or name in _GROUPS
    for command, (place, example) in _COMMANDS.items():
        if not is_known or command == name:
            app.command(cls=SectionedCommand, epilog=f"Example: {example}")(import_part(place))
    for group, (place, example) in _GROUPS.items():
        if not is_known or group == name:
            app.add_typer(import_part(place), name=group, epilog=f"Example: {example}")
    return app


def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="print the version and stop")] = False,
) -> None:
    """Handle the options before a command."""
    if version:
        print(f"seqloom {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())
