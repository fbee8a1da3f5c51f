"""Store a model of texts as a folder with one JSON file and one file of arrays. Reading a model runs no stored code."""

import glob
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from seqloom.checksums import check_arrays, checked_json
from seqloom.errors import RunError, SeqloomError
from seqloom.files import read_own_file, replacing_file, write_checked_json
from seqloom.replacement import replacing_content, settle

__all__ = ["ArrayLoader", "ModelArchive", "StoredArrays"]

_DAMAGE_ERRORS = (
    SafetensorError, SeqloomError, ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError,
    ValueError,
)  # fmt: skip
"""Errors that reading or trying out a damaged model may raise."""

_KINDS = {"critic.json": "critic", "detector.json": "detector", "config.json": "run"}
"""What a folder contains, by the name of a file in it."""

Model = TypeVar("Model")

ArrayLoader = Callable[[str], dict[str, np.ndarray]]
"""Function from the name of a part to the part's arrays by name; an unknown part has no arrays."""


class StoredArrays(Protocol):
    """A part of a model that is stored as arrays."""

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays by name."""
        ...


@dataclass(frozen=True, kw_only=True)
class ModelArchive:
    """The file format of one kind of model.

    Attributes:
        name: kind of model, such as "critic"; both files have this name.
        format: version of the format that is written.
        oldest_format: oldest version that can be read.
        first_checked_format: oldest version whose JSON file must have a checksum.
        fit_command: command that fits a model of this kind, without the option for the folder.
        migrations: functions that each turn the JSON values of one format into those of the next; the first one reads
            `oldest_format`.
    """

    name: str
    format: int
    oldest_format: int
    first_checked_format: int
    fit_command: str
    migrations: tuple[Callable[[dict[str, Any]], dict[str, Any]], ...] = ()

    @property
    def settings_file(self) -> str:
        """Return the name of the JSON file."""
        return f"{self.name}.json"

    @property
    def arrays_file(self) -> str:
        """Return the name of the file of arrays."""
        return f"{self.name}.safetensors"

    def save(
        self, folder: Path, parts: Mapping[str, StoredArrays], stored: Mapping[str, Any], *, overwrite: bool = True
    ) -> None:
        """Write both files, and replace those of an older model together.

        The JSON file contains the hash of the file of arrays, by which `load` recognises a file that was exchanged.

        Args:
            folder: folder of the model.
            parts: parts of the model by name.
            stored: further values for the JSON file.
            overwrite: whether an older model is replaced.

        Raises:
            RunError: another process is writing into the folder, or there is a model, and `overwrite` is not set.
            SeqloomError: the disk is full or the folder is not writable.
        """
        weights = save(
            {
                f"{part}.{name}": np.array(array, order="C")
                for part, model_part in parts.items()
                for name, array in model_part.to_arrays().items()
            }
        )
        settings = {"format": self.format, "kind": self.name, **stored, "weights": sha256(weights).hexdigest()}
        with replacing_content(folder, lambda: self.written_files(folder), overwrite=overwrite) as new_folder:
            with replacing_file(new_folder / self.arrays_file) as file:
                file.write(weights)
            write_checked_json(new_folder / self.settings_file, settings)

    def written_files(self, folder: Path) -> list[Path]:
        """Return the existing files of a model in a folder."""
        return [file for name in (self.settings_file, self.arrays_file) if (file := folder / name).exists()]

    def load(self, folder: Path, restore: Callable[[dict[str, Any], ArrayLoader], Model]) -> Model:
        """Return the model in a folder.

        Args:
            folder: folder of the model.
            restore: function from the values of the JSON file and a loader of the parts' arrays to the model.

        Raises:
            RunError: the folder has no such model, or the model is damaged or has an unsupported format.
        """
        stored = self.read_settings(folder)
        try:
            arrays = load(self._read_arrays(folder, stored))

            def arrays_of(part: str) -> dict[str, np.ndarray]:
                prefix = f"{part}."
                return {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}

            return restore(stored, arrays_of)
        except _DAMAGE_ERRORS as error:
            raise RunError(
                f"the {self.name} in {folder} is damaged ({error}): fit it again, or copy it again"
            ) from None

    def verify(self, folder: Path) -> tuple[str, ...]:
        """Check the checksums of both files, and return their names.

        Raises:
            RunError: the folder has no such model, or a file is damaged.
        """
        stored = self.read_settings(folder)
        try:
            self._read_arrays(folder, stored)
        except _DAMAGE_ERRORS as error:
            raise RunError(f"the {self.name} in {folder} is damaged ({error}): copy it again") from None
        return self.settings_file, self.arrays_file

    def _read_arrays(self, folder: Path, stored: Mapping[str, Any]) -> bytes:
        content = read_own_file(folder / self.arrays_file)
        if stored.get("weights") not in (None, sha256(content).hexdigest()):
            raise RunError(f"{self.arrays_file} is not the file that {self.settings_file} was written with")
        check_arrays(content)
        return content

    def read_settings(self, folder: Path) -> dict[str, Any]:
        """Return the values in the JSON file, migrated to the current format.

        Raises:
            RunError: the folder has no such model, or the model is damaged or has an unsupported format.
        """
        settle(folder)
        file = folder / self.settings_file
        if not file.exists():
            if other := next((kind for name, kind in _KINDS.items() if (folder / name).is_file()), None):
                raise RunError(f"{folder} is a {other}, not a {self.name}: name the folder of a {self.name}")
            # Until version 0.1, a fit that was killed could leave the old model under such a name.
            backups = sorted(folder.parent.glob(f".{glob.escape(folder.name)}.*.old")) if folder.name else []
            hint = f"; an earlier one is in {backups[0]}, rename it to {folder}" if backups else ""
            raise RunError(f"no {self.name} at {folder}: fit one with '{self.fit_command} --run {folder}'{hint}")
        try:
            stored = checked_json(read_own_file(file), required_from_format=self.first_checked_format)
            version = stored["format"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(f"{file} is damaged ({error}): fit the {self.name} again, or copy it again") from None
        model_format = f"{folder} has {self.name} format {version!r}"
        if not isinstance(version, int) or stored.get("kind", self.name) != self.name:
            raise RunError(f"{file} is damaged: fit the {self.name} again, or copy it again")
        if version > self.format:
            raise RunError(f"{model_format}, but this version of seqloom reads up to {self.format}: upgrade seqloom")
        if version < self.oldest_format:
            raise RunError(f"{model_format}, which this version of seqloom no longer reads: fit the {self.name} again")
        migrated = dict(stored)
        for migration in self.migrations[version - self.oldest_format :]:
            migrated = migration(migrated)
        return migrated
