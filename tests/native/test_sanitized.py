"""The native kernels under the sanitizers of the compiler, in programs of their own."""

import subprocess
from pathlib import Path

import native_build
import pytest

ROOT = Path(__file__).parents[2]
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O1", "-g")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All kernels, sanitized, with their insides open to a program."""
    try:
        return native_build.link(ROOT, tmp_path_factory.mktemp("kernels"), (*SANITIZERS, "-fvisibility=default"))
    except OSError as error:
        pytest.skip(str(error))


@pytest.mark.slow
@pytest.mark.parametrize("program", sorted(path.name for path in Path(__file__).parent.glob("*.cpp")))
def test_no_step_outside_memory_and_nothing_undefined(program: str, library: Path, tmp_path: Path) -> None:
    linked = native_build.build_program(ROOT, Path(__file__).with_name(program), library, tmp_path, SANITIZERS)
    done = subprocess.run([linked], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "portable ok" in done.stdout
