import csv
from collections import Counter

import numpy as np
import pytest

from seqloom.config import ReadingConfig
from seqloom.corpora import open_corpus
from seqloom.corpora.disjoint_splits import POOLS, pool_of
from seqloom.corpora.segmentation import cut_words
from seqloom.errors import ConfigError


def test_pools_have_their_shares():
    found = Counter(pool_of(str(label)) for label in range(20_000))
    for name, share in POOLS.items():
        assert abs(found[name] / 20_000 - share) < 4 * np.sqrt(share * (1 - share) / 20_000)


@pytest.fixture
def table(tmp_path):
    with open(tmp_path / "table.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "place"])
        rows.writerows([f"text number {row}", row // 3] for row in range(600))
        rows.writerow(["text number 7", 999])  # stands in another group already
        rows.writerow(["one without a place", ""])
    return tmp_path / "table.csv"


def read(table, pool, **settings):
    corpus = open_corpus(table, ReadingConfig(text="text", pool=pool, **settings))
    return [("".join(document.text.chunks), document.group) for document in corpus], corpus.skipped


def test_pools_are_disjoint_and_make_up_the_table(table):
    pools = {pool: read(table, pool, group="place")[0] for pool in POOLS}
    texts = [text for documents in pools.values() for text, _ in documents]
    assert len(texts) == len(set(texts)) == 601
    groups = [{group for _, group in documents if group} for documents in pools.values()]
    assert sum(map(len, groups)) == len(set.union(*groups))


def test_what_is_in_other_pools_is_counted(table):
    documents, skipped = read(table, "judge", group="place")
    assert skipped["row of another pool"] == 601 - len(documents)
    assert skipped["duplicate row"] == 1


def test_without_groups_the_text_decides(table):
    again = {pool: read(table, pool)[0] for pool in POOLS}
    assert sum(map(len, again.values())) == 601


def test_an_unknown_pool_is_told(table):
    with pytest.raises(ConfigError, match=r"unknown pool 'criticc': choose from .*; did you mean 'critic'"):
        read(table, "criticc")


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        ("One two. Three four five.", 10, "One two. Three four five."),
        ("One two three. Four five six. Seven eight", 7, "One two three. Four five six."),
        ("One two three four five six", 4, "One two three four"),
        ('He said "no." Then he left the room', 5, 'He said "no."'),
        ("One. Two three four five six seven", 6, "One. Two three four five six"),
        ("One two three\n\nFour five six seven", 5, "One two three"),
    ],
)
def test_records_are_cut_where_a_sentence_ends(text, most, expected):
    assert cut_words(text, most) == expected
