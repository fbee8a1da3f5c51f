"""The files of a run folder: their paths, and how each is read and written."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from seqloom import disk
from seqloom.array_files import read_array_file, read_header, write_array_file
from seqloom.checksums import checked_json
from seqloom.codecs import codec_from_json
from seqloom.codecs.base import Codec
from seqloom.errors import RunError, SeqloomError, UserError
from seqloom.files import cannot_write, describe_unreadable, read_own_file, write_checked_json
from seqloom.replacement import LOCK_FILE, Replacement, restore, settle
from seqloom.runs.config import RunConfig
from seqloom.runs.log_lines import parse_log
from seqloom.runs.migrations import FIRST_CHECKED_FORMAT, FORMAT, migrate
from seqloom.runs.own_likelihood import has_own_likelihood
from seqloom.runs.stored_paths import from_stored, source_to_stored, to_stored
from seqloom.runs.weight_checks import check_checkpoint, check_number_types

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PLOTS", "RunFolder"]

PLOTS = ("loss", "gan", "temperature", "entropy", "drawings", "music")
"""Names of the plots of a run, without their extension."""

_METRICS_ORIGIN = ("format", "run", "weights_sha256", "log_sha256")
"""Fields of `metrics.json` that are no measurements."""

_SAMPLE_FILE = re.compile(r"(epoch|round)-\d+\.txt")


class RunFolder:
    """The files of one run.

    A training that replaces an older run writes its files to a staging folder until its first complete save; see
    `seqloom.replacement`.

    Args:
        path: run folder; it need not exist.
        root: folder of the files; None for `path`.

    Attributes:
        run_id: identity of the run, once `config.json` has been read or written; None for a run of an older version.
    """

    def __init__(self, path: str | Path, root: Path | None = None) -> None:
        self.path = Path(path)
        self.run_id: str | None = None
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
    def has_own_likelihood(self) -> bool:
        """Whether the likelihood training, if there is one, belongs to this run, and is no run of its own."""
        return self.likelihood_folder.root.is_dir() and has_own_likelihood(
            self.path, self.likelihood_folder.path, (self.gan_file, self.gan_request_file)
        )

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
        samples = sorted(file for file in self.samples_folder.glob("*.txt") if _SAMPLE_FILE.fullmatch(file.name))
        own = [file for file in (*files, *samples) if file.exists()]
        if not self.has_own_likelihood:
            return own
        likelihood = self.likelihood_folder
        lock = likelihood.root / "state" / LOCK_FILE
        # The files that tell whom the likelihood training belongs to are the last to be removed.
        return [*likelihood.written_files(), *([lock] if lock.exists() else []), *own]

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
        if self.backup_folder.is_dir() and not self.backup_folder.is_symlink():
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

    def write_config(self, config: RunConfig, codec: Codec[Any]) -> None:
        """Write `codec.json`, then `config.json`.

        Raises:
            SeqloomError: the disk is full or the folder cannot be written to.
        """
        self.run_id = config.run_id
        write_checked_json(
            self.codec_file, {**codec.to_json(), **({} if config.run_id is None else {"run_id": config.run_id})}
        )
        sources = tuple(source_to_stored(source, self.path) for source in config.sources)
        parent = None if config.parent is None else to_stored(config.parent, self.path)
        write_checked_json(self.config_file, replace(config, sources=sources, parent=parent).to_json())

    @property
    def _identity(self) -> dict[str, str]:
        return {} if self.run_id is None else {"run": self.run_id}

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
            self.run_id = config.run_id
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
        stored = self.read_json(self.codec_file, required_from_format=None if self.run_id is None else 0)
        if self.run_id is not None and stored.pop("run_id", None) != self.run_id:
            raise RunError(f"{self.codec_file} belongs to another run: copy the file of this run again")
        try:
            return codec_from_json(stored)
        except UserError as error:
            if isinstance(error, RunError):
                raise
            raise RunError(f"{self.codec_file} is damaged: {error}") from None

    def read_gan_json(self) -> dict[str, Any]:
        """Return the content of `gan.json`.

        Raises:
            RunError: the file is missing or damaged, or belongs to another run.
        """
        return self._read_own_json(self.gan_file)

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
            content, header = read_array_file(self.weights_file, self.run_id)
            check_number_types(header)
            if self.run_id is not None:
                check_checkpoint(header, (self.state_file, self.gan_state_file), self.run_id, self._final_checksum())
            return load(content)
        # A number type that NumPy does not have is a TypeError or an AttributeError.
        except (SafetensorError, OSError, ValueError, TypeError, AttributeError) as error:
            raise RunError(describe_unreadable(self.weights_file, error)) from None

    def write_weights(self, tensors: Mapping[str, "Tensor"], step: int = 0) -> None:
        """Replace `model.safetensors`.

        Args:
            tensors: weights by name.
            step: number of training steps behind the weights.

        Raises:
            SeqloomError: the disk is full or the folder cannot be written to.
        """
        from safetensors.torch import save

        content = save({name: tensor.detach().contiguous() for name, tensor in tensors.items()})
        write_array_file(self.weights_file, content, {**self._identity, "step": str(step)})

    def state_metadata(self) -> dict[str, str]:
        """Return the metadata of a training state that is saved now: the identity of the run and of its weights."""
        weights = read_header(self.weights_file)
        if weights is None or weights.checksum is None:
            return self._identity
        step = weights.metadata.get("step", "")
        return {**self._identity, "weights_step": step, "weights_sha256": weights.checksum}

    def read_log(self) -> list[dict[str, Any]]:
        """Read the lines of `log.jsonl`; a last line that is incomplete is skipped.

        Raises:
            RunError: a line is damaged.
        """
        if not self.log_file.exists():
            return []
        try:
            lines, damage = parse_log(read_own_file(self.log_file))
        except OSError as error:
            raise RunError(describe_unreadable(self.log_file, error)) from None
        if damage is not None:
            raise RunError(f"{self.log_file} is damaged: {damage}; remove the line, or copy the file again")
        return lines

    def read_metrics(self) -> dict[str, Any]:
        """Read `metrics.json`, the measurements at the end of the training; empty before the end.

        Raises:
            RunError: the file is damaged.
        """
        stored = self._stored_metrics()
        metrics = {name: value for name, value in stored.items() if name not in _METRICS_ORIGIN}
        if not all(isinstance(metrics.get(part, {}), dict) for part in ("validation", "held_out")):
            raise RunError(f"{self.metrics_file} is damaged: remove it, or train again with `overwrite`")
        return metrics

    def _stored_metrics(self) -> dict[str, Any]:
        return self._read_own_json(self.metrics_file) if self.metrics_file.exists() else {}

    def _final_checksum(self) -> str | None:
        with contextlib.suppress(RunError):  # damaged metrics are no obstacle to generation
            return self._stored_metrics().get("weights_sha256")
        return None

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write `metrics.json`, with the identity of the run, and the checksums of its final weights and of its log.

        Raises:
            SeqloomError: the disk is full or the folder cannot be written to.
        """
        weights = read_header(self.weights_file)
        checksums = {} if weights is None or weights.checksum is None else {"weights_sha256": weights.checksum}
        if self.log_file.exists():
            checksums["log_sha256"] = sha256(read_own_file(self.log_file)).hexdigest()
        write_checked_json(self.metrics_file, {**metrics, "format": FORMAT, **self._identity, **checksums})

    def _read_own_json(self, file: Path) -> dict[str, Any]:
        """Read a JSON object that states the identity of its run."""
        stored = self.read_json(file)
        # Before the config is read, and in a file of an older version, there is no identity to compare.
        if self.run_id is not None and stored.get("run", self.run_id) != self.run_id:
            raise RunError(f"{file} belongs to another run: copy the file of this run again")
        return stored

    def read_json(self, file: Path, required_from_format: int | None = FIRST_CHECKED_FORMAT) -> dict[str, Any]:
        """Read a JSON object from one of the files of the run, and check its checksum.

        Args:
            file: path of the file.
            required_from_format: see `seqloom.checksums.checked_json`.

        Raises:
            RunError: the file is missing or damaged, or was changed after it was written.
        """
        try:
            value = checked_json(read_own_file(file), required_from_format=required_from_format)
        except FileNotFoundError:
            raise RunError(
                f"{self.path} is incomplete: {file.name} is missing; train into the folder again with `overwrite`"
            ) from None
        except (OSError, ValueError) as error:
            raise RunError(describe_unreadable(file, error)) from None
        if not isinstance(value, dict):
            raise RunError(f"{file} is damaged: it is not a JSON object")
        return value
