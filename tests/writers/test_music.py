"""Music as MIDI, sound and picture."""

import wave
from pathlib import Path

import numpy as np
import pytest

from seqloom.corpora.formats.midi import read_midi
from seqloom.corpora.music import DRUMS, MusicPayload, Note, Tempo, normalized_music
from seqloom.plots.piano_roll import draw_rolls, write_piano_roll
from seqloom.writers.midi import write_midi
from seqloom.writers.wave import SAMPLE_RATE, render, step_seconds, write_wave

MUSIC = normalized_music([Note(0, 69, 48), Note(48, 57, 24, 60, 40), Note(24, 36, 6, 100, DRUMS)], [Tempo(0, 60)])


def test_a_midi_file_holds_the_music(tmp_path: Path) -> None:
    write_midi(MUSIC, tmp_path / "tune.mid")
    assert read_midi((tmp_path / "tune.mid").read_bytes(), "tune.mid") == MUSIC


def test_a_step_lasts_as_long_as_its_tempo_says():
    times = step_seconds(normalized_music([Note(0, 60, 48)], [Tempo(0, 60), Tempo(24, 120)]))
    np.testing.assert_allclose(times[[0, 24, 48]], [0, 1, 1.5])


@pytest.mark.parametrize(("pitch", "frequency"), [(69, 440.0), (60, 261.63), (45, 110.0)])
def test_a_note_sounds_at_its_pitch(pitch, frequency):
    samples = render(MusicPayload((Note(0, pitch, 48),)))
    spectrum = np.abs(np.fft.rfft(samples))
    assert np.argmax(spectrum) * SAMPLE_RATE / len(samples) == pytest.approx(frequency, rel=0.01)


def test_notes_begin_and_end_in_time():
    samples = np.abs(render(MusicPayload((Note(24, 69, 24),), (Tempo(0, 60),))))
    loud = np.flatnonzero(samples > 0.01) / SAMPLE_RATE
    assert (loud[0], loud[-1]) == (pytest.approx(1, abs=0.01), pytest.approx(2.05, abs=0.06))


def test_a_wave_file_has_the_samples_without_clipping(tmp_path: Path) -> None:
    write_wave(MUSIC, tmp_path / "tune.wav")
    with wave.open(str(tmp_path / "tune.wav")) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, SAMPLE_RATE)
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
    assert len(samples) == 4 * SAMPLE_RATE  # three quarters of a second each, and one second to fade
    assert np.abs(samples).max() == pytest.approx(0.9 * 32767, abs=1)


def test_silence_is_a_file_too(tmp_path: Path) -> None:
    nothing = MusicPayload(())
    for write, name in ((write_wave, "a.wav"), (write_midi, "a.mid"), (write_piano_roll, "a.png")):
        write(nothing, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 0


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[list[list[tuple[float, float]]]]:
    """Return what is drawn: for each figure, start and width of the bars in each of its axes."""
    from matplotlib.figure import Figure

    figures: list[list[list[tuple[float, float]]]] = []
    save = Figure.savefig

    def noting(self: Figure, *given: object, **more: object) -> None:
        figures.append([sorted((bar.get_x(), bar.get_width()) for bar in axes.patches) for axes in self.axes])
        save(self, *given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Figure, "savefig", noting)
    return figures


def test_a_piano_roll_has_a_bar_for_each_note(tmp_path: Path, drawn: list) -> None:  # type: ignore[type-arg]
    write_piano_roll(MUSIC, tmp_path / "tune.png")
    assert drawn == [[[(0, 2), (1, 0.25), (2, 1)]]]


def test_a_long_piece_has_several_rows(tmp_path: Path, drawn: list) -> None:  # type: ignore[type-arg]
    notes = [Note(24 * quarter, 60, 24) for quarter in (0, 63, 64, 130)]
    write_piano_roll(MusicPayload(tuple(notes)), tmp_path / "tune.png")
    assert drawn == [[[(0, 1), (63, 1)], [(64, 1)], [(130, 1)]]]
    drawn.clear()
    write_piano_roll(MusicPayload((Note(0, 60, 24), Note(24 * 799, 60, 24))), tmp_path / "tune.png")
    assert drawn == [[[(0, 1)], *[[]] * 6, [(799, 1)]]]


def test_a_sheet_has_a_row_for_each_piece(tmp_path: Path, drawn: list) -> None:  # type: ignore[type-arg]
    later = MusicPayload((Note(24, 60, 24), Note(24 * 70, 60, 24)))
    draw_rolls([("first", MUSIC), ("second", later)], tmp_path / "sheet.png", title="tunes", subtitle="two pieces")
    assert drawn == [[[(0, 2), (1, 0.25), (2, 1)], [(1, 1)]]]


def test_a_wave_file_begins_with_the_first_sound(tmp_path: Path) -> None:
    beginnings = []
    for start in (0, 96):
        write_wave(MusicPayload((Note(start, 60, 24),)), tmp_path / f"{start}.wav")
        with wave.open(str(tmp_path / f"{start}.wav")) as sound:
            beginnings.append(sound.readframes(SAMPLE_RATE // 2))
    assert beginnings[0] == beginnings[1]
