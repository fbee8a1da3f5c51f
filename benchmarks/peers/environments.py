"""Virtual environments for the peers, one each, from pinned versions, outside the project.

They lie under the folder that SEQLOOM_PEERS names, by default `~/.cache/seqloom-peers`, and are made once.
"""

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["PEERS", "python_of"]

PEERS: dict[str, tuple[str, ...]] = {
    "tensorflow": ("keras==3.15.1", "tensorflow-cpu==2.21.0", "numpy>=2.0"),
    "jax": ("keras==3.15.1", "jax[cpu]==0.10.2", "numpy>=2.0"),
}
"""What is installed for each peer."""


def python_of(peer: str) -> Path:
    """The interpreter of a peer's environment, which is made where it is not there yet.

    Raises:
        CalledProcessError: it could not be made.
    """
    root = Path(os.environ.get("SEQLOOM_PEERS") or Path.home() / ".cache" / "seqloom-peers") / peer
    python = root / "bin" / "python"
    if not (root / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(root)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PEERS[peer]], check=True)
        (root / "ready").touch()
    return python
