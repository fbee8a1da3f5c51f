"""Only `disk.py` changes files; every other module goes through it, so that faults can be injected at any operation."""

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "src" / "seqloom"
LAYER = "disk.py"

FUNCTIONS = {
    "os": {
        *("chmod", "fsync", "ftruncate", "link", "makedirs", "mkdir", "open", "remove", "removedirs", "rename"),
        *("renames", "replace", "rmdir", "symlink", "truncate", "unlink", "utime", "write"),
    },
    "shutil": {"*"},
    "tempfile": {"*"},
}
"""Functions that change files, by module; "*" stands for all."""

METHODS = {
    *("chmod", "hardlink_to", "mkdir", "rmdir", "symlink_to", "tofile", "touch", "unlink", "write_bytes"),
    "write_text",
}
"""Methods of paths and arrays that change files; see also `_is_path_rename`."""

EXCEPTIONS = {
    # The null device takes the place of a closed standard stream.
    "cli/output.py": {"open"},
    "display/terminal.py": {"os.open"},
    "cli/table_output.py": {"tempfile.TemporaryDirectory"},  # for a table that is printed
    "serving/sample_files.py": {"tempfile.TemporaryDirectory"},  # for a sample that a client receives
    # A pipe is opened for reading, and copied.
    "corpora/sources.py": {"os.open", "shutil.copyfileobj", "tempfile.NamedTemporaryFile", "tempfile.gettempdir"},
    # A file is opened for reading; a file without a name shows whether a folder can be written to.
    "files.py": {"os.open", "tempfile.TemporaryFile"},
}
"""Calls outside the layer. A corpus is downloaded by pooch, and a run is locked by filelock."""


def test_no_other_module_changes_files() -> None:
    calls = {
        path.relative_to(SOURCES).as_posix(): names
        for path in sorted(SOURCES.rglob("*.py"))
        if (names := set(_calls(ast.parse(path.read_text(encoding="utf-8")))))
    }
    assert {"os.replace", "os.unlink", "os.mkdir", "os.open"} <= calls.pop(LAYER)
    assert calls == EXCEPTIONS


def test_calls_that_change_files_are_recognised() -> None:
    code = (
        "import os, shutil as sh\nfrom os import replace as move\nfrom pathlib import Path\n"
        "os.replace(a, b)\nmove(a, b)\nsh.rmtree(a)\nPath(a).write_text(b)\nopen(a, 'w')\npath.open(mode='r+')\n"
        "path.rename(b)\nos.fdopen(1)\n"
    )
    expected = {"os.replace", "shutil.rmtree", "write_text", "open", "rename"}
    assert set(_calls(ast.parse(code))) == expected
    harmless = "open(a)\nopen(a, 'rb')\ntext.replace('a', 'b')\nos.path.exists(a)\nfile.write(b)\nreplace(c, a=1)\n"
    assert set(_calls(ast.parse(harmless))) == set()


def _calls(tree: ast.Module) -> Iterator[str]:
    """Yield the names of the calls and references that change files."""
    names = {}  # full names of imported modules and functions, by their names in the module
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module in FUNCTIONS:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            full_name = names.get(ast.unparse(node))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in names:
                full_name = f"{names[node.value.id]}.{node.attr}"
            module, _, function = (full_name or "").partition(".")
            if function and {function, "*"} & FUNCTIONS.get(module, set()):
                yield full_name or ""
        if isinstance(node, ast.Call):
            yield from _writing_call(node, names)


def _writing_call(node: ast.Call, names: dict[str, str]) -> Iterator[str]:
    """Yield the name of a call of `open` for writing, or of a method that changes files."""
    if isinstance(node.func, ast.Name) and node.func.id == "open" and _is_for_writing(node, 1):
        yield "open"
    if not isinstance(node.func, ast.Attribute):
        return
    name = node.func.attr
    is_module = ast.unparse(node.func.value) in {*names, "disk"}
    if is_module:
        return
    if name in METHODS or (name == "open" and _is_for_writing(node, 0)) or _is_path_rename(node):
        yield name


def _is_for_writing(node: ast.Call, position: int) -> bool:
    modes = [keyword.value for keyword in node.keywords if keyword.arg == "mode"] + node.args[position : position + 1]
    return any(isinstance(mode, ast.Constant) and set(str(mode.value)) & set("wax+") for mode in modes)


def _is_path_rename(node: ast.Call) -> bool:
    """Return whether a call renames a path: `rename` and `replace` of a path have one argument."""
    assert isinstance(node.func, ast.Attribute)
    return node.func.attr in ("rename", "replace") and len(node.args) == 1 and not node.keywords
