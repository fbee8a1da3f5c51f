"""Compile the native kernels: the library of the package, or one with sanitizers for the tests.

Each instruction set is a file of its own with its own flags; a set that the compiler does not support is left out.
`src/seqloom/kernels/native/build.toml` holds the flags.

    python native_build.py [FLAG ...]    build src/seqloom/kernels/_native.so again, after a change
    python native_build.py --update      build it only if it does not belong to these sources

`SEQLOOM_NATIVE_STRICT=1` turns on more warnings and makes warnings errors.
"""

import os
import platform
import runpy
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

_PRINT_IDENTITY = """
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
for function in (library.seqloom_version, library.seqloom_build_hash):
    function.restype = ctypes.c_char_p
    print(function().decode())
"""

SOURCES = Path("src/seqloom/kernels/native")
LIBRARY = Path("src/seqloom/kernels/_native.so")


def update_library(root: Path) -> Path:
    """Build the library into the source tree, unless it is there and belongs to these sources.

    A call waits while another process is in this function, so the library is compiled once. The errors are those of
    `build_library`.

    Args:
        root: folder of the repository.
    """
    if os.name != "posix":
        raise OSError("the kernels are compiled on Linux and macOS only")
    import fcntl  # missing on Windows

    with open(__file__) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_current(root):
            return root / LIBRARY
        return build_library(root)


def _is_current(root: Path) -> bool:
    """Return whether the library can be loaded here, and was built from these sources and for this version.

    Another process loads it, because loading a damaged library can end a process.
    """
    command = [sys.executable, "-c", _PRINT_IDENTITY, str(root / LIBRARY)]
    identity = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    return identity == [_version(root), _build_hash(root)]


