"""Safetensors files with a checksum and the identity of their run.

An array file of a run has the identity of the run in its metadata. The weights also have the step at which they were
saved, and the training state has step and checksum of the newest weights at the time of its own save. Weights of an
older checkpoint, or of another training with equal settings, therefore do not pass as the weights of a run.
"""

from collections.abc import Mapping
from pathlib import Path

from seqloom.checksums import ArraysHeader, ChecksumError, arrays_with_checksum, check_arrays, read_arrays_header
from seqloom.files import open_own_file, read_own_file, replacing_file

__all__ = ["ForeignFileError", "check_weights_of_state", "read_array_file", "read_header", "write_array_file"]


class ForeignFileError(ValueError):
    """A file belongs to another run or to another checkpoint."""


def write_array_file(path: Path, content: bytes, metadata: Mapping[str, str]) -> None:
    """Write a Safetensors file with metadata and a checksum, atomically.

    Args:
        path: path of the file.
        content: Safetensors file without metadata.
        metadata: metadata of the file.

    Raises:
        SeqloomError: the disk is full or the folder cannot be written to.
    """
    start, arrays = arrays_with_checksum(content, metadata)
    with replacing_file(path) as file:
        file.write(start)
        file.write(arrays)


def read_array_file(path: Path, run_id: str | None) -> tuple[bytes, ArraysHeader]:
    """Return the content and the header of a Safetensors file after checking them.

    Args:
        path: path of the file.
        run_id: identity of the run; None for a run of an older version, whose files may lack a checksum.

    Raises:
        OSError: the file cannot be read.
        ForeignFileError: the file belongs to another run.
        ValueError: the file is damaged.
    """
    content = read_own_file(path)
    header = check_arrays(content)
    if run_id is not None and not header.has_checksum:
        raise ChecksumError
    if run_id is not None and header.metadata.get("run") != run_id:
        raise ForeignFileError("it belongs to another run; copy the file of this run again")
    return content, header


def read_header(path: Path) -> ArraysHeader | None:
    """Return the header of a Safetensors file, without checking the file; None if there is no readable header."""
    try:
        with open_own_file(path) as file:
            return read_arrays_header(file)
    except (OSError, ValueError):
        return None


def check_weights_of_state(weights: ArraysHeader, state: ArraysHeader) -> None:
    """Check that weights are not older than a training state.

    The weights are saved before the state, so that weights that are newer than the state are those of a training that
    was interrupted between the two.

    Raises:
        ForeignFileError: the weights are of an older checkpoint, or of another training.
    """
    step, expected_step = weights.metadata.get("step", ""), state.metadata.get("weights_step", "")
    if not (step.isdecimal() and expected_step.isdecimal()) or int(step) > int(expected_step):
        return
    if int(step) < int(expected_step) or weights.checksum != state.metadata.get("weights_sha256"):
        raise ForeignFileError(
            "it belongs to another checkpoint than the training state of the run; copy both files of one run again"
        )
