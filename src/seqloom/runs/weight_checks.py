"""Check that weights belong to the training state beside them, and that their number types are valid."""

from collections.abc import Iterable
from pathlib import Path

from seqloom.array_files import ForeignFileError, check_weights_of_state, read_header
from seqloom.checksums import ArraysHeader

__all__ = ["check_checkpoint", "check_number_types"]

_NUMBER_TYPES = ("F16", "F32", "F64")
"""Types that weights may have; seqloom writes F32."""


def check_number_types(weights: ArraysHeader) -> None:
    """Raise a ValueError unless all weights are floating-point numbers that NumPy has."""
    for name, tensor in weights.tensors.items():
        if not isinstance(tensor, dict) or tensor.get("dtype") not in _NUMBER_TYPES:
            raise ValueError(f"{name} is {tensor!r}, and weights have the type F32 (float32)")


def check_checkpoint(
    weights: ArraysHeader, state_files: Iterable[Path], run_id: str, final_checksum: str | None
) -> None:
    """Check that weights and training state are of one checkpoint.

    Args:
        weights: header of the file of weights.
        state_files: possible files of the training state; missing ones are left out.
        run_id: identity of the run.
        final_checksum: checksum of the weights of a finished training; None before its end.

    Raises:
        ForeignFileError: the weights, or the state of a finished training, are of another checkpoint.
    """
    if final_checksum is not None and weights.checksum != final_checksum:
        raise ForeignFileError("it belongs to another training than metrics.json; copy both files of one run again")
    for file in state_files:
        state = read_header(file)
        if state is None or state.metadata.get("run") != run_id:
            continue
        check_weights_of_state(weights, state)
        if final_checksum is not None and state.metadata.get("weights_sha256", final_checksum) != final_checksum:
            raise ForeignFileError(
                f"{file.name} and metrics.json belong to different trainings; copy both files of one run again"
            )
