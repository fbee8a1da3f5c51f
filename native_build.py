"""Compiles the native kernels: a library for the package, or a program of their own for tests.

Each instruction set is a file of its own with flags of its own; one that the compiler does not know is left out.

    python native_build.py [FLAG ...]      build src/seqloom/kernels/_native.so again, after a change
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SOURCES = Path("src/seqloom/kernels/native")
LIBRARY = Path("src/seqloom/kernels/_native.so")

_COMMON = ("-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden", "-fno-math-errno", "-pthread", "-Wall", "-Wno-psabi")
_AVX2 = ("-mavx2", "-mfma")
_AVX512 = (*_AVX2, "-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mprefer-vector-width=512")
_AVX512BF16 = (*_AVX512, "-mavx512bf16", "-mavx512vnni")
FLAGS = {
    "amx": (*_AVX512BF16, "-mamx-tile", "-mamx-bf16", "-mamx-int8"),
    "avx512bf16": _AVX512BF16,
    "avx512": _AVX512,
    "avx2": _AVX2,
    "portable": (),
}
"""The flags of each instruction set, the fastest first."""


def build_library(root: Path, extra: Sequence[str] = ()) -> Path:
    """Compile and link the library into the source tree.

    Args:
        root: of the repository.
        extra: more flags of the compiler.

    Raises:
        OSError: there is no compiler.
        CalledProcessError: it failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        linked = link(root, Path(folder), extra)
        shutil.copy(linked, root / f"{LIBRARY}.new")
        os.replace(root / f"{LIBRARY}.new", root / LIBRARY)
    return root / LIBRARY


def build_program(root: Path, main: Path, library: Path, place: Path, extra: Sequence[str] = ()) -> Path:
    """Compile a program that uses a library of all kernels, linked with `-fvisibility=default`, into `place`.

    The errors are those of `build_library`.
    """
    program = place / main.stem
    found = (f"-I{root / SOURCES}", f"-Wl,-rpath,{library.parent}")
    _run(_compiler(), *_COMMON, *extra, *found, main, library, "-o", program)
    return program


def link(root: Path, place: Path, flags: Sequence[str] = ()) -> Path:
    """Compile all kernels, and link them to a shared library in `place`; the errors are those of `build_library`."""
    compiler = _compiler()

    def compiled(source: Path, own: Sequence[str] = ()) -> Path:
        to = place / f"{source.stem}.o"
        _run(compiler, *_COMMON, *flags, *own, "-c", source, "-o", to)
        return to

    def instruction_set(name: str) -> Path | None:
        if name == "portable":
            return compiled(root / SOURCES / "isa_portable.cpp")
        try:
            return compiled(root / SOURCES / f"isa_{name}.cpp", FLAGS[name]) if _is_x86() else None
        except subprocess.CalledProcessError:
            return None

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        sets = dict(zip(FLAGS, pool.map(instruction_set, FLAGS), strict=True))
    have = [f"-DSEQLOOM_HAVE_{name.upper()}" for name, made in sets.items() if made]
    shared = [path for path in sorted((root / SOURCES).rglob("*.cpp")) if not path.stem.startswith("isa_")]
    version = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    named = {"dispatch": have, "library": [f'-DSEQLOOM_VERSION="{version}"']}
    objects = [compiled(path, named.get(path.stem, ())) for path in shared]
    # What is the same in every set (a vector of the standard library) is taken from the first object that has it, so
    # the plainest come first.
    objects += [made for made in reversed(sets.values()) if made]
    linked = place / LIBRARY.name
    _run(compiler, "-shared", "-pthread", *flags, *objects, "-o", linked)
    return linked


def _compiler() -> str:
    found = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if found is None or os.name != "posix":
        raise OSError("no C++ compiler was found")
    return found


def _run(*command: str | Path) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True)


def _is_x86() -> bool:
    return platform.machine().lower() in ("x86_64", "amd64")


if __name__ == "__main__":
    try:
        print(build_library(Path(__file__).parent, sys.argv[1:]))
    except subprocess.CalledProcessError as error:
        sys.exit(error.stderr)
