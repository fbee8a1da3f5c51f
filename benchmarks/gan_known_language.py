"""A small rated language with known probabilities, from which the distance of a generator is exact."""

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["RATINGS", "distance", "spoken", "tell", "truth"]

RATINGS = range(1, 6)

Truth = Mapping[int, Mapping[str, float]]
"""By rating, the probability of each sentence."""

_EXPECTED = 10
"""Expected count above which a sentence that never occurs counts as missed."""


def truth() -> Truth:
    """Return the language: 216 sentences with a probability for each rating."""
    return {stars: dict(_sentences(stars)) for stars in RATINGS}


def _sentences(stars: int) -> Iterator[tuple[str, float]]:
    """Yield every sentence and its probability for a rating, which determines the word of praise."""
    nouns = {"soup": 0.4, "bread": 0.3, "waiter": 0.2, "music": 0.1}
    degrees = {"": 0.5, "very ": 0.3, "quite ": 0.2}
    praise = ("awful", "bad", "plain", "fair", "good", "superb")
    near = np.exp(-((np.arange(6) - (stars - 1) * 1.25) ** 2) / 2)
    ends = {".": 0.6, "!": 0.25, " as ever.": 0.15}
    shares = dict(zip(praise, near / near.sum(), strict=True))
    for noun, degree, word, end in itertools.product(nouns, degrees, praise, ends):
        yield f"the {noun} was {degree}{word}{end}", nouns[noun] * degrees[degree] * float(shares[word]) * ends[end]


def spoken(language: Truth, stars: int, count: int, random: np.random.Generator) -> Sequence[str]:
    """Draw `count` sentences of a rating."""
    texts, chances = zip(*language[stars].items(), strict=True)
    return [texts[at] for at in random.choice(len(texts), count, p=chances)]


def tell(language: Truth, file: Path, count: int, random: np.random.Generator) -> Path:
    """Write a table of `count` sentences with uniformly distributed ratings."""
    with open(file, "w", encoding="utf-8") as table:
        for stars in random.integers(RATINGS[0], RATINGS[-1] + 1, count).tolist():
            table.write(json.dumps({"text": spoken(language, stars, 1, random)[0], "stars": stars}) + "\n")
    return file


def distance(language: Truth, texts: Mapping[int, Sequence[str]]) -> dict[str, Any]:
    """Return the distance of texts from the language.

    Args:
        language: result of `truth`.
        texts: generated texts by requested rating.

    Returns:
        The means over ratings of the total variation distance, of the share of texts that are not sentences of the
        language, and of the rating error (distance of the requested rating from the posterior mean of the rating under
        a uniform prior); and the number of missed sentences over all ratings.
    """
    off, missed, wrong, error = [], 0, [], []
    expected = {text: _rating_of(language, text) for text in language[RATINGS[0]]}
    for stars, chances in language.items():
        counts, total = Counter(texts[stars]), len(texts[stars])
        outside = sum(count for text, count in counts.items() if text not in chances) / total
        off.append((sum(abs(counts[text] / total - chance) for text, chance in chances.items()) + outside) / 2)
        missed += sum(text not in counts for text, chance in chances.items() if chance * total >= _EXPECTED)
        wrong.append(outside)
        known = [(abs(expected[text] - stars), count) for text, count in counts.items() if text in expected]
        sentences = sum(count for _, count in known)
        error.append(sum(one * count for one, count in known) / sentences if sentences else float("nan"))
    means = {"total variation": off, "outside": wrong, "rating error": error}
    return {**{name: float(np.mean(values)) for name, values in means.items()}, "missed": missed}


def _rating_of(language: Truth, text: str) -> float:
    """Return the posterior mean of the rating of a sentence under a uniform prior."""
    chances = np.array([language[stars][text] for stars in RATINGS])
    return float(chances @ np.array(RATINGS) / chances.sum())
