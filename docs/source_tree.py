"""Write the source tree into docs/architecture.md: one line per module, taken from the first line of its docstring.

python docs/source_tree.py          check that the page is up to date
python docs/source_tree.py --write  update the page
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "seqloom"
PAGE = ROOT / "docs" / "architecture.md"
START, END = "<!-- source tree: written by docs/source_tree.py -->\n", "<!-- end of source tree -->\n"


def summary(path: Path) -> str:
    """Return the first line of a module's docstring, without its full stop."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.split("\n")[0].removesuffix(".")


def lines(folder: Path, indent: str = "") -> Iterator[tuple[str, str]]:
    """Yield every entry of a package folder with its summary: modules first, then subpackages."""
    for path in sorted(folder.glob("*.py")):
        if path.name != "__init__.py":
            yield f"{indent}{path.name}", summary(path)
    for child in sorted(path for path in folder.iterdir() if (path / "__init__.py").exists()):
        yield f"{indent}{child.name}/", summary(child / "__init__.py")
        yield from lines(child, f"{indent}  ")


def source_tree() -> str:
    """Return the tree as a fenced block of text."""
    entries = [("src/seqloom/", summary(PACKAGE / "__init__.py")), *lines(PACKAGE, "  ")]
    width = max(len(name) for name, _ in entries) + 2
    return "```text\n" + "".join(f"{name:{width}}{says}\n" for name, says in entries) + "```\n"


def updated(page: str) -> str:
    """Return the page with the present source tree."""
    before, rest = page.split(START)
    return before + START + source_tree() + END + rest.split(END)[1]


def main() -> int:
    """Check or update the page."""
    page = PAGE.read_text(encoding="utf-8")
    current = updated(page)
    if "--write" in sys.argv[1:]:
        PAGE.write_text(current, encoding="utf-8")
    elif page != current:
        print("docs/architecture.md is out of date: run python docs/source_tree.py --write")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
