"""Soundfonts: files with the sounds of instruments, in the format SF2."""

from pathlib import Path

from seqloom.errors import ConfigError

__all__ = ["check_soundfont"]

_SF2 = (b"RIFF", b"sfbk")
"""What a soundfont begins with, around the four bytes of its size."""


def check_soundfont(path: Path) -> None:
    """Check that a file is a soundfont.

    Raises:
        ConfigError: the file cannot be read, or is no soundfont.
    """
    try:
        with open(path, "rb") as file:
            start = file.read(12)
    except OSError as error:
        raise ConfigError(f"`soundfont` got {path}, which cannot be read: {error.strerror or error}") from None
    if (start[:4], start[8:]) != _SF2:
        raise ConfigError(f"`soundfont` got {path}, which is no soundfont: choose a file in the format SF2 (.sf2)")
