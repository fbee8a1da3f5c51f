"""Why a detector says what it says of a text: what each member adds, which words tell, and a few plain sentences."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from jaxtyping import Float

from seqloom.codecs.base import Codec
from seqloom.detector.likelihood import FEATURES, LanguageModelPair, token_statistics
from seqloom.detector.members import LIGHT, LIGHT_ANSWERS, Members
from seqloom.detector.percentiles import Reference
from seqloom.detector.scores import MemberOutputs
from seqloom.detector.segments import PARTS
from seqloom.detector.stack import Calibration, Stack, probabilities

__all__ = ["Explanation", "Telling", "Token", "chances", "explain"]

_MOST_WORDS = 6
_LEAST_TOLD = 0.02
"""Logits below which a word tells nothing."""

_ORDINARY = 0.65
"""Share of the real texts that a text is to one side of, below which it is like most."""

_UNUSUAL = 0.9
"""Share of the texts of a side that a text must differ from, for it to be said of more than its likelihood."""

_SLOW: Mapping[str, tuple[str, ...]] = {
    "encoder": ("encoder",),
    "language models": FEATURES,
    "parts": PARTS,
}
"""The answers of each slow member."""

_COUNTED = {"char": "characters", "byte": "bytes", "word": "words"}

_FORMS: Mapping[str, tuple[str, str]] = {
    "log-probability": (
        "Its {tokens} are less expected by a model of real texts than those of {share}.",
        "Its {tokens} are more expected by a model of real texts than those of {share}.",
    ),
    "ratio": (
        "Compared with that, a model of generated texts expects them more than it does those of {share}.",
        "Compared with that, a model of generated texts expects them less than it does those of {share}.",
    ),
    "unevenness": (
        "What is expected and what is not is spread more evenly than in {share}.",
        "What is expected and what is not is spread less evenly than in {share}.",
    ),
}
"""What is said where an answer is low, and where it is high."""

_UNUSUALLY_HIGH: Mapping[str, str] = {
    "words, unseen, real": "more of its words than in {share} stand in no real text that was learned from{unheard}",
    "pairs, unseen, real": "more of its pairs of words than in {share} stand in no real text that was learned from",
}
_UNUSUALLY_LOW: Mapping[str, str] = {
    "threes, unseen, generated": "more of its runs of three words than in {share} stood in generated texts before",
    "coherence of the text": "its words belong together less than those of {share}",
}
"""What is said of answers that hardly any real text has: all of it speaks for a generated one."""


@dataclass(frozen=True)
class Telling:
    """A word of a text.

    Attributes:
        words: in small letters.
        logit: what it adds to the logit of the wording; above 0 it speaks for a generated text.
    """

    words: str
    logit: float


@dataclass(frozen=True)
class Token:
    """A piece of a text as the model of real text saw it.

    Attributes:
        text: the piece.
        probability: of it, after all that comes before it; None where the model does not know it or did not read it.
        rank: how many others were likelier; None with the probability.
    """

    text: str
    probability: float | None = None
    rank: int | None = None


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What a detector says of one text, and why.

    Attributes:
        probability: that it was generated.
        base_rate: expected share of generated texts.
        words: that it has.
        abstained: whether it is too short to tell.
        strange: whether it is unlike all texts that the detector knows.
        contributions: what each member adds to the logit; above 0 it speaks for a generated text.
        shares_below: the share of real texts of which each answer is lower.
        unheard: words that no real text has, as they are spelled.
        for_generated: words that speak for a generated text, the most telling first, those of very many texts left out.
        for_real: words that speak for a real one.
        tokens: the text in pieces; empty without language models.
        sentences: all this in plain words.
    """

    probability: float
    base_rate: float
    words: int
    abstained: bool
    strange: bool
    contributions: Mapping[str, float]
    shares_below: Mapping[str, float]
    unheard: tuple[str, ...]
    for_generated: tuple[Telling, ...]
    for_real: tuple[Telling, ...]
    tokens: tuple[Token, ...]
    sentences: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.sentences)


