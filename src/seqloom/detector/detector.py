"""The detector: a calibrated stack of members of different kinds, after scikit-learn's conventions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from jaxtyping import Bool, Float, Int
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from seqloom.detector.altering import ALTERATIONS, first_words, spliced, words_of
from seqloom.detector.explaining import Explanation, explain
from seqloom.detector.likelihood import LanguagePair
from seqloom.detector.matching import Leak, find_leaks, match_lengths, same_texts
from seqloom.detector.members import LIGHT, Members, NGramReaders, answer_names, learned_encoder
from seqloom.detector.reference import Reference
from seqloom.detector.stack import Stack, check_prior, probabilities
from seqloom.errors import ConfigError
from seqloom.readers.ngrams import count_ngrams
from seqloom.readers.texts import checked_texts, numbered_groups

__all__ = ["LEAST_WORDS", "Asked", "Detector", "Scored", "Teacher"]

LEAST_WORDS = 5
"""A text of fewer words is too short to tell."""

_LEAST_TEXTS = 40
"""Of each side."""

_SHARES = (0.6, 0.25, 0.15)
"""Of the texts: for the members, for the stack, and for its calibration."""

_ALTERED, _SPLICED = 0.35, 0.2
"""Shares of the texts that are learned in an altered version too."""

_FOLDS = 3
"""Parts of the stacking texts, each of which is answered by readers of the others."""

_STRANGE = 0.6
"""A text with so small a share of the known n-grams that nearly all real texts have is in another language or form."""

Teacher = Callable[[Sequence[str], Sequence[str]], LanguagePair]
"""Makes language models of real and of generated texts."""


@dataclass(frozen=True)
class Scored:
    """What a detector says of some texts.

    Attributes:
        probabilities: that each was generated.
        abstained: whether it is too short to tell; the probability is given all the same.
        strange: whether it is unlike all texts that the detector knows, as one in another language is.
    """

    probabilities: Float[np.ndarray, " texts"]
    abstained: Bool[np.ndarray, " texts"]
    strange: Bool[np.ndarray, " texts"]


@dataclass(frozen=True)
class Asked:
    """What the members say of some texts.

    Attributes:
        answers: in the order of `answer_names`.
        words: of each text.
        abstained: see `Scored`.
        strange: see `Scored`.
    """

    answers: Float[np.ndarray, "texts answers"]
    words: Int[np.ndarray, " texts"]
    abstained: Bool[np.ndarray, " texts"]
    strange: Bool[np.ndarray, " texts"]


@dataclass(frozen=True)
class _Part:
    """Texts of both sides, of like lengths, and versions of them.

    Attributes:
        texts: one after another.
        generated: which of them were.
        whole: which of them are no further version of another one.
        origin: the group of each.
    """

    texts: list[str]
    generated: Bool[np.ndarray, " texts"]
    whole: Bool[np.ndarray, " texts"]
    origin: Int[np.ndarray, " texts"]

    def whole_of(self, *, generated: bool) -> list[str]:
        """The texts of one side, without further versions."""
        return [self.texts[place] for place in np.flatnonzero(self.whole & (self.generated == generated))]


class Detector(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Tells generated text from real text.

    Logistic regression and a small network of n-grams, a convolutional encoder, and the features of two language models
    are learned on one part of the texts; how to weigh them on another, and what their answer is worth on a third (see
    `Stack`). The readers of n-grams learn from the second part too, in folds. Groups stay whole.

    Args:
        teacher: makes the language models; None leaves them out.
        encoder: whether there is a convolutional encoder.
        seed: of parts, weights and alterations.
        note: is told what is done, a line at a time; None tells nobody.

    Attributes:
        classes_: 0 is real, 1 generated.
        members_: what reads texts.
        stack_: of all their answers.
        light_: of the answers that need n-grams alone.
        leaks_: signs of how the files were made that tell the sides apart.
        familiar_: the least share of known n-grams that a text should have.
        reference_: what the members say of texts of either side; None of a detector from before it was kept.
        report_: area under the curve on the calibrating part, whole texts, by member; "all" and "light" are the stacks.
    """

    def __init__(
        self,
        *,
        teacher: Teacher | None = None,
        encoder: bool = True,
        seed: int = 0,
        note: Callable[[str], None] | None = None,
    ) -> None:
        self.teacher = teacher
        self.encoder = encoder
        self.seed = seed
        self.note = note

    def fit(self, X: Sequence[str], y: Any, groups: Any = None) -> Self:
        """Learn from real and generated texts.

        Args:
            X: texts.
            y: 1 or True where a text was generated, 0 or False where it is real.
            groups: which texts belong together; None is each on its own.

        Raises:
            ConfigError: there are too few of one side, a text stands on both, or a label is neither 0 nor 1.
        """
        texts, labels = _checked(X, y)
        groups = numbered_groups(groups, len(texts))
        self.classes_ = np.array([0, 1])
        sides = [[text for text, label in zip(texts, labels, strict=True) if label == side] for side in (False, True)]
        self.leaks_: list[Leak] = find_leaks(*sides)
        for leak in self.leaks_:
            self._say(f"differs in form: {leak}")
        part = self._parts(labels, groups)
        random = np.random.default_rng(self.seed)
        learning, stacking, calibrating = (
            self._versions(texts, labels, groups, part == number, random, altered=number < 2) for number in range(3)
        )
        pair = None
        if self.teacher is not None:
            self._say("learning two language models")
            pair = self.teacher(learning.whole_of(generated=False), learning.whole_of(generated=True))
        self._say(f"learning from {len(learning.texts) + len(stacking.texts):,} texts and versions of them")
        encoder = learned_encoder(learning.texts, learning.generated, self.seed) if self.encoder else None
        counts = count_ngrams(learning.texts + stacking.texts)
        first = self._unseen_answers(counts, learning, stacking)
        both = np.concatenate([learning.generated, stacking.generated])
        self.members_ = Members(NGramReaders.fit(counts, both, self.seed), encoder, pair)
        self._say("weighing the members")
        answers = np.hstack([first, self.members_.slow_answers(stacking.texts)])
        self._weigh(stacking, answers, calibrating)
        return self

    def predict_proba(self, X: Sequence[str], *, light: bool = False) -> Float[np.ndarray, "texts 2"]:
        """The probabilities that each text is real and that it was generated, where as many are as not.

        Args:
            X: texts.
            light: ask only the members that need n-grams alone.
        """
        chance = self.judge(X, light=light).probabilities
        return np.stack([1 - chance, chance], axis=1)

    def predict(self, X: Sequence[str]) -> Int[np.ndarray, " texts"]:
        """1 where a text was rather generated than not."""
        found: np.ndarray = self.classes_[(self.predict_proba(X)[:, 1] > 0.5).astype(int)]
        return found

    def judge(self, X: Sequence[str], *, prior: float = 0.5, light: bool = False) -> Scored:
        """All that is said of texts.

        Args:
            X: texts.
            prior: the share of generated texts that is expected where these come from.
            light: see `predict_proba`.

        Raises:
            ConfigError: the prior is not between 0 and 1.
        """
        check_prior(prior)
        texts = checked_texts(X)
        if not texts:
            check_is_fitted(self, "members_")
            return Scored(np.zeros(0), np.zeros(0, bool), np.zeros(0, bool))
        asked = self.ask(texts, light=light)
        logits = (self.light_ if light else self.stack_).logits(asked.answers, asked.words)
        return Scored(probabilities(logits, prior), asked.abstained, asked.strange)

    def ask(self, X: Sequence[str], *, light: bool = False) -> Asked:
        """What the members say of texts, before it is weighed; of one text at least.

        Args:
            X: texts.
            light: see `predict_proba`.
        """
        check_is_fitted(self, "members_")
        texts = checked_texts(X)
        words = np.array([words_of(text) for text in texts])
        counts = count_ngrams(texts)
        known = self.members_.readers.ngrams.known_share(counts)
        return Asked(
            self.members_.answers(texts, counts, light=light),
            words,
            words < LEAST_WORDS,
            (known < self.familiar_) & (words >= LEAST_WORDS),
        )

    def explain(self, text: str, *, prior: float = 0.5) -> Explanation:
        """What is said of a text, and what speaks for and against it.

        Args:
            text: one text.
            prior: see `judge`.

        Raises:
            ConfigError: the prior is not between 0 and 1.
        """
        check_prior(prior)
        return explain(self, checked_texts([text])[0], prior)

    def _parts(
        self, labels: Bool[np.ndarray, " texts"], groups: Int[np.ndarray, " texts"]
    ) -> Int[np.ndarray, " texts"]:
        """The part of each text: 0 for the members, 1 for the stack, 2 for calibration; each has some of both sides."""
        random = np.random.default_rng(self.seed)
        found = np.zeros(len(labels), np.int64)
        for side in (False, True):
            own = np.unique(groups[labels == side])
            if len(own) < len(_SHARES):
                raise ConfigError(
                    f"the {'generated' if side else 'real'} texts are of {len(own)} groups, and three parts are made "
                    "of them: name another group, or none"
                )
            weighing, calibrating = (max(1, round(share * len(own))) for share in _SHARES[1:])
            place = np.repeat([2, 1, 0], [calibrating, weighing, len(own) - weighing - calibrating])
            chosen = dict(zip(random.permutation(own).tolist(), place.tolist(), strict=True))
            for at in np.flatnonzero(labels == side):
                found[at] = chosen[int(groups[at])]
        return found

    def _versions(
        self,
        texts: list[str],
        labels: Bool[np.ndarray, " texts"],
        groups: Int[np.ndarray, " texts"],
        mine: Bool[np.ndarray, " texts"],
        random: np.random.Generator,
        *,
        altered: bool,
    ) -> _Part:
        """A part's texts of like lengths, each in a shorter version too, and some of them altered."""
        places = [np.flatnonzero(mine & (labels == side)) for side in (False, True)]
        real, generated = ([texts[at].strip() for at in side] for side in places)
        matched = match_lengths(real, generated, random)
        made: list[tuple[str, bool, bool]] = []
        origin: list[int] = []
        for side, some in enumerate(matched):
            for text, at in zip(some, places[side], strict=True):
                before = len(made)
                made.append((text, bool(side), True))
                words = words_of(text)
                if words > LEAST_WORDS:
                    count = round(float(np.exp(random.uniform(np.log(LEAST_WORDS), np.log(words)))))
                    made.append((first_words(text, count), bool(side), False))
                if altered and random.random() < _ALTERED:
                    way = list(ALTERATIONS.values())[random.integers(len(ALTERATIONS))]
                    made.append((way(text, random), bool(side), False))
                if altered and side and random.random() < _SPLICED:
                    other = matched[0][random.integers(len(matched[0]))]
                    made.append((spliced(text, other, random), True, False))
                origin += [int(groups[at])] * (len(made) - before)
        versions, sides, whole = zip(*made, strict=True)
        return _Part(list(versions), np.array(sides), np.array(whole), np.array(origin))

    def _unseen_answers(self, counts: Any, learning: _Part, stacking: _Part) -> Float[np.ndarray, "texts 2"]:
        """What readers of n-grams say of the stacking part, in folds: of texts that they have not learned from."""
        found = np.zeros((len(stacking.texts), LIGHT))
        rows = np.arange(len(learning.texts) + len(stacking.texts)) - len(learning.texts)
        both = np.concatenate([learning.generated, stacking.generated])
        for fold in range(_FOLDS):
            left = stacking.origin % _FOLDS == fold
            known = np.ones(len(rows), bool)
            known[len(learning.texts) :] = ~left
            readers = NGramReaders.fit(counts[known], both[known], self.seed + 1 + fold)
            found[left] = readers.answers(counts[~known])
        return found

    def _weigh(self, stacking: _Part, stacking_answers: Float[np.ndarray, "texts answers"], calibrating: _Part) -> None:
        """Learn the stacks, what is familiar, and how good it all is."""
        from sklearn.metrics import roc_auc_score

        texts = stacking.texts + calibrating.texts
        generated = np.concatenate([stacking.generated, calibrating.generated])
        last = np.arange(len(texts)) >= len(stacking.texts)
        words = np.array([words_of(text) for text in texts])
        counts = count_ngrams(calibrating.texts)
        answers = np.vstack([stacking_answers, self.members_.answers(calibrating.texts, counts)])
        self.stack_ = Stack.fit(answers, words, generated, last)
        self.light_ = Stack.fit(answers[:, :LIGHT], words, generated, last)
        shown = last.copy()
        shown[last] = calibrating.whole
        known = self.members_.readers.ngrams.known_share(counts)[calibrating.whole & ~calibrating.generated]
        self.familiar_ = _STRANGE * float(np.quantile(known, 0.02))
        self.reference_: Reference | None = Reference.fit(answers[shown], generated[shown])
        names = answer_names(encoder=self.members_.encoder is not None, pair=self.members_.pair is not None)
        said = {name: answers[shown, place] for place, name in enumerate(names)}
        said["light"] = self.light_.logits(answers[shown, :LIGHT], words[shown])
        said["all"] = self.stack_.logits(answers[shown], words[shown])
        found = {name: float(roc_auc_score(generated[shown], values)) for name, values in said.items()}
        self.report_ = {name: max(area, 1 - area) if name in names else area for name, area in found.items()}

    def _say(self, line: str) -> None:
        if self.note is not None:
            self.note(line)


def _checked(given: Any, labels: Any) -> tuple[list[str], Bool[np.ndarray, " texts"]]:
    texts, found = checked_texts(given), np.asarray(labels)
    if found.shape != (len(texts),):
        raise ConfigError(f"{len(texts)} texts have labels of shape {list(found.shape)}: give one for each")
    strange = [label for label in found.tolist() if label not in (0, 1)]
    if strange:
        raise ConfigError(f"the labels hold {strange[0]!r}: 1 says generated, 0 real")
    generated = found.astype(bool)
    for side, name in ((False, "real"), (True, "generated")):
        count = int((generated == side).sum())
        if count < _LEAST_TEXTS:
            raise ConfigError(f"{count} {name} texts are too few to learn from: give {_LEAST_TEXTS} or more")
    sides = [[text for text, label in zip(texts, generated, strict=True) if label == side] for side in (False, True)]
    if both := same_texts(*sides):
        raise ConfigError(
            f"{len(both):,} generated texts stand among the real ones too, such as {both[0][:60]!r}: a text is one or "
            "the other; take them out"
        )
    return texts, generated
