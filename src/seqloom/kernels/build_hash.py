"""The hash of the native sources and their compiler flags, which tells whether a compiled library is up to date.

`native_build.py` loads this file on its own, before the package can be imported, so it uses the standard library only.
"""

import hashlib
from pathlib import Path

__all__ = ["build_hash"]

_SUFFIXES = (".cpp", ".h", ".toml")


def build_hash(folder: Path) -> str | None:
    """Return the hash of a folder of native sources; None if the folder has no sources.

    Args:
        folder: folder of the sources, which include the compiler flags in `build.toml`.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix in _SUFFIXES)
    if not paths:
        return None
    digest = hashlib.sha256()
    for path in paths:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:32]
