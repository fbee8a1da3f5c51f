"""The training set of a detector: texts, changed versions of texts, and hard negatives.

A detector is applied to texts of any length that may have been edited, so it is trained on shortened and changed
versions too. The first version of a text is the text itself. Hard negatives are texts of an n-gram model of the real
texts.

Each text has a role, which says what it is used for, and a fold for cross-fitting: the outputs of the light members
(fast models on patterns of words and characters) for a fold come from members fitted to the other folds. All real texts
of a group have the same role and fold. All generated texts of a group also have the same role and fold. A stack is a
logistic regression on the outputs of several models. A spliced text joins half of a generated text and half of a real
text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from seqloom.detector.augmentation import AUGMENTATIONS, count_words, first_words, splice
from seqloom.detector.confounds import match_lengths
from seqloom.detector.hard_negatives import make_hard_negatives
from seqloom.detector.stack import GENERATED, HARD_NEGATIVE, REAL, SPLICED
from seqloom.errors import ConfigError
from seqloom.plural import counted
from seqloom.reporter import Reporter

__all__ = [
    "CALIBRATION", "MIN_WORDS", "STACKING", "TRAINING", "Split", "TrainingSet", "make_training_set",
    "split_groups", "word_counts",
]  # fmt: skip

MIN_WORDS = 5
"""Minimal number of words for a reliable probability."""

TRAINING, STACKING, CALIBRATION, _UNUSED = range(4)
"""Roles of texts: training of the slow members, training of the full stack, calibration, and no use."""

_NUM_FOLDS, _FEWER_FOLDS_ABOVE = 4, (1000, 3000)
"""Number of folds for cross-fitting, and numbers of texts above each of which there is a fold less: models of half of
many texts are nearly as good as models of all."""

_ROLE_SHARES = (0.6, 0.25, 0.15)
"""Share of the groups with each role: training, stacking, calibration."""

_MAX_TEXTS = 12_000
"""Maximal number of texts of each side (real or generated) that are used."""

_VERSION_WEIGHT, _SPLICED_WEIGHT = 0.4, 0.7
"""Weight of a shortened or changed version, and of a spliced text; an unchanged text has weight 1."""

_SHORTENED_VERSIONS, _SHORTENED_CALIBRATION_VERSIONS = 1, 3
"""Number of randomly shortened versions of a text. A calibration text has more, since the calibration depends on the
length."""

_AUGMENTED_SHARE = 0.35
"""Share of the texts outside the calibration that also have a version with random changes, such as typing errors."""

_MAX_SLOW_TEXTS = 1500
"""Largest number of texts that the slow members score for the full stack, whose weights are few."""

_MAX_VARIED_TEXTS = 3000
"""Of more texts than this, both sides together, only a random part has changed and spliced versions; the number of hard
negatives is reduced by the same factor. The weights of the versions grow by it, so that their total stays the same."""

_HARD_NEGATIVE_SHARE = 0.4
"""Number of hard negatives per generated text."""

_SPLICED_SHARE = {TRAINING: 0.2, STACKING: 1.0, CALIBRATION: 0.0}
"""Share of the generated texts that are also spliced with a real text, by role."""


class Split(NamedTuple):
    """Roles and folds of texts.

    Attributes:
        roles: `TRAINING`, `STACKING`, `CALIBRATION`, or another number if the text is unused.
        folds: fold of each text, from 0.
    """

    roles: Int[np.ndarray, " texts"]
    folds: Int[np.ndarray, " texts"]


@dataclass(frozen=True)
class TrainingSet:
    """Texts of both sides, versions of the texts, spliced texts, and hard negatives.

    Attributes:
        texts: texts.
        classes: class of each text: `REAL`, `GENERATED`, `HARD_NEGATIVE` or `SPLICED`.
        is_original: whether each text is unchanged; False for shortened and changed versions, and for spliced texts.
        weights: weight of each text when the stacks are fitted.
        roles: role of each text.
        folds: fold of each text.
    """

    texts: list[str]
    classes: Int[np.ndarray, " texts"]
    is_original: Bool[np.ndarray, " texts"]
    weights: Float[np.ndarray, " texts"]
    roles: Int[np.ndarray, " texts"]
    folds: Int[np.ndarray, " texts"]

    def select(self, chosen: Bool[np.ndarray, " texts"]) -> list[str]:
        """Return the chosen texts."""
        return [self.texts[index] for index in np.flatnonzero(chosen)]

    def scored_by_slow_members(self) -> Bool[np.ndarray, " texts"]:
        """Return which texts the slow members score for the full stack.

        They are texts outside of the slow members' training: the unchanged calibration texts, which measure the result,
        and a random part of the others if there are many.
        """
        measuring: np.ndarray = (self.roles == CALIBRATION) & self.is_original
        others = np.flatnonzero((self.roles != TRAINING) & ~measuring)
        count = max(_MAX_SLOW_TEXTS - int(measuring.sum()), _MAX_SLOW_TEXTS // 2)
        scored = measuring.copy()
        scored[np.random.default_rng(0).permutation(others)[:count]] = True
        return scored


def word_counts(texts: Sequence[str]) -> Int[np.ndarray, " texts"]:
    """Return the number of words of each text."""
    return np.array([count_words(text) for text in texts], np.int64)


def split_groups(
    labels: Bool[np.ndarray, " texts"], groups: Int[np.ndarray, " texts"], seed: int, note: Reporter
) -> Split:
    """Assign roles and folds to groups of texts, so that every role gets texts of both sides.

    Args:
        labels: whether each text was generated.
        groups: group of each text. Neither the real nor the generated texts of a group are divided.
        seed: seed of the random order.
        note: function that receives a message if not all texts are used.

    Raises:
        ConfigError: there are too few groups.
    """
    random = np.random.default_rng(seed)
    num_folds = _NUM_FOLDS - int(np.searchsorted(_FEWER_FOLDS_ABOVE, len(labels)))
    roles, folds = np.zeros(len(labels), np.int64), np.zeros(len(labels), np.int64)
    for is_generated, side in ((False, "real"), (True, "generated")):
        on_side = labels == is_generated
        side_groups, group_sizes = np.unique(groups[on_side], return_counts=True)
        if len(side_groups) < len(_ROLE_SHARES):
            raise ConfigError(
                f"the {side} texts belong to {counted(len(side_groups), 'group')}, but fitting needs "
                f"at least {len(_ROLE_SHARES)}: divide the texts into more groups, or use no groups"
            )
        order = random.permutation(len(side_groups))
        num_groups_within_limit = int(np.searchsorted(group_sizes[order].cumsum(), _MAX_TEXTS, side="right"))
        num_used_groups = max(len(_ROLE_SHARES), num_groups_within_limit)
        if num_used_groups < len(side_groups):
            note(f"training on {group_sizes[order][:num_used_groups].sum():,} of {group_sizes.sum():,} {side} texts")
        _, stacking_share, calibration_share = _ROLE_SHARES
        num_stacking = max(1, round(stacking_share * num_used_groups))
        num_calibration = max(1, round(calibration_share * num_used_groups))
        group_roles = np.full(len(side_groups), _UNUSED)
        group_roles[order[:num_used_groups]] = np.repeat(
            [CALIBRATION, STACKING, TRAINING],
            [num_calibration, num_stacking, num_used_groups - num_stacking - num_calibration],
        )
        group_folds = np.empty(len(side_groups), np.int64)
        group_folds[order] = np.arange(len(side_groups)) % num_folds
        group_of_text = np.searchsorted(side_groups, groups[on_side])
        roles[on_side], folds[on_side] = group_roles[group_of_text], group_folds[group_of_text]
    return Split(roles, folds)


def make_training_set(texts: Sequence[str], labels: Bool[np.ndarray, " texts"], split: Split, seed: int) -> TrainingSet:
    """Build a training set: texts, versions of the texts, spliced texts and hard negatives.

    Args:
        texts: texts.
        labels: whether each text was generated.
        split: role and fold of each text.
        seed: seed of the versions, the spliced texts and the hard negatives.
    """
    random = np.random.default_rng(seed)
    share = min(1.0, _MAX_VARIED_TEXTS / max(1, np.sum(split.roles != _UNUSED)))
    rows = [  # one tuple per text, with the attributes of `TrainingSet` in order
        (text, class_, class_ != SPLICED and number == 0, weight, role, fold)
        for role in (TRAINING, STACKING, CALIBRATION)
        for class_, fold, versions in _texts_of_role(texts, labels, split, role, share, random)
        for number, (text, weight) in enumerate(versions)
    ]
    all_texts, *columns = zip(*rows, strict=True)
    classes, is_original, weights, roles, folds = (np.array(column) for column in columns)
    return TrainingSet(list(all_texts), classes, is_original, weights, roles, folds)


def _texts_of_role(
    texts: Sequence[str],
    labels: Bool[np.ndarray, " texts"],
    split: Split,
    role: int,
    share: float,
    random: np.random.Generator,
) -> Iterator[tuple[int, int, list[tuple[str, float]]]]:
    """Yield class, fold and versions of each text with a role, and of spliced texts and hard negatives.

    `share` is the share of the texts that have further versions. The calibration uses no spliced texts, no hard
    negatives and no random changes. Each version is a pair of a text and its weight; the first version of a text is the
    text itself.
    """
    side_indices = [np.flatnonzero((split.roles == role) & (labels == side)).tolist() for side in (False, True)]
    real, generated = ([texts[index].strip() for index in indices] for indices in side_indices)
    real_folds, generated_folds = (split.folds[indices].tolist() for indices in side_indices)
    augmented = role != CALIBRATION

    def versions_of(text: str, matched: str) -> list[tuple[str, float]]:
        if share < 1 and random.random() >= share:
            return [(text, 1.0)]
        original, *changed = _versions(text, matched, random, augmented=augmented)
        return [original, *((version, weight / share) for version, weight in changed)]

    real_matched, generated_matched = match_lengths(real, generated, random)
    for text, matched, fold in zip(real, real_matched, real_folds, strict=True):
        yield REAL, fold, versions_of(text, matched)
    for text, matched, fold in zip(generated, generated_matched, generated_folds, strict=True):
        real_text = real[random.integers(len(real))]
        yield GENERATED, fold, versions_of(text, matched)
        if random.random() < _SPLICED_SHARE[role] * share:
            yield SPLICED, fold, [(splice(matched, real_text, random), _SPLICED_WEIGHT)]
    for fold in sorted(set(generated_folds)) if augmented else []:
        real_in_fold = [text for text, text_fold in zip(real, real_folds, strict=True) if text_fold == fold]
        count = round(_HARD_NEGATIVE_SHARE * share * generated_folds.count(fold))
        for text in make_hard_negatives(real_in_fold, count, random):
            yield HARD_NEGATIVE, fold, _versions(text, text, random, augmented=augmented)


def _versions(text: str, matched: str, random: np.random.Generator, *, augmented: bool) -> list[tuple[str, float]]:
    """Return a text, its matched version, shortened versions, and sometimes a changed version, each with its weight.

    Args:
        text: text.
        matched: matched version: the text, cut so that both sides have similar lengths.
        random: random generator.
        augmented: whether a version with random changes may be added. A calibration text has none, but more shortened
            versions.
    """
    versions = [(text, 1.0)] if matched == text else [(text, 1.0), (matched, _VERSION_WEIGHT)]
    num_words = count_words(matched)
    num_shortened = _SHORTENED_VERSIONS if augmented else _SHORTENED_CALIBRATION_VERSIONS
    for _ in range(num_shortened if num_words > MIN_WORDS else 0):
        num_words_kept = round(float(np.exp(random.uniform(np.log(MIN_WORDS), np.log(num_words)))))
        versions.append((first_words(matched, num_words_kept), _VERSION_WEIGHT))
    if augmented and random.random() < _AUGMENTED_SHARE:
        change = list(AUGMENTATIONS.values())[random.integers(len(AUGMENTATIONS))]
        versions.append((change(matched, random), _VERSION_WEIGHT))
    return versions
