from typing import NamedTuple

import numpy as np
import pytest

WORDS = ("the", "soup", "was", "and", "we", "came", "again", "table", "warm", "waiter", "slow", "bread", "nice", "too")


class Labelled(NamedTuple):
    texts: list[str]
    generated: np.ndarray


def write_texts(number: int, seed: int) -> Labelled:
    """Real texts go through the words in a cycle, with leaps; generated ones draw them at random."""
    random = np.random.default_rng(seed)
    texts = []
    for index in range(number):
        length = int(random.integers(8, 40))
        place, words = int(random.integers(len(WORDS))), []
        for _ in range(length):
            leap = index % 2 == 1 or random.random() < 0.2
            place = int(random.integers(len(WORDS))) if leap else (place + 1) % len(WORDS)
            words.append(WORDS[place])
        texts.append(" ".join(words).capitalize() + ".")
    return Labelled(texts, np.arange(number) % 2 == 1)


@pytest.fixture(scope="session")
def known() -> Labelled:
    return write_texts(600, 0)


@pytest.fixture(scope="session")
def unseen() -> Labelled:
    return write_texts(400, 1)
