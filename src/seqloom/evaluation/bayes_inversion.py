"""Reading a rated model backwards, by Bayes' rule: which rating makes a text likeliest (Lipton et al. 2015)."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32, Integer

from seqloom.evaluation.scorer import Scorer
from seqloom.evaluation.scoring_windows import Piece, groups, windows

__all__ = ["rating_posterior"]


def rating_posterior(
    scorer: Scorer,
    documents: Sequence[Integer[np.ndarray, " time"]],
    features: Float32[np.ndarray, "ratings features"],
    priors: Float[np.ndarray, " ratings"],
) -> Float[np.ndarray, "documents ratings"]:
    """The probability of each rating, given each text.

    Args:
        scorer: of a model that is told ratings.
        documents: ids of each text, the first of which is only read.
        features: of each rating that is tried.
        priors: how likely each rating is before a text is read; in all 1.
    """
    ends = np.cumsum([len(document) for document in documents]).tolist()
    records = np.concatenate(documents)
    pieces = [
        Piece(end - len(document), end, end - len(document) + 1, place)
        for place, (end, document) in enumerate(zip(ends, documents, strict=True))
    ]
    joint = np.tile(np.log(np.maximum(priors, 1e-12)), (len(documents), 1))
    for rating, told in enumerate(features):
        of_all = np.tile(told, (len(documents), 1))
        for group in groups([piece for piece in pieces if piece.stop - piece.start >= 2]):
            places = [piece.document for piece in group]
            for _, log_probs in scorer.log_probs(windows(records, group, of_all)):
                joint[places, rating] += log_probs.sum(axis=1)
    weights = np.exp(joint - joint.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(weights)
