"""Virtual environments for the peers, with pinned versions, outside the project.

The environments are in the folder SEQLOOM_PEERS (`~/.cache/seqloom-peers` by default). Each one is created on first
use, and again when its list of versions (`NAME.txt` in this folder) changes.

    python benchmarks/peers/environments.py         create all of them: about 700 MB to download, 2.2 GB on disk
"""

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["PEERS", "python_of", "versions"]

HERE = Path(__file__).parent

PEERS = ("tensorflow", "jax")
"""Names of the environments. Torch is measured in the project's environment."""

NAMED = ("keras", "tensorflow_cpu", "jax", "jaxlib", "numpy")


def python_of(peer: str) -> Path:
    """Return the interpreter of a peer's environment; create the environment if necessary.

    Raises:
        CalledProcessError: the environment could not be created.
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
    """Return the pinned versions to show in a report."""
    lines = (HERE / f"{peer}.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line)
    return ", ".join(f"{name.replace('_', '-')} {pins[name]}" for name in NAMED if name in pins)


if __name__ == "__main__":
    for each in PEERS:
        print(python_of(each))
