"""MIDI files: one piece of music per file, read by the package symusic."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from seqloom.config import ReadingConfig
from seqloom.corpora.abc.keys import Key
from seqloom.corpora.document import Condition, Document
from seqloom.corpora.encodings import Refused
from seqloom.corpora.formats.base import Format, whole_content
from seqloom.corpora.music import (
    DRUMS,
    MAX_TEMPO,
    MIN_TEMPO,
    STEPS_PER_QUARTER,
    MusicPayload,
    Note,
    Tempo,
    normalized_music,
)
from seqloom.corpora.sources import SourceFile
from seqloom.corpora.table_documents import RatingColumns
from seqloom.errors import ConfigError, MissingExtraError

__all__ = ["MidiFile", "import_symusic", "read_midi", "symusic_score"]

_MAX_BYTES = 64 << 20
_MAX_QUARTERS = 20_000
"""Longest piece in quarter notes: almost three hours at the usual tempo. Longer files hold stray events."""

_HEADERS = ("key", "metre")

_SEPARATE_PATTERNS = 2
"""Type of MIDI files whose tracks are pieces of their own."""

_HINT = "open it in a notation program or sequencer, and export it again"


@dataclass(frozen=True, kw_only=True)
class MidiFile(Format):
    """A MIDI file of type 0 or 1."""

    name = "midi"
    payload_type = MusicPayload
    separates_documents = True
    has_headers = True

    @classmethod
    def examine(cls, source_file: SourceFile, reading: ReadingConfig) -> Self:
        """Read a file once, to hash it and to check that it has notes."""
        content = whole_content(source_file, _MAX_BYTES, "MIDI file")
        read_midi(content, source_file.name)
        return cls(source_file=source_file, sha256=hashlib.sha256(content).hexdigest())

    def documents(self, reading: ReadingConfig, ratings: RatingColumns, tally: Counter[str]) -> Iterator[Document]:
        """Yield the piece, with the headers that are its categories.

        Raises:
            ConfigError: a category is no header of MIDI.
        """
        content = whole_content(self.source_file, _MAX_BYTES, "MIDI file")
        values = _headers(content) if reading.category else {}
        unknown = [column for column in reading.category if column not in _HEADERS]
        if unknown:
            raise ConfigError(f"`category` got {unknown[0]!r}: MIDI files have the headers {' and '.join(_HEADERS)}")
        yield Document(
            read_midi(content, self.source_file.name), {column: values[column] for column in reading.category}
        )


def _headers(content: bytes) -> dict[str, Condition]:
    """Return the first key and metre of a MIDI file, such as "Dmin" and "6/8"; None where it has none."""
    score = import_symusic().Score.from_midi(content)
    keys = [Key.of_signature(key.key, "min" if key.tonality else "maj") for key in score.key_signatures]
    metres = [f"{time.numerator}/{time.denominator}" for time in score.time_signatures]
    return {"key": str(keys[0]) if keys else None, "metre": metres[0] if metres else None}


def symusic_score(music: MusicPayload, longest: int | None = None) -> Any:
    """Return music as symusic stores it.

    Args:
        music: music.
        longest: longest duration in steps; a longer note becomes several notes, one after the other. None for no limit.

    Raises:
        MissingExtraError: the package symusic is not installed.
    """
    symusic = import_symusic()
    score = symusic.Score(STEPS_PER_QUARTER)
    tracks: dict[int, Any] = {}
    for note in music.notes:
        if note.program not in tracks:
            is_drum = note.program == DRUMS
            tracks[note.program] = symusic.Track(program=0 if is_drum else note.program, is_drum=is_drum)
        for start in range(note.start, note.end, longest or note.duration):
            duration = min(longest or note.duration, note.end - start)
            tracks[note.program].notes.append(symusic.Note(start, duration, note.pitch, note.velocity))
    for program in sorted(tracks):
        score.tracks.append(tracks[program])
    for tempo in music.tempos:
        score.tempos.append(symusic.Tempo(tempo.start, qpm=tempo.bpm))
    return score


def import_symusic() -> Any:
    """Return the package symusic.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import symusic
    except ImportError:
        raise MissingExtraError("music needs the package symusic: pip install 'seqloom[music]'") from None
    return symusic


def read_midi(content: bytes, name: str) -> MusicPayload:
    """Return the music of a MIDI file, rounded to the grid and to whole tempos.

    Args:
        content: bytes of the file.
        name: name of the file in messages.

    Raises:
        Refused: the file is damaged, has no notes, or is no MIDI file of type 0 or 1.
        MissingExtraError: the package symusic is not installed.
    """
    symusic = import_symusic()
    if not content.startswith(b"MThd"):
        raise Refused("file that is not MIDI", f"{name} is not a MIDI file (no MThd at its beginning): {_HINT}")
    if content[8:10] == bytes([0, _SEPARATE_PATTERNS]):
        raise Refused(
            "MIDI file of type 2",
            f"{name} is a MIDI file of type 2, whose tracks are separate pieces: save each as a file",
        )
    try:
        score = symusic.Score.from_midi(content)
        score = score.resample(STEPS_PER_QUARTER, min_dur=1) if score.tpq != STEPS_PER_QUARTER else score
        notes = [
            Note(
                note.start, note.pitch, max(1, note.duration), note.velocity, DRUMS if track.is_drum else track.program
            )
            for track in score.tracks
            for note in track.notes
            if note.velocity and note.start >= 0
        ]
        tempos = [Tempo(tempo.time, min(MAX_TEMPO, max(MIN_TEMPO, round(tempo.qpm)))) for tempo in score.tempos]
    except Exception as error:  # symusic raises plain runtime errors
        raise Refused("damaged MIDI file", f"{name} is a damaged MIDI file ({_reason(error)}): {_HINT}") from None
    if not notes:
        raise Refused("MIDI file without notes", f"{name} is a MIDI file without notes: choose another one")
    music = normalized_music(notes, tempos)
    if music.num_steps > _MAX_QUARTERS * STEPS_PER_QUARTER:
        raise Refused(
            "MIDI file of many hours",
            f"{name} lasts {music.num_steps // STEPS_PER_QUARTER:,} quarter notes, more than {_MAX_QUARTERS:,}: cut it",
        )
    return music


def _reason(error: Exception) -> str:
    return str(error).split("\n")[0][:100] or type(error).__name__
