from typing import NamedTuple

import numpy as np
import pytest

GOOD, BAD = ("lovely", "superb", "tasty", "warm"), ("awful", "cold", "rude", "stale")
PLAIN = ("the", "soup", "was", "and", "we", "came", "again", "table")


class Reviews(NamedTuple):
    texts: list[str]
    stars: np.ndarray
    places: np.ndarray


def write_reviews(number: int, seed: int = 0) -> Reviews:
    """Texts of good, bad and plain words; the more stars, the more good ones."""
    random = np.random.default_rng(seed)
    stars = random.integers(1, 6, number)
    texts = []
    for count in stars:
        words = [str(random.choice(GOOD if random.random() < (count - 1) / 4 else BAD)) for _ in range(5)]
        texts.append(" ".join([*words, *random.choice(PLAIN, 6).tolist()]))
    return Reviews(texts, stars.astype(np.float64), np.arange(number) // 4)


@pytest.fixture(scope="session")
def reviews() -> Reviews:
    return write_reviews(400)


@pytest.fixture(scope="session")
def others() -> Reviews:
    """Texts of the same kind that nothing learns from."""
    return write_reviews(300, seed=1)
