"""Fit the light members by cross-fitting: the outputs for a fold come from members fitted to the other folds.

A member is one of the models that a detector combines. The light members are fast models on patterns of words and
characters: a classifier (the member "wording"), the novelty of the patterns, and the coherence of the words.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from seqloom.detector.embedding_coherence import EmbeddingCoherence
from seqloom.detector.members import LIGHT_OUTPUTS, LightMembers
from seqloom.detector.ngram_classifier import NGramClassifier, pattern_matrix
from seqloom.detector.ngram_novelty import NGramNovelty, count_documents
from seqloom.detector.segments import split_segments
from seqloom.detector.stack import GENERATED, HARD_NEGATIVE, REAL
from seqloom.detector.training_set import NUM_FOLDS, TRAINING, TrainingSet

__all__ = ["CrossFittedMembers", "cross_fit"]


@dataclass(frozen=True)
class CrossFittedMembers:
    """Light members, and their outputs for the training set by cross-fitting.

    The outputs for a text come from members that were not fitted to texts of the same fold.

    Attributes:
        members: light members, fitted to all texts.
        outputs: outputs for all texts.
        segment_outputs: outputs for the segments (halves and quarters) of the texts with another role than `TRAINING`,
            one text after another; zeros if they are not needed. Texts with the role `TRAINING` train the encoder and
            the language models.
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
    fold_counts = count_documents(
        data.select(counted), data.classes[counted] == GENERATED, data.folds[counted], NUM_FOLDS
    )
    total_counts = fold_counts.sum(axis=0, dtype=np.uint16)
    classified = data.classes != HARD_NEGATIVE
    classified_patterns = pattern_matrix(data.select(classified))

    def fit_without(fold: int | None) -> LightMembers:
        """Fit to all texts outside a fold; None excludes no text."""
        included = data.folds != fold
        return LightMembers(
            NGramClassifier.fit(classified_patterns[included[classified]], data.classes[classified & included] != REAL),
            NGramNovelty.from_counts(total_counts if fold is None else total_counts - fold_counts[fold]),
            EmbeddingCoherence.fit(data.select(counted & included & (data.classes == REAL)), seed),
        )

    outputs = np.zeros((len(data.texts), len(LIGHT_OUTPUTS)))
    held_out = data.roles != TRAINING
    segments_per_text = len(split_segments([""]))
    segment_outputs = np.zeros((int(held_out.sum()), segments_per_text, len(LIGHT_OUTPUTS)), np.float32)
    for fold in range(NUM_FOLDS):
        in_fold = data.folds == fold
        if not in_fold.any():
            continue
        members = fit_without(fold)
        outputs[in_fold] = members.outputs(data.select(in_fold))
        if with_segments:
            segments = split_segments(data.select(in_fold & held_out))
            segment_outputs[in_fold[held_out]] = members.outputs(segments).reshape(-1, *segment_outputs.shape[1:])
    return CrossFittedMembers(fit_without(fold=None), outputs, segment_outputs.reshape(-1, len(LIGHT_OUTPUTS)))
