"""Lists of words and names against texts that only look like one."""

import itertools
from pathlib import Path

import pytest

import seqloom
from seqloom.cli.config_file import read_config_file
from seqloom.config import ReadingConfig
from seqloom.corpora import open_corpus
from seqloom.corpora.word_lists import is_word_list

NAMES = ["".join(letters).title() for letters in itertools.product("abdo", repeat=3)]
TRAINING = {"hidden_size": 16, "batch_size": 4, "sequence_length": 8, "threads": 1, "steps": 4}


@pytest.mark.parametrize(
    "words",
    [
        NAMES,
        [*NAMES, "O'Neil", "Au-Yong", "St.Clair", "Émile", "Зоя"],
        [f"  {name}\r\n" for name in NAMES],
        [*NAMES, "", " "],
        [*NAMES, "two words"],
        ["".join(signs) for signs in itertools.product("春眠不覺曉處處", repeat=2)] + NAMES,
    ],
    ids=["names", "signs", "spaces", "empty", "exception", "ideographs"],
)
def test_a_list_of_words(words):
    assert is_word_list(words)


@pytest.mark.parametrize(
    "lines",
    [
        NAMES[:20],
        NAMES[:20] * 20,
        [f"{name} {name}" for name in NAMES],
        [str(number) for number in range(100)],
        [f"{number / 7:.3f}" for number in range(100)],
        [*NAMES, *",.,."],
        [f"{name * 20}" for name in NAMES],
        ["春眠不覺曉" + first + second for first in "處處聞啼鳥夜來風雨聲" for second in "花落知多少月"],
        [],
    ],
    ids=["few", "repeated", "sentences", "numbers", "decimals", "tokens", "long", "verses", "empty"],
)
def test_what_is_no_list_of_words(lines):
    assert not is_word_list(lines)


@pytest.fixture
def names(tmp_path: Path) -> Path:
    file = tmp_path / "names.txt"
    file.write_text("\n".join(NAMES * 3) + "\n", encoding="utf-8")
    return file


def test_a_corpus_recognises_a_list_on_request(names, tmp_path):
    corpus = open_corpus(names, recognise_lists=True)
    assert (corpus.reading.records, len(list(corpus))) == ("line", 192)
    assert corpus.notes == (
        f"{names} has one word per line, so each line is a record; to read it as one text, set `records` none",
    )
    assert open_corpus(names).notes == ()
    (tmp_path / "prose.txt").write_text("It was a dark and stormy night.", encoding="utf-8")
    assert open_corpus(tmp_path, recognise_lists=True).reading.records is None
    paragraphs = open_corpus(names, ReadingConfig(records="blank"), recognise_lists=True)
    assert paragraphs.reading.records == "blank"


def test_a_training_reads_a_list_by_line(names, tmp_path):
    run = seqloom.train(names, run=tmp_path / "lines", **TRAINING)
    assert (run.config.reading.records, run.config.separate) == ("line", True)
    whole = seqloom.train(names, run=tmp_path / "whole", records="none", **TRAINING)
    assert (whole.config.reading.records, whole.config.separate) == (None, False)
    seqloom.train(names, run=tmp_path / "whole", records="none", resume=True)
    assert "--records none" in whole.config.repeat_command
    assert read_config_file(tmp_path / "whole" / "config.json").settings["records"] == "none"
    assert read_config_file(tmp_path / "lines" / "config.json").settings["records"] == "line"


def test_a_run_from_running_text_reads_on_as_running_text(names, tmp_path):
    seqloom.train(names, run=tmp_path / "whole", records="none", **TRAINING)
    child = seqloom.train(names, run=tmp_path / "child", from_run=tmp_path / "whole", **TRAINING)
    assert child.config.reading.records is None
