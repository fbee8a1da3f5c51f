"""The detector: a calibrated stack of members of different kinds, after scikit-learn's conventions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from jaxtyping import Bool, Float, Int
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from seqloom.detector.altering import ALTERATIONS, first_words, spliced, words_of
from seqloom.detector.coherence import Coherence
from seqloom.detector.decoys import make_decoys
from seqloom.detector.explaining import Explanation, explain
from seqloom.detector.familiarity import Familiarity, count_texts
from seqloom.detector.likelihood import LanguagePair
from seqloom.detector.matching import Leak, find_leaks, match_lengths, same_texts
from seqloom.detector.members import LIGHT, LIGHT_ANSWERS, Members, PatternReaders, learned_encoder
from seqloom.detector.reference import Reference
from seqloom.detector.stack import DECOY, GENERATED, REAL, Stack, check_prior, probabilities
from seqloom.detector.wording import Wording, wording_rows
from seqloom.errors import ConfigError
from seqloom.readers.texts import checked_texts, numbered_groups

__all__ = ["LEAST_WORDS", "Asked", "Detector", "Scored", "Teacher"]

LEAST_WORDS = 5
"""A text of fewer words is too short to tell."""

_LEAST_TEXTS = 40
"""Of each side."""

_MOST_TEXTS = 12_000
"""Of each side that are learned from."""

_SHARES = (0.6, 0.25, 0.15)
"""Of the texts: for the slow members, for weighing them, and for calibration."""

_LEARNING, _STACKING, _CALIBRATING, _UNUSED = range(4)

_VERSION, _MIXTURE = 0.4, 0.7
"""What a shortened or altered version counts beside the text, and one that is spliced with a real text."""

_ALTERED, _SPLICED, _DECOYS = 0.35, 0.2, 0.4
"""Shares of the texts that are learned in an altered version too, and decoys to a generated text."""

_FOLDS = 4
"""Parts of the texts, each of which is answered by readers of patterns that learned from the others."""

_STRANGE = 0.6
"""A text with so small a share of the known stretches of letters that nearly all real texts have is in another language
or form."""

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
        light: the `LIGHT_ANSWERS`.
        slow: what the encoder and the language models say; None where they were not asked.
        words: of each text.
        abstained: see `Scored`.
        strange: see `Scored`.
    """

    light: Float[np.ndarray, "texts answers"]
    slow: Float[np.ndarray, "texts slow_answers"] | None
    words: Int[np.ndarray, " texts"]
    abstained: Bool[np.ndarray, " texts"]
    strange: Bool[np.ndarray, " texts"]

    def some(self, chosen: Bool[np.ndarray, " texts"]) -> "Asked":
        """The same of some of the texts."""
        slow = None if self.slow is None else self.slow[chosen]
        return Asked(self.light[chosen], slow, self.words[chosen], self.abstained[chosen], self.strange[chosen])


