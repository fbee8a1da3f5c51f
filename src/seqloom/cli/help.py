"""Help in sections: a command's options under the headings that they were declared with, in plain text."""

from typing import Any

from typer.core import TyperCommand

__all__ = ["SectionedCommand"]


class SectionedCommand(TyperCommand):
    """Command whose help shows each option under its heading (`rich_help_panel`), without the package rich."""

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
