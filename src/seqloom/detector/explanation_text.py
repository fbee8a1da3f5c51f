"""Put an explanation into plain sentences."""

from collections.abc import Iterator, Mapping, Sequence

from seqloom.detector.explanation import Explanation, WordEvidence
from seqloom.percent import format_percent

__all__ = ["explanation_sentences", "frequency_phrase"]

_MAX_WORDS = 6
"""Maximal number of words of the text that a sentence lists."""

_ORDINARY_SHARE = 0.65
"""An output is ordinary if less than this share of the real texts has a lower output, and less than this share has a
higher one."""

_UNUSUAL_SHARE = 0.9
"""An output is unusual if at least this share of the real texts has a lower output, or at least this share a higher
one."""

_PROBABLE, _VERY_PROBABLE, _NEARLY_CERTAIN = 0.65, 0.9, 0.99
"""Probabilities of the more likely side (real or generated). Below the first, the verdict is open; from the first,
"Probably"; from the second, "Very probably"; from the third, "Almost surely"."""

_TOKEN_NAMES = {"char": "characters", "byte": "bytes", "word": "words"}
"""Name of the tokens of each level of a codec."""

_LIKELIHOOD_SENTENCES: Mapping[str, tuple[str, str]] = {
    "log-probability": (
        "A model of real texts finds its {tokens} more surprising than those of {share}.",
        "A model of real texts finds its {tokens} less surprising than those of {share}.",
    ),
    "ratio": (
        "Compared with that model, a model of generated texts predicts its {tokens} better than those of {share}.",
        "Compared with that model, a model of generated texts predicts its {tokens} worse than those of {share}.",
    ),
    "unevenness": (
        "Its {tokens} are more evenly surprising than those of {share}.",
        "Its {tokens} are less evenly surprising than those of {share}.",
    ),
}
"""Sentences for a low and for a high output of the language models, by name of the output."""

_UNUSUALLY_HIGH: Mapping[str, str] = {
    "words, unseen, real": "it has more words that are in no known real text{examples} than {share}",
    "pairs, unseen, real": "it has more pairs of words that are in no known real text than {share}",
}
_UNUSUALLY_LOW: Mapping[str, str] = {
    "threes, unseen, generated": "it shares more three-word phrases with known generated texts than {share}",
    "coherence of the text": "its words fit together less well than those of {share}",
}
"""Phrases for outputs that few real texts have, by name of the output; all of them indicate a generated text."""


def explanation_sentences(
    explanation: Explanation, generated_shares: Mapping[str, float], level: str | None
) -> Iterator[str]:
    """Yield the sentences of an explanation.

    Args:
        explanation: explanation without sentences.
        generated_shares: share of generated texts with a lower output, by name of the output.
        level: level of the codec of the language models; None without language models.
    """
    if explanation.too_short:
        words = "1 word" if explanation.num_words == 1 else f"{explanation.num_words} words"
        yield f"It has {words}, too few for a reliable answer; the rest is little more than a guess."
    if explanation.out_of_distribution:
        yield (
            "It is unlike all texts that the detector was trained on, for example in another language; the probability "
            "means little."
        )
    yield (
        f"{_verdict(explanation.probability)} ({frequency_phrase(explanation.probability)} such texts are generated"
        f"{_base_rate_phrase(explanation.base_rate)})."
    )
    if phrases := list(_unusual_phrases(explanation)):
        start = "" if explanation.probability >= 0.5 else "Evidence against this: "
        sentence = f"{start}{'; '.join(phrases)}."
        yield sentence[0].upper() + sentence[1:]
    if level is not None:
        yield from _likelihood_sentences(explanation.shares_below, _TOKEN_NAMES.get(level, "tokens"))
    yield from _wording_sentences(explanation, generated_shares)


def frequency_phrase(probability: float) -> str:
    """Return a probability as a number out of 100, or as "fewer than 1" or "more than 99"."""
    if 0.01 <= probability <= 0.99:
        return f"{100 * probability:.0f} of 100"
    return "fewer than 1 of 100" if probability < 0.5 else "more than 99 of 100"


def _verdict(probability: float) -> str:
    certainty = max(probability, 1 - probability)
    if certainty < _PROBABLE:
        return "It could be real or generated"
    grade = "Probably"
    if certainty >= _VERY_PROBABLE:
        grade = "Almost surely" if certainty >= _NEARLY_CERTAIN else "Very probably"
    return f"{grade} {'generated' if probability > 0.5 else 'real'}"


def _base_rate_phrase(base_rate: float) -> str:
    return "" if base_rate == 0.5 else f", if {format_percent(base_rate)} of all texts are"


def _unusual_phrases(explanation: Explanation) -> Iterator[str]:
    """Yield phrases for properties that few real texts have."""
    shares = explanation.shares_below
    words = _quoted(explanation.new_words)
    for name, phrase in _UNUSUALLY_HIGH.items():
        if shares[name] >= _UNUSUAL_SHARE:
            examples = f" (such as {words})" if words else ""
            yield phrase.format(share=_share_of_texts(shares[name], "real"), examples=examples)
    for name, phrase in _UNUSUALLY_LOW.items():
        if shares[name] <= 1 - _UNUSUAL_SHARE:
            yield phrase.format(share=_share_of_texts(1 - shares[name], "real"))


def _likelihood_sentences(shares_below: Mapping[str, float], tokens: str) -> Iterator[str]:
    """Yield sentences about the outputs of the language models.

    One sentence is always about the log-probability; other outputs are mentioned only if they are unusual.
    """
    for name, (low_sentence, high_sentence) in _LIKELIHOOD_SENTENCES.items():
        is_high = shares_below[name] >= 0.5
        share = shares_below[name] if is_high else 1 - shares_below[name]
        is_log_probability = name == "log-probability"
        if is_log_probability and share < _ORDINARY_SHARE:
            yield f"A model of real texts finds its {tokens} about as surprising as those of most real texts."
        elif is_log_probability or share >= _UNUSUAL_SHARE:
            sentence = high_sentence if is_high else low_sentence
            yield sentence.format(tokens=tokens, share=_share_of_texts(share, "real"))


def _wording_sentences(explanation: Explanation, generated_shares: Mapping[str, float]) -> Iterator[str]:
    """Yield sentences about the wording: a comparison with the other side, and the most typical words."""
    likely_generated = explanation.probability >= 0.5
    share = explanation.shares_below["wording"] if likely_generated else 1 - generated_shares["wording"]
    likely_side, other_side = ("generated", "real") if likely_generated else ("real", "generated")
    if share >= 0.5:
        yield f"Its wording is more typical of {likely_side} texts than that of {_share_of_texts(share, other_side)}."
    for evidence, side in ((explanation.generated_evidence, "generated"), (explanation.real_evidence, "real")):
        if evidence:
            yield f"Words typical of {side} texts: {_listed(evidence)}."


def _listed(evidence: Sequence[WordEvidence]) -> str:
    return _quoted([item.word for item in evidence])


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f"“{word}”" for word in words[:_MAX_WORDS])


def _share_of_texts(share: float, side: str) -> str:
    return f"nearly all {side} texts" if share >= 0.995 else f"{format_percent(share)} of {side} texts"