@dataclass(frozen=True)
class _Versions:
    """Texts of both sides, of like lengths, versions of them, and decoys.

    Attributes:
        texts: one after another.
        kinds: real, generated, or a decoy.
        whole: which of them are no further version of another one.
        weights: what each counts where the members are weighed.
        parts: what each is for.
        folds: the fold of each, of those that are not for calibration.
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


class Detector(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Tells generated text from real text.

    Three light members read patterns of words and characters (see `PatternReaders`): they learn in folds, so that what
    they say of every text is known before they have seen it, and a stack weighs it. A convolutional encoder and two
    language models learn from one part of the texts; a second stack weighs them with the first on another part. A third
    part calibrates. Groups stay whole. Beside real and generated texts, decoys are learned, which show another way of
    not being real.

    Args:
        teacher: makes the language models; None leaves them out.
        encoder: whether there is a convolutional encoder.
        seed: of parts, weights and alterations.
        note: is told what is done, a line at a time; None tells nobody.

    Attributes:
        classes_: 0 is real, 1 generated.
        members_: what reads texts.
        light_: the stack of the answers of the light members.
        stack_: that of its two logits and the slow answers; None without slow members.
        alone_: a stack of each member's answers by themselves, to see what it is worth.
        leaks_: signs of how the files were made that tell the sides apart.
        familiar_: the least share of known stretches of letters that a text should have.
        reference_: what the members say of texts of either side.
        report_: area under the curve on the calibrating part, whole texts, by member; "all" and "light members" are the
            stacks.
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
            X: texts; of very many on one side, some are drawn.
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
        made = self._versions(texts, labels, *self._parts(labels, groups))
        self._say(f"learning from {len(made.texts):,} texts, versions of them, and decoys")
        readers, light = self._read_in_folds(made)
        encoder, pair = self._slow_members(made)
        self.members_ = Members(readers, encoder, pair)
        self._say("weighing the members")
        self._weigh(made, light)
        return self

    def predict_proba(self, X: Sequence[str], *, light: bool = False) -> Float[np.ndarray, "texts 2"]:
        """The probabilities that each text is real and that it was generated, where as many are as not.

        Args:
            X: texts.
            light: ask only the members that read patterns alone.
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
        asked = self.ask(X, light=light)
        return Scored(probabilities(self.logits(asked), prior), asked.abstained, asked.strange)

    def ask(self, X: Sequence[str], *, light: bool = False) -> Asked:
        """What the members say of texts, before it is weighed.

        Args:
            X: texts.
            light: see `predict_proba`.
        """
        check_is_fitted(self, "members_")
        texts = checked_texts(X)
        words = np.array([words_of(text) for text in texts], np.int64)
        answers = self.members_.readers.answers(texts)
        slow = None if light or self.stack_ is None else self.members_.slow_answers(texts)
        return Asked(
            *(answers, slow, words, words < LEAST_WORDS),
            (_known(answers) < self.familiar_) & (words >= LEAST_WORDS),
        )

    def logits(self, asked: Asked) -> Float[np.ndarray, " texts"]:
        """The calibrated logit that each text was generated, where as many are as not, from what the members say."""
        if self.stack_ is None or asked.slow is None:
            return self.light_.logits(asked.light, asked.words)
        first = self.light_.against_real(asked.light, asked.words)
        return self.stack_.logits(np.hstack([first, asked.slow]), asked.words)

    def logits_alone(self, asked: Asked) -> dict[str, Float[np.ndarray, " texts"]]:
        """The logit that each text was generated by each member alone, and by the light ones together."""
        found = {name: self.alone_[name].logits(asked.light[:, of], asked.words) for name, of in LIGHT.items()}
        found["light members"] = self.light_.logits(asked.light, asked.words)
        if asked.slow is not None:
            for name, of in self.members_.slow.items():
                found[name] = self.alone_[name].logits(asked.slow[:, of], asked.words)
        return found

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
    ) -> tuple[Int[np.ndarray, " texts"], Int[np.ndarray, " texts"]]:
        """What each text is for, with some of both sides for all, and its fold."""
        random = np.random.default_rng(self.seed)
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
                self._say(f"learning from {sizes[order][:used].sum():,} of {sizes.sum():,} texts of one side")
            used = min(used, len(own))
            stacking, calibrating = (max(1, round(share * used)) for share in _SHARES[1:])
            place = np.full(len(own), _UNUSED)
            place[order[:used]] = np.repeat(
                [_CALIBRATING, _STACKING, _LEARNING], [calibrating, stacking, used - stacking - calibrating]
            )
            fold = np.empty(len(own), np.int64)
            fold[order] = np.arange(len(own)) % _FOLDS
            at = np.searchsorted(own, groups[labels == side])
            parts[labels == side], folds[labels == side] = place[at], fold[at]
        return parts, folds

    def _versions(
        self,
        texts: list[str],
        labels: Bool[np.ndarray, " texts"],
        parts: Int[np.ndarray, " texts"],
        folds: Int[np.ndarray, " texts"],
    ) -> _Versions:
        """Texts of like lengths, each in a shorter version too, and some of them altered; and decoys."""
        random = np.random.default_rng(self.seed)
        made: list[tuple[str, int, bool, float, int, int]] = []
        for part in (_LEARNING, _STACKING, _CALIBRATING):
            places = [np.flatnonzero((parts == part) & (labels == side)) for side in (False, True)]
            sides = [[texts[at].strip() for at in side] for side in places]
            real, generated = match_lengths(sides[0], sides[1], random)
            altered = part != _CALIBRATING
            for kind, own, alike in ((REAL, sides[0], real), (GENERATED, sides[1], generated)):
                for text, short, at in zip(own, alike, places[kind], strict=True):
                    other = sides[0][random.integers(len(sides[0]))] if kind == GENERATED else None
                    versions = _versions_of(text, short, random, altered=altered, other=other)
                    made += [
                        (one, kind, not number, weight, part, int(folds[at]))
                        for number, (one, weight) in enumerate(versions)
                    ]
            for fold in range(_FOLDS):
                real_here, generated_here = (
                    [text for text, at in zip(some, own, strict=True) if folds[at] == fold]
                    for some, own in zip(sides, places, strict=True)
                )
                for text in make_decoys(real_here, round(_DECOYS * len(generated_here)), random):
                    versions = _versions_of(text, text, random, altered=altered)
                    made += [
                        (one, DECOY, not number, weight, part, fold) for number, (one, weight) in enumerate(versions)
                    ]
        columns = list(zip(*made, strict=True))
        return _Versions(list(columns[0]), *(np.array(column) for column in columns[1:]))

    def _read_in_folds(self, made: _Versions) -> tuple[PatternReaders, Float[np.ndarray, "texts answers"]]:
        """The readers of patterns, and what they say of all texts: readers that have not seen them."""
        learned = made.parts != _CALIBRATING
        known = learned & made.whole & (made.kinds != DECOY)
        counted = count_texts(made.some(known), made.kinds[known] == GENERATED, made.folds[known], _FOLDS)
        total = counted.sum(axis=0, dtype=np.uint16)
        told = learned & (made.kinds != DECOY)
        rows = wording_rows(made.some(told))
        answers = np.zeros((len(made.texts), len(LIGHT_ANSWERS)))

        def readers(left_out: int | None) -> PatternReaders:
            mine = made.folds != left_out
            return PatternReaders(
                Wording.fit(rows[mine[told]], made.kinds[told & mine] == GENERATED),
                Familiarity.of(total if left_out is None else total - counted[left_out]),
                Coherence.fit(made.some(known & mine & (made.kinds == REAL)), self.seed),
            )

        for fold in range(_FOLDS):
            asked = learned & (made.folds == fold)
            if asked.any():
                answers[asked] = readers(fold).answers(made.some(asked))
        found = readers(None)
        answers[~learned] = found.answers(made.some(~learned))
        return found, answers

    def _slow_members(self, made: _Versions) -> "tuple[Any, LanguagePair | None]":
        """The encoder and the language models, of the texts for learning."""
        learned = made.parts == _LEARNING
        pair = None
        if self.teacher is not None:
            self._say("learning two language models")
            sides = (made.some(learned & made.whole & (made.kinds == kind)) for kind in (REAL, GENERATED))
            pair = self.teacher(*sides)
        encoder = None
        if self.encoder:
            told = learned & (made.kinds != DECOY)
            encoder = learned_encoder(made.some(told), made.kinds[told] == GENERATED, self.seed)
        return encoder, pair

    def _weigh(self, made: _Versions, light: Float[np.ndarray, "texts answers"]) -> None:
        """Learn the stacks, what is familiar, and how good it all is."""
        words = np.array([words_of(text) for text in made.texts])
        last = made.parts == _CALIBRATING

        def weighed(answers: Float[np.ndarray, "texts answers"], some: Bool[np.ndarray, " texts"]) -> Stack:
            return Stack.fit(answers[some], words[some], made.kinds[some], last[some], made.weights[some])

        everything = np.ones(len(words), bool)
        self.light_ = weighed(light, everything)
        self.alone_ = {name: weighed(light[:, of], everything) for name, of in LIGHT.items()}
        self.stack_: Stack | None = None
        slow = None
        if slow_members := self.members_.slow:
            late = made.parts != _LEARNING
            slow = np.zeros((len(words), max(of.stop for of in slow_members.values())))
            slow[late] = self.members_.slow_answers(made.some(late))
            first = weighed(light, made.parts != _STACKING).against_real(light, words)
            first[last] = self.light_.against_real(light[last], words[last])
            self.stack_ = weighed(np.hstack([first, slow]), late)
            self.alone_ |= {name: weighed(slow[:, of], late) for name, of in slow_members.items()}
        shown = last & made.whole & (made.kinds != DECOY)
        generated = made.kinds[shown] == GENERATED
        self.familiar_ = _STRANGE * float(np.quantile(_known(light[shown][~generated]), 0.02))
        answers = light[shown] if slow is None else np.hstack([light[shown], slow[shown]])
        self.reference_ = Reference.fit(answers, generated)
        none = np.zeros(int(shown.sum()), bool)
        asked = Asked(light[shown], None if slow is None else slow[shown], words[shown], none, none)
        self.report_ = _areas({"all": self.logits(asked), **self.logits_alone(asked)}, generated)

    def _say(self, line: str) -> None:
        if self.note is not None:
            self.note(line)


