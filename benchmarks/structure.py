"""Is the structure of the package sound?

    python benchmarks/structure.py

Prints the number of module cycles (imports for typing included), imports of seqloom inside functions, public functions
with untyped options, the share of functions over 40 lines, files over 400 lines, phrases that the house style forbids,
and the length of the README. Exits with 1 if one of them misses its target. `tests/contracts/test_structure.py` checks
the same in the test suite.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
PACKAGE = SOURCE / "seqloom"
MAX_FUNCTION_LINES, MAX_LONG_FUNCTIONS, MAX_FILE_LINES, MAX_README_LINES = 40, 0.01, 400, 199
MAX_FUNCTION_IMPORTS = 40
FORBIDDEN = {
    "told": re.compile(r"\btold\b"),
    "found =": re.compile(r"^\s*found\s*=", re.MULTILINE),
    "Args: of/that": re.compile(r"^ {8,}\w+: (?:of|that) ", re.MULTILINE),
}


@dataclass
class Structure:
    """The measures of the package."""

    cycles: list[list[str]] = field(default_factory=list)
    function_imports: list[str] = field(default_factory=list)
    untyped_options: list[str] = field(default_factory=list)
    num_functions: int = 0
    long_functions: list[str] = field(default_factory=list)
    long_files: list[str] = field(default_factory=list)
    forbidden: list[str] = field(default_factory=list)
    readme_lines: int = 0

    def misses(self) -> list[str]:
        """Return one line for every measure that misses its target."""
        rows = {
            "module cycles": self.cycles,
            "public functions with untyped options": self.untyped_options,
            f"files over {MAX_FILE_LINES} lines": self.long_files,
            "phrases that the house style forbids": self.forbidden,
        }
        lines = [f"{name}: {values}" for name, values in rows.items() if values]
        if len(self.function_imports) > MAX_FUNCTION_IMPORTS:
            lines.append(f"{len(self.function_imports)} imports inside functions, at most {MAX_FUNCTION_IMPORTS}")
        if len(self.long_functions) > MAX_LONG_FUNCTIONS * self.num_functions:
            lines.append(f"functions over {MAX_FUNCTION_LINES} lines: {self.long_functions}")
        if self.readme_lines > MAX_README_LINES:
            lines.append(f"README of {self.readme_lines} lines, at most {MAX_README_LINES}")
        return lines


def module_name(path: Path) -> str:
    """Return the dotted name of a module."""
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


def imports(node: ast.Import | ast.ImportFrom, modules: set[str]) -> set[str]:
    """Return the modules of the package that an import loads; a submodule counts instead of its package."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names} & modules
    names = {f"{node.module}.{alias.name}" for alias in node.names} & modules
    return names or ({node.module or ""} & modules)


def components(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the strongly connected components of two or more modules, by Tarjan's algorithm (Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    result: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(graph[node]):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            start = stack.index(node)
            result.append(sorted(stack[start:]))
            del stack[start:]

    for node in graph:
        if node not in index:
            visit(node)
    return [component for component in result if len(component) > 1]


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function of a module."""
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def num_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function without its docstring."""
    first = node.body[0]
    docstring = (first.end_lineno or 0) - first.lineno + 1 if ast.get_docstring(node) is not None else 0
    return (node.end_lineno or 0) - node.lineno + 1 - docstring


def has_untyped_options(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a public function takes its options as `**settings`."""
    options = node.args.kwarg
    return not node.name.startswith("_") and options is not None and options.arg in ("settings", "options", "kwargs")


def measure() -> Structure:
    """Measure the package."""
    structure = Structure()
    paths = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
    graph: dict[str, set[str]] = {}
    for name, path in paths.items():
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        graph[name] = set()
        typing_only = {
            child
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
            for statement in node.body
            for child in ast.walk(statement)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                targets = imports(node, set(paths)) - {name}
                graph[name] |= targets
                if targets and node not in tree.body and node not in typing_only:
                    structure.function_imports.append(f"{name}:{node.lineno}")
        for function in functions(tree):
            structure.num_functions += 1
            if num_lines(function) > MAX_FUNCTION_LINES:
                structure.long_functions.append(f"{name}.{function.name}")
            if has_untyped_options(function):
                structure.untyped_options.append(f"{name}.{function.name}")
        if text.count("\n") > MAX_FILE_LINES:
            structure.long_files.append(name)
        for phrase, pattern in FORBIDDEN.items():
            structure.forbidden += [f"{phrase!r} in {name}"] * len(pattern.findall(text))
    structure.cycles = components(graph)
    structure.readme_lines = len((ROOT / "README.md").read_text(encoding="utf-8").splitlines())
    return structure


def main() -> int:
    """Print the measures."""
    structure = measure()
    share = len(structure.long_functions) / structure.num_functions
    print(f"module cycles, imports for typing included: {len(structure.cycles)}")
    print(f"imports of seqloom inside functions: {len(structure.function_imports)} (at most {MAX_FUNCTION_IMPORTS})")
    print(f"public functions with untyped options: {len(structure.untyped_options)}")
    print(
        f"functions over {MAX_FUNCTION_LINES} lines: {len(structure.long_functions)} of {structure.num_functions} "
        f"({share:.1%})"
    )
    print(f"files over {MAX_FILE_LINES} lines: {len(structure.long_files)}")
    print(f"forbidden phrases: {len(structure.forbidden)}")
    print(f"README: {structure.readme_lines} lines (at most {MAX_README_LINES})")
    for line in structure.misses():
        print(f"missed: {line}")
    return int(bool(structure.misses()))


if __name__ == "__main__":
    sys.exit(main())
