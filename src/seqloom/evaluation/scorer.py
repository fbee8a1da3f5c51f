"""What predicts the tokens of a text that is there already: the compiled kernels, or torch where they lack the model.

It knows ids and lanes only; which tokens are read in which lane, and which of them count, is the protocols' business.
Importing this module does not import torch.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from jaxtyping import Float32, Float64, Int

from seqloom.config import ModelConfig
from seqloom.kernels import NativeDecoder
from seqloom.kernels.added import Added, added_by
from seqloom.kernels.lanes import Lanes, Scores, usable_processors
from seqloom.kernels.native import BFLOAT16, chosen_kernels
from seqloom.kernels.native_decoder import decoding_kernels
from seqloom.kernels.trainer import Conditions, NativeTrainer, covers

if TYPE_CHECKING:
    from seqloom.models.language_model import LanguageModel

__all__ = ["ForwardScorer", "NativeScorer", "Scorer", "TokenScorer", "Window", "make_fast_scorer", "make_scorer"]

PRECISION = "float32"
"""Of the weights that measure: what is reported is the model, not what packing it tightly makes of it."""

_TOKENS_AT_ONCE = 8192
"""What the forward pass of training keeps of so many tokens still fits into memory where the model does."""


class Window(NamedTuple):
    """What lanes read next.

    Attributes:
        tokens: what is read; `IGNORED` where a lane has ended.
        targets: what comes next; `IGNORED` where nothing is asked.
        features: of the ratings of each lane's text, the same in all windows; None where they are left unknown.
    """

    tokens: Int[np.ndarray, "lanes time"]
    targets: Int[np.ndarray, "lanes time"]
    features: Float32[np.ndarray, "lanes features"] | None = None


class Scorer(Protocol):
    """Says how likely each token was. What it says of a lane does not depend on the others."""

    def log_probs(self, windows: Iterable[Window]) -> Iterator[tuple[Window, Float64[np.ndarray, "lanes time"]]]:
        """Read windows one after another, the first from a zero state.

        Args:
            windows: of as many lanes each.

        Returns:
            Each window with the log-probabilities of its targets; 0 where nothing was asked.
        """
        ...


class TokenScorer(Scorer, Protocol):
    """Says the rest about each token too."""

    def scores(self, windows: Iterable[Window]) -> Iterator[tuple[Window, Scores]]:
        """What `log_probs` gives, with entropies and ranks."""
        ...

    def logits(self, windows: Iterable[Window]) -> Iterator[tuple[Window, Float32[np.ndarray, "lanes time vocab"]]]:
        """Each window with all that was predicted, up to a constant; 0 where nothing was asked."""
        ...


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
        self._trainer = NativeTrainer(replace(config, ahead=1), kernels, threads or usable_processors())
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


def make_scorer(
    config: ModelConfig,
    weights: Mapping[str, np.ndarray],
    network: Callable[[], "LanguageModel"],
    threads: int | None = None,
) -> TokenScorer:
    """What measures, in float32: the compiled kernels where they have the model, else torch.

    Args:
        config: of the model.
        weights: its arrays by name, in float32 and of the right shapes.
        network: the same in torch; called only where torch is needed.
        threads: of the compiled kernels; None is one a processor.

    Raises:
        ConfigError: `SEQLOOM_KERNELS` names an instruction set that is not there.
    """
    kernels = decoding_kernels(config)
    if kernels is not None:
        return NativeScorer(
            NativeDecoder(config, weights, kernels, PRECISION), partial(added_by, config, weights), threads
        )
    from seqloom.evaluation.torch_scorer import TorchScorer

    return TorchScorer(network())


def make_fast_scorer(
    config: ModelConfig,
    weights: Mapping[str, np.ndarray],
    network: Callable[[], "LanguageModel"],
    threads: int | None = None,
) -> Scorer:
    """What measures in bfloat16 where the processor multiplies that faster, else what `make_scorer` gives.

    The figures are those of float32 to within 0.0002 nats a token. The arguments are those of `make_scorer`.
    """
    kernels = chosen_kernels()
    if kernels in BFLOAT16 and covers(config):
        return ForwardScorer(config, weights, kernels, threads)
    return make_scorer(config, weights, network, threads)
