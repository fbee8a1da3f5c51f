"""The decoder that the compiled kernels make of a model: the same predictions as the plain one's, sooner."""

import threading
import weakref
from collections.abc import Mapping, Sequence
from ctypes import byref
from functools import cached_property

import numpy as np
from jaxtyping import Float32, Integer

from seqloom.config import ModelConfig
from seqloom.errors import ConfigError
from seqloom.kernels.batched_decoder import Lanes
from seqloom.kernels.condition_bias import Added
from seqloom.kernels.decoder import State
from seqloom.kernels.decoding_abi import LayerWeights, Model, address, decoding_library
from seqloom.kernels.layers import TokenInput, skip_table, token_products
from seqloom.kernels.library import BFLOAT16, chosen_kernels
from seqloom.kernels.speculative import MOST_DRAFTED, usual_ahead
from seqloom.kernels.weights import (
    DraftWeights,
    Weights,
    checked_weights,
    dilation,
    draft_weights,
    gate_columns,
    layer_weights,
)

__all__ = ["PRECISIONS", "NativeDecoder", "decoding_kernels", "default_precision", "native_decoder"]

PRECISIONS = ("float32", "bfloat16", "int8")
"""What weights may be stored as; the order is the library's."""

_CORES = {"lstm": 0, "gru": 1, "conv": 2}

Arrays = dict[str, np.ndarray]


