"""The parts of a critic, each against an oracle of its own."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.linear_model import Ridge as TheirRidge

from seqloom.critic.bayes import BayesJudge
from seqloom.critic.blend import Blend
from seqloom.critic.encoder import WordIndex
from seqloom.critic.linear import Ordinal, Ridge
from seqloom.critic.ngrams import NGrams, count_ngrams
from seqloom.critic.thresholds import Thresholds, sigmoid
from seqloom.data.conditions import fit_scale

STARS = Thresholds(fit_scale("stars", np.arange(1.0, 6)))


def test_a_rating_is_the_sum_of_its_answers():
    above = STARS.above(np.array([1.0, 3, 4.6, 5]))
    np.testing.assert_array_equal(above.sum(axis=1), [0, 2, 4, 4])
    certain = np.where(above, 40.0, -40.0)
    np.testing.assert_allclose(STARS.rating(certain), [1, 3, 5, 5])
    halfway = np.zeros((1, 4))
    assert STARS.rating(halfway)[0] == pytest.approx(3)


def test_ngrams_are_those_of_scikit_learn(reviews):
    counts = count_ngrams(reviews.texts)
    found = NGrams.fit(counts).weigh(counts)
    words = HashingVectorizer(
        n_features=1 << 18, ngram_range=(1, 2), alternate_sign=False, norm=None, token_pattern=r"(?u)\b\w+\b"
    ).transform(reviews.texts)
    theirs = TfidfTransformer(sublinear_tf=True).fit_transform(words)
    np.testing.assert_allclose(found[:, : 1 << 18].toarray()[:5], theirs.toarray()[:5], atol=1e-6)


def test_ngrams_survive_texts_without_any():
    assert np.isfinite(NGrams.fit(count_ngrams(["", "a b"])).weigh(count_ngrams(["", "\n", "a"])).data).all()


@pytest.fixture
def rows():
    random = np.random.default_rng(2)
    return sparse.random(300, 40, 0.3, "csr", np.float64, random)


def test_ordinal_regression_is_a_logistic_one_for_each_threshold(rows):
    random = np.random.default_rng(3)
    stars = np.clip(np.round(3 + rows @ random.normal(size=40) + random.normal(size=300)), 1, 5)
    above = STARS.above(stars)
    found = Ordinal.fit(rows, above, penalty=1e-2).logits(rows)
    for threshold in range(4):
        theirs = LogisticRegression(C=1 / (1e-2 * 300), tol=1e-8, max_iter=1000).fit(rows, above[:, threshold])
        np.testing.assert_allclose(found[:, threshold], theirs.decision_function(rows), atol=0.02)


def test_ridge_regression_is_scikit_learns(rows):
    levels = rows @ np.random.default_rng(4).normal(size=40)
    found = Ridge.fit(rows, levels, penalty=1e-2).level(rows)
    theirs = TheirRidge(alpha=1e-2 * 300).fit(rows, levels).predict(rows)
    np.testing.assert_allclose(found, theirs, atol=0.01)


def test_a_blend_trusts_whom_it_should():
    random = np.random.default_rng(5)
    stars = random.integers(1, 6, 2000).astype(float)
    above = STARS.above(stars)
    good = np.where(above, 1.0, -1.0) + random.normal(size=above.shape)
    bad = random.normal(size=above.shape)
    blend = Blend.fit(np.stack([bad, good]), above, STARS.scale.scaled(stars), STARS)
    assert blend.weights[1] > 20 * blend.weights[0]
    assert blend.sharpness > 1
    plain = np.abs(STARS.rating(blend.logits([bad, good])) - stars).mean()
    sharp = np.abs(STARS.rating(blend.sharpness * blend.logits([bad, good])) - stars).mean()
    assert sharp < plain
    np.testing.assert_allclose(sigmoid(blend.logits([bad, good])).mean(axis=0), above.mean(axis=0), atol=0.02)


def test_rare_words_are_one():
    index = WordIndex.fit(["the cat's mat", "the cat's hat", "a dog"])
    assert set(index.words) == {"the", "cat's"}
    (ids,) = index.encode(["The CAT's dog the"], 3)
    assert ids.tolist() == [2 + index.words.index("the"), 2 + index.words.index("cat's"), 1]


def test_the_judge_is_calibrated_and_of_use(reviews, others):
    judge = BayesJudge.fit(reviews.texts, reviews.stars, "stars")
    found = judge.predict(others.texts)
    assert np.corrcoef(found, others.stars)[0, 1] > 0.7
    assert abs(found.mean() - others.stars.mean()) < 0.25
