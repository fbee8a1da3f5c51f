"""The structure of the package keeps its targets; `python benchmarks/structure.py` prints the measures."""

import runpy
from pathlib import Path

STRUCTURE = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "structure.py"))


def test_the_structure_keeps_its_targets() -> None:
    assert STRUCTURE["measure"]().misses() == []


def test_cycles_are_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}
    assert STRUCTURE["components"](graph) == [["a", "b", "c"]]
