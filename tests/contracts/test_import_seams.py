"""Imports of seqloom inside functions stand only at the seams that `import_seams.toml` lists."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "src" / "seqloom"
LIMIT = 40
SEAMS = tomllib.loads((Path(__file__).parent / "import_seams.toml").read_text(encoding="utf-8"))


def found_imports(path: Path) -> Iterator[str]:
    """Yield the modules of seqloom that the functions of a file import."""
    functions = (
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    nodes = {id(node): node for function in functions for node in ast.walk(function)}
    for node in nodes.values():
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "seqloom":
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] == "seqloom")


def test_every_import_inside_a_function_is_a_listed_seam() -> None:
    found = {}
    for path in sorted(SOURCES.rglob("*.py")):
        if modules := sorted(found_imports(path)):
            found[path.relative_to(SOURCES).with_suffix("").as_posix()] = modules
    assert found == {name: sorted(modules) for name, modules in SEAMS["seams"].items()}


def test_there_are_few_seams() -> None:
    assert sum(map(len, SEAMS["seams"].values())) <= LIMIT
