"""The patterns of texts, compared with plain counting: equal patterns have equal buckets."""

import numpy as np
import pytest

from seqloom.text_features.patterns import NUM_BUCKETS, PATTERN_KINDS, chunk_texts, extract_patterns, words_with_buckets

TEXTS = ["The cat's mat, the CAT'S mat!", "", "déjà vu: $5 and 日本!! never 'say' never", "   ", "a", "ab\n\nab  ab"]


EXPECTED = {
    "words": 1216403,
    "pairs": 300803,
    "threes": 1851177,
    "fours": 1613439,
    "fives": 905564,
    "pairs over one": 1687162,
    "pairs over two": 306870,
    "threes over one": 349453,
    "letters": 997257,
    "2 characters": 686425,
    "3 characters": 1015233,
    "4 characters": 1801319,
    "5 characters": 489483,
    "7 characters": 509635,
}


def split(text):
    found, word = [], ""
    for at, letter in enumerate(text.lower()):
        inside = 0 < at < len(text) - 1 and text[at - 1].isalnum() and text[at + 1].isalnum()
        kind = "w" if letter.isalnum() or (letter == "'" and inside) else " " if letter.isspace() else "m"
        if word and kind != word[0]:
            found.append(word[1:])
            word = ""
        if kind != " ":
            word = (word or kind) + letter
    return [one for one in [*found, word[1:]] if one]


def runs(*steps):
    def of(text):
        words = ["<", *split(text), ">"] if len(steps) > 1 else split(text)
        return [tuple(words[at + step] for step in steps) for at in range(len(words) - steps[-1])]

    return of


def letters(text):
    words = [f" {word} " for word in split(text) if word[0].isalnum()]
    return [word[at : at + 4] for word in words for at in range(len(word) - 3)]


PLAIN = {
    "words": runs(0),
    "pairs": runs(0, 1),
    "threes": runs(0, 1, 2),
    "fours": runs(0, 1, 2, 3),
    "fives": runs(0, 1, 2, 3, 4),
    "pairs over one": runs(0, 2),
    "pairs over two": runs(0, 3),
    "threes over one": runs(0, 1, 3),
    "letters": letters,
    **{
        f"{n} characters": lambda text, n=n: [text[at : at + n] for at in range(len(text) - n + 1)]
        for n in (2, 3, 4, 5, 7)
    },
}


@pytest.mark.parametrize("kind", PATTERN_KINDS)
def test_there_are_as_many_patterns_as_by_plain_counting_and_those_that_are_alike_have_one_place(kind):
    texts = [*TEXTS, "the cat's mat", "and never the cat"]
    found = extract_patterns(texts)[kind]
    plain = [PLAIN[kind](text) for text in texts]
    assert found.counts.tolist() == [len(some) for some in plain]
    flat = [one for some in plain for one in some]
    places = dict(zip(flat, found.buckets.tolist(), strict=True))
    assert [places[one] for one in flat] == found.buckets.tolist()
    assert len(set(places.values())) == len(places)
    assert found.buckets.min() >= 0
    assert found.buckets.max() < NUM_BUCKETS


def test_texts_are_read_alike_alone_and_together():
    together = extract_patterns(TEXTS)
    alone = [extract_patterns([text]) for text in TEXTS]
    for kind in PATTERN_KINDS:
        np.testing.assert_array_equal(together[kind].buckets, np.concatenate([one[kind].buckets for one in alone]))


def test_buckets_stay_the_same():
    """A stored detector refers to patterns by their buckets."""
    found = extract_patterns(["The cat sat."])
    assert {kind: int(pattern.buckets[0]) for kind, pattern in found.items()} == EXPECTED


def test_words_are_spelled_as_they_stand():
    found = words_with_buckets("It's  GOOD... isn't it?\n")
    assert [word for word, _ in found] == ["It's", "GOOD", "...", "isn't", "it", "?"]
    assert [place for _, place in found] == extract_patterns(["it's good... isn't it?"])["words"].buckets.tolist()
    assert words_with_buckets("") == words_with_buckets("  \n") == []


def test_portions_are_all_texts_in_order():
    texts = ["x" * 40_000, "y", "z" * 80_000, "", "w"] * 3
    assert [text for part in chunk_texts(texts) for text in texts[part]] == texts
    assert len(chunk_texts(texts)) > 3
    assert chunk_texts([]) == []
    assert [texts[part] for part in chunk_texts(["", ""])] == [texts[:2]]
