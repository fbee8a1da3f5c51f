"""The compiled training step of a stack of LSTM or GRU layers with softmax heads.

It keeps parameters, gradients and the optimiser's moments in arrays of its own; `put` and `get` copy them in and out
under the names and in the shapes of the model.
"""

import ctypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Int64

from seqloom.config import ModelConfig
from seqloom.errors import SeqloomError
from seqloom.kernels.library import library

__all__ = ["ARENAS", "Conditions", "Dropped", "NativeTrainer", "covers"]

ARENAS = ("parameter", "gradient", "first_moment", "second_moment")
"""The arrays of the parameters' shapes, by name."""

_EMBEDDING, _WEIGHT_INPUT, _WEIGHT_HIDDEN, _BIAS, _HEAD_WEIGHT, _HEAD_BIAS = range(6)


class _Window(ctypes.Structure):
    _fields_ = (
        ("lanes", ctypes.c_int),
        ("time", ctypes.c_int),
        ("tokens", ctypes.c_void_p),
        ("targets", ctypes.c_void_p),
        ("resets", ctypes.c_void_p),
        ("head_weights", ctypes.c_void_p),
        ("dropout", ctypes.c_float),
        ("weight_dropout", ctypes.c_float),
        ("variational", ctypes.c_bool),
        ("seed", ctypes.c_uint64),
        ("num_conditions", ctypes.c_int),
        ("condition", ctypes.c_void_p),
        ("gate_bias", ctypes.c_void_p),
        ("logit_bias", ctypes.c_void_p),
        ("d_gate_bias", ctypes.c_void_p),
        ("d_logit_bias", ctypes.c_void_p),
    )

    def tell(self, conditions: "Conditions") -> None:
        """Have the window's conditions, whose arrays must outlive it."""
        arrays = (conditions.index, conditions.gate_bias, conditions.logit_bias)
        assert all(array.flags.c_contiguous for array in arrays)
        assert conditions.index.dtype == np.int32
        assert conditions.gate_bias.dtype == conditions.logit_bias.dtype == np.float32
        assert conditions.index.max() < len(conditions.gate_bias) == len(conditions.logit_bias)
        self.num_conditions = len(conditions.gate_bias)
        self.condition, self.gate_bias, self.logit_bias = map(_address, arrays)
        if conditions.d_gate_bias is not None and conditions.d_logit_bias is not None:
            self.d_gate_bias, self.d_logit_bias = _address(conditions.d_gate_bias), _address(conditions.d_logit_bias)


class _OptimizerStep(ctypes.Structure):
    _fields_ = (
        ("kind", ctypes.c_int),
        ("rate", ctypes.c_float),
        ("beta1", ctypes.c_float),
        ("beta2", ctypes.c_float),
        ("epsilon", ctypes.c_float),
        ("decay", ctypes.c_float),
        ("step", ctypes.c_int64),
        ("scale", ctypes.c_float),
    )


@dataclass(frozen=True)
class Dropped:
    """What dropout drops in one window.

    Attributes:
        seed: of the masks.
        dropout: share of the outputs of every layer.
        weight_dropout: share of the recurrent weights.
        variational: one mask for all time steps.
    """

    seed: int = 0
    dropout: float = 0.0
    weight_dropout: float = 0.0
    variational: bool = False


@dataclass(frozen=True)
class Conditions:
    """What is added to pre-activations and logits, a row for each condition.

    Attributes:
        index: which row holds at each position.
        gate_bias: of all layers side by side.
        logit_bias: of the first head.
        d_gate_bias: where the gradient is written; None where nothing is learned.
        d_logit_bias: where the gradient is written; None where nothing is learned.
    """

    index: Int32[np.ndarray, "batch time"]
    gate_bias: Float32[np.ndarray, "rows gates"]
    logit_bias: Float32[np.ndarray, "rows vocab"]
    d_gate_bias: Float32[np.ndarray, "rows gates"] | None = None
    d_logit_bias: Float32[np.ndarray, "rows vocab"] | None = None


def covers(config: ModelConfig) -> bool:
    """Whether the compiled step can train a model."""
    return config.core in ("lstm", "gru") and not config.layer_norm and not config.tied


