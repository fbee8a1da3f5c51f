"""Tell the first stage of a GAN's training from a run that only happens to lie in the same place.

A GAN trains its parent, a language model, in the subfolder `likelihood` of its run folder, and replaces and removes it
together with its own files. A run that the user trained there, next to a run that is no GAN, stays.
"""

import json
from pathlib import Path

from seqloom.files import read_own_file, real_path
from seqloom.runs.stored_paths import from_stored

__all__ = ["has_own_likelihood"]


def has_own_likelihood(path: Path, likelihood: Path, gan_files: tuple[Path, ...]) -> bool:
    """Return whether the folder of a likelihood training belongs to the run above it.

    Args:
        path: run folder.
        likelihood: folder of the likelihood training within it.
        gan_files: files of the run that state the run from which its generator starts, as `parent`: a GAN's `gan.json`
            and its stored request.
    """
    existing = [file for file in gan_files if file.exists()]
    return any(_names_as_parent(file, path, likelihood) for file in existing)


def _names_as_parent(file: Path, path: Path, likelihood: Path) -> bool:
    try:
        parent = json.loads(read_own_file(file)).get("parent")
        if parent is None:  # no other run was requested
            return True
        named = Path(from_stored(parent, path))
        # An older version stored an absolute path, which a moved folder leaves behind.
        return real_path(named) == real_path(likelihood) or (not named.exists() and named.name == likelihood.name)
    except (OSError, ValueError, AttributeError, TypeError):
        return True  # the file is damaged, but only a GAN has it
