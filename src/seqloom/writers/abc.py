"""Write a tune as a file in ABC notation."""

from pathlib import Path

from seqloom.corpora.abc.tune import AbcTune
from seqloom.files import write_text

__all__ = ["write_abc"]


def write_abc(tune: AbcTune, path: Path) -> None:
    """Write a tune, with the fields that every tune must have: its number and a title.

    Raises:
        SeqloomError: the file cannot be written.
    """
    write_text(path, f"X:1\nT:{path.stem.replace('-', ' ').replace('_', ' ')}\n{tune.text.rstrip()}\n")
