"""Tunes in ABC notation: parser, playback and transposition, compared with music21."""

import itertools
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.config import ReadingConfig
from seqloom.corpora import open_corpus
from seqloom.corpora.abc.keys import parse_key
from seqloom.corpora.abc.parser import parse_tune
from seqloom.corpora.abc.tokens import tokens_of
from seqloom.corpora.abc.tune import AbcTune, normal_tune, tune_from_text
from seqloom.errors import ConfigError, SourceError

HEAD = "M:4/4\nL:1/8\nK:Gmaj\n"


def pitches(text: str) -> list[tuple[int, int, int]]:
    return [(note.start, note.pitch, note.duration) for note in tune_from_text(HEAD + text).notes]


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("G2 F", [(0, 67, 24), (24, 66, 12)]),  # F is sharp in G major
        ("=F F | F", [(0, 65, 12), (12, 65, 12), (24, 66, 12)]),  # an accidental holds for its bar
        ("c,, C,, c'", [(0, 48, 12), (12, 36, 12), (24, 84, 12)]),
        ("G> A G< A", [(0, 67, 18), (18, 69, 6), (24, 67, 6), (30, 69, 18)]),
        ("(3GAB c", [(0, 67, 8), (8, 69, 8), (16, 71, 8), (24, 72, 12)]),
        ("[GBd]2 z2 G/2A//", [(0, 67, 24), (0, 71, 24), (0, 74, 24), (48, 67, 6), (54, 69, 3)]),
        ("G4- | G2 A2", [(0, 67, 72), (72, 69, 24)]),
        ("{cd}G2 ~A2", [(0, 67, 24), (24, 69, 24)]),
        ("|: G8 :| A8", [(0, 67, 96), (96, 67, 96), (192, 69, 96)]),
        ("|: G8 |[1 A8 :|[2 B8 |]", [(0, 67, 96), (96, 69, 96), (192, 67, 96), (288, 71, 96)]),
        ("G4 [K:Fmaj] B4", [(0, 67, 48), (48, 70, 48)]),
        ("Z | G8", [(96, 67, 96)]),
        ("^C4- | C4 C4", [(0, 61, 96), (96, 60, 48)]),  # a tie keeps the accidental, for its note only
        ("^c,4 C4", [(0, 61, 48), (48, 61, 48)]),  # an accidental holds for the pitch, however it is spelled
        ("[C-E]4 [CG]4", [(0, 60, 96), (0, 64, 48), (48, 67, 48)]),  # one note of a chord is tied
        ("^c4 [K:Dmaj] c4 =c4", [(0, 73, 48), (48, 73, 48), (96, 72, 48)]),
        ("M:3/4\n(5GABcd", [(0, 67, 5), (5, 69, 5), (10, 71, 4), (14, 72, 5), (19, 74, 5)]),
    ],
)
def test_a_tune_sounds_as_it_is_written(music: str, expected: list[tuple[int, int, int]]) -> None:
    assert pitches(music) == expected
    assert parse_tune(HEAD + music).faults == []


@pytest.mark.parametrize(
    ("music", "fault"),
    [
        ("[GB", "opens '[' and never closes it"),
        ("G ]", "has ']' without its opening bracket"),
        ("[]", "closes a chord without notes"),
        ("(3GA| B", "has a bar line inside of a tuplet"),
        ("(3GA", "ends inside of a tuplet"),
        ("> G", "has a broken rhythm without a note before it"),
        ("G>", "ends with a broken rhythm"),
        ("2 G", "has the length '2' without a note before it"),
        ("G22/3/4", "has a second length"),
        ("G- | A", "follows a tie, but does not have its pitch"),
        ("G [1 A", "has an ending that follows no bar line"),
        ("G & A", "has '&', which means nothing here"),
        ("G\nJ:x\nG", "has the field J:, which is not defined here"),
        ("[G|B]", "has a bar line inside of brackets"),
        ("", "the tune has no notes"),
        ("G999", "which is too long"),
        ("C,,,,,,,,", "which no instrument plays"),
        ("G" + "1" * 5000, "which is too long"),
        ("[M:" + "1" * 5000 + "/4] G", "has the metre"),
    ],
)
def test_a_fault_is_named(music: str, fault: str) -> None:
    assert any(fault in one for one in parse_tune(HEAD + music).faults)


