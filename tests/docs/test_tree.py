"""The tree in the README lists the files of the package: all of them, and no other."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_ENTRY = re.compile(r"(?P<indent> *)(?P<name>[\w.]+/?(?:\w+/)*)(?:  +(?P<says>\S.*))?")


def listed() -> dict[str, str]:
    """What the README says of each file; a folder's line stands for its `__init__.py`."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = next(block for block in re.findall(r"```text\n(.*?)```", readme, re.DOTALL) if block.startswith("src/"))
    said: dict[str, str] = {}
    folders: list[str] = []
    for line in block.splitlines():
        entry = _ENTRY.fullmatch(line)
        assert entry, f"not a line of the tree: {line!r}"
        del folders[len(entry["indent"]) // 2 :]
        name = "".join(folders) + entry["name"]
        if name.endswith("/"):
            folders.append(entry["name"])
            name += "__init__.py"
        assert name not in said, f"listed twice: {name}"
        said[name] = entry["says"] or ""
    return said


def test_the_tree_lists_exactly_the_files_that_exist() -> None:
    there = {path.relative_to(ROOT).as_posix() for path in (ROOT / "src" / "seqloom").rglob("*.py")}
    said = set(listed())
    assert not there - said, f"the README's tree lacks {sorted(there - said)}"
    assert not said - there, f"the README's tree lists what is gone: {sorted(said - there)}"


def test_every_line_of_the_tree_says_what_the_file_is() -> None:
    silent = [name for name, says in listed().items() if len(says.split()) < 2]
    assert not silent
