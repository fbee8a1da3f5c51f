"""Virtual environments for the peers, one each, from pinned versions, outside the project.

They lie under the folder that SEQLOOM_PEERS names, by default `~/.cache/seqloom-peers`, and are made once: when one is
first asked for, or when its list of versions (`NAME.txt` beside this file) has changed.

    python benchmarks/peers/environments.py         makes all of them: about 700 MB to fetch, 2.2 GB on disk
"""

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["PEERS", "python_of", "versions"]

HERE = Path(__file__).parent

PEERS = ("tensorflow", "jax")
"""The environments that there are. Torch is measured in the project's own."""

NAMED = ("keras", "tensorflow_cpu", "jax", "jaxlib", "numpy")


def python_of(peer: str) -> Path:
    """The interpreter of a peer's environment, which is made where it is not there yet.

    Raises:
        CalledProcessError: it could not be made.
    """
    root = Path(os.environ.get("SEQLOOM_PEERS") or Path.home() / ".cache" / "seqloom-peers") / peer
    python, ready, wanted = root / "bin" / "python", root / "ready", HERE / f"{peer}.txt"
    pinned = wanted.read_text(encoding="utf-8")
    if not ready.exists() or ready.read_text(encoding="utf-8") != pinned:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(root)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--requirement", str(wanted)], check=True)
        ready.write_text(pinned, encoding="utf-8")
    return python


def versions(peer: str) -> str:
    """The pinned versions that a report names."""
    lines = (HERE / f"{peer}.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line)
    return ", ".join(f"{name.replace('_', '-')} {pins[name]}" for name in NAMED if name in pins)


if __name__ == "__main__":
    for each in PEERS:
        print(python_of(each))
