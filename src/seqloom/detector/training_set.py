"""What a detector learns from, weighs its members with and calibrates on: texts, versions of them, and decoys.

A detector meets texts of any length that somebody may have altered, so it learns from such versions too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from seqloom.detector.augmentation import ALTERATIONS, first_words, spliced, words_of
from seqloom.detector.confounds import match_lengths
from seqloom.detector.hard_negatives import make_decoys
from seqloom.detector.stack import DECOY, GENERATED, REAL, SPLICED
from seqloom.errors import ConfigError
from seqloom.reporter import Reporter

__all__ = [
    "CALIBRATING", "FOLDS", "LEARNING", "LEAST_WORDS", "STACKING", "Split", "Versions", "make_versions", "split_groups",
]  # fmt: skip

LEAST_WORDS = 5
"""A text of fewer words is too short to tell."""

LEARNING, STACKING, CALIBRATING, _UNUSED = range(4)
"""What texts are for: the slow members, weighing them, and calibration."""

FOLDS = 4
"""Parts of the texts, each of which is answered by readers of patterns that learned from the others."""

_SHARES = (0.6, 0.25, 0.15)
"""Of the texts, by what they are for."""

_MOST_TEXTS = 12_000
"""Of each side that are learned from."""

_VERSION, _MIXTURE = 0.4, 0.7
"""What a shortened or altered version counts beside the text, and one that is spliced with a real text."""

_SHORTER = 3
"""Shorter versions of a text for calibration: how sure the members may be hangs on the length more than on the text."""

_ALTERED, _DECOYS = 0.35, 0.4
"""Share of the texts that are learned in an altered version too, and decoys to a generated text."""

_SPLICED = {LEARNING: 0.2, STACKING: 1.0, CALIBRATING: 0.0}
"""Share of the generated texts that are learned spliced with a real one too."""


class Split(NamedTuple):
    """What each text is for.

    Attributes:
        parts: `LEARNING`, `STACKING`, `CALIBRATING`, or none of them.
        folds: below `FOLDS`.
    """

    parts: Int[np.ndarray, " texts"]
    folds: Int[np.ndarray, " texts"]


@dataclass(frozen=True)
class Versions:
    """Texts of both sides, of like lengths, versions of them, and decoys.

    Attributes:
        texts: one after another.
        kinds: real, generated, spliced of both, or a decoy.
        whole: which of them are no further version of another one.
        weights: what each counts where the members are weighed.
        parts: what each is for.
        folds: the fold of each.
    """

    texts: list[str]
    kinds: Int[np.ndarray, " texts"]
    whole: Bool[np.ndarray, " texts"]
    weights: Float[np.ndarray, " texts"]
    parts: Int[np.ndarray, " texts"]
    folds: Int[np.ndarray, " texts"]

    def some(self, chosen: Bool[np.ndarray, " texts"]) -> list[str]:
        """The chosen texts."""
        return [self.texts[place] for place in np.flatnonzero(chosen)]


def split_groups(
    labels: Bool[np.ndarray, " texts"], groups: Int[np.ndarray, " texts"], seed: int, say: Reporter
) -> Split:
    """Say what each text is for, with some of both sides for all; groups stay whole.

    Args:
        labels: which texts were generated.
        groups: which belong together.
        seed: of the draws.
        say: is told where there are more texts than are used.

    Raises:
        ConfigError: there are too few groups.
    """
    random = np.random.default_rng(seed)
    parts, folds = np.zeros(len(labels), np.int64), np.zeros(len(labels), np.int64)
    for side in (False, True):
        own, sizes = np.unique(groups[labels == side], return_counts=True)
        if len(own) < len(_SHARES):
            raise ConfigError(
                f"the {'generated' if side else 'real'} texts are of {len(own)} groups, and three parts are made "
                "of them: name another group, or none"
            )
        order = random.permutation(len(own))
        used = max(len(_SHARES), int(np.searchsorted(sizes[order].cumsum(), _MOST_TEXTS, side="right")))
        if used < len(own):
            say(f"learning from {sizes[order][:used].sum():,} of {sizes.sum():,} texts of one side")
        used = min(used, len(own))
        stacking, calibrating = (max(1, round(share * used)) for share in _SHARES[1:])
        place = np.full(len(own), _UNUSED)
        place[order[:used]] = np.repeat(
            [CALIBRATING, STACKING, LEARNING], [calibrating, stacking, used - stacking - calibrating]
        )
        fold = np.empty(len(own), np.int64)
        fold[order] = np.arange(len(own)) % FOLDS
        at = np.searchsorted(own, groups[labels == side])
        parts[labels == side], folds[labels == side] = place[at], fold[at]
    return Split(parts, folds)


def make_versions(texts: Sequence[str], labels: Bool[np.ndarray, " texts"], split: Split, seed: int) -> Versions:
    """Make versions of texts that are as long on one side as on the other, shorter, or altered; and decoys."""
    random = np.random.default_rng(seed)
    made = [
        (text, kind, kind != SPLICED and not number, weight, part, fold)
        for part in (LEARNING, STACKING, CALIBRATING)
        for kind, fold, versions in _of_part(texts, labels, split, part, random)
        for number, (text, weight) in enumerate(versions)
    ]
    columns = list(zip(*made, strict=True))
    return Versions(list(columns[0]), *(np.array(column) for column in columns[1:]))


def _of_part(
    texts: Sequence[str], labels: Bool[np.ndarray, " texts"], split: Split, part: int, random: np.random.Generator
) -> Iterator[tuple[int, int, list[tuple[str, float]]]]:
    """Kind, fold and versions of each text of a part, and of its decoys; for calibration none is altered or a decoy."""
    places = [np.flatnonzero((split.parts == part) & (labels == side)).tolist() for side in (False, True)]
    real, generated = ([texts[at].strip() for at in side] for side in places)
    folds = [split.folds[side].tolist() for side in places]
    altered = part != CALIBRATING
    real_alike, generated_alike = match_lengths(real, generated, random)
    for text, alike, fold in zip(real, real_alike, folds[0], strict=True):
        yield REAL, fold, _versions_of(text, alike, random, altered=altered)
    for text, alike, fold in zip(generated, generated_alike, folds[1], strict=True):
        other = real[random.integers(len(real))]
        yield GENERATED, fold, _versions_of(text, alike, random, altered=altered)
        if random.random() < _SPLICED[part]:
            yield SPLICED, fold, [(spliced(alike, other, random), _MIXTURE)]
    for fold in range(FOLDS if altered else 0):
        known = [text for text, own in zip(real, folds[0], strict=True) if own == fold]
        for text in make_decoys(known, round(_DECOYS * folds[1].count(fold)), random):
            yield DECOY, fold, _versions_of(text, text, random, altered=altered)


def _versions_of(text: str, alike: str, random: np.random.Generator, *, altered: bool) -> list[tuple[str, float]]:
    """A text, as much of it as others have, less of it, and now and then an altered version.

    Args:
        text: the text.
        alike: cut to a length that the other side has too, or all of it.
        random: of all draws.
        altered: whether there may be altered versions; where there are none there are more that are shorter.

    Returns:
        Versions, and what each of them counts.
    """
    found = [(text, 1.0)] if alike == text else [(text, 1.0), (alike, _VERSION)]
    words = words_of(alike)
    for _ in range((1 if altered else _SHORTER) * (words > LEAST_WORDS)):
        count = round(float(np.exp(random.uniform(np.log(LEAST_WORDS), np.log(words)))))
        found.append((first_words(alike, count), _VERSION))
    if altered and random.random() < _ALTERED:
        found.append((list(ALTERATIONS.values())[random.integers(len(ALTERATIONS))](alike, random), _VERSION))
    return found
