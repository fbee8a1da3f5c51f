"""Fit the light members by cross-fitting: the outputs for a fold come from members fitted to the other folds.

A member is one of the models that a detector combines. The light members are fast models on patterns of words and
characters: a classifier (the member "wording"), the novelty of the patterns, and the coherence of the words.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from seqloom.detector.embedding_coherence import EmbeddingCoherence
from seqloom.detector.members import LIGHT_OUTPUTS, LightMembers
from seqloom.detector.ngram_classifier import NGramClassifier, pattern_matrix
from seqloom.detector.ngram_novelty import NGramNovelty, count_documents
from seqloom.detector.ngram_regression import cross_fit_views
from seqloom.detector.segments import split_segments
from seqloom.detector.stack import GENERATED, HARD_NEGATIVE, REAL
from seqloom.detector.training_set import TrainingSet
from seqloom.kernels.batched_decoder import num_usable_processors

__all__ = ["CrossFittedMembers", "cross_fit"]


@dataclass(frozen=True)
class CrossFittedMembers:
    """Light members, and their outputs for the training set by cross-fitting.

    The outputs for a text come from members that were not fitted to texts of the same fold.

    Attributes:
        members: light members, fitted to all texts.
        outputs: outputs for all texts.
        segment_outputs: outputs for the segments (halves and quarters) of the texts that the slow members score, one
            text after another; zeros if they are not needed.
    """

    members: LightMembers
    outputs: Float[np.ndarray, "texts outputs"]
    segment_outputs: Float[np.ndarray, "segments outputs"]


def cross_fit(data: TrainingSet, seed: int, *, with_segments: bool) -> CrossFittedMembers:
    """Fit the light members once per fold, to all other folds, and once to all texts.

    Args:
        data: training set.
        seed: seed of the members.
        with_segments: whether to compute the outputs for segments, which only a detector with slow members needs.
    """
    # Patterns are counted in original texts only; the classifier also learns from shortened, changed and spliced ones.
    # Hard negatives (texts of an n-gram model) are neither counted nor used by the classifier.
    counted = data.is_original & (data.classes != HARD_NEGATIVE)
    originals = data.select(counted)
    generated, counted_folds = data.classes[counted] == GENERATED, data.folds[counted]
    classified = data.classes != HARD_NEGATIVE
    with ThreadPoolExecutor(num_usable_processors()) as pool:
        views_fit = pool.submit(cross_fit_views, originals, generated, counted_folds)
        fold_counts = count_documents(originals, generated, counted_folds, num_folds=int(data.folds.max()) + 1)
        total_counts = fold_counts.sum(axis=0, dtype=np.uint16)
        classified_patterns = pattern_matrix(data.select(classified))
        views_by_fold, views = views_fit.result()

    def fit_without(fold: int | None) -> LightMembers:
        """Fit to all texts outside a fold; None excludes no text."""
        included = data.folds != fold
        return LightMembers(
            views if fold is None else views_by_fold[fold],
            NGramClassifier.fit(classified_patterns[included[classified]], data.classes[classified & included] != REAL),
            NGramNovelty.from_counts(total_counts if fold is None else total_counts - fold_counts[fold]),
            EmbeddingCoherence.fit(data.select(counted & included & (data.classes == REAL)), seed),
        )

    outputs = np.zeros((len(data.texts), len(LIGHT_OUTPUTS)))
    scored = data.scored_by_slow_members()
    segments_per_text = len(split_segments([""]))
    segment_outputs = np.zeros((int(scored.sum()), segments_per_text, len(LIGHT_OUTPUTS)), np.float32)
    folds = np.unique(data.folds).tolist()
    with ThreadPoolExecutor(num_usable_processors()) as pool:
        *members_by_fold, members_of_all = pool.map(fit_without, [*folds, None])
    for fold, members in zip(folds, members_by_fold, strict=True):
        in_fold = data.folds == fold
        outputs[in_fold] = members.outputs(data.select(in_fold))
        if with_segments:
            segments = split_segments(data.select(in_fold & scored))
            segment_outputs[in_fold[scored]] = members.outputs(segments).reshape(-1, *segment_outputs.shape[1:])
    return CrossFittedMembers(members_of_all, outputs, segment_outputs.reshape(-1, len(LIGHT_OUTPUTS)))
