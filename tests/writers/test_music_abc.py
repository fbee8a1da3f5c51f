"""Music in ABC notation: music21 and seqloom's own parser hear the notes that were written."""

import random
from pathlib import Path

import pytest

from seqloom.corpora.abc.parser import parse_tune
from seqloom.corpora.music import DRUMS, MusicPayload, Note, Tempo, normalized_music
from seqloom.writers.music_abc import music_as_abc, write_music_abc

MELODY = normalized_music(
    [Note(0, 60, 24), Note(24, 61, 12), Note(36, 60, 12), Note(48, 61, 96), Note(60, 84, 8), Note(150, 35, 30)], []
)


def heard(text: str) -> list[tuple[float, float, int]]:
    """The notes that music21 reads: start and duration in quarter notes, and pitch."""
    converter = pytest.importorskip("music21").converter
    notes = []
    for part in converter.parse(text, format="abc").parts:
        for element in part.flatten().stripTies().notes:
            for pitch in element.pitches:
                notes.append((float(element.offset), float(element.quarterLength), pitch.midi))
    return sorted(notes)


def written(music: MusicPayload) -> list[tuple[float, float, int]]:
    return sorted((note.start / 24, note.duration / 24, note.pitch) for note in music.notes)


def test_a_melody_is_written_as_a_musician_reads_it() -> None:
    melody = MusicPayload((Note(0, 60, 24), Note(24, 61, 12), Note(36, 60, 12), Note(48, 72, 48)))
    assert music_as_abc(melody, "one") == "X:1\nT:one\nM:4/4\nL:1/4\nQ:1/4=120\nK:C\nC ^C/2 =C/2 =c2 |]\n"


def test_music21_hears_monophonic_music_exactly() -> None:
    random_numbers, start, notes = random.Random(0), 0, []
    for _ in range(60):
        start += random_numbers.choice([0, 6, 24])
        notes.append(Note(start, random_numbers.randrange(30, 100), random_numbers.choice([3, 8, 12, 24, 36, 150])))
        start = notes[-1].end
    music = normalized_music(notes, [])
    assert sounding(heard(music_as_abc(music, "a"))) == sounding(written(music))


def test_each_program_is_a_voice_with_its_instrument() -> None:
    music = normalized_music([Note(0, 60, 24, 90, 40), Note(0, 36, 6, 90, DRUMS), Note(12, 64, 24, 90, 0)], [])
    text = music_as_abc(music, "a")
    assert "V:1 clef=perc\n%%MIDI channel 10\n" in text
    assert "V:2\n" in text
    assert "V:3\n%%MIDI program 40\n" in text


def test_melody_and_chords_are_two_voices() -> None:
    melody = [Note(0, 72, 24), Note(24, 74, 24), Note(48, 76, 48)]
    music = normalized_music([*melody, Note(0, 48, 96), Note(0, 52, 96)], [])
    assert music_as_abc(music, "a").endswith("V:1\nc d e2 |]\nV:2\n[C,E,]4 |]\n")


def sounding(notes: list[tuple[float, float, int]]) -> set[tuple[int, int]]:
    """The steps in which each pitch sounds. (music21 leaves some chords with ties divided.)"""
    return {
        (step, pitch)
        for start, duration, pitch in notes
        for step in range(round(24 * start), round(24 * (start + duration)))
    }


def test_music21_hears_polyphonic_music_exactly() -> None:
    random_numbers = random.Random(1)
    notes = [
        Note(
            random_numbers.randrange(0, 600, 12), random_numbers.randrange(40, 90), random_numbers.choice([12, 36, 100])
        )
        for _ in range(60)
    ]
    music = normalized_music(notes, [])
    assert sounding(heard(music_as_abc(music, "a"))) == sounding(written(music))


def test_tempos_stand_where_they_change() -> None:
    music = normalized_music([Note(0, 60, 96)], [Tempo(0, 100), Tempo(48, 80)])
    text = music_as_abc(music, "a")
    assert "Q:1/4=100\n" in text
    assert "C2- [Q:1/4=80] C2" in text


def test_the_strict_parser_accepts_a_single_voice(tmp_path: Path) -> None:
    write_music_abc(MELODY, tmp_path / "my_tune.abc")
    text = (tmp_path / "my_tune.abc").read_text()
    assert text.startswith("X:1\nT:my tune\n")
    music = text[text.index("M:") :]
    assert parse_tune(music).fits_metre
    assert not parse_tune(music).faults
