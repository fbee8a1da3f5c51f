from pathlib import Path

import pytest

from seqloom.codecs import fit_codec
from seqloom.config import ReadingConfig
from seqloom.lm.dataset import Dataset, load_dataset
from seqloom.lm.model_setup import default_prompt

FILLER = "some words that fill the opening up to its sixty-four characters and more "


def material(path: Path, text: str, *, records: str | None = None, level: str = "char") -> Dataset:
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
def test_a_text_without_a_prompt_begins_where_another_ends(tmp_path: Path, text: str, ends_with: str) -> None:
    made = material(tmp_path / "text.txt", text)
    opening = made.codec.decode_text(default_prompt(made))
    assert len(opening) == 64
    assert opening.endswith(ends_with)
    assert opening in text


def test_records_begin_after_their_boundary(tmp_path: Path) -> None:
    made = material(tmp_path / "names.txt", "anna\nberta\nclara\n", records="line")
    assert default_prompt(made) == (made.codec.boundary,)


def test_a_short_text_opens_with_itself(tmp_path: Path) -> None:
    made = material(tmp_path / "text.txt", "short")
    assert made.codec.decode_text(default_prompt(made)) == "short"


def test_a_token_that_runs_past_the_end_of_a_sentence_is_not_cut(tmp_path: Path) -> None:
    made = material(tmp_path / "text.txt", (FILLER + "It ends.\n\nIt begins. ") * 20, level="subword")
    opening = made.codec.decode_text(default_prompt(made))
    assert opening in (FILLER + "It ends.\n\nIt begins. ") * 20
