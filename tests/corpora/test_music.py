"""Music in its one form, MIDI files of any kind, and files that are none."""

import struct
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqloom.config import ReadingConfig
from seqloom.corpora import open_corpus
from seqloom.corpora.encodings import Refused
from seqloom.corpora.formats.midi import read_midi, symusic_score
from seqloom.corpora.music import DRUMS, MAX_DURATION, MusicPayload, Note, Tempo, normalized_music
from seqloom.errors import SourceError

notes = st.builds(
    Note,
    start=st.integers(0, 2_000),
    pitch=st.integers(0, 127),
    duration=st.integers(1, 1_500),
    velocity=st.integers(1, 127),
    program=st.sampled_from([DRUMS, *range(0, 128, 9)]),
)
tempos = st.builds(Tempo, start=st.integers(0, 2_000), bpm=st.integers(20, 300))
pieces = st.builds(normalized_music, st.lists(notes, min_size=1, max_size=40), st.lists(tempos, max_size=6))


def midi_file(*tracks: bytes, kind: int = 1, division: int = 24) -> bytes:
    header = b"MThd" + struct.pack(">IHHH", 6, kind, len(tracks), division)
    return header + b"".join(b"MTrk" + struct.pack(">I", len(track)) + track for track in tracks)


END = b"\x00\xff\x2f\x00"
NOTE = b"\x00\x90\x3c\x5a\x18\x80\x3c\x00"  # middle C, a quarter note


def test_a_pitch_sounds_once_at_a_time():
    music = normalized_music([Note(0, 60, 30), Note(10, 60, 5), Note(0, 62, 7), Note(0, 62, 9, 50)], [])
    assert music.notes == (Note(0, 60, 10), Note(0, 62, 9, 50), Note(10, 60, 5))
    assert music.tempos == (Tempo(0, 120),)
    assert music.num_steps == 15


def test_a_note_of_the_longest_duration_is_tied_to_the_next():
    parts = [Note(0, 60, MAX_DURATION), Note(MAX_DURATION, 60, 5), Note(MAX_DURATION + 5, 60, 5)]
    assert normalized_music(parts, []).notes == (Note(0, 60, MAX_DURATION + 5), parts[2])
    louder = [parts[0], parts[1]._replace(velocity=91)]
    assert normalized_music(louder, []).notes == tuple(louder)


def test_a_tempo_that_changes_nothing_is_left_out():
    music = normalized_music([Note(0, 60, 1)], [Tempo(9, 100), Tempo(4, 120), Tempo(20, 100), Tempo(9, 90)])
    assert music.tempos == (Tempo(0, 120), Tempo(9, 90), Tempo(20, 100))


@given(pieces)
@settings(deadline=None)
def test_the_one_form_stays_as_it_is(music: MusicPayload) -> None:
    assert normalized_music(music.notes, music.tempos) == music


@given(pieces)
@settings(deadline=None)
def test_a_midi_file_comes_back(music: MusicPayload) -> None:
    assert read_midi(symusic_score(music).dumps_midi(), "a file") == music


def test_sixteen_channels_come_back():
    parts = [Note(12 * program, 40 + program, 24, 30 + program, program) for program in range(15)]
    music = normalized_music([*parts, Note(0, 36, 6, 100, DRUMS)], [Tempo(0, 97), Tempo(48, 140)])
    assert len({note.program for note in music.notes}) == 16
    assert read_midi(symusic_score(music).dumps_midi(), "a file") == music


def test_a_finer_grid_is_rounded():
    track = b"\x00\xff\x51\x03\x07\xa1\x21" + b"\x81\x2b\x90\x3c\x5a\x82\x00\x80\x3c\x00" + END  # 119.99 a minute
    music = read_midi(midi_file(track, division=1024), "a file")
    assert music == MusicPayload((Note(4, 60, 6),), (Tempo(0, 120),))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a MIDI file"),
        (b"a text", "not a MIDI file"),
        (b"MThd", "damaged"),
        (midi_file(NOTE + END)[:-6], "damaged"),
        (midi_file(b"\x00\x3c\x5a" + END), "damaged|without notes"),  # a running status that nothing began
        (midi_file(END), "without notes"),
        (midi_file(NOTE + END, kind=2), "of type 2"),
        (midi_file(b"\xbf\xff\xff\x7f" + NOTE[1:] + END), "quarter notes, more than"),
    ],
    ids=["empty", "text", "header", "cut", "status", "silent", "type 2", "hours"],
)
def test_what_is_no_piece_is_refused(content, reason):
    with pytest.raises(Refused, match=reason):
        read_midi(content, "a file")


def test_many_tracks_are_read():
    music = read_midi(midi_file(*[NOTE + END] * 10_000), "a file")
    assert music.notes == (Note(0, 60, 24),)  # all tracks play the same note


def test_a_folder_of_tunes(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(midi_file(NOTE + END))
    (tmp_path / "b.MIDI").write_bytes(midi_file(NOTE + END))
    (tmp_path / "bad.mid").write_bytes(b"MThd")
    (tmp_path / "silent.mid").write_bytes(midi_file(END))
    (tmp_path / "README.txt").write_text("a folder of tunes")
    corpus = open_corpus(tmp_path, ReadingConfig())
    assert corpus.payload_type is MusicPayload
    assert [document.payload.notes for document in corpus] == [(Note(0, 60, 24),)] * 2
    assert Counter(corpus.skipped) == {"damaged MIDI file": 1, "MIDI file without notes": 1, "file of text": 1}
    with pytest.raises(SourceError, match=r"bad\.mid is a damaged MIDI file"):
        open_corpus(tmp_path / "bad.mid", ReadingConfig())
