"""Lanes: many streams that the compiled kernels decode side by side."""

import os
import weakref
from collections.abc import Sequence
from ctypes import POINTER, byref, c_float, c_int, c_void_p
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int32, Integer, UInt8

from seqloom.kernels.condition_bias import ConditionBias
from seqloom.kernels.decoding_abi import DraftStatistics, SamplingSettings, ScoringRequest, GenerationOutput, address, decoding_library

if TYPE_CHECKING:
    from seqloom.kernels.native_decoder import NativeDecoder

__all__ = ["NOT_FINITE", "RUNNING", "Chunk", "BatchedDecoder", "Scores", "num_usable_processors"]

RUNNING, NOT_FINITE = 0, 3
"""Endings of a lane: it still writes; its logits are infinite or not a number. Others: 1 length, 2 the boundary."""


class Chunk(NamedTuple):
    """What lanes wrote in one call.

    Attributes:
        tokens: of each lane, `counts` of them.
        nats: log-probabilities of those, under the model and under the distributions that were drawn from.
        counts: tokens of each lane.
        endings: why each lane has ended.
    """

    tokens: Int32[np.ndarray, "lanes most"]
    nats: Float64[np.ndarray, "two lanes most"]
    counts: Int32[np.ndarray, " lanes"]
    endings: Int32[np.ndarray, " lanes"]


class Scores(NamedTuple):
    """How tokens were predicted; 0 in all where nothing was asked.

    Attributes:
        log_probs: nats, 0 or less; not a number where the logits are not finite.
        entropies: nats of what was predicted.
        ranks: how many tokens were likelier.
    """

    log_probs: Float64[np.ndarray, "lanes time"]
    entropies: Float64[np.ndarray, "lanes time"]
    ranks: Int32[np.ndarray, "lanes time"]


