"""The patterns of texts, held to plain counting: two patterns have one place where they are the same."""

import numpy as np
import pytest

from seqloom.text_features.patterns import KINDS, PLACES, patterns, portions, words_with_places

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
        for n in (3, 4, 5, 7)
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_there_are_as_many_patterns_as_by_plain_counting_and_those_that_are_alike_have_one_place(kind):
    texts = [*TEXTS, "the cat's mat", "and never the cat"]
    found = patterns(texts)[kind]
    plain = [PLAIN[kind](text) for text in texts]
    assert found.counts.tolist() == [len(some) for some in plain]
    flat = [one for some in plain for one in some]
    places = dict(zip(flat, found.places.tolist(), strict=True))
    assert [places[one] for one in flat] == found.places.tolist()
    assert len(set(places.values())) == len(places)
    assert found.places.min() >= 0
    assert found.places.max() < PLACES


def test_texts_are_read_alike_alone_and_together():
    together = patterns(TEXTS)
    alone = [patterns([text]) for text in TEXTS]
    for kind in KINDS:
        np.testing.assert_array_equal(together[kind].places, np.concatenate([one[kind].places for one in alone]))


def test_places_stay_the_same():
    """A detector on disk knows patterns by their places."""
    found = patterns(["The cat sat."])
    assert {kind: int(pattern.places[0]) for kind, pattern in found.items()} == EXPECTED


def test_words_are_spelled_as_they_stand():
    found = words_with_places("It's  GOOD... isn't it?\n")
    assert [word for word, _ in found] == ["It's", "GOOD", "...", "isn't", "it", "?"]
    assert [place for _, place in found] == patterns(["it's good... isn't it?"])["words"].places.tolist()
    assert words_with_places("") == words_with_places("  \n") == []


def test_portions_are_all_texts_in_order():
    texts = ["x" * 40_000, "y", "z" * 80_000, "", "w"] * 3
    assert [text for part in portions(texts) for text in texts[part]] == texts
    assert len(portions(texts)) > 3
    assert portions([]) == []
    assert [texts[part] for part in portions(["", ""])] == [texts[:2]]
