"""Strings of the command line are read as the corpus of the run was."""

from pathlib import Path

import pytest

from seqloom.api import load
from seqloom.cli.app import call


@pytest.fixture(scope="module")
def folded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in lower case and NFC that hardly knows its letters."""
    folder = tmp_path_factory.mktemp("folded")
    (folder / "text.txt").write_text("Caf\u00e9 Dog\n" * 300, encoding="utf-8")
    flags = "--lowercase --normalize NFC --steps 2 --hidden-size 8 --batch-size 4 --sequence-length 16 --threads 1"
    assert call(["train", str(folder / "text.txt"), "--run", str(folder / "run"), *flags.split()]) == 0
    return folder / "run"


def test_a_ban_and_a_stop_string_are_folded(folded: Path) -> None:
    run = load(folded)
    free = run.generate(length=200, seed=1)
    assert {"\u00e9", "d"} <= set(free)
    assert "\u00e9" not in run.generate(length=200, seed=1, ban=("E\u0301",))
    assert run.generate(length=200, seed=1, stop=("D",)) == free.partition("d")[0]
    assert run.generate(length=200, seed=1, stop=("\r\n",)) == free.partition("\n")[0]
    upper, lower, other = (
        run.generate(length=200, seed=1, dry_multiplier=9, dry_allowed_length=1, dry_breaker=(letter,))
        for letter in "DdQ"
    )
    assert upper == lower != other
    assert "".join(run.stream(length=200, seed=1, stop=("D",))) == free.partition("d")[0]


def test_a_vocabulary_cannot_change_with_weights(
    folded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "text.txt"
    text.write_text("caf\u00e9 dog\n" * 300, encoding="utf-8")
    words = [
        "train",
        str(text),
        "--from",
        str(folded),
        "--vocabulary",
        "5",
        "--steps",
        "1",
        "--run",
        str(tmp_path / "r"),
    ]
    assert call(words) == 2
    assert "--vocabulary cannot change with --from" in capsys.readouterr().err


def test_a_key_that_is_no_text_is_refused(folded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "t.csv"
    table.write_text("text\ncaf\u00e9 dog\n", encoding="utf-8")
    words = ["detect", "watermark", str(folded), str(table), "--text", "text", "--key"]
    assert call([*words, "\udcff"]) == 2
    assert "which is not text in UTF-8: give a key of whole characters" in capsys.readouterr().err


def test_texts_of_a_table_are_named_by_their_rows(
    folded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "t.csv"
    table.write_text('id,text\n1,\n2,caf\u00e9 dog\n3,"  "\n4,dog caf\u00e9\n', encoding="utf-8")
    assert call(["detect", "watermark", str(folded), str(table), "--text", "text", "--key", "k"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["row", "2", "4"]
