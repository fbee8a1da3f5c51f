"""Check all files of a run that have a checksum, also those that the next command would not read."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from seqloom.array_files import read_array_file
from seqloom.errors import RunError
from seqloom.files import describe_unreadable, read_own_file
from seqloom.runs.layout import RunFolder

__all__ = ["verify_run"]


def verify_run(folder: RunFolder) -> tuple[str, ...]:
    """Check the checksums of all files of a run, and return the names of the files.

    Raises:
        RunError: files are damaged, or belong to another run or checkpoint; one line for each.
    """
    names: list[str] = []
    faults: list[str] = []
    for file, check in _checks(folder):
        try:
            check()
        except RunError as error:
            faults += error.faults
        names.append(file.relative_to(folder.path).as_posix())
    if folder.has_own_likelihood and folder.likelihood_folder.holds_run:
        try:
            names += [f"likelihood/{name}" for name in verify_run(folder.likelihood_folder)]
        except RunError as error:
            faults += error.faults
    if faults:
        raise RunError(*faults)
    return tuple(names)


def _checks(folder: RunFolder) -> Iterator[tuple[Path, Callable[[], Any]]]:
    """Yield the existing files with the functions that check them; the config, with the run's identity, comes first."""
    checks: tuple[tuple[Path, Callable[[], Any]], ...] = (
        (folder.config_file, folder.read_config),
        (folder.codec_file, folder.read_codec),
        (folder.weights_file, folder.read_weights),
        (folder.state_file, lambda: _check_state(folder, folder.state_file)),
        (folder.gan_state_file, lambda: _check_state(folder, folder.gan_state_file)),
        (folder.gan_file, folder.read_gan_json),
        (folder.gan_request_file, lambda: folder.read_json(folder.gan_request_file)),
        (folder.log_file, lambda: _check_log(folder)),
        (folder.metrics_file, folder.read_metrics),
    )
    for file, check in checks:
        if file.exists():
            yield file, check


def _check_log(folder: RunFolder) -> None:
    """Check every line of the log, and, once the training is finished, that it has all its lines."""
    folder.read_log()
    metrics = folder.read_json(folder.metrics_file) if folder.metrics_file.exists() else {}
    checksum = sha256(read_own_file(folder.log_file)).hexdigest()
    if metrics.get("log_sha256", checksum) != checksum:
        raise RunError(f"{folder.log_file} is damaged: it lacks lines, or has lines of another training; copy it again")


def _check_state(folder: RunFolder, file: Path) -> None:
    try:
        read_array_file(file, folder.run_id)
    except (OSError, ValueError) as error:
        raise RunError(describe_unreadable(file, error)) from None
