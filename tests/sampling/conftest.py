"""A decoder from a table, and property tests without a deadline, so that a busy machine fails none of them."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import settings

from seqloom.config.dependent_settings import SWITCHES

settings.register_profile("without_deadline", deadline=None)
settings.load_profile("without_deadline")


def with_effect(options: dict[str, object]) -> dict[str, object]:
    """Return the options of a `SamplingConfig` without those of methods that are off."""
    return {name: value for name, value in options.items() if name not in SWITCHES or SWITCHES[name] in options}


class TableDecoder:
    """A decoder with the logits of a table `[vocab, vocab, vocab]`, indexed by the last two tokens."""

    def __init__(self, table: np.ndarray) -> None:
        self.table = table.astype(np.float32)
        self.distribution = None
        self.steps = 0

    @property
    def vocabulary(self) -> int:
        return self.table.shape[2]

    def initial_state(self):
        return (np.zeros(2, np.int64),)

    def step(self, token, state):
        self.steps += 1
        after = np.array([state[0][1], token])
        return self.table[after[0], after[1]], (after,)

    def read(self, tokens: Sequence[int], state):
        for token in tokens:
            logits, state = self.step(token, state)
        return logits, state


@pytest.fixture
def table_decoder() -> Callable[..., TableDecoder]:
    """Return a function that makes a decoder from random logits, the same for the same arguments."""

    def make(vocabulary: int, seed: int = 0, scale: float = 1.5) -> TableDecoder:
        random = np.random.default_rng(seed)
        return TableDecoder(scale * random.standard_normal((vocabulary,) * 3))

    return make
