"""The light members, compared with plain counting."""

from collections import Counter

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from seqloom.detector.embedding_coherence import COHERENCE_FEATURES, EmbeddingCoherence
from seqloom.detector.hard_negatives import make_hard_negatives
from seqloom.detector.ngram_classifier import NGramClassifier, pattern_matrix
from seqloom.detector.ngram_novelty import NOT_A_COPY, NOVELTY_FEATURES, NGramNovelty, count_documents
from seqloom.text_features.patterns import extract_patterns


def no_copies(texts):
    return np.full(len(texts), NOT_A_COPY, np.int8)


REAL = ["The cat sat.", "the cat ran", "a dog sat on the cat", "the dog", "the end", "the cat sat"]
GENERATED = ["cat cat cat", "dog the cat"]


@pytest.fixture(scope="module")
def counted():
    texts = REAL + GENERATED
    return count_documents(texts, np.arange(len(texts)) >= len(REAL), np.arange(len(texts)) % 2, 2)


def test_shares_are_those_of_plain_counting(counted):
    novelty = NGramNovelty.from_counts(counted.sum(axis=0, dtype=np.uint16))
    texts = ["the cat sat on a zebra", "dog", "", "Zebra!"]
    features = novelty.features(extract_patterns(texts), no_copies(texts))
    for side, known in (("real", REAL), ("generated", GENERATED)):
        counts = Counter(word for text in known for word in set(text.lower().replace(".", " .").split()))
        for row, text in zip(features, texts, strict=True):
            words = text.lower().replace("!", " !").split()
            stood = np.array([counts[word] for word in words])
            expected = [np.mean(stood < 1), np.mean(stood < 3), np.mean(np.log1p(stood))] if words else [0, 0, 0]
            names = [f"words, {value}, {side}" for value in ("unseen", "rare", "frequency")]
            np.testing.assert_allclose([row[NOVELTY_FEATURES.index(name)] for name in names], expected, rtol=1e-6)
    assert novelty.new_words("The Zebra sat on a zebra-like mat!") == ["Zebra", "zebra", "like", "mat"]


def test_the_counts_for_a_training_text_exclude_the_text(counted):
    """The features of a training text equal those from counts of all other texts."""
    texts, generated = REAL + GENERATED, np.arange(len(REAL + GENERATED)) >= len(REAL)
    whole = NGramNovelty.from_counts(counted.sum(axis=0, dtype=np.uint16))
    found = whole.features(extract_patterns(texts), generated.astype(np.int8))
    for at, text in enumerate(texts):
        others = [place for place in range(len(texts)) if place != at]
        rest = count_documents([texts[place] for place in others], generated[others], np.zeros(len(others), int), 1)
        alone = NGramNovelty.from_counts(rest[0]).features(extract_patterns([text]), no_copies([text]))
        np.testing.assert_allclose(found[at], alone[0], atol=1e-6, err_msg=text)


def test_copies_are_known_by_their_runs_of_words(counted):
    whole = NGramNovelty.from_counts(counted.sum(axis=0, dtype=np.uint16))
    texts = [
        "a dog  sat on the CAT",
        "dog sat on the cat",
        "cat cat cat",
        "the cat is a zebra on the moon today",
        "a",
        "",
    ]
    assert whole.copy_sources(extract_patterns(texts)).tolist() == [
        0,
        0,
        NOT_A_COPY,
        NOT_A_COPY,
        NOT_A_COPY,
        NOT_A_COPY,
    ]


def test_folds_add_up(counted):
    texts = REAL + GENERATED
    whole = count_documents(texts, np.arange(len(texts)) >= len(REAL), np.zeros(len(texts), int), 1)
    np.testing.assert_array_equal(counted.sum(axis=0), whole[0])


def test_familiarity_can_be_kept_and_damage_is_seen(counted):
    novelty = NGramNovelty.from_counts(counted[0])
    arrays = novelty.to_arrays()
    np.testing.assert_array_equal(NGramNovelty.from_arrays(arrays).counts, novelty.counts)
    with pytest.raises(ValueError, match="rror"):
        NGramNovelty.from_arrays({"counts": arrays["counts"][2:]})
    with pytest.raises(ValueError, match="reshape"):
        NGramNovelty.from_arrays({"counts": arrays["counts"][:-50]})


