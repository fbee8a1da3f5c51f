"""Samples as files that a person saves from the page: a drawing as SVG, music as MIDI, a tune as ABC."""

import base64
import re
import tempfile
from pathlib import Path

from pydantic import BaseModel

from seqloom.corpora.payloads import Payload
from seqloom.errors import SeqloomError
from seqloom.registry import WRITERS, resolve

__all__ = ["SampleFile", "sample_file"]

_SUFFIXES = {"drawings": "svg", "music": "mid", "tunes": "abc"}
_MAX_NAME = 60


class SampleFile(BaseModel):
    """A file: its name and its bytes in base64."""

    name: str
    content: str


def sample_file(payload: Payload, name: str) -> SampleFile | None:
    """Return the file that `seqloom generate -o` writes for a payload.

    Args:
        payload: sample.
        name: name of the file without a suffix.

    Returns:
        The file; None for a kind without one, if the package that writes MIDI is not installed, and if there is no
        room for a temporary file.
    """
    suffix = _SUFFIXES.get(payload.kind)
    if suffix is None:
        return None
    file_name = f"{re.sub(r'[^a-zA-Z0-9_-]', '_', name)[:_MAX_NAME]}.{suffix}"
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / file_name
            resolve("writer", f"{payload.kind}.{suffix}", WRITERS)(payload, path)
            return SampleFile(name=file_name, content=base64.b64encode(path.read_bytes()).decode())
    except (OSError, SeqloomError):
        return None