class FittedDetector(Protocol):
    """The parts of a fitted detector that explanations use; see `Detector`."""

    members_: Members
    reference_: Reference
    light_: Stack
    stack_: Stack | None
    calibration_: Calibration

    def member_outputs(self, texts: Sequence[str]) -> MemberOutputs:
        """Return the outputs of all members."""
        ...

    def logits(self, asked: MemberOutputs) -> Float[np.ndarray, " texts"]:
        """Return the logit of every text."""
        ...


def explain(detector: FittedDetector, text: str, base_rate: float) -> Explanation:
    """Explain what a trained detector says of a text; see `Detector.explain`."""
    asked = detector.member_outputs([text])
    members = detector.members_
    answers = asked.light[0] if asked.slow is None else np.concatenate([asked.light[0], asked.slow[0]])
    names = [*LIGHT_ANSWERS, *(name for member in members.slow for name in _SLOW[member])]
    below, of_generated = (
        dict(zip(names, detector.reference_.shares_below(answers, generated=side).tolist(), strict=True))
        for side in (False, True)
    )
    telling = _telling(members, text)
    found = Explanation(
        probability=float(probabilities(detector.logits(asked), base_rate)[0]),
        base_rate=base_rate,
        words=int(asked.words[0]),
        abstained=bool(asked.too_short[0]),
        strange=bool(asked.out_of_distribution[0]),
        contributions=_by_member(detector, asked),
        shares_below=below,
        unheard=tuple(members.readers.familiarity.unheard_words(text)),
        for_generated=tuple(one for one in telling if one.logit >= _LEAST_TOLD)[:_MOST_WORDS],
        for_real=tuple(one for one in telling if one.logit <= -_LEAST_TOLD)[:_MOST_WORDS],
        tokens=() if members.pair is None else tuple(_tokens(members.pair, text)),
        sentences=(),
    )
    codec = None if members.pair is None else members.pair.codec
    return replace(found, sentences=tuple(_sentences(found, of_generated, codec)))


def chances(probability: float) -> str:
    """A probability as so many of 100; what lies beyond 1 or 99 is known no better."""
    if 0.01 <= probability <= 0.99:
        return f"{100 * probability:.0f} of 100"
    return "fewer than 1 of 100" if probability < 0.5 else "more than 99 of 100"


def _by_member(detector: FittedDetector, asked: MemberOutputs) -> dict[str, float]:
    """The sum of what each member's answers add; the light ones share what their stack adds to the other one."""
    light = detector.light_.contributions(asked.light, asked.words)[0]
    found = {name: float(light[of].sum()) for name, of in LIGHT.items()}
    if detector.stack_ is None or asked.slow is None:
        return found
    first = detector.light_.against_real(asked.light, asked.words)
    kinds = first.shape[1]
    added = detector.stack_.contributions(np.hstack([first, asked.slow]), asked.words)[0]
    total, size = float(added[:kinds].sum()), sum(map(abs, found.values())) or 1.0
    rest = total - sum(found.values())
    half = float(detector.calibration_.slope(asked.words)[0]) / 2
    found = {name: half * (2 * value + rest * abs(value) / size) for name, value in found.items()}
    for name, of in detector.members_.slow.items():
        found[name] = half * float(added[kinds:][of].sum())
    return found


def _telling(members: Members, text: str) -> list[Telling]:
    """What each word adds to the logit of the wording, the most telling first; words of very many texts left out."""
    words, common = members.readers.wording.words(text), members.readers.coherence.common_words(text)
    found = [Telling(word, logit) for word, logit in words.items() if word[0].isalnum()]
    rare = [one for one in found if one.words not in common]
    return sorted(rare or found, key=lambda one: (-abs(one.logit), one.words))


def _tokens(pair: LanguageModelPair, text: str) -> Iterator[Token]:
    """The text in pieces, all of it: what the model does not know, or did not read, has no probability."""
    (found,) = token_statistics(pair.real, pair.generated, [pair.encoded(text)])
    unknown = {place for place, _ in pair.codec.unknown_symbols(text)}
    ids = pair.encoded(text)[1:].tolist()
    at = 0
    for spelled, log_prob, rank in _whole(pair.codec, ids, found.log_probs[0].tolist(), found.ranks[0].tolist()):
        while at in unknown:
            yield Token(text[at])
            at += 1
        yield Token(spelled, float(np.exp(log_prob)), rank)
        at += len(spelled)
    if text[at:]:
        yield Token(text[at:])


