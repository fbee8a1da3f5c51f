"""What the cells of a table mean, in every command."""

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from seqloom.config import ReadingConfig
from seqloom.config.reading import MISSING_WORDS
from seqloom.corpora.corpus import open_corpus
from seqloom.corpora.disjoint_splits import POOLS, pool_of
from seqloom.corpora.table_cells import group_identity, group_of, name_of, pool_label
from seqloom.corpora.table_documents import RatingColumns, row_documents
from seqloom.errors import ConfigError
from seqloom.text_features.validate_texts import group_numbers

READING = ReadingConfig(text="text", group="place", category=("country",))
FIRST_RULES = ReadingConfig(text="text", group="place", category=("country",), table_rules=1)


@pytest.mark.parametrize("cell", ["", "  ", None, float("nan"), Decimal("NaN"), *MISSING_WORDS, " nan ", "null\n"])
def test_groups_and_categories_are_missing_alike(cell: object) -> None:
    assert group_of(cell, READING) is None
    assert name_of(cell, READING) is None


@pytest.mark.parametrize("cell", ["NA", "N/A", "None", "none", "NULL", "Nan", "-", "0"])
def test_other_words_are_names(cell: str) -> None:
    assert group_of(cell, READING) == cell
    assert name_of(cell, READING) == cell


def test_the_user_can_name_other_words() -> None:
    reading = ReadingConfig(text="text", group="place", missing=("-", "NA"))
    assert [group_of(cell, reading) for cell in ("-", " NA", "nan", "")] == [None, None, "nan", None]


@pytest.mark.parametrize(
    "spellings",
    [
        ["7", 7, 7.0, "7.0", " 7", "7.00", "07", "+7", np.int64(7), np.float32(7), Decimal("7.000"), "7e0", "７"],
        ["0", 0, -0.0, "0.0", "-0"],
        ["120", 120, "1.2e2", 120.0],
        ["0.5", 0.5, ".5", Decimal("0.50")],
        ["12345678901234567890123", 12345678901234567890123],
        ["Caf\u00e9", "Cafe\u0301", " Caf\u00e9\t", "Caf\u00e9\u00a0"],
        ["\ufb01sh", "fish"],
        [True, "True", "true", "TRUE"],
        [b"Ulm", "Ulm"],
        [date(2020, 1, 2), "2020-01-02"],
    ],
)
def test_the_spellings_of_a_group_are_one_group(spellings: list[Any]) -> None:
    assert len({group_identity(spelling) for spelling in spellings}) == 1
    assert len(set(group_numbers(spellings, len(spellings)).tolist())) == 1


def test_different_groups_stay_apart() -> None:
    names = ["7", "70", "7a", "-7", "0.7", "Ulm", "ulm", "1e", "e1", "1_0", "12345678901234567", "12345678901234568"]
    assert len({group_identity(name) for name in names}) == len(names)


def test_the_pool_of_a_number_hangs_on_its_value_only() -> None:
    for number in range(1, 1001):
        pools = {pool_of(pool_label("", group_of(cell, READING), READING)) for cell in (str(number), float(number))}
        assert len(pools) == 1


def test_texts_that_differ_in_spaces_share_a_pool(tmp_path) -> None:
    texts = [f"text number {number} of many" for number in range(100)]
    table = tmp_path / "t.csv"
    variants = [variant for text in texts for variant in (text, text + " ", text.replace(" ", "  "))]
    table.write_text("text\n" + "".join(f'"{text}"\n' for text in variants))
    seen: list[str] = []
    for pool in POOLS:
        seen += [str(document.text).strip() for document in open_corpus(table, ReadingConfig(text="text", pool=pool))]
    assert sorted(seen) == sorted(texts)


def test_missing_groups_of_python_are_groups_of_their_own() -> None:
    assert group_numbers([None, float("nan"), "nan", "", "a", " a"], 6).tolist() == [0, 1, 2, 3, 4, 4]
    assert group_numbers([None] * 3, 3).tolist() == [0, 1, 2]


def test_the_first_rules_are_kept_for_old_runs() -> None:
    assert [group_of(cell, FIRST_RULES) for cell in (7, 7.0, " 7", "nan", "", None)] == [
        "7",
        "7.0",
        " 7",
        "nan",
        None,
        None,
    ]
    assert [name_of(cell, FIRST_RULES) for cell in ("NA", "none", "Ulm")] == [None, None, "Ulm"]
    assert pool_label("a ", None, FIRST_RULES) == "a "
    stored = {name: value for name, value in FIRST_RULES.to_json().items() if name not in ("missing", "table_rules")}
    assert ReadingConfig.from_json(stored) == FIRST_RULES
    assert ReadingConfig.from_json(READING.to_json()) == READING


def test_rules_of_a_later_version_are_refused() -> None:
    with pytest.raises(ConfigError, match="the rules of tables have version 3"):
        ReadingConfig.from_json({**READING.to_json(), "table_rules": 3})


def test_the_fingerprint_has_the_rules_of_tables_only(tmp_path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("text\na\n")

    def fingerprint(**settings: Any) -> str:
        return open_corpus(table, ReadingConfig(**settings)).fingerprint

    assert fingerprint(text="text") != fingerprint(text="text", table_rules=1)
    assert fingerprint(text="text") != fingerprint(text="text", missing=("x",))
    text = tmp_path / "t.txt"
    text.write_text("a")
    assert open_corpus(text, ReadingConfig()).fingerprint == open_corpus(text, ReadingConfig(table_rules=1)).fingerprint


def test_a_document_knows_its_row() -> None:
    rows = [(1, {"text": ""}), (2, {"text": "a"}), (3, {"text": 5}), (4, {"text": "b"})]
    tally: Counter[str] = Counter()
    documents = list(row_documents(rows, "it", ReadingConfig(text="text"), RatingColumns(), tally))
    assert [document.row for document in documents] == [2, 4]
    assert tally == {"row with empty text": 1, "row whose text is not a string": 1}