def build_library(root: Path, extra: Sequence[str] = ()) -> Path:
    """Compile and link the library into the source tree.

    Args:
        root: folder of the repository.
        extra: further compiler flags.

    Raises:
        OSError: no compiler.
        CalledProcessError: the compiler failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        linked = link(root, Path(folder), extra)
        shutil.copy(linked, root / f"{LIBRARY}.new")
        os.replace(root / f"{LIBRARY}.new", root / LIBRARY)
    return root / LIBRARY


def build_program(root: Path, main: Path, parts: Sequence[Path], folder: Path, extra: Sequence[str] = ()) -> Path:
    """Compile a program into `folder`; the errors are those of `build_library`.

    Args:
        root: folder of the repository.
        main: source of the program.
        parts: further sources, or libraries linked with `-fvisibility=default`.
        folder: folder of the program.
        extra: further compiler flags.
    """
    program = folder / main.stem
    search_paths = (f"-I{root / SOURCES}", *(f"-Wl,-rpath,{part.parent}" for part in parts))
    flags = (*settings(root)["common"], *_strict_flags(root), *extra)
    _run(_compiler(), *flags, *search_paths, main, *parts, "-o", program)
    return program


def link(root: Path, folder: Path, extra: Sequence[str] = (), instruction_sets: Iterable[str] | None = None) -> Path:
    """Compile the kernels and link them to a shared library in `folder`; the errors are those of `build_library`.

    Args:
        root: folder of the repository.
        folder: folder of objects and library.
        extra: further compiler flags.
        instruction_sets: names of the sets to include besides `portable`; None includes all.
    """
    compiler, sources = _compiler(), root / SOURCES
    sets: dict[str, list[str]] = settings(root)["instruction_sets"]
    wanted = [name for name in sets if instruction_sets is None or name in instruction_sets or name == "portable"]
    common = (*settings(root)["common"], *_strict_flags(root), f"-I{sources}", *extra)

    def compile_source(source: Path, name: str, own: Sequence[str] = ()) -> Path:
        _run(compiler, *common, *own, "-c", source, "-o", folder / f"{name}.o")
        return folder / f"{name}.o"

    def compile_set(name: str) -> list[Path]:
        """Compile both halves of an instruction set (see `isa.h`); no objects if the compiler does not support it."""
        source, halves = sources / "isa" / f"isa_{name}.cpp", {"decoding": (), "training": ("-DSEQLOOM_TRAINING",)}
        if name != "portable" and not _is_supported(compiler, sets[name]):
            return []
        flags = [*sets[name], *(settings(root)["strict_exceptions"].get(name, ()) if _is_strict() else ())]
        tasks = [pool.submit(compile_source, source, f"{name}_{half}", [*flags, *halves[half]]) for half in halves]
        try:
            return [task.result() for task in tasks]
        except subprocess.CalledProcessError:
            # A compiler may know the flags and not the instructions.
            if name == "portable" or _is_strict():
                raise
            return []

    def compile_shared(name: str, own: Sequence[str] = ()) -> Path:
        return compile_source(sources / f"{name}.cpp", name.replace("/", "_"), own)

    names = [path.relative_to(sources).with_suffix("").as_posix() for path in sorted(sources.rglob("*.cpp"))]
    with ThreadPoolExecutor(os.cpu_count()) as pool, ThreadPoolExecutor(len(wanted)) as set_pool:
        # The instruction sets take longest, so they start first.
        set_objects = dict(zip(wanted, set_pool.map(compile_set, wanted), strict=True))
        defines = {
            "runtime/dispatch": [f"-DSEQLOOM_HAVE_{name.upper()}" for name in wanted if set_objects[name]],
            "runtime/library": _identity(root),
        }
        shared = [name for name in names if not name.startswith("isa/")]
        objects = list(pool.map(compile_shared, shared, [defines.get(name, ()) for name in shared]))
    # Code that all sets share (functions of std::vector) is taken from the first object that has it, so the objects
    # that run on every processor come first.
    objects += [path for name in reversed(wanted) for path in set_objects[name]]
    linked = folder / LIBRARY.name
    _run(compiler, "-shared", "-pthread", *extra, *objects, "-o", linked)
    return linked


def settings(root: Path) -> dict[str, Any]:
    """Return the compiler flags of `build.toml`."""
    return tomllib.loads((root / SOURCES / "build.toml").read_text(encoding="utf-8"))


def _identity(root: Path) -> list[str]:
    """Return the definitions by which the package recognises its library: version and hash of the sources."""
    return [f'-DSEQLOOM_VERSION="{_version(root)}"', f'-DSEQLOOM_BUILD_HASH="{_build_hash(root)}"']


def _version(root: Path) -> str:
    return str(tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def _build_hash(root: Path) -> str:
    """Return the hash of the sources and their flags."""
    return str(runpy.run_path(str(root / SOURCES.parent / "build_hash.py"))["build_hash"](root / SOURCES))


def _strict_flags(root: Path) -> list[str]:
    strict: list[str] = settings(root)["strict"]
    return strict if _is_strict() else []


def _is_strict() -> bool:
    return os.environ.get("SEQLOOM_NATIVE_STRICT") == "1"


def _compiler() -> str:
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None or os.name != "posix":
        raise OSError("no C++ compiler was found")
    return compiler


def _is_supported(compiler: str, flags: Sequence[str]) -> bool:
    """Return whether the compiler knows the flags of an instruction set."""
    command = [compiler, *flags, "-x", "c++", "-fsyntax-only", os.devnull]
    return _is_x86() and subprocess.run(command, capture_output=True, check=False).returncode == 0


def _run(*command: str | Path) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True)


def _is_x86() -> bool:
    return platform.machine().lower() in ("x86_64", "amd64")


if __name__ == "__main__":
    try:
        root = Path(__file__).parent
        print(update_library(root) if sys.argv[1:] == ["--update"] else build_library(root, sys.argv[1:]))
    except subprocess.CalledProcessError as error:
        sys.exit(error.stderr or str(error))
    except OSError as error:
        sys.exit(f"native_build: {error}")
