from collections.abc import Callable, Sequence

import numpy as np
import pytest


class TableDecoder:
    """A decoder whose logits hang on the last two tokens by a table `[vocab, vocab, vocab]`."""

    def __init__(self, table: np.ndarray) -> None:
        self.table = table.astype(np.float32)
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
    """Make a decoder from random logits, the same for the same arguments."""

    def made(vocabulary: int, seed: int = 0, scale: float = 1.5) -> TableDecoder:
        random = np.random.default_rng(seed)
        return TableDecoder(scale * random.standard_normal((vocabulary,) * 3))

    return made
