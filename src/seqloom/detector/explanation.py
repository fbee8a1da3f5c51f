"""The explanation of a detector's score of one text."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Explanation", "Token", "WordEvidence"]


@dataclass(frozen=True)
class WordEvidence:
    """A word and its contribution to the score.

    Attributes:
        word: word in lower case.
        logit: contribution of the word to the logit of the member "wording", a classifier on words and characters;
            positive if the word is typical of generated texts.
    """

    word: str
    logit: float


@dataclass(frozen=True)
class Token:
    """A token of a text with its probability under the model of real text.

    Attributes:
        text: text of the token.
        probability: probability of the token; None if the token is outside the vocabulary or was not scored.
        rank: number of more likely tokens; None if there is no probability.
    """

    text: str
    probability: float | None = None
    rank: int | None = None


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A detector's score of one text, and the reasons.

    Attributes:
        probability: probability that the text was generated.
        base_rate: expected share of generated texts.
        num_words: number of words of the text.
        too_short: whether the text is too short for a reliable probability.
        out_of_distribution: whether the text is unlike all training texts.
        contributions: contribution of each member (one of the models that the detector combines) to the logit; positive
            if it indicates a generated text.
        shares_below: share of real texts with a lower output than this text, by the name of the output of a member.
        new_words: words of the text that occur in no real training text, in their original spelling.
        generated_evidence: words typical of generated texts, strongest first, without very common words.
        real_evidence: words typical of real texts, strongest first, without very common words.
        tokens: all tokens of the text; empty without language models.
        sentences: the explanation in sentences.
    """

    probability: float
    base_rate: float
    num_words: int
    too_short: bool
    out_of_distribution: bool
    contributions: Mapping[str, float]
    shares_below: Mapping[str, float]
    new_words: tuple[str, ...]
    generated_evidence: tuple[WordEvidence, ...]
    real_evidence: tuple[WordEvidence, ...]
    tokens: tuple[Token, ...]
    sentences: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.sentences)
