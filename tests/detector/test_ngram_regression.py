"""Regressions on n-grams, compared with scikit-learn."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from seqloom.detector.ngram_regression import (
    REGRESSION_MEMBERS,
    NGramRegression,
    ViewRegressions,
    choose_penalty,
    cross_fit_views,
)
from seqloom.text_features.distinct_ngrams import NUM_NGRAM_BUCKETS, distinct_ngrams, ngram_rows
from seqloom.text_features.patterns import extract_patterns


@pytest.mark.parametrize(
    ("view", "settings"),
    [
        ("words", {"token_pattern": r"\w+(?:['\u2019]\w+)?|[^\w\s]", "ngram_range": (1, 3)}),
        ("characters", {"analyzer": "char", "ngram_range": (2, 5)}),
    ],
)
def test_the_logits_are_those_of_scikit_learn(known, unseen, view, settings):
    texts, generated = known.texts[:200], known.generated[:200]
    ngrams, new = (distinct_ngrams(some, extract_patterns(some), {})[view] for some in (texts, unseen.texts))
    regression = NGramRegression.fit(ngram_rows([ngrams]), np.arange(NUM_NGRAM_BUCKETS), generated, 3.0)
    vectorizer = TfidfVectorizer(lowercase=False, binary=True, min_df=2, **settings)
    plain = LogisticRegression(C=3.0, solver="liblinear", max_iter=1000, class_weight="balanced").fit(
        vectorizer.fit_transform(texts), generated
    )
    expected = plain.decision_function(vectorizer.transform(unseen.texts))
    assert np.corrcoef(regression.logits(new), expected)[0, 1] > 0.999
    assert abs(regression.logits(new) - expected).mean() < 0.05


def test_a_fold_is_left_out_of_its_regressions(known):
    """A word that occurs in texts of one fold only is unknown to the regressions without the fold."""
    folds = np.arange(80) // 2 % 4
    texts = [f"{text} mark{fold}" for text, fold in zip(known.texts, folds.tolist(), strict=False)]
    by_fold, whole = cross_fit_views(texts, known.generated[:80], folds)
    assert sorted(by_fold) == [0, 1, 2, 3]
    (bucket,) = distinct_ngrams(["mark2"], extract_patterns(["mark2"]), {})["words"].buckets
    rarities = [regressions.regressions["word n-grams"].table[1, bucket] for regressions in by_fold.values()]
    assert [rarity > 0 for rarity in rarities] == [True, True, False, True]
    assert whole.regressions["word n-grams"].table[1, bucket] > 0


def test_the_penalty_ranks_left_out_texts_best():
    generated, folds = np.array([True, False] * 2), np.array([0, 0, 1, 1])
    logits = {(0, 3.0): [1, 0], (1, 3.0): [0, 1], (0, 30.0): [1, 0], (1, 30.0): [1, 0], (0, 300.0): [2, 1]}
    logits[1, 300.0] = [2, 1]
    assert choose_penalty({pair: np.array(row) for pair, row in logits.items()}, generated, folds) == 30.0


def test_regressions_can_be_stored(known):
    texts = known.texts[:80]
    _, views = cross_fit_views(texts, known.generated[:80], np.arange(80) // 2 % 4)
    again = ViewRegressions(
        views.common,
        {name: NGramRegression.from_arrays(views.regressions[name].to_arrays()) for name in REGRESSION_MEMBERS},
    )
    patterns = extract_patterns(texts)
    np.testing.assert_array_equal(again.logits(texts, patterns), views.logits(texts, patterns))
    assert views.logits(texts, patterns).shape == (80, 3)
