"""The native kernels under the compiler's sanitizers: each C++ file of this folder is compiled to a program and run."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import native_build
import pytest

from seqloom.kernels.library import available_kernels

ROOT, FOLDER = Path(__file__).parents[2], Path(__file__).parent
PROGRAMS = sorted(path.name for path in FOLDER.glob("*.cpp"))

# Without optimisation, compiling takes a third of the time, and the compiler removes no memory access before the check.
# Two costly checks are left out: an access through a null pointer ends the program without them, and object sizes are
# not known without optimisation.
SANITIZERS = (
    "-fsanitize=address,undefined",
    "-fno-sanitize=null,object-size",
    "-fno-sanitize-recover=all",
    "-O0",
)
THREAD_SANITIZER = ("-fsanitize=thread", "-O1", "-g")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, subprocess.CompletedProcess[str]]:
    """Run all programs at the same time, with one library of the portable and this processor's fastest kernels."""
    folder = tmp_path_factory.mktemp("kernels")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SEQLOOM_NATIVE_STRICT", "1")
        return build_and_run_all(folder)


def build_and_run_all(folder: Path) -> dict[str, subprocess.CompletedProcess[str]]:
    try:
        library = native_build.link(ROOT, folder, (*SANITIZERS, "-fvisibility=default"), available_kernels()[:1])
    except OSError as error:
        pytest.skip(str(error))

    def build_and_run(name: str) -> subprocess.CompletedProcess[str]:
        return run(native_build.build_program(ROOT, FOLDER / name, [library], folder, SANITIZERS))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(PROGRAMS, pool.map(build_and_run, PROGRAMS), strict=True))


def run(program: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program], capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_access_outside_memory_and_nothing_undefined(
    name: str, results: dict[str, subprocess.CompletedProcess[str]]
) -> None:
    completed = results[name]
    assert completed.returncode == 0, completed.stdout + completed.stderr
    if name in ("decoding.cpp", "training.cpp"):  # these print a line for each instruction set
        assert {f"{kernels} ok" for kernels in ("portable", *available_kernels()[:1])} == set(
            completed.stdout.splitlines()
        )
    else:
        assert completed.stdout.endswith(" ok\n")


def test_threads_do_not_race(tmp_path: Path) -> None:
    sources = [ROOT / native_build.SOURCES / "runtime" / name for name in ("threads.cpp", "status.cpp")]
    try:
        program = native_build.build_program(ROOT, FOLDER / "threads.cpp", sources, tmp_path, THREAD_SANITIZER)
    except OSError as error:
        pytest.skip(str(error))
    completed = run(program)
    assert (completed.returncode, completed.stdout) == (0, "threads ok\n"), completed.stdout + completed.stderr
