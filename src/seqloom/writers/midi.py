"""Write music as a MIDI file of type 1, one track per program."""

from pathlib import Path

from seqloom.corpora.formats.midi import symusic_score
from seqloom.corpora.music import MusicPayload
from seqloom.files import replacing_file

__all__ = ["write_midi"]


def write_midi(music: MusicPayload, path: Path) -> None:
    """Write a MIDI file.

    Raises:
        SeqloomError: the package symusic is not installed, or the file cannot be written.
    """
    content = symusic_score(music).dumps_midi()
    with replacing_file(path) as file:
        file.write(content)
