import pytest

from seqloom.plural import counted


@pytest.mark.parametrize(
    ("number", "reason", "words"),
    [
        (1, "line that is not a JSON object", "1 line that is not a JSON object"),
        (2, "line that is not a JSON object", "2 lines that are not JSON objects"),
        (1200, "hidden folder", "1,200 hidden folders"),
        (2, "special file", "2 special files"),
        (3, "line of a malformed row", "3 lines of a malformed row"),
        (3, "line after a quote that is never closed", "3 lines after a quote that is never closed"),
        (2, "record without its closing mark", "2 records without their closing mark"),
        (2, "file named twice", "2 files named twice"),
        (2, "missing rating (a row)", "2 missing ratings (a row)"),
        (1, "rating that is not a number (stars)", "1 rating that is not a number (stars)"),
        (2, "rating that is not a number (stars)", "2 ratings that are not numbers (stars)"),
        (2, "missing name (town)", "2 missing names (town)"),
        (2, "missing group", "2 missing groups"),
        (60, "step", "60 steps"),
        (2, "document without text", "2 documents without text"),
    ],
)
def test_counts_read_as_a_person_writes_them(number: int, reason: str, words: str) -> None:
    assert counted(number, reason) == words