def test_many_brackets_take_no_long_time() -> None:
    assert len(parse_tune(HEAD + "(" * 50_000 + "G").faults) == 50_000
    assert parse_tune(HEAD + "G" + ":" * 50_000).bars


def test_an_ending_may_name_several_repeats() -> None:
    assert parse_tune(HEAD + "|: G8 |[1-3 A8 :|[1,2-3 B8 |]").faults == []


def test_the_unit_follows_the_metre_of_the_header_only() -> None:
    tune = tune_from_text("M:4/4\nK:Cmaj\nC8|\nM:2/4\nC4|\n")
    assert [note.duration for note in tune.notes] == [96, 48]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("|:CDEF|CDE\nE:|", "|:CDEF|CDE\nE:|\n"),
        ("ABcd !D.C.!", "ABcd !D.C.!\n"),
        ("ABcd !\nefga!", "ABcd\nefga\n"),
        ("A y!style=x!B `c", "A !style=x!B c\n"),
        ("A [K:clef=bass] B", "A B\n"),
        ("K:clef=bass\nA", "A\n"),
        ("A [V:1] B", None),
        ("A [K:none] B", None),
        ("", ""),
    ],
)
def test_music_has_one_form(body: str, expected: str | None) -> None:
    normal = normal_tune({"K": "C clef=bass"}, body)
    assert normal == (None if expected is None else f"K:Cmaj\n{expected}")


@given(st.lists(st.sampled_from(["^F", "F,", "f,,", "=c", "_b,", "c'", "|", "2", "G", "^^C", "[K:Dmaj]"]), max_size=20))
def test_any_transposition_is_exact(music: list[str]) -> None:
    tune = tune_from_text(HEAD + " ".join(music))
    for semitones in (-5, 1, 6):
        altered = tune.altered(semitones, 1.0)
        if altered is not None:
            assert [note._replace(pitch=note.pitch - semitones) for note in altered.notes] == list(tune.notes)


def test_bars_are_measured_by_the_metre() -> None:
    assert parse_tune(HEAD + "G2 | G8 | A8 :| B8 | c6 |]").fits_metre  # a pick-up, and the bar that it completes
    assert not parse_tune(HEAD + "G8 | A7 | B8 |]").fits_metre
    assert not parse_tune(HEAD + "G9 | A8 |]").fits_metre


def test_the_tokens_joined_are_the_tune() -> None:
    text = HEAD + '"Am"G2 (3ABc [ce]> d2|:[1 G4-:|[K:Dmaj]!trill!A/B//|]\n'
    assert "".join(token.text for token in tokens_of(text)) == text
    assert all(token.kind != "unknown" for token in tokens_of(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("D Major", "Dmaj"), ("Am", "Amin"), ("F#", "F#maj"), ("Eb dorian", "Ebdor"), ("G mix clef=bass", "Gmix")],
)
def test_keys_have_one_form(text: str, expected: str) -> None:
    assert str(parse_key(text)) == expected


@pytest.mark.parametrize("text", ["", "H", "HP", "none", "D exp ^c", "G#maj", "Cxyz"])
def test_what_is_no_key_is_known(text: str) -> None:
    assert parse_key(text) is None


@pytest.mark.parametrize("semitones", [-6, -1, 1, 2, 5, 12])
def test_a_transposed_tune_sounds_higher(semitones: int) -> None:
    tune = tune_from_text(HEAD + "G2 ^G =F _B c' | A,, (3ABc [Gd] |]\n")
    altered = tune.altered(semitones, 1.0)
    assert altered is not None
    assert [note._replace(pitch=note.pitch - semitones) for note in altered.notes] == list(tune.notes)
    assert parse_tune(altered.text).faults == []
    assert altered.altered(-semitones, 1.0).notes == tune.notes  # type: ignore[union-attr]


