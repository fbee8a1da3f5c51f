"""The files of a run folder: their paths, and how each is read and written."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from seqloom.codecs import codec_from_json
from seqloom.codecs.base import Codec
from seqloom.errors import RunError, UserError
from seqloom.files import replacing_file, write_json
from seqloom.runs.config import RunConfig
from seqloom.runs.migrations import migrate

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PLOTS", "RunFolder"]

PLOTS = ("loss", "gan", "temperature", "entropy")
"""Names of the plots of a run, without their extension."""

_OTHER_KINDS = ("critic", "detector")
"""Kinds of folders that are not runs; each contains a JSON file named after its kind, such as `critic.json`."""


class RunFolder:
    """The files of one run.

    Args:
        path: run folder; it need not exist.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config_file = self.path / "config.json"
        self.codec_file = self.path / "codec.json"
        self.weights_file = self.path / "model.safetensors"
        self.state_file = self.path / "state" / "training.safetensors"
        self.gan_file = self.path / "gan.json"
        self.gan_request_file = self.path / "asked.json"  # settings of a GAN before its first checkpoint
        self.gan_state_file = self.path / "state" / "gan.safetensors"
        self.backup_folder = self.path / "state" / "replaced"  # the files of a run that a new training replaces
        self.log_file = self.path / "log.jsonl"
        self.metrics_file = self.path / "metrics.json"
        self.report_file = self.path / "report.md"
        self.samples_folder = self.path / "samples"
        self.plots_folder = self.path / "plots"

    @property
    def holds_run(self) -> bool:
        """Whether the folder has any essential file of a run."""
        files = (self.config_file, self.codec_file, self.weights_file, self.state_file, self.gan_request_file)
        return any(file.exists() for file in files)

    @property
    def other_kind(self) -> str | None:
        """What the folder contains if it is not a run: "critic", "detector", or None for neither."""
        if self.holds_run:
            return None
        return next((kind for kind in _OTHER_KINDS if (self.path / f"{kind}.json").is_file()), None)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from training into this folder.

        Raises:
            RunError: another process is training into it.
            SeqloomError: the folder cannot be written to.
        """
        import filelock

        lock = self.state_file.parent / "training.lock"
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            with filelock.FileLock(lock, timeout=0):
                yield
        except filelock.Timeout:
            raise RunError(
                f"another process is training into {self.path}: wait for it, stop it, or name another folder"
            ) from None

    def write_config(self, config: RunConfig, codec: Codec[Any]) -> None:
        """Write `codec.json`, then `config.json`.

        Raises:
            SeqloomError: the disk is full or the folder cannot be written to.
        """
        write_json(self.codec_file, codec.to_json())
        write_json(self.config_file, config.to_json())

    def read_config(self) -> RunConfig:
        """Read `config.json`.

        Raises:
            RunError: the file is missing, damaged, or has a newer format.
        """
        stored = migrate(self.read_json(self.config_file), str(self.config_file))
        try:
            return RunConfig.from_json(stored)
        except KeyError as error:
            raise RunError(f"{self.config_file} is damaged: {error} is missing") from None
        except (UserError, TypeError, ValueError, AttributeError) as error:
            raise RunError(f"{self.config_file} is damaged: {error}") from None

    def read_codec(self) -> Codec[Any]:
        """Read `codec.json`.

        Raises:
            RunError: the file is missing or damaged.
        """
        try:
            return codec_from_json(self.read_json(self.codec_file))
        except UserError as error:
            if isinstance(error, RunError):
                raise
            raise RunError(f"{self.codec_file} is damaged: {error}") from None

    def read_weights(self) -> dict[str, np.ndarray]:
        """Read `model.safetensors`.

        Returns:
            Arrays by name.

        Raises:
            RunError: the file is missing or damaged.
        """
        if not self.weights_file.exists():
            command = "gan train" if self.gan_file.exists() or self.gan_request_file.exists() else "train"
            backup = f"; the replaced run is in {self.backup_folder}" if self.backup_folder.exists() else ""
            raise RunError(
                f"{self.path} has no weights yet: its training has not reached a checkpoint; wait, or continue with "
                f"'seqloom {command} --resume --run {self.path}'{backup}"
            )
        try:
            return load_file(self.weights_file)
        # A number type that NumPy does not have is a TypeError or an AttributeError.
        except (SafetensorError, OSError, ValueError, TypeError, AttributeError) as error:
            raise RunError(f"{self.weights_file} is damaged ({error}): train again, or copy the run again") from None

    def write_weights(self, tensors: Mapping[str, "Tensor"]) -> None:
        """Replace `model.safetensors`.

        Raises:
            SeqloomError: the disk is full or the folder cannot be written to.
        """
        from safetensors.torch import save

        with replacing_file(self.weights_file) as temporary:
            temporary.write_bytes(save({name: tensor.detach().contiguous() for name, tensor in tensors.items()}))

    def read_log(self) -> list[dict[str, Any]]:
        """Read the lines of `log.jsonl`; a last line that is not complete JSON is skipped.

        Raises:
            RunError: a line is damaged.
        """
        if not self.log_file.exists():
            return []
        lines = []
        texts = self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
        for number, text in enumerate(texts, start=1):
            try:
                line = json.loads(text)
            except ValueError:
                line = None
                if number == len(texts):
                    break
            if not _is_log_line(line):
                raise RunError(f"{self.log_file} is damaged: {text[:60]!r} is not a line of a training log; remove it")
            lines.append(line)
        return lines

    def read_metrics(self) -> dict[str, Any]:
        """Read `metrics.json`, the measurements at the end of the training; empty before the end.

        Raises:
            RunError: the file is damaged.
        """
        metrics = self.read_json(self.metrics_file) if self.metrics_file.exists() else {}
        if not all(isinstance(metrics.get(part, {}), dict) for part in ("validation", "held_out")):
            raise RunError(f"{self.metrics_file} is damaged: remove it, or train again with `overwrite`")
        return metrics

    def read_json(self, file: Path) -> dict[str, Any]:
        """Read a JSON object from one of the files of the run.

        Raises:
            RunError: the file is missing or damaged.
        """
        try:
            value = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise RunError(
                f"{self.path} is incomplete: {file.name} is missing; train into the folder again with `overwrite`"
            ) from None
        except (OSError, ValueError, RecursionError) as error:
            raise RunError(f"{file} is damaged: {error}") from None
        if not isinstance(value, dict):
            raise RunError(f"{file} is damaged: it is not a JSON object")
        return value


def _is_log_line(value: Any) -> bool:
    """Return whether a value is a JSON object of numbers whose "step" is an integer."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("step"), int)
        and all(isinstance(number, int | float) for number in value.values())
    )
