"""The native kernels under the sanitizers of the compiler, in programs of their own."""

import subprocess
from pathlib import Path

import native_build
import pytest

ROOT = Path(__file__).parents[2]
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O1", "-g")


@pytest.mark.slow
@pytest.mark.parametrize("program", sorted(path.name for path in Path(__file__).parent.glob("*.cpp")))
def test_no_step_outside_memory_and_nothing_undefined(program: str, tmp_path: Path) -> None:
    try:
        linked = native_build.build_program(ROOT, Path(__file__).with_name(program), tmp_path, SANITIZERS)
    except OSError as error:
        pytest.skip(str(error))
    done = subprocess.run([linked], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "portable ok" in done.stdout
