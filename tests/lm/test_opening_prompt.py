from pathlib import Path

import pytest

from seqloom.codecs import fit_codec
from seqloom.config import ReadingConfig
from seqloom.lm.dataset import Dataset, load_dataset
from seqloom.lm.opening_prompt import default_prompt

FILLER = "some words that fill the opening up to its sixty-four characters and more "


def load(path: Path, text: str, *, records: str | None = None, level: str = "char") -> Dataset:
    path.write_text(text, encoding="utf-8")
    return load_dataset(
        path,
        ReadingConfig(records=records),
        lambda corpus: fit_codec(level, corpus, None),
        hold_out=0.0,
        validation=0.0,
        note=lambda line: None,
    )


@pytest.mark.parametrize(
    ("text", "ends_with"),
    [
        (FILLER + "code\n\n   indented\n\nTitle\n\nthe end.\n\nNext one begins here", "the end.\n\n"),
        (FILLER + "code\n\n   indented\nno\n\nTitle", "indented\nno\n\n"),
        (FILLER + "one line\nthe next line", "one line\n"),
        (FILLER + "no more lines", "opening up to its sixty-four characters "),
    ],
)
def test_the_prompt_ends_before_the_best_start_of_a_text(tmp_path: Path, text: str, ends_with: str) -> None:
    dataset = load(tmp_path / "text.txt", text)
    opening = dataset.codec.decode_text(default_prompt(dataset))
    assert len(opening) == 64
    assert opening.endswith(ends_with)
    assert opening in text


def test_separate_records_start_after_the_boundary(tmp_path: Path) -> None:
    dataset = load(tmp_path / "names.txt", "anna\nberta\nclara\n", records="line")
    assert default_prompt(dataset) == (dataset.codec.boundary,)


def test_the_prompt_of_a_short_text_is_the_text(tmp_path: Path) -> None:
    dataset = load(tmp_path / "text.txt", "short")
    assert dataset.codec.decode_text(default_prompt(dataset)) == "short"


def test_tokens_across_the_end_of_a_sentence_are_not_cut(tmp_path: Path) -> None:
    dataset = load(tmp_path / "text.txt", (FILLER + "It ends.\n\nIt begins. ") * 20, level="subword")
    opening = dataset.codec.decode_text(default_prompt(dataset))
    assert opening in (FILLER + "It ends.\n\nIt begins. ") * 20