class NativeDecoder:
    """A model in the compiled kernels.

    Args:
        config: what the network is.
        weights: its arrays, checked.
        kernels: the instruction set.
        precision: of the weights.
        drafts: the heads for the tokens after the next one; None where there are none, or nothing is to be drafted.

    Attributes:
        kernels: the instruction set.
        precision: of the weights.
        vocabulary: number of token ids.
        handle: of the packed weights.
        state_bytes: size of what one lane remembers.
        weight_bytes: what is read for every token, without the first layer's table.
        gate_columns: pre-activations of each layer.
        ahead: most tokens that a step can write: one, and a draft by each of the further heads.
        usual_ahead: as many of them as are worth it; see `usual_ahead`.
        added: what ratings add, of which every lane is told; None where there are none.
    """

    def __init__(
        self, config: ModelConfig, weights: Weights, kernels: str, precision: str, drafts: DraftWeights | None = None
    ) -> None:
        library = decoding_library()
        arrays = [_layer_arrays(config, weights, index) for index in range(len(config.hidden_sizes))]
        head = weights["embedding.weight" if config.tied else "head.weight"]
        layers = (LayerWeights * len(arrays))(*(_layer(config, index, held) for index, held in enumerate(arrays)))
        model = Model(
            _CORES[config.core],
            PRECISIONS.index(precision),
            config.vocabulary,
            len(arrays),
            layers,
            address(head),
            address(weights["head.bias"]),
            *(drafts.bias.shape if drafts else (0, 0)),
            *(map(address, drafts) if drafts else (None, None, None)),
        )
        self.kernels = kernels
        self.precision = precision
        self.vocabulary = config.vocabulary
        self.gate_columns = gate_columns(config)
        self.handle = library.seqloom_weights_new(kernels.encode(), byref(model))
        if self.handle is None:
            raise ConfigError(f"`precision` {precision} is not to be had for {config.core}: choose bfloat16 or float32")
        weakref.finalize(self, library.seqloom_weights_delete, self.handle)
        self.state_bytes: int = library.seqloom_state_bytes(self.handle)
        self.weight_bytes: int = library.seqloom_weights_bytes(self.handle)
        self.ahead = 1 + (len(drafts.bias) if drafts else 0)
        rows = library.seqloom_weights_rows_at_once(self.handle)
        self.usual_ahead = min(self.ahead, usual_ahead(config, self.weight_bytes, rows))
        self.added: Added | None = None
        self._weights: NativeDecoder | None = None  # who deletes them
        self._lock = threading.Lock()

    def told(self, added: Added) -> "NativeDecoder":
        """The same model, of which every lane is told so of what it writes; the weights are shared."""
        decoder = object.__new__(NativeDecoder)
        own = ("_lane", "_zero", "added", "_lock")
        decoder.__dict__ |= {name: value for name, value in self.__dict__.items() if name not in own}
        decoder.added, decoder._lock, decoder._weights = added, threading.Lock(), self
        return decoder

    def lanes(self, count: int, threads: int | None = None) -> Lanes:
        """Streams side by side; see `Lanes`. What they are told at the first token is left to `read`."""
        lanes = Lanes(self, count, threads)
        if self.added is not None:
            lanes.set_added([self.added] * count)
        return lanes

    def initial_state(self) -> State:
        """What is remembered before the first token: one array of bytes."""
        return self._zero

    def step(self, token: int, state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read one token; give the logits of the next and the new state.

        Raises:
            IndexError: the token is not in the vocabulary.
        """
        return self.read([token], state)

    def read(self, tokens: Sequence[int], state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read tokens in order; give the logits after the last and the new state.

        Raises:
            IndexError: a token is not in the vocabulary.
            ValueError: there are no tokens.
        """
        if not len(tokens):
            raise ValueError("there are no tokens to read, so nothing can be predicted")
        wanted = np.asarray(tokens, np.int64)
        self.check_tokens(wanted)
        with self._lock:
            lane = self._lane
            lane.set_state(0, state[0])
            if self.added is not None and np.array_equal(state[0], self._zero[0]):
                lane.set_added([self.added.at_first])
                lane.read(0, wanted[:1].astype(np.int32))
                lane.set_added([self.added])
                wanted = wanted[1:]
            if len(wanted):
                lane.read(0, wanted.astype(np.int32))
            return lane.logits(0), (_frozen(lane.state(0)),)

    def check_tokens(self, tokens: Integer[np.ndarray, " time"]) -> None:
        """See that all are in the vocabulary.

        Raises:
            IndexError: one is not.
        """
        outside = tokens[(tokens < 0) | (tokens >= self.vocabulary)]
        if len(outside):
            raise IndexError(f"token {outside[0]} is outside the vocabulary 0..{self.vocabulary - 1}")

    @cached_property
    def _lane(self) -> Lanes:
        return self.lanes(1, threads=1)

    @cached_property
    def _zero(self) -> State:
        return (_frozen(self.lanes(1, threads=1).state(0)),)


def native_decoder(
    config: ModelConfig, weights: Mapping[str, np.ndarray], precision: str | None = None
) -> NativeDecoder | None:
    """Make the decoder of a model in the compiled kernels.

    Args:
        config: what the network is.
        weights: its arrays by name; those that decoding does not need are left alone.
        precision: of the weights, one of `PRECISIONS`; None is the fastest that keeps the model's predictions.

    Returns:
        None where the kernels are not in use or do not have the model: layer normalisation is left to the plain one.

    Raises:
        ConfigError: the precision is unknown, or the core does not have it.
        RunError: arrays are missing, have another shape, or hold NaN or infinity; one line for each.
    """
    if precision is not None and precision not in PRECISIONS:
        raise ConfigError(f"`precision` got {precision!r}: choose from {', '.join(PRECISIONS)}")
    kernels = decoding_kernels(config)
    if kernels is None:
        return None
    held, precision = checked_weights(config, weights), precision or default_precision(config, kernels)
    return NativeDecoder(config, held, kernels, precision, draft_weights(config, weights, MOST_DRAFTED))


def decoding_kernels(config: ModelConfig) -> str | None:
    """The instruction set that decodes a model; None where numpy does.

    Raises:
        ConfigError: `SEQLOOM_KERNELS` names one that is not there.
    """
    kernels = chosen_kernels()
    if kernels is None or config.layer_norm:
        return None
    return kernels


def default_precision(config: ModelConfig, kernels: str) -> str:
    """The fastest that moves the loss by far less than 0.002 nats a token.

    Eight bits where there is a dot product of them and the activations are bounded, which a convolution's are not.
    """
    return "int8" if kernels in BFLOAT16 and config.core != "conv" else "bfloat16"


def _layer_arrays(config: ModelConfig, weights: Weights, index: int) -> Arrays:
    """A layer's arrays by the names of `LayerWeights`, contiguous."""
    held = layer_weights(weights, index)
    tokens = TokenInput(config.vocabulary, weights.get("embedding.weight"))
    arrays: Arrays = {"bias": held["bias"]}
    weight = held["weight_input"]
    if config.core == "conv":
        arrays |= {"output": held["weight_output"], "output_bias": held["bias_output"]}
        if index == 0:
            arrays["table"] = np.stack([token_products(weight[:, :, tap], tokens) for tap in range(weight.shape[2])])
            arrays["skip"] = skip_table(held, tokens)
        else:
            arrays["input"] = weight.transpose(2, 0, 1)
            if "weight_skip" in held:
                arrays["skip"] = held["weight_skip"]
    else:
        arrays["hidden"] = held["weight_hidden"]
        if index == 0:
            arrays["table"] = token_products(weight, tokens) + held["bias"]
        else:
            arrays["input"] = weight
    return {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}


def _layer(config: ModelConfig, index: int, arrays: Arrays) -> LayerWeights:
    inputs = config.hidden_sizes[index - 1] if index else config.embedding or config.vocabulary
    addresses = {name: address(array) for name, array in arrays.items()}
    return LayerWeights(
        inputs=inputs,
        units=config.hidden_sizes[index],
        taps=config.kernel_width if config.core == "conv" else 0,
        dilation=dilation(index),
        **addresses,
    )


def _frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
