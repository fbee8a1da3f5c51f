"""Help in sections: a command's options under the headings that they were declared with, in plain text."""

from collections import Counter
from functools import cache
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from seqloom.display.terminal import styled
from seqloom.display.verbosity import Verbosity, set_verbosity

__all__ = ["CommandGroup", "SectionedCommand"]


class CommandGroup(TyperGroup):
    """Group whose help shows the first sentence of each command as a whole; it has the options of every command too."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters of the group, and those of every command."""
        return _with_message_options(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words after the group; without any, print its help."""
        if not args and self.no_args_is_help and not ctx.resilient_parsing:
            print(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a section with the commands."""
        commands = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        rows = [(name, _first_sentence(command.help or "")) for name, command in commands if command is not None]
        with formatter.section(styled("Commands", "bold")):
            formatter.write_dl(rows)


def _be_quiet(is_set: bool) -> None:
    if is_set:
        set_verbosity(Verbosity.QUIET)


def _be_verbose(is_set: bool) -> None:
    if is_set:
        set_verbosity(Verbosity.VERBOSE)


def _choose_messages(
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet",
            "-q",
            callback=_be_quiet,
            expose_value=False,
            help="print no progress, only results, warnings and errors",
        ),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            "-v",
            callback=_be_verbose,
            expose_value=False,
            help="print times with the progress, and tracebacks with unexpected errors",
        ),
    ] = False,
) -> None:
    """Declare the options of every command; their callbacks do the work."""


@cache
def _message_options() -> tuple[Any, ...]:
    """Return the options of every command, as typer makes them from a function."""
    app = typer.Typer(add_completion=False)
    app.command()(_choose_messages)
    return tuple(typer.main.get_command(app).params)


def _with_message_options(parameters: list[Any]) -> list[Any]:
    """Return parameters with the options of every command before the last one, which is that for help."""
    return [*parameters[:-1], *_message_options(), parameters[-1]]


def _first_sentence(text: str) -> str:
    paragraph = " ".join(text.split("\n\n")[0].split())
    sentence, end, _ = paragraph.partition(". ")
    return f"{sentence}." if end else paragraph


class SectionedCommand(TyperCommand):
    """Command whose help shows each option under its heading (`rich_help_panel`), without the package rich.

    Every command also has the options `--quiet` and `--verbose`. An option with one value that is given twice is
    refused, because one of the values would be lost.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters of the command, and those of every command."""
        return _with_message_options(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words of the command line."""
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        for parameter, times in Counter(order).items():
            if times > 1 and not getattr(parameter, "multiple", True) and not getattr(parameter, "is_flag", False):
                flag = max(parameter.opts, key=len)
                takes_list = "[," in (getattr(parameter, "metavar", None) or "")
                several = "write its values after one flag, with commas between them"
                one = "it takes one value, so leave out all but one"
                ctx.fail(f"{flag} is given {times} times: {several if takes_list else one}")
        return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then a section for each heading; options without a heading come last."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                default_heading = "Arguments" if parameter.param_type_name == "argument" else "Options"
                heading = getattr(parameter, "rich_help_panel", None) or default_heading
                sections.setdefault(heading, []).append(record)
        if "Options" in sections:
            sections["Options"] = sections.pop("Options")  # the last key added is written last
        for heading, records in sections.items():
            with formatter.section(styled(heading, "bold")):
                formatter.write_dl(records)
