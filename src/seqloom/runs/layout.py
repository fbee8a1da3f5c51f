"""The files of a run folder: which file is where, and how each is read and written."""

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
from seqloom.files import replaced, write_json
from seqloom.runs.config import RunConfig
from seqloom.runs.migrations import migrate

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PLOTS", "RunFolder"]

PLOTS = ("loss", "gan", "temperature", "entropy")
"""The plots of a run, by name."""

_OTHERS = {"critic": "predicts ratings", "detector": "tells generated texts from real ones"}
"""What else than a run a folder may hold, and what that does."""


class RunFolder:
    """The files of one run.

    Args:
        path: the folder; need not be there yet.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config_file = self.path / "config.json"
        self.codec_file = self.path / "codec.json"
        self.weights_file = self.path / "model.safetensors"
        self.state_file = self.path / "state" / "training.safetensors"
        self.gan_file = self.path / "gan.json"
        self.gan_request_file = self.path / "asked.json"
        self.gan_state_file = self.path / "state" / "gan.safetensors"
        self.backup_folder = self.path / "state" / "replaced"
        self.log_file = self.path / "log.jsonl"
        self.metrics_file = self.path / "metrics.json"
        self.report_file = self.path / "report.md"
        self.samples_folder = self.path / "samples"
        self.plots_folder = self.path / "plots"

    @property
    def holds_run(self) -> bool:
        """Whether anything of a run is here."""
        kept = (self.config_file, self.codec_file, self.weights_file, self.state_file, self.gan_request_file)
        return any(file.exists() for file in kept)

    def would_replace(self) -> list[str]:
        """The files here that a training would replace, by name."""
        plots = [self.plots_folder / f"{name}.png" for name in PLOTS]
        own = (self.log_file, self.metrics_file, self.report_file, *plots)
        return [str(file.relative_to(self.path)) for file in own if file.exists()]

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from training into this folder.

        Raises:
            RunError: one is at it.
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

    def write_config(self, config: RunConfig, codec: Codec) -> None:
        """Write `codec.json`, then `config.json`.

        Raises:
            SeqloomError: the disk is full or the folder cannot be written to.
        """
        write_json(self.codec_file, codec.to_json())
        write_json(self.config_file, config.to_json())

    @property
    def other_kind(self) -> str | None:
        """What the folder holds in place of a run: "critic", "detector", or None where there is neither."""
        return (
            None if self.holds_run else next((kind for kind in _OTHERS if (self.path / f"{kind}.json").is_file()), None)
        )

    def read_config(self) -> RunConfig:
        """Read `config.json`.

        Raises:
            RunError: the folder or the file is missing, damaged, or from a newer format.
        """
        if self.path.is_file():
            raise RunError(f"{self.path} is a file, and a run is a folder: name the folder that was given to `run`")
        if other := self.other_kind:
            raise RunError(
                f"{self.path} holds a {other}, which {_OTHERS[other]} and writes nothing: name the folder of a run; "
                f"'seqloom info {self.path}' tells of the {other}"
            )
        if self.gan_request_file.exists() and not self.config_file.exists():
            raise RunError(
                f"{self.path} is a GAN that has not begun to write: go on with it by 'seqloom gan train --resume --run "
                f"{self.path}'"
            )
        if not self.holds_run:
            raise RunError(f"no run at {self.path}: train one with 'seqloom train SOURCE --run {self.path}'")
        stored = migrate(self.read_json(self.config_file), str(self.config_file))
        try:
            return RunConfig.from_json(stored)
        except KeyError as error:
            raise RunError(f"{self.config_file} is damaged: {error} is missing") from None
        except (UserError, TypeError, ValueError, AttributeError) as error:
            raise RunError(f"{self.config_file} is damaged: {error}") from None

    def read_codec(self) -> Codec:
        """Read `codec.json`.

        Raises:
            RunError: it is missing or damaged.
        """
        try:
            return codec_from_json(self.read_json(self.codec_file))
        except UserError as error:
            if isinstance(error, RunError):
                raise
            raise RunError(f"{self.codec_file} is damaged: {error}") from None

    def read_weights(self) -> dict[str, np.ndarray]:
        """Read `model.safetensors` as arrays.

        Raises:
            RunError: there are none yet, or the file is damaged.
        """
        if not self.weights_file.exists():
            training = "gan train" if self.gan_file.exists() or self.gan_request_file.exists() else "train"
            older = (
                f"; what it was to take the place of is in {self.backup_folder}" if self.backup_folder.exists() else ""
            )
            raise RunError(
                f"{self.path} has no weights yet: its training has not got far enough; wait, or go on with "
                f"'seqloom {training} --resume --run {self.path}'{older}"
            )
        try:
            return load_file(self.weights_file)
        except (SafetensorError, OSError, ValueError) as error:
            raise RunError(f"{self.weights_file} is damaged ({error}): train again, or copy the run anew") from None

    def write_weights(self, tensors: Mapping[str, "Tensor"]) -> None:
        """Replace `model.safetensors`.

        Raises:
            SeqloomError: the disk is full or the folder cannot be written to.
        """
        from safetensors.torch import save

        with replaced(self.weights_file) as temporary:
            temporary.write_bytes(save({name: tensor.detach().contiguous() for name, tensor in tensors.items()}))

    def read_log(self) -> list[dict[str, Any]]:
        """The lines of `log.jsonl`; a last line that was cut off is left out.

        Raises:
            RunError: another line is damaged.
        """
        if not self.log_file.exists():
            return []
        lines, written = [], self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
        for number, line in enumerate(written, 1):
            try:
                found = json.loads(line)
            except ValueError:
                found = None
                if number == len(written):
                    break
            if not _is_log_line(found):
                raise RunError(f"{self.log_file} is damaged: {line[:60]!r} is no line of a training's log; remove it")
            lines.append(found)
        return lines

    def read_metrics(self) -> dict[str, Any]:
        """`metrics.json`: what was measured when training ended; empty before that.

        Raises:
            RunError: it is damaged.
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
                f"{self.path} holds no whole run: {file.name} is missing; train into it again with `overwrite`"
            ) from None
        except (OSError, ValueError, RecursionError) as error:
            raise RunError(f"{file} is damaged: {error}") from None
        if not isinstance(value, dict):
            raise RunError(f"{file} is damaged: it holds no JSON object")
        return value


def _is_log_line(found: Any) -> bool:
    """Whether a line of the log has a step and nothing but numbers."""
    return (
        isinstance(found, dict)
        and isinstance(found.get("step"), int)
        and all(isinstance(value, int | float) for value in found.values())
    )
