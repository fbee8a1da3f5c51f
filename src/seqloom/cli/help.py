"""Help in sections: a command's options under the headings that they were declared with, in plain text."""

from collections import Counter
from typing import Any

from typer.core import TyperCommand, TyperGroup

__all__ = ["CommandGroup", "SectionedCommand"]


class CommandGroup(TyperGroup):
    """Group whose help shows the first sentence of each command as a whole."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a section with the commands."""
        commands = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        rows = [(name, _first_sentence(command.help or "")) for name, command in commands if command is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _first_sentence(text: str) -> str:
    paragraph = " ".join(text.split("\n\n")[0].split())
    sentence, end, _ = paragraph.partition(". ")
    return f"{sentence}." if end else paragraph


class SectionedCommand(TyperCommand):
    """Command whose help shows each option under its heading (`rich_help_panel`), without the package rich.

    An option with one value that is given twice is refused, because one of the values would be lost.
    """

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
            with formatter.section(heading):
                formatter.write_dl(records)
