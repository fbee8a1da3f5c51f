"""Edit the files of a run as a program would that knows their checksums."""

import json
from pathlib import Path
from typing import Any

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
    """Replace the arrays of a file as a training does a step later, and its checksum with them."""
    _, header = read_array_file(file, None)
    step = int(header.metadata.get("step", "0")) + 1
    write_array_file(file, save(arrays), {**header.metadata, "step": str(step)})
