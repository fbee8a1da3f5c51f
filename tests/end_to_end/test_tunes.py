"""A file of tunes in ABC: train with altered copies, generate what the parser accepts, write it in every form."""

import random
from pathlib import Path

import pytest

import seqloom
from seqloom.api import Run
from seqloom.cli.app import call
from seqloom.codecs.abc import AbcCodec
from seqloom.corpora.abc.parser import parse_tune
from seqloom.corpora.augmentation import with_copies
from seqloom.corpora.formats.midi import read_midi
from seqloom.errors import ConfigError

SETTINGS = {"steps": 150, "hidden_size": 32, "layers": 1, "batch_size": 4, "sequence_length": 32, "threads": 1}


def tune(number: int) -> str:
    choose = random.Random(number)
    bars = ("".join(choose.choice(("G2", "AB", "c2", "BA", "d2")) for _ in range(4)) for _ in range(8))
    return f"X:{number}\nT:Tune\nR:{('reel', 'jig')[number % 2]}\nM:4/4\nL:1/8\nK:G\n{'|'.join(bars)}|]\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection of tunes, and a run on them."""
    folder = tmp_path_factory.mktemp("tunes")
    (folder / "tunes.abc").write_text("\n".join(map(tune, range(1, 61))))
    seqloom.train(folder / "tunes.abc", run=folder / "run", hold_out=0.1, transpose=2, progress=False, **SETTINGS)
    return folder


@pytest.fixture
def run(folder: Path) -> Run:
    return seqloom.load(folder / "run")


