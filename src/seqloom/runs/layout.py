"""The files of a run folder: their paths, and how each is read and written."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from seqloom import disk
from seqloom.codecs import codec_from_json
from seqloom.codecs.base import Codec
from seqloom.errors import RunError, SeqloomError, UserError
from seqloom.files import cannot_write, replacing_file, write_json
from seqloom.replacement import LOCK_FILE, Replacement, restore, settle
from seqloom.runs.config import RunConfig
from seqloom.runs.migrations import migrate
from seqloom.runs.stored_paths import from_stored, source_to_stored, to_stored

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PLOTS", "RunFolder"]

PLOTS = ("loss", "gan", "temperature", "entropy")
"""Names of the plots of a run, without their extension."""

_OTHER_KINDS = ("critic", "detector")
"""Kinds of folders that are not runs; each contains a JSON file named after its kind, such as `critic.json`."""


class RunFolder:
    """The files of one run.

    A training that replaces an older run writes its files to a staging folder until its first complete save; see
    `seqloom.replacement`.

    Args:
        path: run folder; it need not exist.
        root: folder of the files; None for `path`.
    """

    def __init__(self, path: str | Path, root: Path | None = None) -> None:
        self.path = Path(path)
        self._replacement: Replacement | None = None
        self._place_files(self.path if root is None else root)

    def _place_files(self, root: Path) -> None:
        """Set the paths of all files."""
        self.root = root
        self.config_file = root / "config.json"
        self.codec_file = root / "codec.json"
        self.weights_file = root / "model.safetensors"
        self.state_file = root / "state" / "training.safetensors"
        self.gan_file = root / "gan.json"
        self.gan_request_file = root / "asked.json"  # settings of a GAN before its first checkpoint
        self.gan_state_file = root / "state" / "gan.safetensors"
        self.log_file = root / "log.jsonl"
        self.metrics_file = root / "metrics.json"
        self.report_file = root / "report.md"
        self.samples_folder = root / "samples"
        self.plots_folder = root / "plots"

    @property
    def likelihood_folder(self) -> "RunFolder":
        """The run of the likelihood training, the first stage of a GAN's training."""
        return RunFolder(self.path / "likelihood", self.root / "likelihood")

    @property
    def backup_folder(self) -> Path:
        """Folder in which earlier versions of seqloom kept a run while a training replaced it."""
        return self.path / "state" / "replaced"

    @property
    def is_staged(self) -> bool:
        """Whether the files are in a staging folder, and `path` still has the older run."""
        return self.root != self.path

    @property
    def is_resumable(self) -> bool:
        """Whether `path` has weights and training state of this very training or, outside of a training, of any."""
        return not self.is_staged and self._is_saved

    @property
    def _is_saved(self) -> bool:
        return self.weights_file.exists() and (self.state_file.exists() or self.gan_state_file.exists())

    def stage(self, replacement: Replacement) -> None:
        """Write all files to a staging folder until the first complete save."""
        self._replacement = replacement
        self._place_files(replacement.staged)

    def publish(self) -> None:
        """After a save, put staged files in place of the older run, once they include weights and training state.

        Raises:
            SeqloomError: the disk is full or the folder cannot be written to.
        """
        if self._replacement is not None and self._is_saved:
            replacement, self._replacement = self._replacement, None
            replacement.commit()
            self._place_files(self.path)

    def unstage(self) -> None:
        """Go back to the files of the older run, if there has been no complete save."""
        self._replacement = None
        self._place_files(self.path)

    def written_files(self) -> list[Path]:
        """Return the existing files that seqloom wrote, the likelihood training of a GAN included, but not its lock."""
        files = (
            *(self.config_file, self.codec_file, self.weights_file, self.state_file, self.log_file),
            *(self.metrics_file, self.report_file, self.gan_file, self.gan_state_file, self.gan_request_file),
            *(self.plots_folder / f"{name}.png" for name in PLOTS),
        )
        samples = sorted([*self.samples_folder.glob("epoch-*.txt"), *self.samples_folder.glob("round-*.txt")])
        own = [file for file in (*files, *samples) if file.exists()]
        if not self.likelihood_folder.root.is_dir():
            return own
        likelihood = self.likelihood_folder
        lock = likelihood.root / "state" / LOCK_FILE
        return [*own, *likelihood.written_files(), *([lock] if lock.exists() else [])]

    def settle(self) -> bool:
        """Complete or undo what a killed process left; see `seqloom.replacement.settle`.

        A run that an earlier version of seqloom was replacing is brought back, unless the new run has weights.

        Returns:
            Whether a replacement was discarded before its first complete save: the folder has the older run.

        Raises:
            RunError: a replacement was interrupted, and this process may not complete it.
            SeqloomError: the disk is full or damaged.
        """
        if self.is_staged:
            return False
        is_discarded = settle(self.path)
        if self.backup_folder.is_dir():
            # A living process of an earlier version holds the lock; a run that cannot be written to stays as it is.
            with contextlib.suppress(SeqloomError, OSError), self.locked():
                is_discarded |= self._restore_backup()
        return is_discarded

    def _restore_backup(self) -> bool:
        """Bring back the run in the backup folder, and return True; return False if there is no run to bring back."""
        backup = RunFolder(self.backup_folder)
        has_new_run = self.config_file.exists() and self.weights_file.exists()
        if has_new_run or not backup.config_file.exists():
            with contextlib.suppress(OSError):
                disk.remove_folder(self.backup_folder)  # does nothing unless the folder is empty
            return False
        # The files were moved one after another, the config first. Where there is a config, all of them had been moved,
        # and the files in the folder belong to the new training, which has no weights yet.
        removed = self.written_files() if self.config_file.exists() else []
        restore(self.path, self.backup_folder, removed)
        return True

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

        lock = self.state_file.parent / LOCK_FILE
        try:
            disk.make_folder(lock.parent)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        try:
            with filelock.FileLock(lock, timeout=0):
                yield
        except filelock.Timeout:
            raise RunError(
                f"another process is training into {self.path}: wait for it, stop it, or name another folder"
            ) from None

    def remove_request(self) -> None:
        """Remove the request of a GAN, if there is one.

        Raises:
            SeqloomError: the folder cannot be written to.
        """
        try:
            disk.unlink(self.gan_request_file, missing_ok=True)
        except OSError as error:
            raise cannot_write(self.gan_request_file, error) from error

    def write_config(self, config: RunConfig, codec: Codec[Any]) -> None:
        """Write `codec.json`, then `config.json`.

        Raises:
            SeqloomError: the disk is full or the folder cannot be written to.
        """
        write_json(self.codec_file, codec.to_json())
        sources = tuple(source_to_stored(source, self.path) for source in config.sources)
        parent = None if config.parent is None else to_stored(config.parent, self.path)
        write_json(self.config_file, replace(config, sources=sources, parent=parent).to_json())

    def read_config(self) -> RunConfig:
        """Read `config.json`. Paths that are stored relative to the run are returned relative to the working folder.

        Raises:
            RunError: the file is missing, damaged, or has a newer format.
        """
        stored = migrate(self.read_json(self.config_file), str(self.config_file))
        try:
            config = RunConfig.from_json(stored)
            sources = tuple(from_stored(source, self.path) for source in config.sources)
            parent = None if config.parent is None else from_stored(config.parent, self.path)
            return replace(config, sources=sources, parent=parent)
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

        with replacing_file(self.weights_file) as file:
            file.write(save({name: tensor.detach().contiguous() for name, tensor in tensors.items()}))

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
