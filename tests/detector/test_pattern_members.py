"""Readers of patterns, held to plain counting."""

from collections import Counter

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from seqloom.detector.embedding_coherence import COHERENCE, Coherence
from seqloom.detector.hard_negatives import make_decoys
from seqloom.detector.ngram_classifier import Wording, wording_rows
from seqloom.detector.ngram_novelty import FAMILIARITY, NEW, Familiarity, count_texts
from seqloom.text_features.patterns import patterns


def new(texts):
    return np.full(len(texts), NEW, np.int8)


REALS = ["The cat sat.", "the cat ran", "a dog sat on the cat", "the dog", "the end", "the cat sat"]
FAKES = ["cat cat cat", "dog the cat"]


@pytest.fixture(scope="module")
def counted():
    texts = REALS + FAKES
    return count_texts(texts, np.arange(len(texts)) >= len(REALS), np.arange(len(texts)) % 2, 2)


def test_shares_are_those_of_plain_counting(counted):
    familiarity = Familiarity.of(counted.sum(axis=0, dtype=np.uint16))
    texts = ["the cat sat on a zebra", "dog", "", "Zebra!"]
    features = familiarity.features(patterns(texts), new(texts))
    for side, known in (("real", REALS), ("generated", FAKES)):
        counts = Counter(word for text in known for word in set(text.lower().replace(".", " .").split()))
        for row, text in zip(features, texts, strict=True):
            words = text.lower().replace("!", " !").split()
            stood = np.array([counts[word] for word in words])
            expected = [np.mean(stood < 1), np.mean(stood < 3), np.mean(np.log1p(stood))] if words else [0, 0, 0]
            names = [f"words, {value}, {side}" for value in ("unseen", "rare", "frequency")]
            np.testing.assert_allclose([row[FAMILIARITY.index(name)] for name in names], expected, rtol=1e-6)
    assert familiarity.unheard_words("The Zebra sat on a zebra-like mat!") == ["Zebra", "zebra", "like", "mat"]


def test_what_a_text_adds_to_the_counts_is_left_out_for_itself(counted):
    """What is said of a text that was counted is what those say who have counted all others."""
    texts, generated = REALS + FAKES, np.arange(len(REALS + FAKES)) >= len(REALS)
    whole = Familiarity.of(counted.sum(axis=0, dtype=np.uint16))
    found = whole.features(patterns(texts), generated.astype(np.int8))
    for at, text in enumerate(texts):
        others = [place for place in range(len(texts)) if place != at]
        rest = count_texts([texts[place] for place in others], generated[others], np.zeros(len(others), int), 1)
        alone = Familiarity.of(rest[0]).features(patterns([text]), new([text]))
        np.testing.assert_allclose(found[at], alone[0], atol=1e-6, err_msg=text)


def test_copies_are_known_by_their_runs_of_words(counted):
    whole = Familiarity.of(counted.sum(axis=0, dtype=np.uint16))
    texts = [
        "a dog  sat on the CAT",
        "dog sat on the cat",
        "cat cat cat",
        "the cat is a zebra on the moon today",
        "a",
        "",
    ]
    assert whole.sides(patterns(texts)).tolist() == [0, 0, NEW, NEW, NEW, NEW]


def test_folds_add_up(counted):
    texts = REALS + FAKES
    whole = count_texts(texts, np.arange(len(texts)) >= len(REALS), np.zeros(len(texts), int), 1)
    np.testing.assert_array_equal(counted.sum(axis=0), whole[0])


def test_familiarity_can_be_kept_and_damage_is_seen(counted):
    familiarity = Familiarity.of(counted[0])
    arrays = familiarity.to_arrays()
    np.testing.assert_array_equal(Familiarity.from_arrays(arrays).counts, familiarity.counts)
    with pytest.raises(ValueError, match="rror"):
        Familiarity.from_arrays({"counts": arrays["counts"][2:]})
    with pytest.raises(ValueError, match="reshape"):
        Familiarity.from_arrays({"counts": arrays["counts"][:-50]})


def test_wording_is_a_logistic_regression_of_its_rows(known, unseen):
    rows = wording_rows(known.texts)
    wording = Wording.fit(rows, known.generated)
    texts_with = np.bincount(rows.indices, minlength=rows.shape[1])
    rarity = np.where(texts_with > 1, np.log((1 + len(known.texts)) / (1 + texts_with)) + 1, 0)
    asked = wording_rows(unseen.texts)
    expected = asked @ wording.weight.ravel() + wording.bias
    np.testing.assert_allclose(wording.logits(patterns(unseen.texts)), expected, atol=1e-4)
    used = np.flatnonzero(rarity)
    plain = LogisticRegression(C=3, solver="liblinear", class_weight="balanced").fit(
        rows[:, used].multiply(rarity[used]).tocsr(), known.generated
    )
    theirs = plain.decision_function(asked[:, used].multiply(rarity[used]).tocsr())
    assert np.corrcoef(theirs, expected)[0, 1] > 0.999
    again = Wording.from_arrays(wording.to_arrays())
    np.testing.assert_array_equal(again.weight, wording.weight)
    assert again.bias == wording.bias


