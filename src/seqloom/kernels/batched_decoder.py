"""Many streams that the compiled kernels decode in one batch.

A stream is one text that is read or generated, with its recurrent state. Conditions, such as a rating, add biases to
the pre-activations of the layers, called gates here, and to the logits. Drafts are tokens that further heads of the
model guess, and that a later step verifies.
"""

import os
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ctypes import POINTER, byref, c_float, c_int, c_void_p
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Integer, UInt8

from seqloom.kernels.condition_bias import ConditionBias
from seqloom.kernels.decoding_abi import (
    DraftStatistics,
    GenerationOutput,
    SamplingSettings,
    ScoringRequest,
    address,
    decoding_library,
)
from seqloom.kernels.native_weights import NativeWeights

__all__ = ["NOT_FINITE", "RUNNING", "BatchedDecoder", "Chunk", "Scores", "num_usable_processors"]

RUNNING, NOT_FINITE = 0, 3
"""Two values of `Chunk.endings`: the stream still generates, or its logits are infinite or NaN.

The other values are 1, the stream has reached its maximum length, and 2, it has drawn the boundary token, which ends a
text.
"""


class Chunk(NamedTuple):
    """Tokens that the streams generated in one call of `BatchedDecoder.generate`.

    Attributes:
        tokens: ids, one row per stream; only the first `counts` of each row are valid.
        log_probs: log-probabilities of the tokens in nats: first under the model, then under the distribution that they
            were drawn from.
        counts: number of tokens of each stream.
        endings: whether and why each stream has ended, such as `RUNNING`.
    """

    tokens: Int32[np.ndarray, "streams max_tokens"]
    log_probs: Float64[np.ndarray, "two streams max_tokens"]
    counts: Int32[np.ndarray, " streams"]
    endings: Int32[np.ndarray, " streams"]


class Scores(NamedTuple):
    """Scores of targets, the tokens that actually follow; 0 in all arrays where the target is negative.

    Attributes:
        log_probs: log-probabilities of the targets in nats; NaN where the logits are not finite.
        entropies: entropies of the predicted distributions in nats.
        ranks: number of tokens that are more likely than the target.
    """

    log_probs: Float64[np.ndarray, "streams time"]
    entropies: Float64[np.ndarray, "streams time"]
    ranks: Int32[np.ndarray, "streams time"]


