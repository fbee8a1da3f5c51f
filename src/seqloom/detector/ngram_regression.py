"""Logistic regression on the n-grams of one view of the texts, with a penalty that cross-validation chooses.

The value of an n-gram is its inverse document frequency, and the values of a text have norm 1 together. How often an
n-gram occurs in a text does not count. N-grams that occur in only one training text are left out.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Int32

from seqloom.kernels.batched_decoder import num_usable_processors
from seqloom.kernels.text_hashing.reduce import sum_values
from seqloom.text_features.distinct_ngrams import (
    NUM_NGRAM_BUCKETS,
    DistinctNGrams,
    common_words,
    distinct_ngrams,
    ngram_rows,
    token_hashes,
)
from seqloom.text_features.patterns import HashedPatterns, chunk_texts, extract_patterns

__all__ = ["REGRESSION_MEMBERS", "NGramRegression", "ViewRegressions", "choose_penalty", "cross_fit_views"]

REGRESSION_MEMBERS = {"word n-grams": "words", "character n-grams": "characters", "style n-grams": "style"}
"""View of the n-grams of each regression, by the name of the member."""

_INVERSE_PENALTIES = (3.0, 30.0, 300.0)
"""Choices of the inverse strength of the L2 penalty, scikit-learn's C."""

_NUM_CHOOSING_TEXTS = 1000
"""The penalty is chosen on as many folds as contain this number of texts."""

_TOLERANCE, _MAX_ITERATIONS = 1e-2, 1000
"""Stopping criteria of the solver, a trust-region Newton method.

A smaller tolerance changes the area under the ROC curve by less than .0001. The dual solver would be faster, but it
uses a random generator that all threads share.
"""