def _whole(codec: Codec, ids: list[int], log_probs: list[float], ranks: list[int]) -> Iterator[tuple[str, float, int]]:
    """Tokens, those that share a character taken together: its probability is their product."""
    held, log_prob, highest = b"", 0.0, 0
    for token, one, rank in zip(ids, log_probs, ranks, strict=True):
        held, log_prob, highest = held + codec.token_bytes[token], log_prob + one, max(highest, rank)
        try:
            spelled = held.decode()
        except UnicodeDecodeError:
            continue
        yield spelled, log_prob, highest
        held, log_prob, highest = b"", 0.0, 0


def _sentences(found: Explanation, of_generated: Mapping[str, float], codec: Codec | None) -> Iterator[str]:
    if found.abstained:
        words = "1 word" if found.words == 1 else f"{found.words} words"
        yield f"It has {words}, which is too short to tell; what follows is little more than a guess."
    if found.strange:
        yield "It is unlike all texts that the detector knows, as one in another language is: its answer means little."
    chance = chances(found.probability)
    yield f"{_verdict(found.probability)} ({chance} such texts are generated{_where(found.base_rate)})."
    if unusual := list(_unusual(found)):
        against = "" if found.probability >= 0.5 else "What speaks against that: "
        said = f"{against}{'; '.join(unusual)}."
        yield said[0].upper() + said[1:]
    if codec is not None:
        yield from _likelihood(found.shares_below, _COUNTED.get(codec.level, "pieces"))
    likelier = found.probability >= 0.5
    share = found.shares_below["wording"] if likelier else 1 - of_generated["wording"]
    mine, others = ("generated", "real") if likelier else ("real", "generated")
    if share >= 0.5:
        yield f"Its wording is more like that of {mine} texts than that of {_most(share, others)}."
    for telling, side in ((found.for_generated, "generated"), (found.for_real, "real")):
        if telling:
            yield f"Words that speak for a {side} text: {', '.join(f'“{one.words}”' for one in telling)}."


def _verdict(probability: float) -> str:
    certain = max(probability, 1 - probability)
    if certain < 0.65:
        return "It could be either"
    grade = "Almost surely" if certain >= 0.99 else "Very probably" if certain >= 0.9 else "Probably"
    return f"{grade} {'generated' if probability > 0.5 else 'real'}"


def _where(prior: float) -> str:
    return "" if prior == 0.5 else f", where {100 * prior:.3g} % of all are"


def _unusual(found: Explanation) -> Iterator[str]:
    """What hardly any real text shows."""
    named = ", ".join(f"“{word}”" for word in found.unheard[:_MOST_WORDS])
    for name, form in _UNUSUALLY_HIGH.items():
        if found.shares_below[name] >= _UNUSUAL:
            unheard = f", such as {named}" if named else ""
            yield form.format(share=_most(found.shares_below[name], "real"), unheard=unheard)
    for name, form in _UNUSUALLY_LOW.items():
        if found.shares_below[name] <= 1 - _UNUSUAL:
            yield form.format(share=_most(1 - found.shares_below[name], "real"))


def _likelihood(shares: Mapping[str, float], tokens: str) -> Iterator[str]:
    """What the language models' answers say of the text beside real ones; the first always, others where unusual."""
    for place, (name, forms) in enumerate(_FORMS.items()):
        high = shares[name] >= 0.5
        share = shares[name] if high else 1 - shares[name]
        if place == 0 and share < _ORDINARY:
            yield f"Its {tokens} are about as expected by a model of real texts as those of most real ones."
        elif place == 0 or share >= _UNUSUAL:
            yield forms[high].format(tokens=tokens, share=_most(share, "real"))


def _most(share: float, side: str) -> str:
    return f"nearly all {side} ones" if share >= 0.995 else f"{100 * share:.0f} % of {side} ones"