def test_copies_are_for_training_only(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.config.level == "abc"
    whole = run.evaluate()
    originals = run.evaluate(run.config.sources[0])
    assert whole == originals
    assert whole.num_units == sum(
        1 for number in range(1, 61) for letter in tune(number).split("K:G")[1] if letter in "GABcd"
    )
    labels = {run.codec.token_label(token) for token in range(len(run.codec))}
    assert {"K:Gmaj\n", "K:Amaj\n", "K:Fmaj\n", "K:Abmaj\n", "K:F#maj\n"} & labels >= {
        "K:Gmaj\n",
        "K:Amaj\n",
        "K:Fmaj\n",
    }


def test_generated_tunes_are_correct(run: Run) -> None:
    samples = run.samples(count=10, length=400, temperature=0.7)
    assert all(sample.matched and not parse_tune(sample.text).faults for sample in samples)


def test_a_tune_with_a_fault_is_drawn_again_and_counted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["generate", str(folder / "run"), "-n", "4", "--length", "200", "-t", "0.7"]
    verdicts = iter([["wrong"], [], ["wrong"], ["wrong"], *([[]] * 20)])
    monkeypatch.setattr(AbcCodec, "faults", lambda self, ids: next(verdicts))
    assert call(words) == 0
    assert "3 draws thrown away, because the parser found them to be no correct ABC" in capsys.readouterr().err
    monkeypatch.setattr(AbcCodec, "faults", lambda self, ids: ["always wrong"])
    assert call(words) == 1
    assert "4 of 4 texts are no correct ABC, in every one of 20 draws: " in capsys.readouterr().err


def test_a_tune_is_written_in_every_form(folder: Path, tmp_path: Path) -> None:
    words = ["generate", str(folder / "run"), "-q", "--length", "300", "-t", "0.5"]
    for suffix in (".abc", ".mid", ".wav", ".png"):
        assert call([*words, "-o", str(tmp_path / f"new-tune{suffix}")]) == 0
    text = (tmp_path / "new-tune.abc").read_text()
    assert text.startswith("X:1\nT:new tune\nM:4/4\nL:1/8\nK:")
    assert read_midi((tmp_path / "new-tune.mid").read_bytes(), "tune").notes
    (tmp_path / "start.abc").write_text("X:1\nT:start\nM:4/4\nL:1/8\nK:Gmaj\nG2ABc2d2|\n")
    assert call([*words, "--prompt-file", str(tmp_path / "start.abc"), "-o", str(tmp_path / "longer.abc")]) == 0
    assert "K:Gmaj\nG2ABc2d2|\n" in (tmp_path / "longer.abc").read_text()


def test_a_prompt_is_abc(run: Run) -> None:
    text = run.generate("M:4/4\nL:1/8\nK:Gmaj\nG2AB", length=100, temperature=0.7)
    assert not parse_tune(f"M:4/4\nL:1/8\nK:Gmaj\nG2AB{text}").faults
    with pytest.raises(seqloom.CodecError, match="not in the vocabulary"):
        run.generate("K:Cphr\n")


@pytest.mark.parametrize("level", ["tsd", "pianoroll", "char"])
def test_tunes_are_read_at_other_levels(folder: Path, tmp_path: Path, level: str) -> None:
    kind = {"kind": "text"} if level == "char" else {}
    settings = {**SETTINGS, "steps": 3}
    run = seqloom.train(folder / "tunes.abc", run=tmp_path / level, level=level, progress=False, **kind, **settings)
    assert run.evaluate().unit == {"tsd": "note", "pianoroll": "time step", "char": "character"}[level]
    assert run.generate(length=20)


def test_a_rhythm_can_be_requested(folder: Path, tmp_path: Path) -> None:
    run = seqloom.train(folder / "tunes.abc", run=tmp_path / "run", category="rhythm", progress=False, **SETTINGS)
    assert run.generate(rating="jig", length=200, temperature=0.7)
    with pytest.raises(ConfigError, match="reel"):
        run.generate(rating="polka", length=20)


def test_what_is_no_music_has_no_copies(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("the quick brown fox " * 200)
    with pytest.raises(ConfigError, match="`transpose` alters music, and these are text: leave it out"):
        seqloom.train(tmp_path / "text.txt", run=tmp_path / "run", transpose=2, progress=False, **SETTINGS)


def test_copies_have_all_keys_and_tempos() -> None:
    from seqloom.config import ReadingConfig
    from seqloom.corpora.document import Document
    from seqloom.corpora.music import DRUMS, Note, Tempo, normalized_music

    music = normalized_music([Note(0, 60, 24), Note(0, 36, 6, 90, DRUMS)], [Tempo(0, 100)])
    copies = list(with_copies([Document(music)], ReadingConfig(transpose=2, vary_tempo=10)))
    assert [copy.is_copy for copy in copies] == [False, True, True, True, True]
    assert len({copy.group for copy in copies}) == 1
    assert [copy.payload.notes[1].pitch for copy in copies] == [60, 59, 61, 58, 62]  # type: ignore[attr-defined]
    assert {copy.payload.notes[0].pitch for copy in copies} == {36}  # type: ignore[attr-defined]
    assert [copy.payload.tempos[0].bpm for copy in copies] == [100, 90, 97, 103, 110]  # type: ignore[attr-defined]


def test_a_header_alone_is_a_prompt(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "start.abc").write_text("X:1\nM:4/4\nL:1/8\nK:G\n")
    words = [
        "generate",
        str(folder / "run"),
        "--prompt-file",
        str(tmp_path / "start.abc"),
        "--length",
        "300",
        "-t",
        "0.5",
    ]
    assert call([*words, "-o", str(tmp_path / "new.abc")]) == 0
    assert "K:Gmaj\n" in (tmp_path / "new.abc").read_text()
    (tmp_path / "start.abc").write_text("X:1\nK:G\nV:1\nGAB|\n")
    assert call([*words, "-o", str(tmp_path / "other.abc")]) == 2


def test_copies_that_change_nothing_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`vary_tempo` changes nothing in these tunes: leave it out"):
        seqloom.train(folder / "tunes.abc", run=tmp_path / "run", vary_tempo=10, progress=False, **SETTINGS)


def test_one_piece_cannot_have_copies_and_held_out_text(tmp_path: Path) -> None:
    (tmp_path / "one.abc").write_text(tune(1) * 1)
    with pytest.raises(seqloom.SourceError, match="one document and its altered copies cannot be divided"):
        seqloom.train(tmp_path / "one.abc", run=tmp_path / "run", transpose=2, progress=False, **SETTINGS)


def test_runs_of_tunes_are_compared(folder: Path, run: Run) -> None:
    notes: list[str] = []
    first, second = run.compare(run.path, split="held-out", note=notes.append)
    assert first == second == run.evaluate(split="held-out")
    assert notes == []