class BatchedDecoder:
    """Streams of one model, each with a state, logits and, while it writes, draws of its own.

    What a lane predicts and writes does not depend on the others, bit for bit.

    Args:
        decoder: the model.
        count: of lanes, all of them before their first token.
        threads: that work on them; None is one a processor.
    """

    def __init__(self, decoder: "NativeDecoder", count: int, threads: int | None = None) -> None:
        self._library = decoding_library()
        self._decoder = decoder  # the weights must outlive the lanes
        handle = c_void_p()
        self._library.seqloom_streams_new(decoder.handle, count, threads or num_usable_processors(), byref(handle))
        self._handle = handle.value
        weakref.finalize(self, self._library.seqloom_streams_delete, self._handle)
        self._count = count
        self._draws = False

    def __len__(self) -> int:
        return self._count

    def resize(self, count: int) -> None:
        """Have `count` lanes; new ones are before their first token. Takes biases away if there are more."""
        self._library.seqloom_streams_resize(self._handle, count)
        self._count = count

    def clear(self, lane: int) -> None:
        """Take a lane back to before its first token."""
        self._library.seqloom_streams_clear(self._handle, self._checked(lane))

    def reorder(self, indices: Integer[np.ndarray, " lanes"]) -> None:
        """Make lane i what lane `indices[i]` was, the text that it wrote included; its own draws go on."""
        chosen = np.ascontiguousarray(indices, np.int32)
        if chosen.shape != (self._count,) or chosen.min() < 0 or chosen.max() >= self._count:
            raise ValueError(f"{self._count} lanes need as many indices, each below {self._count}")
        self._library.seqloom_streams_reorder(self._handle, address(chosen), len(chosen))

    def state(self, lane: int) -> UInt8[np.ndarray, " bytes"]:
        """All that a lane remembers of what it read."""
        state = np.empty(self._decoder.state_bytes, np.uint8)
        self._library.seqloom_streams_read_state(self._handle, self._checked(lane), address(state), state.nbytes)
        return state

    def set_state(self, lane: int, state: UInt8[np.ndarray, " bytes"]) -> None:
        """Put back what `state` gave, of any lane of this model."""
        held = np.ascontiguousarray(state)
        if held.nbytes != self._decoder.state_bytes:
            raise ValueError(f"a state of {held.nbytes} bytes is not of this model, whose states have another size")
        self._library.seqloom_streams_write_state(self._handle, self._checked(lane), address(held), held.nbytes)

    def logits(self, lane: int) -> Float32[np.ndarray, " vocab"]:
        """What the lane predicts after the last token that it read."""
        logits = POINTER(c_float)()
        self._library.seqloom_streams_logits(self._handle, self._checked(lane), byref(logits))
        return np.ctypeslib.as_array(logits, (self._decoder.vocabulary,)).copy()

    def set_logits(self, lane: int, logits: Float32[np.ndarray, " vocab"]) -> None:
        """Have the lane predict these, until it reads a token."""
        held = np.ascontiguousarray(logits, np.float32)
        self._library.seqloom_streams_set_logits(self._handle, self._checked(lane), address(held))

    def set_gate_bias(self, layer: int, bias: Float32[np.ndarray, "lanes gate_columns"] | None) -> None:
        """Add to the pre-activations of a recurrent layer, other numbers in each lane; None adds nothing."""
        columns = self._decoder.gate_columns[layer]
        held = None if bias is None else _fitting(bias, (self._count, columns))
        self._library.seqloom_streams_set_gate_bias(self._handle, layer, address(held), columns)

    def set_logit_bias(self, bias: Float32[np.ndarray, "lanes vocab"] | None) -> None:
        """Add to the logits, other numbers in each lane; None adds nothing."""
        held = None if bias is None else _fitting(bias, (self._count, self._decoder.vocabulary))
        self._library.seqloom_streams_set_logit_bias(self._handle, address(held))

    def set_condition(self, added: Sequence[ConditionBias | None]) -> None:
        """Tell each lane what adds to its pre-activations and logits; None adds nothing."""
        columns = self._decoder.gate_columns
        for layer, width in enumerate(columns):
            rows = [np.zeros(width, np.float32) if one is None else one.gates[layer] for one in added]
            self.set_gate_bias(layer, np.stack(rows))
        vocabulary = self._decoder.vocabulary
        self.set_logit_bias(
            np.stack([np.zeros(vocabulary, np.float32) if one is None else one.logits for one in added])
        )

    def set_stream_condition(self, lane: int, added: ConditionBias) -> None:
        """Tell one lane so; what the others are told stays."""
        for layer, gates in enumerate(added.gates):
            held = _fitting(gates, (self._decoder.gate_columns[layer],))
            places = layer, address(held), len(held)
            self._library.seqloom_streams_set_stream_gate_bias(self._handle, self._checked(lane), *places)
        held = _fitting(added.logits, (self._decoder.vocabulary,))
        self._library.seqloom_streams_set_stream_logit_bias(self._handle, self._checked(lane), address(held))

    def set_guidance(self, guidance: float) -> None:
        """Have the first half of the lanes write, each led away from what its partner in the second half predicts.

        A lane draws from `partner + guidance * (lane - partner)`, of the logits of both; the partner reads what is
        written too. 1 ends it.
        """
        if guidance != 1 and self._count % 2:
            raise ValueError(f"{self._count} lanes cannot be paired")
        self._library.seqloom_streams_set_guidance(self._handle, guidance)

    def step(self, tokens: Integer[np.ndarray, " lanes"]) -> None:
        """Read a token into each lane; one whose token is negative stands still."""
        held = np.ascontiguousarray(tokens, np.int32)
        self._decoder.check_tokens(held[held >= 0])
        self._library.seqloom_streams_step(self._handle, address(held))

    def read(self, lane: int, tokens: Integer[np.ndarray, " time"]) -> None:
        """Read tokens into one lane."""
        held = np.ascontiguousarray(tokens, np.int32)
        self._decoder.check_tokens(held)
        self._library.seqloom_streams_read(self._handle, self._checked(lane), address(held), len(held))

    def score(
        self,
        tokens: Integer[np.ndarray, "lanes time"],
        targets: Integer[np.ndarray, "lanes time"],
        logits: Float32[np.ndarray, "lanes time vocab"] | None = None,
    ) -> Scores:
        """Read tokens into the lanes, and say how each next one was predicted.

        What a lane predicts afterwards is known only if its last target was asked.

        Args:
            tokens: what is read; a negative one leaves its lane as it is.
            targets: what comes next; of a negative one nothing is asked, which spares the output layer.
            logits: where to put all that was predicted, in one piece; places where nothing is asked stay as they are.
        """
        read, asked = (np.ascontiguousarray(part, np.int32) for part in (tokens, targets))
        if read.ndim != 2 or len(read) != self._count or read.shape != asked.shape:
            raise ValueError(f"{self._count} lanes need tokens and targets of one shape, a row a lane")
        room = (*read.shape, self._decoder.vocabulary)
        if logits is not None and (logits.shape != room or not logits.flags.c_contiguous):
            raise ValueError(f"logits of shape {list(logits.shape)} do not fit {list(room)} in one piece")
        for part in (read, asked):
            self._decoder.check_tokens(part[part >= 0])
        scores = Scores(np.zeros(read.shape), np.zeros(read.shape), np.zeros(read.shape, np.int32))
        places = (address(array) for array in (read, asked, *scores))
        to = None if logits is None else address(logits)
        self._library.seqloom_streams_score(self._handle, byref(ScoringRequest(read.shape[1], *places, to)))
        return scores

    def read_many(
        self, lane: int, tokens: Integer[np.ndarray, " time"], kept: int
    ) -> Float32[np.ndarray, "time vocab"]:
        """Read tokens into one lane at once, and remember the first `kept` of them, at least one.

        Returns:
            What the lane predicts after each token: the numbers that reading them one by one gives, bit for bit.
        """
        held = np.ascontiguousarray(tokens, np.int32)
        self._decoder.check_tokens(held)
        if not 1 <= kept <= len(held):
            raise ValueError(f"{kept} of {len(held)} tokens cannot be kept: choose 1 to {len(held)}")
        logits = np.empty((len(held), self._decoder.vocabulary), np.float32)
        places = address(held), len(held), kept, address(logits)
        self._library.seqloom_streams_read_many(self._handle, self._checked(lane), *places)
        return logits

    def set_sampling(self, settings: SamplingSettings, bias: Float32[np.ndarray, " vocab"] | None = None) -> None:
        """Draw so from here on; every lane must begin anew.

        Args:
            settings: all but the bias.
            bias: what is added to the logits; minus infinity for tokens that never come.
        """
        held = None if bias is None else _fitting(bias, (self._decoder.vocabulary,))
        settings.bias = address(held)
        self._library.seqloom_streams_set_sampling(self._handle, byref(settings))
        settings.bias = None
        self._draws = True

    def begin(
        self, lane: int, seed: int, index: int, recent: Integer[np.ndarray, " recent"], variants: int = 0
    ) -> None:
        """Have a lane begin a sample.

        Args:
            lane: which; what it predicts now is what the first token is drawn from.
            seed: of the draws.
            index: of the sample, which its draws depend on too.
            recent: tokens before the first that count for repetition.
            variants: of the mark that the sample carries, 16 bits for each group, where the settings ask for one.
        """
        if not self._draws:
            raise ValueError("set_sampling must say how to draw before a lane begins")
        held = np.ascontiguousarray(recent, np.int32)
        places = address(held), len(held), variants
        self._library.seqloom_streams_begin(self._handle, self._checked(lane), seed, index, *places)

    def end(self, lane: int) -> None:
        """Have a lane write no more."""
        self._library.seqloom_streams_end(self._handle, self._checked(lane))

    def write(self, most: int) -> Chunk:
        """Have each lane that has begun and not ended write up to `most` tokens."""
        tokens = np.empty((self._count, most), np.int32)
        nats = np.empty((2, self._count, most))
        counts, endings = np.empty((2, self._count), np.int32)
        places = (address(array) for array in (tokens, *nats, counts, endings))
        self._library.seqloom_streams_generate(self._handle, byref(GenerationOutput(most, *places)))
        return Chunk(tokens, nats, counts, endings)

    def draft_statistics(self, lane: int) -> DraftStatistics:
        """How drafts served the sample that a lane writes, or wrote last."""
        statistics = DraftStatistics()
        self._library.seqloom_streams_draft_statistics(self._handle, self._checked(lane), byref(statistics))
        return statistics

    def distribution(self, lane: int) -> Float64[np.ndarray, " vocab"] | None:
        """The log-probabilities that a lane's next token is drawn from; None where its logits are not finite."""
        log_probs, finite = np.empty(self._decoder.vocabulary), c_int()
        places = address(log_probs), byref(finite)
        self._library.seqloom_streams_distribution(self._handle, self._checked(lane), *places)
        return log_probs if finite else None

    def _checked(self, lane: int) -> int:
        if not 0 <= lane < self._count:
            raise IndexError(f"lane {lane} is none of the {self._count} that there are")
        return lane


def _fitting(bias: np.ndarray, shape: tuple[int, ...]) -> Float32[np.ndarray, "*shape"]:
    if bias.shape != shape:
        raise ValueError(f"a bias of shape {list(bias.shape)} does not fit {list(shape)}")
    return np.ascontiguousarray(bias, np.float32)


def num_usable_processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
