"""The models of texts, each compared with an independent oracle."""

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from seqloom.text_features.config import INPUT_SCALE, NetworkSettings
from seqloom.text_features.encoder import WordIndex
from seqloom.text_features.linear_models import OrdinalRegression, RidgeRegression
from seqloom.text_features.ngram_network import NGramNetwork
from seqloom.text_features.ngrams import NGrams, count_ngrams

WORDS = ("lovely", "awful", "soup", "table", "waiter", "came", "again", "cold")


def test_ngrams_are_those_of_scikit_learn():
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(WORDS, 9)) for _ in range(200)]
    counts = count_ngrams(texts)
    ngrams = NGrams.fit(counts)
    found = ngrams.transform(counts)
    theirs = TfidfVectorizer(analyzer="char", ngram_range=(3, 5), min_df=2, sublinear_tf=True).fit_transform(texts)
    of_characters = found[:, ngrams.num_word_features :]
    assert of_characters.shape == theirs.shape
    for text in range(5):
        np.testing.assert_allclose(np.sort(of_characters[text].data), np.sort(theirs[text].data), atol=1e-6)


def test_words_after_a_negation_are_marked_up_to_the_next_mark():
    def shared(one: str, other: str) -> int:
        """Word features that both have."""
        counts = count_ngrams([one, other])
        rows = counts[:, : counts.shape[1] // 2]
        return len(set(rows[0].indices) & set(rows[1].indices))

    assert shared("not good", "good") == 0
    assert shared("It wasn't good", "It wasn\u2019t bad, but good") == 1  # "it"
    assert shared("it was never good", "not as good") == 1  # negated "good", in whatever way
    assert shared("gut", "nicht gut") == 1
    assert shared("no a b c d good", "good") == 1  # out of reach


def test_ngrams_survive_texts_without_any():
    assert np.isfinite(NGrams.fit(count_ngrams(["", "a b"])).transform(count_ngrams(["", "\n", "a"])).data).all()


@pytest.fixture
def rows():
    random = np.random.default_rng(2)
    return sparse.random(300, 40, 0.3, "csr", np.float64, random)


def test_ordinal_regression_tells_the_thresholds_apart(rows):
    random = np.random.default_rng(3)
    stars = np.clip(np.round(3 + rows @ random.normal(size=40) + random.normal(size=300)), 1, 5)
    above = stars[:, None] > [1.5, 2.5, 3.5, 4.5]
    found = OrdinalRegression.fit(rows, above).logits(rows)
    for threshold in range(4):
        assert found[above[:, threshold], threshold].mean() > found[~above[:, threshold], threshold].mean() + 1
    always = np.ones((300, 1), bool)
    assert (OrdinalRegression.fit(rows, np.hstack([always, ~always])).logits(rows) == [10, -10]).all()


def test_ngrams_of_a_single_text_are_left_out():
    counts = count_ngrams(["good food", "good service", "bad luck"])
    assert NGrams.fit(counts).num_word_features == 1


def test_ridge_regression_finds_a_linear_rule(rows):
    levels = rows @ np.random.default_rng(4).normal(size=40)
    assert np.corrcoef(RidgeRegression.fit(rows[:200], levels[:200]).predict(rows[200:]), levels[200:])[0, 1] > 0.9


def test_a_network_learns_what_two_words_say_together():
    """No linear model of single words and their neighbours can: "red" and "blue" agree or differ, far apart."""
    random = np.random.default_rng(0)
    pairs = random.integers(0, 2, (1500, 2))
    colours = np.array(["red", "blue"])[pairs]
    texts = [f"{one} stands first and then {other}" for one, other in colours]
    above = (pairs[:, 0] == pairs[:, 1])[:, None]
    counts = count_ngrams(texts)
    ngrams = NGrams.fit(counts)
    rows = ngrams.transform(counts)[:, : ngrams.num_word_features]
    settings = NetworkSettings(epochs=40, feature_dropout=0.0, dropout=0.1, learning_rate=1e-2)
    found = NGramNetwork.fit(rows[:1000], above[:1000], settings, 0).logits(rows[1000:])
    assert ((found > 0) == above[1000:]).mean() > 0.9


def test_a_network_reads_as_torch_does(rows):
    rows = rows.astype(np.float32)
    above = np.random.default_rng(0).random((rows.shape[0], 4)) < 0.5
    network = NGramNetwork.fit(rows, above, NetworkSettings(updates=50), 0)
    held = {name: torch.from_numpy(array) for name, array in network.to_arrays().items()}
    seen = torch.from_numpy(rows[:, network.to_arrays()["places"]].toarray())
    hidden = torch.nn.functional.gelu(INPUT_SCALE * seen @ held["embedding"] + held["bias"])
    np.testing.assert_allclose(network.logits(rows), hidden @ held["output"] + held["output_bias"], atol=1e-5)


def test_rare_words_are_one():
    index = WordIndex.fit(["the cat's mat", "the cat's hat", "a dog"])
    assert set(index.words) == {"the", "cat's"}
    (ids,) = index.encode(["The CAT's dog the"], 3)
    assert ids.tolist() == [2 + index.words.index("the"), 2 + index.words.index("cat's"), 1]
