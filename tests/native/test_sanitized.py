"""The native kernels under the compiler's sanitizers, in programs of their own."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import native_build
import pytest

from seqloom.kernels.library import available_kernels

ROOT, FOLDER = Path(__file__).parents[2], Path(__file__).parent
PROGRAMS = sorted(path.name for path in FOLDER.glob("*.cpp"))

# Without optimisation the compiler takes a third of the time, and removes no access before it is checked.
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O0")
THREAD_SANITIZER = ("-fsanitize=thread", "-O1", "-g")


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """All programs, with one library of the portable kernels and of the fastest that this processor has."""
    folder = tmp_path_factory.mktemp("kernels")
    try:
        library = native_build.link(ROOT, folder, (*SANITIZERS, "-fvisibility=default"), available_kernels()[:1])
    except OSError as error:
        pytest.skip(str(error))
    with ThreadPoolExecutor() as pool:
        build = pool.map(
            lambda name: native_build.build_program(ROOT, FOLDER / name, [library], folder, SANITIZERS), PROGRAMS
        )
        return dict(zip(PROGRAMS, build, strict=True))


def run(program: Path) -> str:
    done = subprocess.run([program], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_no_access_outside_memory_and_nothing_undefined(name: str, programs: dict[str, Path]) -> None:
    output = run(programs[name])
    expected = {"portable", *available_kernels()[:1]} if name in ("decoding.cpp", "training.cpp") else ()
    assert "ok" in output
    assert all(f"{kernels} ok" in output for kernels in expected)


@pytest.mark.slow
def test_threads_do_not_race(tmp_path: Path) -> None:
    sources = [ROOT / native_build.SOURCES / "runtime" / name for name in ("threads.cpp", "status.cpp")]
    try:
        program = native_build.build_program(ROOT, FOLDER / "threads.cpp", sources, tmp_path, THREAD_SANITIZER)
    except OSError as error:
        pytest.skip(str(error))
    assert run(program) == "threads ok\n"
