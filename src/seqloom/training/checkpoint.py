"""A training snapshot as one file, which is always replaced as a whole.

A `Snapshot` (see `training/loop.py`) is everything that training needs to continue: tensors, and the counters and
losses of `TrainingProgress`.
"""

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from seqloom.errors import RunError
from seqloom.files import replacing_file
from seqloom.training.loop import Snapshot

__all__ = ["load_snapshot", "save_snapshot"]


def save_snapshot(path: Path, snapshot: Snapshot) -> None:
    """Write a snapshot: the tensors, and the progress as JSON in the file's header.

    Raises:
        SeqloomError: the disk is full or the folder cannot be written to.
    """
    with replacing_file(path) as file:
        # Not `save_file` of safetensors: it raises an error of its own class, not an OSError, when the disk is full.
        header = {"progress": json.dumps(dict(snapshot.progress))}
        file.write(save(dict(snapshot.tensors), metadata=header))


def load_snapshot(path: Path) -> Snapshot:
    """Read a snapshot.

    Raises:
        RunError: the file is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
            progress = json.loads(file.metadata()["progress"])
    except FileNotFoundError:
        raise RunError(f"there is no training state at {path} to resume from: start again with `overwrite`") from None
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise RunError(f"the training state {path} is damaged ({error}): start again with `overwrite`") from None
    return Snapshot(tensors, progress)