@dataclass(frozen=True)
class NGramRegression:
    """A weight for each n-gram.

    Attributes:
        table: for each bucket, its weight (positive if the n-gram indicates a generated text), and the square of its
            inverse document frequency; zeros for unknown n-grams.
        bias: logit of a text without known n-grams.
    """

    table: Float32[np.ndarray, "2 buckets"]
    bias: float

    @classmethod
    def fit(
        cls,
        rows: Any,
        buckets: Int[np.ndarray, " columns"],
        generated: Bool[np.ndarray, " texts"],
        inverse_penalty: float,
    ) -> "NGramRegression":
        """Fit to texts.

        Args:
            rows: sparse matrix `[texts, columns]` with 1 for each n-gram of a text.
            buckets: bucket of the n-gram of each column.
            generated: whether each text was generated.
            inverse_penalty: inverse strength of the L2 penalty.
        """
        from scipy import sparse
        from sklearn.linear_model import LogisticRegression

        document_frequencies = np.bincount(rows.indices, minlength=rows.shape[1])
        known = np.flatnonzero(document_frequencies > 1)
        rarity = np.log((1 + rows.shape[0]) / (1 + document_frequencies[known])) + 1
        features = rows[:, known]
        features.data = rarity[features.indices]
        norms = np.sqrt(np.asarray(features.multiply(features).sum(axis=1)).ravel())
        features = sparse.diags(1 / np.maximum(norms, 1e-9)) @ features
        regression = LogisticRegression(
            C=inverse_penalty, solver="liblinear", tol=_TOLERANCE, max_iter=_MAX_ITERATIONS,
            class_weight="balanced",
        ).fit(features, generated)  # fmt: skip
        table = np.zeros((2, NUM_NGRAM_BUCKETS), np.float32)
        table[:, buckets[known]] = np.stack([regression.coef_[0] * rarity, rarity**2])
        return cls(table, float(regression.intercept_[0]))

    def logits(self, ngrams: DistinctNGrams) -> Float32[np.ndarray, " texts"]:
        """Return the logit that each text was generated."""
        weights, squares = (sum_values(row, ngrams.buckets, ngrams.counts) for row in self.table)
        logits: np.ndarray = weights / np.sqrt(np.maximum(squares, 1e-9)) + np.float32(self.bias)
        return logits

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the known buckets, their values and the bias, by their names in the stored format."""
        known = np.flatnonzero(self.table[1])
        return {"places": known.astype(np.uint32), "table": self.table[:, known], "bias": np.array(self.bias)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "NGramRegression":
        """Restore a regression from the result of `to_arrays`."""
        table = np.zeros((2, NUM_NGRAM_BUCKETS), np.float32)
        table[:, arrays["places"]] = arrays["table"]
        return cls(table, float(arrays["bias"]))


@dataclass(frozen=True)
class ViewRegressions:
    """A regression on each view of the texts.

    Attributes:
        common: common words, the tokens of the view "style".
        regressions: regression of each of `REGRESSION_MEMBERS`.
    """

    common: tuple[str, ...]
    regressions: Mapping[str, NGramRegression]

    @cached_property
    def _common_hashes(self) -> dict[str, int]:
        return token_hashes(self.common)

    def logits(
        self, texts: Sequence[str], patterns: Mapping[str, HashedPatterns]
    ) -> Float32[np.ndarray, "texts members"]:
        """Return the logits of the regressions, in the order of `REGRESSION_MEMBERS`.

        Args:
            texts: texts.
            patterns: result of `extract_patterns` for the texts.
        """
        ngrams = distinct_ngrams(texts, patterns, self._common_hashes)
        columns = [self.regressions[name].logits(ngrams[view]) for name, view in REGRESSION_MEMBERS.items()]
        return np.stack(columns, axis=1)


def cross_fit_views(
    texts: Sequence[str], generated: Bool[np.ndarray, " texts"], folds: Int[np.ndarray, " texts"]
) -> tuple[dict[int, ViewRegressions], ViewRegressions]:
    """Fit the regressions without each fold, and to all texts.

    Args:
        texts: unchanged texts.
        generated: whether each text was generated.
        folds: fold of each text.

    Returns:
        The regressions without each fold, by fold, and those that are fitted to all texts.
    """
    common = tuple(common_words(texts))
    hashes = token_hashes(common)
    chunks = [distinct_ngrams(texts[chunk], extract_patterns(texts[chunk]), hashes) for chunk in chunk_texts(texts)]
    views = REGRESSION_MEMBERS.values()
    with ThreadPoolExecutor(num_usable_processors()) as pool:
        rows = [ngram_rows([chunk[view] for chunk in chunks]) for view in views]
        results = pool.map(lambda matrix: _cross_fit(matrix, generated, folds), rows)
        fitted = dict(zip(REGRESSION_MEMBERS, results, strict=True))
    by_fold = {
        fold: ViewRegressions(common, {name: regressions[fold] for name, (regressions, _) in fitted.items()})
        for fold in np.unique(folds).tolist()
    }
    return by_fold, ViewRegressions(common, {name: whole for name, (_, whole) in fitted.items()})


def _cross_fit(
    rows: Any, generated: Bool[np.ndarray, " texts"], folds: Int[np.ndarray, " texts"]
) -> tuple[dict[int, NGramRegression], NGramRegression]:
    """Fit a regression without each fold, and one to all texts, with the penalty that ranks unseen texts best.

    Args:
        rows: result of `ngram_rows`.
        generated: whether each text was generated.
        folds: fold of each text.

    Returns:
        The regression without each fold, by fold, and the one fitted to all texts.
    """
    # Without the n-grams of a single text, which no regression uses, the matrices of the folds are small.
    buckets = np.flatnonzero(np.bincount(rows.indices, minlength=rows.shape[1]) > 1).astype(np.int32)
    rows = rows[:, buckets]
    numbers = np.unique(folds).tolist()
    sizes = [int(np.sum(folds == fold)) for fold in numbers]
    num_choosing = 1 + int(np.searchsorted(np.cumsum(sizes), _NUM_CHOOSING_TEXTS))

    def fit_without(pair: tuple[int, float]) -> NGramRegression:
        fold, inverse_penalty = pair
        return NGramRegression.fit(rows[folds != fold], buckets, generated[folds != fold], inverse_penalty)

    with ThreadPoolExecutor(num_usable_processors()) as pool:
        choosing = [(fold, penalty) for fold in numbers[:num_choosing] for penalty in _INVERSE_PENALTIES]
        fitted = dict(zip(choosing, pool.map(fit_without, choosing), strict=True))
        logits = {pair: _row_logits(fitted[pair], rows[folds == pair[0]], buckets) for pair in choosing}
        best = choose_penalty(logits, generated, folds)
        missing = [(fold, best) for fold in numbers[num_choosing:]]
        fitted |= dict(zip(missing, pool.map(fit_without, missing), strict=True))
    return {fold: fitted[fold, best] for fold in numbers}, NGramRegression.fit(rows, buckets, generated, best)


def choose_penalty(
    logits: Mapping[tuple[int, float], Float[np.ndarray, " left_out"]],
    generated: Bool[np.ndarray, " texts"],
    folds: Int[np.ndarray, " texts"],
) -> float:
    """Return the inverse penalty with the highest mean area under the ROC curve on the left-out folds.

    Args:
        logits: logits of the texts of a fold, of the regression without the fold, by fold and inverse penalty. Of equal
            penalties, the first is chosen.
        generated: whether each text was generated.
        folds: fold of each text.
    """
    from sklearn.metrics import roc_auc_score

    areas: dict[float, list[float]] = {}
    for (fold, penalty), fold_logits in logits.items():
        labels = generated[folds == fold]
        is_mixed = labels.any() and not labels.all()
        areas.setdefault(penalty, []).append(float(roc_auc_score(labels, fold_logits)) if is_mixed else 0.5)
    return max(areas, key=lambda penalty: float(np.mean(areas[penalty])))


def _row_logits(
    regression: NGramRegression, rows: Any, buckets: Int32[np.ndarray, " columns"]
) -> Float32[np.ndarray, " texts"]:
    return regression.logits(DistinctNGrams(buckets[rows.indices], np.diff(rows.indptr).astype(np.int64)))
