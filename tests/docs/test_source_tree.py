"""docs/architecture.md shows the source tree as it is."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]
TREE = runpy.run_path(str(ROOT / "docs" / "source_tree.py"))


def test_the_page_shows_every_module() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert page == TREE["updated"](page), "run python docs/source_tree.py --write"


def test_every_module_has_a_summary() -> None:
    short = [name for name, says in TREE["lines"](ROOT / "src" / "seqloom") if len(says.split()) < 2]
    assert not short
