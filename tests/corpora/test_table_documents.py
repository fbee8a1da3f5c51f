from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from seqloom.config import ReadingConfig
from seqloom.corpora.document import Document
from seqloom.corpora.table_documents import RatingColumns, row_documents
from seqloom.errors import SourceError

READING = ReadingConfig(text="text", rating=("stars",), group="place")


def read(
    *cells: dict[str, Any], reading: ReadingConfig = READING
) -> tuple[list[Document], dict[str, int], RatingColumns]:
    tally: Counter[str] = Counter()
    judge = RatingColumns()
    rows = list(enumerate(cells, start=1))
    return list(row_documents(rows, "it", reading, judge, tally)), dict(+tally), judge


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        *[("4", 4.0), (" 4.5 ", 4.5), ("-1e2", -100.0), ("+3", 3.0)],
        *[(4, 4.0), (2.5, 2.5), (Decimal("1.25"), 1.25)],
    ],
)
def test_numbers_are_ratings(cell: object, number: float) -> None:
    documents, tally, _ = read({"text": "x", "stars": cell, "place": "p"})
    assert documents[0].conditions == {"stars": number}
    assert documents[0].group == "p"
    assert not tally


@pytest.mark.parametrize("cell", ["", "  ", "nan", "NaN", "NA", "null", None, float("nan"), Decimal("NaN")])
def test_missing_ratings_are_counted_and_the_row_is_kept(cell: object) -> None:
    documents, tally, _ = read({"text": "x", "stars": cell, "place": "p"})
    assert documents[0].conditions == {"stars": None}
    assert tally == {"missing rating (stars)": 1}


@pytest.mark.parametrize(
    "cell", ["Like", "4,5", "1_000", "inf", "-inf", "5 stars", True, [4], 10**400, date(2020, 1, 1)]
)
def test_what_is_no_number_is_counted_and_the_row_is_kept(cell: object) -> None:
    documents, tally, _ = read({"text": "x", "stars": cell, "place": "p"})
    assert documents[0].conditions == {"stars": None}
    assert tally == {"rating that is not a number (stars)": 1}


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        *[("", "row with empty text"), (" \n", "row with empty text"), (None, "row with empty text")],
        *[(5, "row whose text is not a string"), (["a"], "row whose text is not a string")],
        ("half \ud83d", "row with half a surrogate pair"),
    ],
)
def test_rows_without_text_are_left_out(cell: object, reason: str) -> None:
    documents, tally, judge = read({"text": cell, "stars": 1, "place": "p"})
    assert documents == []
    assert tally == {reason: 1}
    assert not judge.num_numbers


def test_the_word_nan_is_text_like_any_other() -> None:
    documents, tally, _ = read({"text": "nan", "stars": 1, "place": "p"})
    assert list(documents[0].text.chunks) == ["nan"]
    assert not tally


@pytest.mark.parametrize(("cell", "group"), [("a", "a"), (7, "7"), ("", None), (None, None), (float("nan"), None)])
def test_groups_are_strings(cell: object, group: str | None) -> None:
    documents, tally, _ = read({"text": "x", "stars": 1, "place": cell})
    assert documents[0].group == group
    assert tally == ({} if group else {"missing group": 1})


def test_text_is_folded_as_it_is_read() -> None:
    documents, _, _ = read({"text": "A\r\nB"}, reading=ReadingConfig(text="text", lowercase=True))
    assert list(documents[0].text.chunks) == ["a\nb"]
    assert documents[0].conditions == {}


def test_half_the_cells_may_be_no_numbers_but_not_more() -> None:
    _, _, judge = read(*[{"text": "x", "stars": cell} for cell in ("1", "two", "", "")])
    judge.check(["stars"])
    _, _, judge = read(*[{"text": "x", "stars": cell} for cell in ("1", "two", "three", "")])
    with pytest.raises(
        SourceError, match=r"'stars' .* 2 of its 3 filled cells hold something else, such as 'two' in row 2 of it"
    ):
        judge.check(["stars"])


def test_a_column_without_any_number_is_refused() -> None:
    _, _, judge = read({"text": "x", "stars": ""}, {"text": "y", "stars": None})
    with pytest.raises(SourceError, match=r"'stars' .* every cell is empty"):
        judge.check(["stars"])


def test_every_bad_column_is_named() -> None:
    reading = ReadingConfig(text="text", rating=("a", "b", "c"))
    _, _, judge = read({"text": "x", "a": "u", "b": 1, "c": "v"}, reading=reading)
    with pytest.raises(SourceError) as raised:
        judge.check(reading.rating)
    assert len(raised.value.faults) == 2


@pytest.mark.parametrize("cell", [-1, -1.0, "-1", " -1.0 ", Decimal("-1.00")])
def test_a_number_that_stands_for_a_missing_value_is_missing_in_every_type(cell: object) -> None:
    reading = replace(READING, missing=("-1",), category=("country",))
    documents, tally, _ = read({"text": "x", "stars": cell, "place": cell, "country": cell}, reading=reading)
    (document,) = documents
    assert document.conditions == {"stars": None, "country": None}
    assert document.group is None
    assert tally == {"missing rating (stars)": 1, "missing group": 1, "missing name (country)": 1}
    (document,), _, _ = read({"text": "x", "stars": cell, "place": cell, "country": cell})
    assert (document.conditions["stars"], document.group) == (-1.0, "-1")
