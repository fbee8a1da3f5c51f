"""Edit the files of a run as a program would that knows their checksums, and damage them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from seqloom.array_files import read_array_file, write_array_file
from seqloom.files import write_checked_json


def read_json(file: Path) -> dict[str, Any]:
    """Return the object in a JSON file without its checksum."""
    stored: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    stored.pop("sha256", None)
    return stored


def edit_json(file: Path, **fields: Any) -> None:
    """Change fields of a JSON file, and its checksum with them; None removes a field."""
    edited = {**read_json(file), **fields}
    write_checked_json(file, {name: value for name, value in edited.items() if value is not None})


def replace_arrays(file: Path, arrays: dict[str, Any]) -> None:
    """Replace the arrays of a file as a training does a step later, and its checksum with them.

    The metrics of the finished training are removed: they name its final weights.
    """
    (file.parent / "metrics.json").unlink(missing_ok=True)
    _, header = read_array_file(file, None)
    step = int(header.metadata.get("step", "0")) + 1
    write_array_file(file, save(arrays), {**header.metadata, "step": str(step)})


def changed_bits(file: Path, most: int = 400) -> Iterator[tuple[int, int]]:
    """Change single bits of a file, one after another: of every byte, or of a fixed sample of `most` bytes."""
    content = file.read_bytes()
    size = len(content)
    positions = np.unique(np.linspace(0, size - 1, min(size, most)).astype(int))
    for position in positions.tolist():
        bit = position % 8
        file.write_bytes(content[:position] + bytes([content[position] ^ (1 << bit)]) + content[position + 1 :])
        yield position, bit
    file.write_bytes(content)