def test_the_classifier_is_a_logistic_regression_of_its_rows(known, unseen):
    rows = pattern_matrix(known.texts)
    classifier = NGramClassifier.fit(rows, known.generated)
    texts_with = np.bincount(rows.indices, minlength=rows.shape[1])
    rarity = np.where(texts_with > 1, np.log((1 + len(known.texts)) / (1 + texts_with)) + 1, 0)
    matrix = pattern_matrix(unseen.texts)
    expected = matrix @ classifier.weight.ravel() + classifier.bias
    np.testing.assert_allclose(classifier.logits(extract_patterns(unseen.texts)), expected, atol=1e-4)
    used = np.flatnonzero(rarity)
    plain = LogisticRegression(C=3, solver="liblinear", class_weight="balanced").fit(
        rows[:, used].multiply(rarity[used]).tocsr(), known.generated
    )
    theirs = plain.decision_function(matrix[:, used].multiply(rarity[used]).tocsr())
    assert np.corrcoef(theirs, expected)[0, 1] > 0.999
    again = NGramClassifier.from_arrays(classifier.to_arrays())
    np.testing.assert_array_equal(again.weight, classifier.weight)
    assert again.bias == classifier.bias


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
    coherence = EmbeddingCoherence.fit(texts, 0)
    found = {
        name: columns
        for name, *columns in zip(
            COHERENCE_FEATURES,
            *(coherence.features(extract_patterns(some)["words"], no_copies(some)).T for some in (whole, mixed)),
            strict=True,
        )
    }
    for name, (one, other) in found.items():
        low = name in ("companions, unseen", "companions, rare")
        assert (one.max() < other.min()) if low else (np.quantile(one, 0.2) > np.quantile(other, 0.8)), name
    empty = coherence.features(
        extract_patterns(["", "unheard of", "aaa1"])["words"], no_copies(["", "unheard of", "aaa1"])
    )
    np.testing.assert_array_equal(empty[:2], 0)
    np.testing.assert_array_equal(empty[2, :5], 0)
    again = EmbeddingCoherence.from_arrays(coherence.to_arrays())
    np.testing.assert_array_equal(
        again.features(extract_patterns(mixed)["words"], no_copies(mixed)),
        coherence.features(extract_patterns(mixed)["words"], no_copies(mixed)),
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
    (found,) = EmbeddingCoherence.fit(texts, 0).features(extract_patterns([mixed[0]])["words"], no_copies([mixed[0]]))
    words = mixed[0].split()
    stood = np.array(
        [counts[frozenset((one, other))] for at, one in enumerate(words) for other in words[at + 1 : at + 6]]
    )
    assert found[COHERENCE_FEATURES.index("companions, unseen")] == pytest.approx(np.mean(stood < 1))
    assert found[COHERENCE_FEATURES.index("companions, rare")] == pytest.approx(np.mean(stood < 3))
    assert found[COHERENCE_FEATURES.index("companions, frequency")] == pytest.approx(np.mean(np.log1p(stood)), rel=1e-5)


def test_companions_are_the_same_without_the_compiled_kernels(subjects, monkeypatch):
    texts, _, mixed = subjects
    coherence = EmbeddingCoherence.fit(texts, 0)
    some = [*mixed, *texts[:20], "", "unheard of"]
    words = extract_patterns(some)["words"]
    sides = (np.arange(len(some)) % 3 - 1).astype(np.int8)
    compiled = coherence.features(words, sides)
    monkeypatch.setenv("SEQLOOM_KERNELS", "off")
    np.testing.assert_allclose(coherence.features(words, sides), compiled, rtol=1e-4, atol=1e-5)
    assert not np.array_equal(coherence.features(words, no_copies(some)), coherence.features(words, sides))


def test_the_cosines_of_a_text_are_those_of_its_words():
    texts = ["red green blue red", "red blue", "green red yellow", "blue yellow red green", "yellow green blue"] * 3
    coherence = EmbeddingCoherence.fit(texts, 0)
    words = "red yellow blue".split()
    vectors = [
        coherence.vectors[coherence.word_of_bucket[extract_patterns([word])["words"][0][0]]].astype(float)
        for word in words
    ]

    def cosine(one, other):
        return one @ other / np.linalg.norm(one) / np.linalg.norm(other)

    (found,) = coherence.features(extract_patterns([" ".join(words)])["words"], no_copies([" ".join(words)]))
    expected = (cosine(vectors[0], vectors[1] + vectors[2]) + cosine(vectors[1], vectors[2])) / 2
    assert found[0] == pytest.approx(expected, rel=1e-4)
    assert found[1] == 0
    assert found[5] == pytest.approx(np.linalg.norm(sum(vectors)) / sum(map(np.linalg.norm, vectors)), rel=1e-4)


def test_too_few_words_for_vectors_give_no_coherence():
    assert (
        not EmbeddingCoherence.fit(["a", "b"], 0).features(extract_patterns(["a b"])["words"], no_copies(["a b"])).any()
    )


def test_decoys_are_new_texts_of_known_pairs(known):
    real = [text for text, made in zip(known.texts, known.generated, strict=True) if not made]
    random = np.random.default_rng(0)
    hard_negatives = make_hard_negatives(real, 80, random)
    assert len(hard_negatives) == 80
    assert not set(hard_negatives) & set(real)
    pairs = {pair for text in real for pair in zip(text.split(), text.split()[1:], strict=False)}
    assert {pair for text in hard_negatives for pair in zip(text.split(), text.split()[1:], strict=False)} <= pairs
    assert max(len(text.split()) for text in hard_negatives) <= max(len(text.split()) for text in real)


def test_decoys_keep_white_space_and_are_not_made_of_nothing():
    hard_negatives = make_hard_negatives(
        ["one\n\ntwo three four five six", "zero\n\ntwo four five three four six"] * 5, 10, np.random.default_rng(0)
    )
    assert hard_negatives
    assert all("\n\n" in text for text in hard_negatives)
    assert make_hard_negatives(["same"] * 9, 5, np.random.default_rng(0)) == []
    assert make_hard_negatives(["the very same text again"] * 9, 5, np.random.default_rng(0)) == []
