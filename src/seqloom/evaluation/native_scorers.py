"""Scorers on the compiled kernels: one on the decoder, one on the forward pass of training.

A window holds the next tokens of several streams (see `scorer`). The zero state is the state of a model that has read
nothing yet. The conditions of a text, its ratings and categories, add biases to the gates and the logits of the model.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Float32, Float64

from seqloom.config import ModelConfig
from seqloom.data.batch import IGNORED
from seqloom.evaluation.distribution_scores import entropies_and_ranks
from seqloom.evaluation.scorer import Window
from seqloom.kernels.batched_decoder import BatchedDecoder, Scores, num_usable_processors
from seqloom.kernels.condition_bias import ConditionBias, condition_bias
from seqloom.kernels.native_weights import NativeWeights
from seqloom.kernels.trainer import ConditionBiasRows, NativeTrainer

__all__ = ["ForwardScorer", "NativeScorer"]

_TOKENS_PER_CALL = 8192
"""Tokens per call of the forward pass of training: its activations fit into memory wherever the model does."""

_MIN_STEPS_PER_CALL = 16
"""Minimum number of tokens of each stream per call."""


class NativeScorer:
    """A `TokenScorer` on the streams of the compiled decoder.

    Args:
        weights: packed weights.
        make_bias: function from the features of a text's conditions to the biases that they add.
        threads: number of threads that share the streams; None starts one per processor.
    """

    def __init__(
        self,
        weights: NativeWeights,
        make_bias: Callable[[np.ndarray], ConditionBias],
        threads: int | None = None,
    ) -> None:
        self._weights, self._make_bias, self._threads = weights, make_bias, threads

    def log_probs(self, windows: Iterable[Window]) -> Iterator[tuple[Window, Float64[np.ndarray, "streams time"]]]:
        """See `Scorer`."""
        for window, scores in self._scored(windows, has_outputs=False):
            yield window, scores.log_probs

    def scores(self, windows: Iterable[Window]) -> Iterator[tuple[Window, Scores]]:
        """See `TokenScorer`."""
        yield from self._scored(windows, has_outputs=self._weights.distribution is not None)

    def logits(self, windows: Iterable[Window]) -> Iterator[tuple[Window, Float32[np.ndarray, "streams time vocab"]]]:
        """See `TokenScorer`."""
        decoder = None
        for window in windows:
            logits = self._new_outputs(window)
            if decoder is None:
                decoder = self._make_decoder(window)
                self._score_first(decoder, window, logits)
            else:
                decoder.score(window.tokens, window.targets, logits)
            yield window, logits

    def _scored(self, windows: Iterable[Window], *, has_outputs: bool) -> Iterator[tuple[Window, Scores]]:
        """Yield each window with its scores; entropies and ranks may need the outputs of the head."""
        decoder = None
        for window in windows:
            outputs = self._new_outputs(window) if has_outputs else None
            if decoder is None:
                decoder = self._make_decoder(window)
                scores = self._score_first(decoder, window, outputs)
            else:
                scores = decoder.score(window.tokens, window.targets, outputs)
            if outputs is not None and self._weights.distribution is not None:
                scored = window.targets != IGNORED
                scores.entropies[scored], scores.ranks[scored] = entropies_and_ranks(
                    self._weights.distribution, outputs[scored], window.targets[scored]
                )
            yield window, scores

    def _new_outputs(self, window: Window) -> Float32[np.ndarray, "streams time outputs"]:
        return np.zeros((*window.tokens.shape, self._weights.num_outputs), np.float32)

    def _make_decoder(self, window: Window) -> BatchedDecoder:
        return BatchedDecoder(self._weights, len(window.tokens), self._threads)

    def _score_first(
        self, decoder: BatchedDecoder, window: Window, outputs: Float32[np.ndarray, "streams time outputs"] | None
    ) -> Scores:
        """Score the first window; its first tokens are read from the zero state, where conditions add other biases."""
        if window.features is None:
            return decoder.score(window.tokens, window.targets, outputs)
        biases = [self._make_bias(features) for features in window.features]
        decoder.set_condition([bias.first_token for bias in biases])
        parts = (slice(0, 1), slice(1, None))[: window.tokens.shape[1]]
        outputs_of_parts = [None if outputs is None else np.ascontiguousarray(outputs[:, part]) for part in parts]
        scores = []
        for part, computed in zip(parts, outputs_of_parts, strict=True):
            scores.append(decoder.score(window.tokens[:, part], window.targets[:, part], computed))
            decoder.set_condition(biases)
            if outputs is not None and computed is not None:
                outputs[:, part] = computed
        return Scores(*(np.concatenate(columns, axis=1) for columns in zip(*scores, strict=True)))


class ForwardScorer:
    """A `Scorer` on the forward pass of the compiled trainer, in the precision of its instruction set.

    Args:
        config: shape of the network; see `trainer.supports_native_training`.
        weights: arrays by name.
        kernels: instruction set.
        threads: number of threads that share the work; None starts one per processor.
    """

    def __init__(
        self, config: ModelConfig, weights: Mapping[str, np.ndarray], kernels: str, threads: int | None = None
    ) -> None:
        self._config, self._weights = config, weights
        # Further prediction heads, which predict the tokens after the next, are not scored.
        self._trainer = NativeTrainer(replace(config, prediction_heads=1), kernels, threads or num_usable_processors())
        self._trainer.load("parameter", weights)

    def log_probs(self, windows: Iterable[Window]) -> Iterator[tuple[Window, Float64[np.ndarray, "streams time"]]]:
        """See `Scorer`."""
        for number, window in enumerate(windows):
            num_streams, time = window.tokens.shape
            if number == 0:
                self._trainer.clear_state(num_streams)
            steps = max(_MIN_STEPS_PER_CALL, _TOKENS_PER_CALL // num_streams)
            biases = None if window.features is None else self._bias_rows(window.features)
            parts = [
                self._score(window, slice(start, start + steps), biases, is_first=number == 0 and start == 0)
                for start in range(0, time, steps)
            ]
            yield window, np.concatenate(parts, axis=1)

    def _bias_rows(self, features: Float32[np.ndarray, "streams features"]) -> tuple[np.ndarray, np.ndarray]:
        """Return the biases of gates and logits: first a row per stream, then a row per stream for its first token."""
        biases = [condition_bias(self._config, self._weights, row) for row in features]
        gates = [np.concatenate(bias.gates) for bias in biases] + [np.concatenate(bias.first_gates) for bias in biases]
        return np.stack(gates), np.stack([bias.logits for bias in biases] * 2)

    def _score(
        self, window: Window, steps: slice, biases: tuple[np.ndarray, np.ndarray] | None, *, is_first: bool
    ) -> Float64[np.ndarray, "streams time"]:
        """Score some steps of a window; `is_first` tells whether they begin with the first tokens of the streams."""
        # A stream that has ended reads token 0 in place of `IGNORED`, since none of its later targets is scored.
        tokens = np.maximum(window.tokens[:, steps], 0).astype(np.int64)
        conditions = None
        if biases is not None:
            row_of_token = np.repeat(np.arange(len(tokens), dtype=np.int32)[:, None], tokens.shape[1], axis=1)
            if is_first:
                row_of_token[:, 0] += len(tokens)
            gate_bias, logit_bias = biases
            conditions = ConditionBiasRows(row_of_token, gate_bias, logit_bias)
        log_probs = self._trainer.score(tokens, window.targets[:, steps].astype(np.int64), conditions)
        self._trainer.carry_state()  # the next call starts from the state at the end of this one
        return log_probs
