import subprocess
import sys
from importlib.metadata import version

import pytest

import seqloom


@pytest.mark.parametrize("name", seqloom.__all__)
def test_every_exported_name_is_there(name: str) -> None:
    assert getattr(seqloom, name).__name__ == name


def test_nothing_else_is() -> None:
    assert seqloom.__all__ == sorted(seqloom.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        seqloom.nothing  # noqa: B018


def test_the_version_is_the_packages() -> None:
    assert seqloom.__version__ == version("seqloom")


@pytest.mark.parametrize("asked", ["seqloom", "seqloom.load", "seqloom.reweight", "seqloom.open_corpus"])
def test_writing_never_waits_for_torch(asked: str) -> None:
    code = f"import seqloom, sys; {asked}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
