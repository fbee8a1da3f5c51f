"""Samples as the page shows them: the strokes of a drawing, the notes of a piece of music."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from seqloom.corpora.drawings import Drawing
from seqloom.corpora.music import DRUMS, MusicPayload
from seqloom.corpora.payloads import Payload
from seqloom.writers.wave import step_seconds

__all__ = ["Note", "sample_parts"]


_DRUMS = 128


class Note(BaseModel):
    """A note: times in seconds; the pitch and the velocity as in MIDI, where program 128 stands for percussion."""

    start: float
    duration: float
    pitch: int
    velocity: int
    program: int


def sample_parts(payload: Payload) -> Mapping[str, Any]:
    """Return the strokes of a drawing as `strokes`, or the notes of a piece of music as `notes`; else nothing."""
    if isinstance(payload, Drawing):
        return {"strokes": [list(stroke) for stroke in payload.strokes]}
    if isinstance(payload, MusicPayload):
        return {"notes": _notes(payload)}
    return {}


def _notes(music: MusicPayload) -> list[Note]:
    times = step_seconds(music)
    return [
        Note(
            start=float(times[note.start]),
            duration=float(times[note.end] - times[note.start]),
            pitch=note.pitch,
            velocity=note.velocity,
            program=_DRUMS if note.program == DRUMS else note.program,
        )
        for note in music.notes
    ]