@pytest.fixture(scope="module")
def subjects():
    """Texts that keep to one of twenty subjects, and texts that do not."""
    random = np.random.default_rng(0)
    words = [[f"{chr(97 + subject) * 3}{number}" for number in range(12)] for subject in range(20)]

    def written(mixed: bool) -> str:
        own = words[random.integers(20)]
        return " ".join((words[random.integers(20)] if mixed else own)[random.integers(12)] for _ in range(40))

    return [written(False) for _ in range(300)], *([written(kind) for _ in range(50)] for kind in (False, True))


def test_words_of_one_subject_belong_together(subjects):
    texts, whole, mixed = subjects
    coherence = Coherence.fit(texts, 0)
    found = {
        name: columns
        for name, *columns in zip(
            COHERENCE,
            *(coherence.features(patterns(some)["words"], new(some)).T for some in (whole, mixed)),
            strict=True,
        )
    }
    for name, (one, other) in found.items():
        low = name in ("companions, unseen", "companions, rare")
        assert (one.max() < other.min()) if low else (np.quantile(one, 0.2) > np.quantile(other, 0.8)), name
    empty = coherence.features(patterns(["", "unheard of", "aaa1"])["words"], new(["", "unheard of", "aaa1"]))
    np.testing.assert_array_equal(empty[:2], 0)
    np.testing.assert_array_equal(empty[2, :5], 0)
    again = Coherence.from_arrays(coherence.to_arrays())
    np.testing.assert_array_equal(
        again.features(patterns(mixed)["words"], new(mixed)), coherence.features(patterns(mixed)["words"], new(mixed))
    )


def test_companions_are_those_of_plain_counting(subjects):
    texts, _, mixed = subjects
    counts: Counter = Counter()
    for text in texts:
        words = text.split()
        counts.update(
            {
                frozenset(pair)
                for at, one in enumerate(words)
                for pair in ((one, other) for other in words[at + 1 : at + 6])
            }
        )
    (found,) = Coherence.fit(texts, 0).features(patterns([mixed[0]])["words"], new([mixed[0]]))
    words = mixed[0].split()
    stood = np.array(
        [counts[frozenset((one, other))] for at, one in enumerate(words) for other in words[at + 1 : at + 6]]
    )
    assert found[COHERENCE.index("companions, unseen")] == pytest.approx(np.mean(stood < 1))
    assert found[COHERENCE.index("companions, rare")] == pytest.approx(np.mean(stood < 3))
    assert found[COHERENCE.index("companions, frequency")] == pytest.approx(np.mean(np.log1p(stood)), rel=1e-5)


def test_companions_are_the_same_without_the_compiled_kernels(subjects, monkeypatch):
    texts, _, mixed = subjects
    coherence = Coherence.fit(texts, 0)
    some = [*mixed, *texts[:20], "", "unheard of"]
    words = patterns(some)["words"]
    sides = (np.arange(len(some)) % 3 - 1).astype(np.int8)
    compiled = coherence.features(words, sides)
    monkeypatch.setenv("SEQLOOM_KERNELS", "off")
    np.testing.assert_allclose(coherence.features(words, sides), compiled, rtol=1e-4, atol=1e-5)
    assert not np.array_equal(coherence.features(words, new(some)), coherence.features(words, sides))


def test_the_cosines_of_a_text_are_those_of_its_words():
    texts = ["red green blue red", "red blue", "green red yellow", "blue yellow red green", "yellow green blue"] * 3
    coherence = Coherence.fit(texts, 0)
    words = "red yellow blue".split()
    vectors = [coherence.vectors[coherence.row[patterns([word])["words"][0][0]]].astype(float) for word in words]

    def cosine(one, other):
        return one @ other / np.linalg.norm(one) / np.linalg.norm(other)

    (found,) = coherence.features(patterns([" ".join(words)])["words"], new([" ".join(words)]))
    expected = (cosine(vectors[0], vectors[1] + vectors[2]) + cosine(vectors[1], vectors[2])) / 2
    assert found[0] == pytest.approx(expected, rel=1e-4)
    assert found[1] == 0
    assert found[5] == pytest.approx(np.linalg.norm(sum(vectors)) / sum(map(np.linalg.norm, vectors)), rel=1e-4)


def test_too_few_words_for_vectors_give_no_coherence():
    assert not Coherence.fit(["a", "b"], 0).features(patterns(["a b"])["words"], new(["a b"])).any()


def test_decoys_are_new_texts_of_known_pairs(known):
    real = [text for text, made in zip(known.texts, known.generated, strict=True) if not made]
    random = np.random.default_rng(0)
    decoys = make_decoys(real, 80, random)
    assert len(decoys) == 80
    assert not set(decoys) & set(real)
    pairs = {pair for text in real for pair in zip(text.split(), text.split()[1:], strict=False)}
    assert {pair for text in decoys for pair in zip(text.split(), text.split()[1:], strict=False)} <= pairs
    assert max(len(text.split()) for text in decoys) <= max(len(text.split()) for text in real)


def test_decoys_keep_white_space_and_are_not_made_of_nothing():
    decoys = make_decoys(
        ["one\n\ntwo three four five six", "zero\n\ntwo four five three four six"] * 5, 10, np.random.default_rng(0)
    )
    assert decoys
    assert all("\n\n" in text for text in decoys)
    assert make_decoys(["same"] * 9, 5, np.random.default_rng(0)) == []
    assert make_decoys(["the very same text again"] * 9, 5, np.random.default_rng(0)) == []
