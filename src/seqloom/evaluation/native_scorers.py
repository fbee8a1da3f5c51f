"""Scorers on the compiled kernels: one on the decoder, one on the forward pass of training."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Float32, Float64

from seqloom.config import ModelConfig
from seqloom.evaluation.scorer import Window
from seqloom.kernels import NativeDecoder
from seqloom.kernels.batched_decoder import Lanes, Scores, usable_processors
from seqloom.kernels.condition_bias import Added, added_by
from seqloom.kernels.trainer import Conditions, NativeTrainer

__all__ = ["ForwardScorer", "NativeScorer"]

_TOKENS_AT_ONCE = 8192
"""What the forward pass of training keeps of so many tokens still fits into memory where the model does."""


class NativeScorer:
    """Scores by lanes of the compiled kernels.

    Args:
        decoder: the model.
        add: what ratings of some features add.
        threads: that work on the lanes; None is one a processor.
    """

    def __init__(self, decoder: NativeDecoder, add: Callable[[np.ndarray], Added], threads: int | None = None) -> None:
        self._decoder, self._add, self._threads = decoder, add, threads

    def log_probs(self, windows: Iterable[Window]) -> Iterator[tuple[Window, Float64[np.ndarray, "lanes time"]]]:
        """See `Scorer`."""
        for window, scores in self.scores(windows):
            yield window, scores.log_probs

    def scores(self, windows: Iterable[Window]) -> Iterator[tuple[Window, Scores]]:
        """See `TokenScorer`."""
        lanes = None
        for window in windows:
            if lanes is None:
                lanes = self._decoder.lanes(len(window.tokens), self._threads)
                yield window, self._begin(lanes, window)
            else:
                yield window, lanes.score(window.tokens, window.targets)

    def logits(self, windows: Iterable[Window]) -> Iterator[tuple[Window, Float32[np.ndarray, "lanes time vocab"]]]:
        """See `TokenScorer`; of windows without features."""
        lanes = None
        for window in windows:
            if lanes is None:
                lanes = self._decoder.lanes(len(window.tokens), self._threads)
            found = np.zeros((*window.tokens.shape, self._decoder.vocabulary), np.float32)
            lanes.score(window.tokens, window.targets, found)
            yield window, found

    def _begin(self, lanes: Lanes, window: Window) -> Scores:
        """The scores of a first window, whose first tokens are read from the zero state."""
        if window.features is None:
            return lanes.score(window.tokens, window.targets)
        added = [self._add(features) for features in window.features]
        lanes.set_added([one.at_first for one in added])
        first = lanes.score(window.tokens[:, :1], window.targets[:, :1])
        lanes.set_added(added)
        rest = lanes.score(window.tokens[:, 1:], window.targets[:, 1:])
        return Scores(*(np.concatenate(parts, axis=1) for parts in zip(first, rest, strict=True)))


class ForwardScorer:
    """Scores by the forward pass that trains, in whichever precision its instruction set has.

    Args:
        config: of the model; see `covers`.
        weights: its arrays by name.
        kernels: the instruction set.
        threads: that the work is divided among.
    """

    def __init__(
        self, config: ModelConfig, weights: Mapping[str, np.ndarray], kernels: str, threads: int | None = None
    ) -> None:
        self._config, self._weights = config, weights
        self._trainer = NativeTrainer(replace(config, prediction_heads=1), kernels, threads or usable_processors())
        self._trainer.put("parameter", weights)

    def log_probs(self, windows: Iterable[Window]) -> Iterator[tuple[Window, Float64[np.ndarray, "lanes time"]]]:
        """See `Scorer`."""
        for number, window in enumerate(windows):
            lanes, time = window.tokens.shape
            if number == 0:
                self._trainer.zero_state(lanes)
            at_once = max(16, _TOKENS_AT_ONCE // lanes)
            added = None if window.features is None else self._added(window.features)
            parts = [
                self._read(window, start, start + at_once, added, begins=number == start == 0)
                for start in range(0, time, at_once)
            ]
            yield window, np.concatenate(parts, axis=1)

    def _added(self, features: Float32[np.ndarray, "lanes features"]) -> tuple[np.ndarray, np.ndarray]:
        """What is added to gates and logits: a row for each lane, and one more for its first token."""
        added = [added_by(self._config, self._weights, row) for row in features]
        gates = [np.concatenate(one.gates) for one in added] + [np.concatenate(one.first) for one in added]
        return np.stack(gates), np.stack([one.logits for one in added] * 2)

    def _read(
        self,
        window: Window,
        start: int,
        stop: int,
        added: tuple[np.ndarray, np.ndarray] | None,
        *,
        begins: bool,
    ) -> Float64[np.ndarray, "lanes time"]:
        # A lane that has ended reads on, as nothing more is asked of it.
        tokens = np.maximum(window.tokens[:, start:stop], 0).astype(np.int64)
        conditions = None
        if added is not None:
            index = np.repeat(np.arange(len(tokens), dtype=np.int32)[:, None], tokens.shape[1], axis=1)
            if begins:
                index[:, 0] += len(tokens)
            conditions = Conditions(index, *added)
        found = self._trainer.score(tokens, window.targets[:, start:stop].astype(np.int64), conditions)
        self._trainer.keep_state()
        return found
