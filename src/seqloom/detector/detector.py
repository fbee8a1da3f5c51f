"""The detector: a calibrated stack of members of different kinds, after scikit-learn's conventions."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Self

import numpy as np
from jaxtyping import Bool, Float, Int
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from seqloom.config import validate
from seqloom.detector.augmentation import words_of
from seqloom.detector.confounds import Confound, find_confounds, same_texts
from seqloom.detector.embedding_coherence import Coherence
from seqloom.detector.explanation import Explanation, explain
from seqloom.detector.likelihood import LanguageModelPair
from seqloom.detector.members import LIGHT, LIGHT_ANSWERS, Members, PatternReaders, learned_encoder
from seqloom.detector.ngram_classifier import Wording, wording_rows
from seqloom.detector.ngram_novelty import Familiarity, count_texts
from seqloom.detector.percentiles import Reference
from seqloom.detector.scores import MemberOutputs, Scores
from seqloom.detector.segments import parts_of, surest_and_least
from seqloom.detector.stack import DECOY, GENERATED, REAL, Calibration, Stack, check_base_rate, probabilities
from seqloom.detector.training_set import (
    CALIBRATING,
    FOLDS,
    LEARNING,
    LEAST_WORDS,
    STACKING,
    Versions,
    make_versions,
    split_groups,
)
from seqloom.errors import ConfigError
from seqloom.text_features.validate_texts import checked_texts, numbered_groups

__all__ = ["LEAST_TEXTS", "Detector", "LanguageModelTrainer", "MemberOutputs", "Scores"]

LEAST_TEXTS = 40
"""Of each side, none of them the same as another."""

_STRANGE = {"letters": 0.6, "words": 0.65}
"""A text with less than this share of the known stretches of letters, or words, that nearly all real texts have is in
another language or form."""

LanguageModelTrainer = Callable[[Sequence[str], Sequence[str]], LanguageModelPair]
"""Makes language models of real and of generated texts."""


class Detector(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Tells generated text from real text.

    Three light members read patterns of words and characters (see `PatternReaders`): they learn in folds, so that what
    they say of every text is known before they have seen it, and a stack weighs it. A convolutional encoder and two
    language models learn from one part of the texts; a second stack weighs them with the first on another part. A third
    part calibrates. Groups stay whole. Beside real and generated texts, decoys are learned, which show another way of
    not being real, and generated texts that are spliced with real ones.

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
        calibration_: of the mean of both stacks' logits; only with slow members.
        alone_: a stack of each member's answers by themselves, to see what it is worth.
        leaks_: signs of how the files were made that tell the sides apart.
        familiar_: the least shares of known stretches of letters, and of known words, that a text should have.
        reference_: what the members say of texts of either side.
        report_: area under the curve on the calibrating part, whole texts, by member; "all" and "light members" are the
            stacks.
    """

    def __init__(
        self,
        *,
        teacher: LanguageModelTrainer | None = None,
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
        validate((self.seed >= 0, f"the seed is {self.seed}: choose 0 or more"))
        texts, labels = _checked(X, y)
        groups = numbered_groups(groups, len(texts))
        self.classes_ = np.array([0, 1])
        sides = [[text for text, label in zip(texts, labels, strict=True) if label == side] for side in (False, True)]
        self.leaks_: list[Confound] = find_confounds(*sides)
        for leak in self.leaks_:
            self._say(f"differs in form: {leak}")
        made = make_versions(texts, labels, split_groups(labels, groups, self.seed, self._say), self.seed)
        self._say(f"learning from {len(made.texts):,} texts, versions of them, and decoys")
        readers, light, of_parts = self._read_in_folds(made)
        encoder, pair = self._slow_members(made)
        self.members_ = Members(readers, encoder, pair)
        self._say("weighing the members")
        self._weigh(made, light, of_parts)
        return self

    def predict_proba(self, X: Sequence[str], *, light: bool = False) -> Float[np.ndarray, "texts 2"]:
        """The probabilities that each text is real and that it was generated, where as many are as not.

        Args:
            X: texts.
            light: ask only the members that read patterns alone.
        """
        chance = self.score(X, light=light).probabilities
        return np.stack([1 - chance, chance], axis=1)

    def predict(self, X: Sequence[str]) -> Int[np.ndarray, " texts"]:
        """1 where a text was rather generated than not."""
        check_is_fitted(self, "members_")
        likely = self.predict_proba(X)[:, 1] > 0.5
        found: np.ndarray = self.classes_[likely.astype(int)]
        return found

    def score(self, X: Sequence[str], *, base_rate: float = 0.5, light: bool = False) -> Scores:
        """All that is said of texts.

        Args:
            X: texts.
            base_rate: expected share of generated texts.
            light: see `predict_proba`.

        Raises:
            ConfigError: the base rate is not between 0 and 1.
        """
        check_base_rate(base_rate)
        asked = self.member_outputs(X, light=light)
        return Scores(
            probabilities(self.logits(asked), base_rate),
            asked.too_short,
            asked.out_of_distribution,
            asked.seen_in_training,
        )

    def member_outputs(self, X: Sequence[str], *, light: bool = False) -> MemberOutputs:
        """What the members say of texts, before it is weighed.

        Args:
            X: texts.
            light: see `predict_proba`.
        """
        check_is_fitted(self, "members_")
        texts = checked_texts(X)
        words = _words(texts)
        answers, copied = self.members_.readers.read(texts)
        slow = None if light or self.stack_ is None else self._slow_answers(texts)
        return MemberOutputs(
            *(answers, slow, words, words < LEAST_WORDS),
            (_known(answers) < self.familiar_).any(axis=1) & (words >= LEAST_WORDS),
            copied,
        )

    def logits(self, asked: MemberOutputs) -> Float[np.ndarray, " texts"]:
        """The calibrated logit that each text was generated, where as many are as not, from what the members say."""
        if self.stack_ is None or asked.slow is None:
            return self.light_.logits(asked.light, asked.words)
        return self.calibration_(self._mean_logits(asked.light, asked.slow, asked.words), asked.words)

    def member_logits(self, asked: MemberOutputs) -> dict[str, Float[np.ndarray, " texts"]]:
        """The logit that each text was generated by each member alone, and by the light ones together."""
        found = {name: self.alone_[name].logits(asked.light[:, of], asked.words) for name, of in LIGHT.items()}
        found["light members"] = self.light_.logits(asked.light, asked.words)
        if asked.slow is not None:
            for name, of in self.members_.slow.items():
                found[name] = self.alone_[name].logits(asked.slow[:, of], asked.words)
        return found

    def fingerprint(self) -> str:
        """What tells a detector from one that was fitted otherwise."""
        check_is_fitted(self, "members_")
        found = sha256()
        for stack in (self.light_, *self.alone_.values()):
            for array in stack.to_arrays().values():
                found.update(np.ascontiguousarray(array).tobytes())
        return found.hexdigest()

    def explain(self, text: str, *, base_rate: float = 0.5) -> Explanation:
        """What is said of a text, and what speaks for and against it.

        Args:
            text: one text.
            base_rate: see `judge`.

        Raises:
            ConfigError: the base rate is not between 0 and 1.
        """
        check_base_rate(base_rate)
        return explain(self, checked_texts([text])[0], base_rate)

    def _slow_answers(self, texts: Sequence[str]) -> Float[np.ndarray, "texts slow_answers"]:
        parts = parts_of(texts)
        answers = self.members_.readers.answers(parts)
        of_parts = surest_and_least(self.light_.logits(answers, _words(parts)))
        return np.hstack([self.members_.slow_answers(texts), of_parts])

    def _read_in_folds(
        self, made: Versions
    ) -> tuple[PatternReaders, Float[np.ndarray, "texts answers"], Float[np.ndarray, "parts answers"]]:
        """The readers of patterns, what they say of all texts, and of the parts of those that are not for learning.

        Readers are asked that have not seen the texts.
        """
        known = made.whole & (made.kinds != DECOY)
        counted = count_texts(made.some(known), made.kinds[known] == GENERATED, made.folds[known], FOLDS)
        total = counted.sum(axis=0, dtype=np.uint16)
        told = made.kinds != DECOY
        rows = wording_rows(made.some(told))
        answers = np.zeros((len(made.texts), len(LIGHT_ANSWERS)))

        def readers(left_out: int | None) -> PatternReaders:
            mine = made.folds != left_out
            return PatternReaders(
                Wording.fit(rows[mine[told]], made.kinds[told & mine] != REAL),
                Familiarity.of(total if left_out is None else total - counted[left_out]),
                Coherence.fit(made.some(known & mine & (made.kinds == REAL)), self.seed),
            )

        late = made.parts != LEARNING
        of_parts = np.zeros((int(late.sum()), len(parts_of([""])), len(LIGHT_ANSWERS)), np.float32)
        for fold in range(FOLDS):
            asked = made.folds == fold
            if not asked.any():
                continue
            own = readers(fold)
            answers[asked] = own.answers(made.some(asked))
            if self._has_slow:
                own_late = asked & late
                of_parts[asked[late]] = own.answers(parts_of(made.some(own_late))).reshape(-1, *of_parts.shape[1:])
        return readers(None), answers, of_parts.reshape(-1, len(LIGHT_ANSWERS))

    @property
    def _has_slow(self) -> bool:
        return self.encoder or self.teacher is not None

    def _mean_logits(
        self,
        light: Float[np.ndarray, "texts answers"],
        slow: Float[np.ndarray, "texts slow_answers"],
        words: Int[np.ndarray, " texts"],
    ) -> Float[np.ndarray, " texts"]:
        """The mean of what both stacks say: the first has seen more texts, the second more of each."""
        assert self.stack_ is not None
        late = self.stack_.logits(np.hstack([self.light_.against_real(light, words), slow]), words)
        found: np.ndarray = (self.light_.logits(light, words) + late) / 2
        return found

    def _slow_members(self, made: Versions) -> "tuple[Any, LanguageModelPair | None]":
        """The encoder and the language models, of the texts for learning."""
        learned = made.parts == LEARNING
        pair = None
        if self.teacher is not None:
            self._say("learning two language models")
            sides = (made.some(learned & made.whole & (made.kinds == kind)) for kind in (REAL, GENERATED))
            pair = self.teacher(*sides)
        encoder = None
        if self.encoder:
            self._say("learning an encoder, which takes a minute or more")
            told = learned & (made.kinds != DECOY)
            encoder = learned_encoder(made.some(told), made.kinds[told] != REAL, self.seed)
        return encoder, pair

    def _weigh(
        self, made: Versions, light: Float[np.ndarray, "texts answers"], of_parts: Float[np.ndarray, "parts answers"]
    ) -> None:
        """Learn the stacks, what is familiar, and how good it all is."""
        words = _words(made.texts)
        last = made.parts == CALIBRATING

        def weighed(answers: Float[np.ndarray, "texts answers"], some: Bool[np.ndarray, " texts"]) -> Stack:
            return Stack.fit(answers[some], words[some], made.kinds[some], last[some], made.weights[some])

        everything = np.ones(len(words), bool)
        self.light_ = weighed(light, everything)
        self.alone_ = {name: weighed(light[:, of], everything) for name, of in LIGHT.items()}
        self.stack_: Stack | None = None
        slow = None
        if slow_members := self.members_.slow:
            late = made.parts != LEARNING
            slow = np.zeros((len(words), max(of.stop for of in slow_members.values())))
            early = weighed(light, made.parts != STACKING)
            first = early.against_real(light, words)
            first[last] = self.light_.against_real(light[last], words[last])
            of_words = _words(parts_of(made.some(late)))
            early_parts, last_parts = (
                surest_and_least(stack.logits(of_parts, of_words)) for stack in (early, self.light_)
            )
            told_of_parts = np.where(last[late][:, None], last_parts, early_parts)
            slow[late] = np.hstack([self.members_.slow_answers(made.some(late)), told_of_parts])
            self.stack_ = weighed(np.hstack([first, slow]), late)
            told = last & (made.kinds != DECOY)
            both = self._mean_logits(light[told], slow[told], words[told])
            self.calibration_ = Calibration.fit(both, words[told], made.kinds[told] == GENERATED)
            self.alone_ |= {name: weighed(slow[:, of], late) for name, of in slow_members.items()}
        shown = last & made.whole & (made.kinds != DECOY)
        generated = made.kinds[shown] == GENERATED
        known = np.quantile(_known(light[shown][~generated]), 0.02, axis=0)
        self.familiar_ = known * np.array(list(_STRANGE.values()))
        answers = light[shown] if slow is None else np.hstack([light[shown], slow[shown]])
        self.reference_ = Reference.fit(answers, generated)
        none = np.zeros(int(shown.sum()), bool)
        asked = MemberOutputs(light[shown], None if slow is None else slow[shown], words[shown], none, none, none)
        self.report_ = _areas({"all": self.logits(asked), **self.member_logits(asked)}, generated)

    def _say(self, line: str) -> None:
        if self.note is not None:
            self.note(line)


def _words(texts: Sequence[str]) -> Int[np.ndarray, " texts"]:
    return np.array([words_of(text) for text in texts], np.int64)


def _known(answers: Float[np.ndarray, "texts answers"]) -> Float[np.ndarray, "texts kinds"]:
    """The share of each text's stretches of letters, and of its words, that texts of one side or the other have."""
    columns = []
    for kind in _STRANGE:
        unseen = [LIGHT_ANSWERS.index(f"{kind}, unseen, {side}") for side in ("real", "generated")]
        columns.append(1 - answers[:, unseen].min(axis=1))
    return np.stack(columns, axis=1)


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
        count = len({text for text, label in zip(texts, generated, strict=True) if label == side})
        if count < LEAST_TEXTS:
            raise ConfigError(f"{count} different {name} texts are too few to learn from: give {LEAST_TEXTS} or more")
    sides = [[text for text, label in zip(texts, generated, strict=True) if label == side] for side in (False, True)]
    if both := same_texts(*sides):
        raise ConfigError(
            f"{len(both):,} generated texts stand among the real ones too, such as {both[0][:60]!r}: a text is one or "
            "the other; take them out"
        )
    return texts, generated
