"""A folder of MIDI files: train, continue a tune, and write what was generated as MIDI, sound and picture."""

import json
import wave

import pytest

import seqloom
from seqloom.cli.app import call
from seqloom.corpora.formats.midi import read_midi, symusic_score
from seqloom.corpora.music import Note, normalized_music

SCALE = [60, 62, 64, 65, 67, 69, 71, 72]
SETTINGS = {"steps": 120, "hidden_size": 24, "layers": 1, "batch_size": 4, "sequence_length": 16, "threads": 1}


def scale(start: int) -> bytes:
    notes = [Note(12 * place, pitch, 12) for place, pitch in enumerate(SCALE[start % 4 :] * 2)]
    content: bytes = symusic_score(normalized_music(notes, [])).dumps_midi()
    return content


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Scales that go up from several places, and a run on them."""
    folder = tmp_path_factory.mktemp("music")
    (folder / "tunes").mkdir()
    for number in range(20):
        (folder / "tunes" / f"{number}.mid").write_bytes(scale(number))
    seqloom.train(folder / "tunes", run=folder / "run", hold_out=0.1, **SETTINGS)
    return folder


def test_music_is_recognised_and_measured_in_notes(folder):
    run = seqloom.load(folder / "run")
    assert (run.config.level, run.config.separate) == ("tsd", True)
    report = (folder / "run" / "report.md").read_text()
    assert "bits per note" in report
    assert "plots/music.png" in report
    assert (folder / "run" / "plots" / "music.png").exists()
    likelihood = run.evaluate(folder / "tunes" / "3.mid")
    assert (likelihood.unit, likelihood.num_units) == ("note", 10)


def test_a_sample_is_written_as_midi_sound_and_picture(folder, tmp_path):
    words = ["generate", str(folder / "run"), "-q", "--length", "60", "--temperature", "0.5", "--seed", "1"]
    for suffix in (".mid", ".wav", ".png"):
        assert call([*words, "-o", str(tmp_path / f"tune{suffix}")]) == 0
    music = read_midi((tmp_path / "tune.mid").read_bytes(), "tune.mid")
    assert {note.pitch for note in music.notes} <= set(SCALE)
    with wave.open(str(tmp_path / "tune.wav")) as sound:
        assert sound.getnframes() > 44_100
    assert (tmp_path / "tune.png").read_bytes().startswith(b"\x89PNG")


def test_several_samples_are_numbered(folder, tmp_path, capsys):
    words = ["generate", str(folder / "run"), "--length", "30", "-n", "2", "-t", "0.5,0.9"]
    assert call([*words, "-o", str(tmp_path / "tune.mid"), "--json"]) == 0
    names = [str(tmp_path / f"tune-{number}.mid") for number in range(1, 5)]
    assert json.loads(capsys.readouterr().out) == {"output": names}
    assert sorted(map(str, tmp_path.iterdir())) == names
    assert call([*words, "-o", str(tmp_path / "tune.mid")]) == 2
    assert "tune-1.mid exists already" in capsys.readouterr().err


def test_a_tune_is_continued(folder, tmp_path):
    beginning = normalized_music([Note(12 * place, pitch, 12) for place, pitch in enumerate(SCALE[:5])], [])
    (tmp_path / "start.mid").write_bytes(symusic_score(beginning).dumps_midi())
    words = ["generate", str(folder / "run"), "--prompt-file", str(tmp_path / "start.mid"), "--length", "9"]
    assert call([*words, "-t", "0", "-o", str(tmp_path / "whole.mid")]) == 0
    whole = read_midi((tmp_path / "whole.mid").read_bytes(), "whole.mid")
    assert whole.notes[:5] == beginning.notes
    assert len(whole.notes) > 5


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--soundfont", "a.sf2"], "--soundfont renders music: name an --output that ends in .wav"),
        (["--soundfont", "a.sf2", "-o", "x.wav"], "--soundfont got a.sf2, which cannot be read"),
        (("-o", "{}/tune.ogg"), "tune.ogg: name a file that ends in .txt, .csv"),
        (("-o", "{}/none/tune.mid"), "there is no folder"),
        (("--prompt", "C4"), "not in the vocabulary: 'C4'"),
        (("--prompt-file", "{}/silent.mid"), "silent.mid is not a MIDI file"),
        (("--prompt-file", "{}/missing.mid"), "missing.mid"),
        (("--prompt-file", "{}/high.mid"), "not in the vocabulary: 'Pitch_127'"),
    ],
)
def test_what_a_run_of_music_cannot_take(folder, tmp_path, capsys, words, fault):
    (tmp_path / "silent.mid").write_bytes(b"")
    high = symusic_score(normalized_music([Note(0, 127, 12)], [])).dumps_midi()
    (tmp_path / "high.mid").write_bytes(high)
    assert call(["generate", str(folder / "run"), "--length", "5", *(word.format(tmp_path) for word in words)]) == 2
    assert fault in capsys.readouterr().err


def test_a_run_of_text_writes_no_music(folder, tmp_path, capsys):
    (tmp_path / "text.txt").write_text("the quick brown fox " * 100)
    seqloom.train(tmp_path / "text.txt", run=tmp_path / "run", **SETTINGS)
    assert call(["generate", str(tmp_path / "run"), "-o", str(tmp_path / "tune.mid")]) == 2
    assert "the run generates text: name a file that ends in .txt" in capsys.readouterr().err
    tune = str(folder / "tunes" / "0.mid")
    assert call(["generate", str(tmp_path / "run"), "--prompt-file", tune]) == 2
    assert "the run generates text: name a file of text" in capsys.readouterr().err
    assert call(["train", tune, "--level", "char", "--run", str(tmp_path / "q"), "--steps", "3"]) == 2
    assert "the source holds music, but must hold text" in capsys.readouterr().err
