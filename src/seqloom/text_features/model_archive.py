"""What reads texts, on disk: a folder with arrays and JSON, nothing that runs when it is read."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from seqloom.errors import RunError, SeqloomError
from seqloom.files import replaced

__all__ = ["Kind", "Part", "Parts"]

_DAMAGED = (
    *(SafetensorError, SeqloomError),
    *(ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError),
)
"""What reading something damaged, or asking it, may raise."""

Kept = TypeVar("Kept")

Parts = Callable[[str], dict[str, np.ndarray]]
"""From the name of a part to its arrays; none where there is no such part."""


class Part(Protocol):
    """What is kept as arrays."""

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The arrays, by name."""
        ...


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of folder.

    Attributes:
        name: what it holds; its files are called by it.
        format: that this version writes.
        oldest: that it still reads.
        made_by: the command that makes one, without the folder.
        migrations: steps from each format to the next, beginning with the oldest; append-only.
    """

    name: str
    format: int
    oldest: int
    made_by: str
    migrations: tuple[Callable[[dict[str, Any]], dict[str, Any]], ...] = ()

    @property
    def settings(self) -> str:
        """The file that says that a folder is of this kind."""
        return f"{self.name}.json"

    @property
    def arrays(self) -> str:
        """The file of all numbers."""
        return f"{self.name}.safetensors"

    def save(self, folder: Path, parts: Mapping[str, Part], stored: Mapping[str, Any]) -> None:
        """Write both files, one right after the other.

        Args:
            folder: where.
            parts: by name.
            stored: all else, in JSON's types.

        Raises:
            SeqloomError: the disk is full or the folder cannot be written to.
        """
        weights = save(
            {
                f"{part}.{name}": np.array(array, order="C")
                for part, held in parts.items()
                for name, array in held.to_arrays().items()
            }
        )
        whole = {"format": self.format, "kind": self.name, **stored, "weights": sha256(weights).hexdigest()}
        text = json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        with replaced(folder / self.settings) as new_settings, replaced(folder / self.arrays) as new_arrays:
            new_arrays.write_bytes(weights)
            new_settings.write_text(text, encoding="utf-8")

    def load(self, folder: Path, restore: Callable[[dict[str, Any], Parts], Kept]) -> Kept:
        """What a folder holds.

        Args:
            folder: where.
            restore: makes it from what was stored and the arrays of its parts.

        Raises:
            RunError: there is none, or it is damaged or of a format that is not read.
        """
        stored = self.read_settings(folder)
        try:
            weights = (folder / self.arrays).read_bytes()
            if stored.get("weights") not in (None, sha256(weights).hexdigest()):
                raise RunError(f"{self.arrays} is not the file that {self.settings} was written with")
            arrays = load(weights)

            def part(name: str) -> dict[str, np.ndarray]:
                prefix = f"{name}."
                return {key.removeprefix(prefix): held for key, held in arrays.items() if key.startswith(prefix)}

            return restore(stored, part)
        except _DAMAGED as error:
            raise RunError(f"the {self.name} in {folder} is damaged ({error}): fit it anew, or copy it again") from None

    def read_settings(self, folder: Path) -> dict[str, Any]:
        """What is stored beside the arrays.

        Raises:
            RunError: there is nothing of this kind, or it is damaged or of a format that is not read.
        """
        file = folder / self.settings
        if not file.exists():
            raise RunError(f"no {self.name} at {folder}: fit one with '{self.made_by} --run {folder}'")
        try:
            stored = json.loads(file.read_text(encoding="utf-8"))
            version = stored["format"]
        except (OSError, RecursionError, ValueError, KeyError, TypeError) as error:
            raise RunError(f"{file} is damaged ({error}): fit the {self.name} anew, or copy it again") from None
        said = f"{folder} has {self.name} format {version!r}"
        if not isinstance(version, int) or stored.get("kind", self.name) != self.name:
            raise RunError(f"{file} is damaged: fit the {self.name} anew, or copy it again")
        if version > self.format:
            raise RunError(f"{said} and this seqloom reads up to {self.format}: upgrade seqloom")
        if version < self.oldest:
            raise RunError(f"{said}, which this seqloom no longer reads: fit the {self.name} anew")
        migrated = dict(stored)
        for step in self.migrations[version - self.oldest :]:
            migrated = step(migrated)
        return migrated
