"""The commands of `seqloom`, each with an example."""

from typing import Annotated

import typer

from seqloom import __version__
from seqloom.cli import (
    corpora_commands,
    critic_commands,
    detect_commands,
    evaluate_commands,
    gan_commands,
    generate_command,
    info_commands,
    train_commands,
)
from seqloom.cli.help import SectionedCommand

__all__ = ["app"]

app = typer.Typer(
    help="Train small sequence models on your own corpus and generate new sequences in its style.",
    epilog="Begin with: seqloom demo",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@app.callback(invoke_without_command=True)
def seqloom(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="print the version and stop")] = False,
) -> None:
    """Handle the options before a command."""
    if version:
        print(f"seqloom {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


for _command, _example in (
    (train_commands.train, "seqloom train novel.txt --run runs/novel --minutes 5"),
    (generate_command.generate, 'seqloom generate runs/novel --prompt "It was" --temperature 0.7 --count 3'),
    (evaluate_commands.evaluate, "seqloom evaluate runs/novel --split held-out"),
    (evaluate_commands.score, "seqloom score runs/novel chapter.txt"),
    (info_commands.info, "seqloom info runs/novel"),
    (info_commands.plot, 'seqloom plot runs/novel --prompt "It wa"'),
    (train_commands.demo, "seqloom demo --minutes 1"),
):
    app.command(cls=SectionedCommand, epilog=f"Example: {_example}")(_command)
app.add_typer(
    critic_commands.app, name="critic", epilog="Example: seqloom critic fit reviews.csv --text text --rating stars"
)
app.add_typer(
    detect_commands.app,
    name="detect",
    epilog="Example: seqloom detect fit --real a.csv --generator r --text text --run d",
)
app.add_typer(
    gan_commands.app, name="gan", epilog="Example: seqloom gan train reviews.csv --text text --rating stars --run g"
)
app.add_typer(corpora_commands.app, name="corpora", epilog="Example: seqloom corpora fetch shakespeare")
