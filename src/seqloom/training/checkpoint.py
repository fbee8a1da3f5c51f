"""A training snapshot as one file, which is always replaced as a whole.

A `Snapshot` (see `training/loop.py`) is everything that training needs to continue: tensors, and the counters and
losses of `TrainingProgress`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from safetensors import SafetensorError
from safetensors.torch import load, save

from seqloom.array_files import read_array_file, write_array_file
from seqloom.errors import RunError
from seqloom.training.loop import Snapshot

__all__ = ["load_snapshot", "save_snapshot"]


_NO_METADATA: Mapping[str, str] = MappingProxyType({})


def save_snapshot(path: Path, snapshot: Snapshot, metadata: Mapping[str, str] = _NO_METADATA) -> None:
    """Write a snapshot: the tensors, and the progress as JSON in the file's header.

    Args:
        path: path of the file.
        snapshot: state of the training.
        metadata: identity of the run and its weights; see `RunFolder.state_metadata`.

    Raises:
        SeqloomError: the disk is full or the folder cannot be written to.
    """
    header = {**metadata, "progress": json.dumps(dict(snapshot.progress))}
    write_array_file(path, save(dict(snapshot.tensors)), header)


def load_snapshot(path: Path, run_id: str | None = None) -> Snapshot:
    """Read a snapshot.

    Args:
        path: path of the file.
        run_id: identity of the run; None for a run of an older version.

    Raises:
        RunError: the file is missing or damaged.
    """
    try:
        content, header = read_array_file(path, run_id)
        tensors, progress = load(content), json.loads(header.metadata["progress"])
    except FileNotFoundError:
        raise RunError(f"there is no training state at {path} to resume from: start again with `overwrite`") from None
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise RunError(f"the training state {path} is damaged: {error}; or start again with `overwrite`") from None
    return Snapshot(tensors, progress)
