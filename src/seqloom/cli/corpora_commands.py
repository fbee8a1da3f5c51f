"""`seqloom corpora`: list the catalogue of corpora and fetch from it."""

from typing import Annotated, Any

import typer

from seqloom.cli.help import CommandGroup, SectionedCommand
from seqloom.cli.output import print_json, print_line, print_table
from seqloom.corpora import catalogue, fetch
from seqloom.corpora.catalogue import Entry

__all__ = ["app"]

app = typer.Typer(cls=CommandGroup, help="List and fetch public corpora.", rich_markup_mode=None)

_Json = Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")]


@app.callback(invoke_without_command=True)
def corpora(context: typer.Context) -> None:
    """List the catalogue by default."""
    if context.invoked_subcommand is None:
        list_corpora()


@app.command("list", cls=SectionedCommand, epilog="Example: seqloom corpora list --json")
def list_corpora(json: _Json = False) -> None:
    """List the catalogue: size and licence of each corpus, and whether it is on this machine."""
    entries = catalogue()
    if json:
        print_json({"corpora": [_as_json(entry) for entry in entries]})
        return
    rows = [("name", "size", "here", "licence", "description")]
    for entry in entries:
        size = "-" if entry.num_bytes is None else f"{entry.num_bytes:,} bytes"
        rows.append((entry.name, size, "yes" if entry.is_local else "no", entry.licence, entry.description))
    print_table(rows, has_heading=True)


def _as_json(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "description": entry.description,
        "licence": entry.licence,
        "bytes": entry.num_bytes,
        "sha256": entry.sha256,
        "addresses": list(entry.addresses),
        "path": None if entry.path is None else str(entry.path),
        "built_in": entry.is_built_in,
    }


@app.command("fetch", cls=SectionedCommand, epilog="Example: seqloom corpora fetch shakespeare")
def fetch_corpus(
    name: Annotated[str, typer.Argument(help="name from 'seqloom corpora list'", metavar="NAME")],
) -> None:
    """Fetch a corpus, unless it is already on this machine, and print its path."""
    print_line(fetch(name))
