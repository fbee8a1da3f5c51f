"""Confounds: differences in length and formatting between real and generated texts.

The real and the generated texts are the two sides. A detector learns whatever separates the sides, even an artifact of
how the files were made: an empty cell that became the word "nan", a trailing space, a cut at a maximal length. A sign
is a property of a text's formatting that may be an artifact. A sign that occurs almost only on one side is a confound.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from seqloom.corpora.labelled_texts import LabelledTexts
from seqloom.detector.augmentation import count_words, first_words
from seqloom.percent import format_percent

__all__ = ["Confound", "comparable_text", "find_confounds", "match_labelled_lengths", "match_lengths", "shared_texts"]

_MIN_SHARE, _MAX_OTHER_SHARE = 0.05, 0.002
"""A sign is a confound if at least the first share of the texts of one side have the sign, and at most the second share
of the texts of the other side."""

_MIN_TEXTS = 5
"""A sign is a confound only if at least this many texts of one side have it."""


@dataclass(frozen=True)
class Confound:
    """A sign of formatting that occurs almost only in the texts of one side.

    Attributes:
        sign: description of the sign.
        real_share: share of the real texts with the sign.
        generated_share: share of the generated texts with the sign.
    """

    sign: str
    real_share: float
    generated_share: float

    def __str__(self) -> str:
        real, generated = format_percent(self.real_share), format_percent(self.generated_share)
        return f"{self.sign}: {real} of the real texts, {generated} of the generated ones"


def match_labelled_lengths(labelled: LabelledTexts, random: np.random.Generator) -> LabelledTexts:
    """Cut labelled texts so that both sides have similar lengths; see `match_lengths`."""
    matched = match_lengths(labelled.texts_where(generated=False), labelled.texts_where(generated=True), random)
    real_texts, generated_texts = (iter(texts) for texts in matched)
    texts = [next(generated_texts if is_generated else real_texts) for is_generated in labelled.labels()]
    return replace(labelled, texts=texts)


def shared_texts(real: Sequence[str], generated: Sequence[str]) -> list[str]:
    """Return the generated texts that equal a real text except for case and white space."""
    normalized_real = {comparable_text(text) for text in real}
    return [text for text in generated if comparable_text(text) in normalized_real]


def find_confounds(real: Sequence[str], generated: Sequence[str]) -> list[Confound]:
    """Find signs of formatting that occur almost only on one side.

    A sign is a character other than a letter or digit, white space at the beginning or end, or a marker of an empty
    cell such as "nan".
    """
    real_counts, generated_counts = (
        Counter(sign for text in texts for sign in _signs(text)) for texts in (real, generated)
    )
    confounds = []
    for sign in real_counts.keys() | generated_counts.keys():
        larger_count = max(real_counts[sign], generated_counts[sign])
        shares = (real_counts[sign] / max(len(real), 1), generated_counts[sign] / max(len(generated), 1))
        if larger_count >= _MIN_TEXTS and max(shares) >= _MIN_SHARE and min(shares) <= _MAX_OTHER_SHARE:
            confounds.append(Confound(sign, *shares))
    return sorted(confounds, key=lambda confound: -max(confound.real_share, confound.generated_share))


def match_lengths(
    real: Sequence[str], generated: Sequence[str], random: np.random.Generator
) -> tuple[list[str], list[str]]:
    """Cut texts so that both sides have similar numbers of words.

    The texts of each side are sorted by length and paired; the longer text of each pair is cut to the length of the
    shorter. If one side has fewer texts, its texts are paired several times, and the longest of the cut versions of
    each text is returned.
    """
    num_pairs = max(len(real), len(generated))
    sides = []
    for texts in (real, generated):
        # `np.resize` repeats the indices of the smaller side.
        order = random.permutation(np.resize(random.permutation(len(texts)), num_pairs)).tolist()
        sides.append(sorted((count_words(texts[index]), index) for index in order))
    matched_real, matched_generated = dict[int, str](), dict[int, str]()
    for pair in zip(*sides, strict=True):
        min_words = min(num_words for num_words, _ in pair)
        for texts, matched, (num_words, index) in zip(
            (real, generated), (matched_real, matched_generated), pair, strict=True
        ):
            if index not in matched or count_words(matched[index]) < min_words:
                matched[index] = texts[index] if num_words == min_words else first_words(texts[index], min_words)
    return [matched_real[index] for index in range(len(real))], [
        matched_generated[index] for index in range(len(generated))
    ]


def comparable_text(text: str) -> str:
    """Return a text without differences of case and white space."""
    return " ".join(text.split()).casefold()


def _signs(text: str) -> set[str]:
    """Return the signs of formatting in a text."""
    signs = {f"the character {character!r}" for character in set(text) if not character.isalnum()}
    if text != text.lstrip():
        signs.add("white space at the beginning")
    if text != text.rstrip():
        signs.add("white space at the end")
    if text.strip().lower() in ("nan", "none", "null", "n/a", ""):
        signs.add(f"the text {text.strip()!r}")
    for marker in ("nan", "null", "<unk>", "<pad>", "</s>", "<|endoftext|>"):
        if marker in text.lower().split():
            signs.add(f"the word {marker!r}")
    if text.isascii():
        return signs
    return signs | {"a character beyond ASCII"}