def test_a_file_of_tunes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tunes.abc"
    path.write_text(
        "%abc-2.1\nA file of tunes\n\nX:1\nT:One\nR:reel\nM:4/4\nL:1/8\nK:D Major % bright\nDEFG|1A4:|!\n"
        "2B4|]\nw: la la\n\n"
        "free text\n\nX:2\nT:Two\nM:6/8\nK:Am\nV:1\nABc|]\n\nX:3\nM:6/8\nK:A dor\nABc def|]\n"
    )
    corpus = open_corpus(path, ReadingConfig(category=("rhythm", "key")))
    documents = list(corpus)
    assert [document.payload.text for document in documents] == [  # type: ignore[attr-defined]
        "M:4/4\nL:1/8\nK:Dmaj\nDEFG|[1A4:|\n2B4|]\n",
        "M:6/8\nK:Ador\nABc def|]\n",
    ]
    assert [dict(document.conditions) for document in documents] == [
        {"rhythm": "reel", "key": "Dmaj"},
        {"rhythm": None, "key": "Ador"},
    ]
    assert corpus.skipped == {"tune with several voices": 1}
    with pytest.raises(ConfigError, match="no tune has this header"):
        list(open_corpus(path, ReadingConfig(category=("S",))))
    with pytest.raises(ConfigError, match="name a header of tunes"):
        list(open_corpus(path, ReadingConfig(category=("genre",))))


def test_a_file_without_tunes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.abc").write_text("no tune here\n")
    with pytest.raises(SourceError, match="has no tune in ABC"):
        open_corpus(tmp_path / "a.abc")
    (tmp_path / "old.abc").write_bytes(b"X:1\rT:a\rK:G\rGABc|\r")
    assert [document.payload.text for document in open_corpus(tmp_path / "old.abc")] == ["K:Gmaj\nGABc|\n"]  # type: ignore[attr-defined]
    (tmp_path / "voices.abc").write_text("X:1\nK:C\n" + "".join(f"V:{number}\nC|\n" for number in range(100_000)))
    with pytest.raises(SourceError, match="holds no"):
        list(open_corpus(tmp_path / "voices.abc"))


def test_a_tune_that_is_not_abc_has_no_normal_form() -> None:
    assert normal_tune({"K": "C"}, "C D & E") is None
    assert normal_tune({"K": "wrong"}, "C D E") is None


def played_by_music21(text: str) -> list[tuple[int, int, int]]:
    converter = pytest.importorskip("music21.converter", reason="music21 is not installed")
    score = converter.parse(f"X:1\n{text}", format="abc")
    notes = score.stripTies().flatten().notes
    heard = [
        (round(float(note.offset) * 24), pitch.midi, round(float(note.quarterLength) * 24))
        for note in notes
        if not note.duration.isGrace
        for pitch in note.pitches
    ]
    return sorted(heard)


def test_music21_hears_the_same_tunes(corpora_dir: Path) -> None:
    """music21 plays no repeats, and ends an accidental with its note: tunes where that matters are left out."""
    for document in itertools.islice(open_corpus(corpora_dir / "music/irish.abc"), 0, 350, 25):
        tune = document.payload
        assert isinstance(tune, AbcTune)
        once = re.sub(r"\[[12]", "", re.sub(r":+\|+:*|\|+:|::", "|", tune.text))
        own = sorted((note.start, note.pitch, note.duration) for note in tune_from_text(once).notes)
        assert own == played_by_music21(once)


def test_the_parser_accepts_real_tunes(corpora_dir: Path) -> None:
    parsed = [parse_tune(document.payload.text) for document in open_corpus(corpora_dir / "music/irish.abc")]  # type: ignore[attr-defined]
    assert sum(not tune.faults for tune in parsed) >= 801
    assert sum(not tune.faults and tune.fits_metre for tune in parsed) >= 770