class BatchedDecoder:
    """Streams of one model, each with its own state, logits and, while it generates, its own random draws.

    The predictions and the text of a stream do not depend on the other streams, bit for bit.

    Args:
        weights: packed weights.
        count: number of streams; all start before their first token.
        threads: number of threads that share the work; None starts one per processor.
        condition: biases that conditions add, the same for all streams; None without conditions.
    """

    def __init__(
        self, weights: NativeWeights, count: int, threads: int | None = None, condition: ConditionBias | None = None
    ) -> None:
        self._library = decoding_library()
        self._weights = weights  # the weights must outlive the streams
        handle = c_void_p()
        self._library.seqloom_streams_new(weights.handle, count, threads or num_usable_processors(), byref(handle))
        self._handle = handle.value
        weakref.finalize(self, self._library.seqloom_streams_delete, self._handle)
        self._count = count
        self._can_generate = False
        if condition is not None:
            self.set_condition([condition] * count)

    def __len__(self) -> int:
        return self._count

    def resize(self, count: int) -> None:
        """Change the number of streams; new streams start before their first token. Adding any removes all biases."""
        self._library.seqloom_streams_resize(self._handle, count)
        self._count = count

    def clear(self, stream: int) -> None:
        """Reset a stream to the state before its first token."""
        self._library.seqloom_streams_clear(self._handle, self._checked(stream))

    def reorder(self, indices: Integer[np.ndarray, " streams"]) -> None:
        """Replace stream i by a copy of stream `indices[i]`; the copy continues with the random draws of stream i."""
        order = np.ascontiguousarray(indices, np.int32)
        if order.shape != (self._count,) or order.min() < 0 or order.max() >= self._count:
            raise ValueError(
                f"{self._count} streams need {self._count} indices, each from 0 to {self._count - 1}; they are "
                f"{order.tolist()}"
            )
        self._library.seqloom_streams_reorder(self._handle, address(order), len(order))

    def state(self, stream: int) -> UInt8[np.ndarray, " bytes"]:
        """Return a copy of a stream's state."""
        state = np.empty(self._weights.state_bytes, np.uint8)
        self._library.seqloom_streams_read_state(self._handle, self._checked(stream), address(state), state.nbytes)
        return state

    def set_state(self, stream: int, state: UInt8[np.ndarray, " bytes"]) -> None:
        """Set a stream's state to one that the method `state` returned, for any stream of this model."""
        data = np.ascontiguousarray(state)
        if data.nbytes != self._weights.state_bytes:
            raise ValueError(
                f"a state of {data.nbytes} bytes belongs to another model: a state of this model has "
                f"{self._weights.state_bytes} bytes"
            )
        self._library.seqloom_streams_write_state(self._handle, self._checked(stream), address(data), data.nbytes)

    def logits(self, stream: int) -> Float32[np.ndarray, " vocab"]:
        """Return the logits after the last token of a stream."""
        logits = POINTER(c_float)()
        self._library.seqloom_streams_logits(self._handle, self._checked(stream), byref(logits))
        return np.ctypeslib.as_array(logits, (self._weights.num_outputs,)).copy()

    def set_logits(self, stream: int, logits: Float32[np.ndarray, " vocab"]) -> None:
        """Set the logits of a stream; they apply until it reads a token."""
        data = _checked_bias(logits, (self._weights.num_outputs,))
        self._library.seqloom_streams_set_logits(self._handle, self._checked(stream), address(data))

    def set_gate_bias(self, layer: int, bias: Float32[np.ndarray, "streams gates"] | None) -> None:
        """Set the bias of a layer's pre-activations, one row per stream; None removes it."""
        width = self._weights.gate_widths[layer]
        data = None if bias is None else _checked_bias(bias, (self._count, width))
        self._library.seqloom_streams_set_gate_bias(self._handle, layer, address(data), width)

    def set_logit_bias(self, bias: Float32[np.ndarray, "streams vocab"] | None) -> None:
        """Set the bias of the logits, one row per stream; None removes it."""
        data = None if bias is None else _checked_bias(bias, (self._count, self._weights.num_outputs))
        self._library.seqloom_streams_set_logit_bias(self._handle, address(data))

    def set_condition(self, conditions: Sequence[ConditionBias | None]) -> None:
        """Set the biases of all streams from one element per stream; None stands for a stream without conditions."""
        zero = self._no_condition
        for layer in range(len(self._weights.gate_widths)):
            self.set_gate_bias(layer, np.stack([(bias or zero).gates[layer] for bias in conditions]))
        self.set_logit_bias(np.stack([(bias or zero).logits for bias in conditions]))

    def set_stream_condition(self, stream: int, condition: ConditionBias | None) -> None:
        """Set the biases of one stream, None to remove them; the other streams keep theirs."""
        condition = condition or self._no_condition
        for layer, gates in enumerate(condition.gates):
            data = _checked_bias(gates, (self._weights.gate_widths[layer],))
            arguments = layer, address(data), len(data)
            self._library.seqloom_streams_set_stream_gate_bias(self._handle, self._checked(stream), *arguments)
        data = _checked_bias(condition.logits, (self._weights.num_outputs,))
        self._library.seqloom_streams_set_stream_logit_bias(self._handle, self._checked(stream), address(data))

    @property
    def _no_condition(self) -> ConditionBias:
        """Biases that change nothing."""
        gates = tuple(np.zeros(width, np.float32) for width in self._weights.gate_widths)
        return ConditionBias(gates, gates, np.zeros(self._weights.num_outputs, np.float32))

    def set_guidance(self, guidance: float) -> None:
        """Give each stream of the first half a partner of the second half, and guide the stream away from its partner.

        The partner of stream i is stream i + count / 2, which reads the same tokens, without conditions or with others
        (see `GuidedDecoder`). Stream i draws from the logits `partner + guidance * (stream - partner)`. Only the first
        half generates. A guidance of 1 ends the pairing.
        """
        if guidance != 1 and self._count % 2:
            raise ValueError(f"guidance needs pairs of streams, but their number is {self._count}: make it even")
        self._library.seqloom_streams_set_guidance(self._handle, guidance)

    def step(self, tokens: Integer[np.ndarray, " streams"]) -> None:
        """Read one token per stream; a negative token leaves its stream as it is."""
        data = np.ascontiguousarray(tokens, np.int32)
        if data.shape != (self._count,):
            raise ValueError(f"{self._count} streams need one token each; their shape is {list(data.shape)}")
        self._weights.check_tokens(data[data >= 0])
        self._library.seqloom_streams_step(self._handle, address(data))

    def read(self, stream: int, tokens: Integer[np.ndarray, " time"]) -> None:
        """Read tokens into one stream."""
        data = np.ascontiguousarray(tokens, np.int32)
        self._weights.check_tokens(data)
        self._library.seqloom_streams_read(self._handle, self._checked(stream), address(data), len(data))

    def score(
        self,
        tokens: Integer[np.ndarray, "streams time"],
        targets: Integer[np.ndarray, "streams time"],
        logits: Float32[np.ndarray, "streams time vocab"] | None = None,
    ) -> Scores:
        """Read tokens into the streams and score the targets.

        The logits of a stream are defined afterwards only if its last target is not negative.

        Args:
            tokens: ids to read; a negative one leaves its stream as it is.
            targets: id that follows each token; a negative one is not scored, which saves time in the output layer.
            logits: contiguous output array for the logits; positions with a negative target are left as they are.
        """
        inputs, following = (np.ascontiguousarray(ids, np.int32) for ids in (tokens, targets))
        shape = inputs.shape
        if inputs.ndim != 2 or len(inputs) != self._count or shape != following.shape:
            raise ValueError(
                f"{self._count} streams need tokens and targets of one shape, with a row for each stream; their shapes "
                f"are {list(shape)} and {list(following.shape)}"
            )
        expected = (*shape, self._weights.num_outputs)
        if logits is not None and (logits.shape != expected or not logits.flags.c_contiguous):
            raise ValueError(
                f"logits has shape {list(logits.shape)}, but must be a contiguous array of shape {list(expected)}"
            )
        for ids in (inputs, following):
            self._weights.check_tokens(ids[ids >= 0])
        scores = Scores(np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int32))
        addresses = (address(array) for array in (inputs, following, *scores, logits))
        self._library.seqloom_streams_score(self._handle, byref(ScoringRequest(shape[1], *addresses)))
        return scores

    def read_with_logits(
        self, stream: int, tokens: Integer[np.ndarray, " time"], num_kept: int
    ) -> Float32[np.ndarray, "time vocab"]:
        """Read tokens into one stream in one pass over the weights, and return the logits after each token.

        The logits equal those of reading the tokens one by one, bit for bit.

        Args:
            stream: index of the stream.
            tokens: ids to read.
            num_kept: number of leading tokens that the stream keeps, 1 or more: its new state is the state after them.
                The other tokens, such as rejected drafts, only get logits.
        """
        data = np.ascontiguousarray(tokens, np.int32)
        self._weights.check_tokens(data)
        if not 1 <= num_kept <= len(data):
            raise ValueError(f"{num_kept} of {len(data)} tokens cannot be kept: choose 1 to {len(data)}")
        logits = np.empty((len(data), self._weights.num_outputs), np.float32)
        arguments = address(data), len(data), num_kept, address(logits)
        self._library.seqloom_streams_read_many(self._handle, self._checked(stream), *arguments)
        return logits

    def set_sampling(
        self,
        settings: SamplingSettings,
        bias: Float32[np.ndarray, " vocab"] | None = None,
        breakers: Bool[np.ndarray, " vocab"] | None = None,
    ) -> None:
        """Set how tokens are drawn in all streams; afterwards `begin` must start every stream again.

        Args:
            settings: settings of the draws; the other arguments replace their fields `bias` and `dry_breakers`.
            bias: bias of the logits, with minus infinity for banned tokens; None without a bias.
            breakers: True for tokens that end a repeat of DRY; None if there are none.
        """
        with self._with_arrays(settings, bias, breakers):
            self._library.seqloom_streams_set_sampling(self._handle, byref(settings))
        self._can_generate = True

    def set_stream_sampling(
        self,
        stream: int,
        settings: SamplingSettings,
        bias: Float32[np.ndarray, " vocab"] | None = None,
        breakers: Bool[np.ndarray, " vocab"] | None = None,
    ) -> None:
        """Set how tokens are drawn in one stream, which `begin` must start again; see `set_sampling`."""
        with self._with_arrays(settings, bias, breakers):
            self._library.seqloom_streams_set_stream_sampling(self._handle, self._checked(stream), byref(settings))
        self._can_generate = True

    @contextmanager
    def _with_arrays(
        self,
        settings: SamplingSettings,
        bias: Float32[np.ndarray, " vocab"] | None,
        breakers: Bool[np.ndarray, " vocab"] | None,
    ) -> Iterator[None]:
        """Let the settings point to arrays within a `with` statement, in which the compiled library copies them."""
        shape = (self._weights.vocabulary,)
        data = None if bias is None else _checked_bias(bias, shape)
        is_breaker = None if breakers is None else np.ascontiguousarray(breakers, np.uint8)
        if is_breaker is not None and is_breaker.shape != shape:
            raise ValueError(f"breakers have shape {list(is_breaker.shape)}, expected {list(shape)}")
        settings.bias, settings.dry_breakers = address(data), address(is_breaker)
        try:
            yield
        finally:
            settings.bias = settings.dry_breakers = None

    def begin(
        self,
        stream: int,
        seed: int,
        index: int,
        recent_tokens: Integer[np.ndarray, " recent"],
        packed_variants: int = 0,
    ) -> None:
        """Begin a sample in a stream, whose first token is drawn from the stream's present logits.

        Args:
            stream: index of the stream.
            seed: seed of the draws.
            index: index of the sample; seed and index determine the draws.
            recent_tokens: earlier tokens that count for the penalties.
            packed_variants: variants of the watermark's noise that the sample uses, 16 bits for each group of contexts
                (see `sampling/watermark.py`); without effect unless the settings have a watermark.
        """
        if not self._can_generate:
            raise ValueError("call set_sampling before begin")
        data = np.ascontiguousarray(recent_tokens, np.int32)
        self._weights.check_tokens(data)
        arguments = address(data), len(data), packed_variants
        self._library.seqloom_streams_begin(self._handle, self._checked(stream), seed, index, *arguments)

    def end(self, stream: int) -> None:
        """Stop generating in a stream."""
        self._library.seqloom_streams_end(self._handle, self._checked(stream))

    def generate(self, max_tokens: int) -> Chunk:
        """Generate at most `max_tokens` tokens in every stream that has begun a sample and not ended it."""
        tokens = np.empty((self._count, max_tokens), np.int32)
        log_probs = np.empty((2, self._count, max_tokens))
        counts, endings = np.empty((2, self._count), np.int32)
        addresses = (address(array) for array in (tokens, *log_probs, counts, endings))
        self._library.seqloom_streams_generate(self._handle, byref(GenerationOutput(max_tokens, *addresses)))
        return Chunk(tokens, log_probs, counts, endings)

    def draft_statistics(self, stream: int) -> DraftStatistics:
        """Return the statistics of the drafts in a stream's current or last sample."""
        statistics = DraftStatistics()
        self._library.seqloom_streams_draft_statistics(self._handle, self._checked(stream), byref(statistics))
        return statistics

    def distribution(self, stream: int) -> Float64[np.ndarray, " vocab"] | None:
        """Return the log-probabilities of a stream's next draw; None if its logits are not finite."""
        log_probs, is_finite = np.empty(self._weights.vocabulary), c_int()
        arguments = address(log_probs), byref(is_finite)
        self._library.seqloom_streams_distribution(self._handle, self._checked(stream), *arguments)
        return log_probs if is_finite else None

    def _checked(self, stream: int) -> int:
        """Return the index of a stream, after a check that the stream exists."""
        if not 0 <= stream < self._count:
            raise IndexError(f"stream {stream} does not exist: there are {self._count} streams, counted from 0")
        return stream


def _checked_bias(bias: np.ndarray, shape: tuple[int, ...]) -> Float32[np.ndarray, "*shape"]:
    """Return a bias as contiguous float32, after a check of its shape."""
    if bias.shape != shape:
        raise ValueError(f"a bias has shape {list(bias.shape)}, expected {list(shape)}")
    return np.ascontiguousarray(bias, np.float32)


def num_usable_processors() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