def _versions_of(
    text: str, alike: str, random: np.random.Generator, *, altered: bool, other: str | None = None
) -> list[tuple[str, float]]:
    """A text, as much of it as others have, less of it, and now and then an altered version and one with another text.

    Args:
        text: the text.
        alike: cut to a length that the other side has too, or all of it.
        random: of all draws.
        altered: whether there may be altered versions.
        other: a text that it may be spliced with.

    Returns:
        Versions, and what each of them counts.
    """
    found = [(text, 1.0)] if alike == text else [(text, 1.0), (alike, _VERSION)]
    words = words_of(alike)
    if words > LEAST_WORDS:
        count = round(float(np.exp(random.uniform(np.log(LEAST_WORDS), np.log(words)))))
        found.append((first_words(alike, count), _VERSION))
    if altered and random.random() < _ALTERED:
        found.append((list(ALTERATIONS.values())[random.integers(len(ALTERATIONS))](alike, random), _VERSION))
    if altered and other is not None and random.random() < _SPLICED:
        found.append((spliced(alike, other, random), _MIXTURE))
    return found


def _known(answers: Float[np.ndarray, "texts answers"]) -> Float[np.ndarray, " texts"]:
    """The share of each text's stretches of letters that texts of one side or the other have."""
    unseen = [LIGHT_ANSWERS.index(f"letters, unseen, {side}") for side in ("real", "generated")]
    found: np.ndarray = 1 - answers[:, unseen].min(axis=1)
    return found


def _areas(logits: dict[str, np.ndarray], generated: Bool[np.ndarray, " texts"]) -> dict[str, float]:
    """The area under the curve of each member."""
    from sklearn.metrics import roc_auc_score

    return {name: float(roc_auc_score(generated, values)) for name, values in logits.items()}


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