class NativeTrainer:
    """Computes losses and gradients of one window after another, and updates the parameters.

    Args:
        config: what is trained; see `covers`.
        kernels: the instruction set, from `available_kernels`.
        threads: that the work is divided among.

    Raises:
        SeqloomError: there is no memory.
    """

    def __init__(self, config: ModelConfig, kernels: str, threads: int) -> None:
        native = library()
        assert native is not None
        assert covers(config)
        self._native: Any = native
        self.config = config
        sizes = (ctypes.c_int * len(config.hidden_sizes))(*config.hidden_sizes)
        native.seqloom_trainer_new.restype = ctypes.c_void_p
        native.seqloom_trainer_gradient_norm.restype = ctypes.c_double
        made = native.seqloom_trainer_new(
            kernels.encode(),
            config.core == "gru",
            len(sizes),
            sizes,
            config.vocabulary,
            config.embedding,
            config.prediction_heads,
            threads,
        )
        if not made:
            raise SeqloomError(
                f"a model of {', '.join(map(str, config.hidden_sizes))} units does not fit into the memory"
            )
        self._trainer = ctypes.c_void_p(made)

    def __del__(self) -> None:
        if hasattr(self, "_trainer"):
            self._native.seqloom_trainer_free(self._trainer)

    def compute(
        self,
        tokens: Int64[np.ndarray, "batch time"],
        targets: Int64[np.ndarray, "heads batch time"],
        resets: Bool[np.ndarray, "batch time"] | None,
        head_weights: Float32[np.ndarray, " heads"],
        dropped: Dropped,
        conditions: Conditions | None = None,
    ) -> list[float]:
        """Read a window from the kept state; the gradients are then at hand.

        Args:
            tokens: ids.
            targets: of each head; below 0 where nothing is learned.
            resets: True where a lane's state is zeroed before the token.
            head_weights: of each head's mean loss in what is minimised.
            dropped: what dropout drops.
            conditions: added on the way; None adds nothing.

        Returns:
            The mean nats of each head.
        """
        # What lies outside the vocabulary would be written outside of the library's memory.
        assert tokens.min() >= 0
        assert max(tokens.max(), targets.max()) < self.config.vocabulary
        lanes, time = tokens.shape
        held = [np.ascontiguousarray(tokens), np.ascontiguousarray(targets), np.ascontiguousarray(head_weights)]
        window = _Window(
            lanes=lanes,
            time=time,
            tokens=_address(held[0]),
            targets=_address(held[1]),
            head_weights=_address(held[2]),
            seed=dropped.seed,
            dropout=dropped.dropout,
            weight_dropout=dropped.weight_dropout,
            variational=dropped.variational,
        )
        if resets is not None:
            held.append(np.ascontiguousarray(resets))
            window.resets = _address(held[-1])
        if conditions is not None:
            window.tell(conditions)
        losses = np.zeros(self.config.prediction_heads)
        failed = self._native.seqloom_trainer_compute(self._trainer, ctypes.byref(window), _pointer(losses))
        if failed:
            raise SeqloomError(
                f"no memory for {lanes} lanes of {time} tokens: choose fewer with `batch_size` or `sequence_length`"
            )
        return [float(loss) for loss in losses]

    def score(
        self,
        tokens: Int64[np.ndarray, "batch time"],
        targets: Int64[np.ndarray, "batch time"],
        conditions: Conditions | None = None,
    ) -> Float64[np.ndarray, "batch time"]:
        """Read a window from the kept state, and learn nothing.

        Args:
            tokens: ids.
            targets: what comes next; of those below 0 nothing is asked.
            conditions: added on the way; None adds nothing.

        Returns:
            The log-probability of each target; 0 where nothing is asked.
        """
        assert tokens.min() >= 0
        assert max(tokens.max(), targets.max()) < self.config.vocabulary
        lanes, time = tokens.shape
        held = [np.ascontiguousarray(tokens), np.ascontiguousarray(targets)]
        window = _Window(lanes=lanes, time=time, tokens=_address(held[0]), targets=_address(held[1]))
        if conditions is not None:
            window.tell(conditions)
        found = np.zeros((lanes, time))
        if self._native.seqloom_trainer_score(self._trainer, ctypes.byref(window), _pointer(found)):
            raise SeqloomError(f"no memory for {lanes} lanes of {time} tokens")
        return found

    @property
    def names(self) -> list[str]:
        """Of all parameters, as the model has them."""
        return [name for name, *_ in self._parts()]

    def gradient_norm(self) -> float:
        """Of all gradients together."""
        return float(self._native.seqloom_trainer_gradient_norm(self._trainer))

    def adam(
        self, step: int, rate: float, betas: tuple[float, float], epsilon: float, decay: float, scale: float
    ) -> None:
        """Update by Adam with decoupled weight decay on the matrices.

        Args:
            step: which update, from 1.
            rate: of learning.
            betas: decay of the moments.
            epsilon: is added to the root of the second.
            decay: of the weights.
            scale: of the gradients.
        """
        self._update(_OptimizerStep(0, rate, *betas, epsilon, decay, step, scale))

    def rmsprop(self, step: int, rate: float, alpha: float, epsilon: float, scale: float) -> None:
        """Update by RMSprop, whose squares decay by `alpha`; the other arguments are those of `adam`."""
        self._update(_OptimizerStep(1, rate, 0.0, alpha, epsilon, 0.0, step, scale))

    def keep_state(self) -> None:
        """The next window goes on where the last one ended."""
        self._native.seqloom_trainer_keep_state(self._trainer)

    def get(self, arena: str) -> dict[str, Float32[np.ndarray, "..."]]:
        """All arrays of an arena by the model's names."""
        found = {}
        for name, part, layer, shape in self._parts():
            found[name] = np.zeros(shape, np.float32)
            self._exchange(arena, part, layer, found[name], into=False)
        return found

    def put(self, arena: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over all arrays of an arena by the model's names."""
        for name, part, layer, shape in self._parts():
            values = np.ascontiguousarray(arrays[name], np.float32)
            assert values.shape == shape, name
            self._exchange(arena, part, layer, values, into=True)

    def get_state(self, lanes: int) -> list[tuple[Float32[np.ndarray, "batch hidden"], ...]]:
        """The kept state of each layer, in the parts that the model's core has."""
        found = []
        for layer, size in enumerate(self.config.hidden_sizes):
            parts = tuple(np.zeros((lanes, size), np.float32) for _ in range(self._num_parts))
            self._exchange_state(layer, lanes, parts, into=False)
            found.append(parts)
        return found

    def put_state(self, state: list[tuple[np.ndarray, ...]]) -> None:
        """Keep a state that `get_state` gave."""
        for layer, parts in enumerate(state):
            arrays = tuple(np.ascontiguousarray(part, np.float32) for part in parts)
            self._exchange_state(layer, len(arrays[0]), arrays, into=True)

    def zero_state(self, lanes: int) -> None:
        """Keep the zero state."""
        for layer in range(len(self.config.hidden_sizes)):
            self._exchange_state(layer, lanes, (), into=True)

    @property
    def _num_parts(self) -> int:
        return 2 if self.config.core == "lstm" else 1

    def _parts(self) -> Iterator[tuple[str, int, int, tuple[int, ...]]]:
        """Name, part, layer and shape of every parameter."""
        config = self.config
        gates = 4 if config.core == "lstm" else 3
        inputs = config.embedding or config.vocabulary
        if config.embedding:
            yield "embedding.weight", _EMBEDDING, 0, (config.vocabulary, config.embedding)
        for layer, size in enumerate(config.hidden_sizes):
            prefix = f"core.layers.{layer}."
            yield prefix + "weight_input", _WEIGHT_INPUT, layer, (gates * size, inputs)
            yield prefix + "weight_hidden", _WEIGHT_HIDDEN, layer, (gates * size, size)
            yield prefix + "bias", _BIAS, layer, (gates * size,)
            inputs = size
        for head in range(config.prediction_heads):
            prefix = f"head.ahead.{head - 1}." if head else "head."
            yield prefix + "weight", _HEAD_WEIGHT, head, (config.vocabulary, inputs)
            yield prefix + "bias", _HEAD_BIAS, head, (config.vocabulary,)

    def _update(self, step: _OptimizerStep) -> None:
        self._native.seqloom_trainer_update(self._trainer, ctypes.byref(step))

    def _exchange(self, arena: str, part: int, layer: int, values: np.ndarray, *, into: bool) -> None:
        self._native.seqloom_trainer_exchange(
            self._trainer, ARENAS.index(arena), part, layer, _pointer(values), int(into)
        )

    def _exchange_state(self, layer: int, lanes: int, parts: tuple[np.ndarray, ...], *, into: bool) -> None:
        hidden, cell = (*(_pointer(part) for part in parts), None, None)[:2]
        if self._native.seqloom_trainer_exchange_state(self._trainer, layer, lanes, hidden, cell, int(into)):
            raise SeqloomError(f"no memory for the states of {lanes} lanes: choose fewer with `batch_size`")


def _address(array: np.ndarray) -> int:
    return int(array.ctypes.data)


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
