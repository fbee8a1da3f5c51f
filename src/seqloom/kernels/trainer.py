"""The compiled training step of a stack of recurrent layers with softmax heads.

The library keeps parameters, gradients and the optimiser's moments in its memory. Each of these kinds has an arena: one
array for every parameter. `load` and `export` copy arenas in and out under the names and in the shapes of the torch
model. The first head predicts the next token, the second the token after it, and so on. A window is the tokens of one
step; the recurrent state can be carried from one window to the next.
"""

import ctypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Int64

from seqloom.config import ModelConfig
from seqloom.errors import TrainingError
from seqloom.kernels.cores import NativeCore, core_spec
from seqloom.kernels.heads import head_spec
from seqloom.kernels.library import declare

__all__ = ["ARENAS", "ConditionBiasRows", "DropoutSettings", "NativeTrainer", "supports_native_training"]

ARENAS = ("parameter", "gradient", "first_moment", "second_moment")
"""Names of the arenas, in the order of `Arena` in `native/training/trainer.h`."""

_EMBEDDING, _WEIGHT_INPUT, _WEIGHT_HIDDEN, _BIAS, _HEAD_WEIGHT, _HEAD_BIAS = range(6)
"""Numbers of the kinds of parameters, as in `Part` of `native/training/trainer.h`."""

_ADAM, _RMSPROP = range(2)
"""Numbers of the optimisers, as in `native/training/trainer.h`."""


class _Window(ctypes.Structure):
    """Input of `compute_gradients` and `score`; see `native/training/trainer.h`."""

    _fields_ = (
        ("batch_size", ctypes.c_int),
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

    def set_conditions(self, conditions: "ConditionBiasRows") -> None:
        """Set the conditions of the window; the caller keeps their arrays alive as long as the window."""
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
    """Settings of one update; see `native/training/trainer.h`."""

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
class DropoutSettings:
    """Dropout in one window.

    Attributes:
        seed: seed of the masks.
        dropout: dropped share of the outputs of every layer.
        weight_dropout: dropped share of the recurrent weights.
        variational: whether all time steps share one mask of the outputs.
    """

    seed: int = 0
    dropout: float = 0.0
    weight_dropout: float = 0.0
    variational: bool = False


@dataclass(frozen=True)
class ConditionBiasRows:
    """Biases that conditions, such as the ratings of the texts, add to pre-activations and logits, in rows.

    A row has the biases of one set of conditions, which usually applies at many positions.

    Attributes:
        index: index of the row that applies at each position.
        gate_bias: biases of the pre-activations, all layers side by side.
        logit_bias: biases of the first head's logits.
        d_gate_bias: output array for the gradient of `gate_bias`; None, together with `d_logit_bias`, to leave it out.
        d_logit_bias: output array for the gradient of `logit_bias`.
    """

    index: Int32[np.ndarray, "batch time"]
    gate_bias: Float32[np.ndarray, "rows gates"]
    logit_bias: Float32[np.ndarray, "rows vocab"]
    d_gate_bias: Float32[np.ndarray, "rows gates"] | None = None
    d_logit_bias: Float32[np.ndarray, "rows vocab"] | None = None


def supports_native_training(config: ModelConfig) -> bool:
    """Return whether the compiled training step supports a model.

    Raises:
        ConfigError: the core or the head is not registered.
    """
    native = core_spec(config.core).native
    is_native = native is not None and native.trainer_id is not None and head_spec(config.head).is_native
    return is_native and not config.layer_norm and not config.tied


class NativeTrainer:
    """Compute losses and gradients of one window after another, and update the parameters.

    Args:
        config: shape of the network; see `supports_native_training`.
        kernels: instruction set, from `available_kernels`.
        threads: threads that share the work.

    Attributes:
        config: shape of the network.
        num_state_arrays: number of arrays in the state of one layer: 2 for an LSTM (hidden vectors and cells), else 1.

    Raises:
        TrainingError: out of memory.
    """

    def __init__(self, config: ModelConfig, kernels: str, threads: int) -> None:
        assert supports_native_training(config)
        self._core = core_spec(config.core)
        native_core = self._core.native
        assert isinstance(native_core, NativeCore)
        self._library = _training_library()
        self.config, self.num_state_arrays = config, native_core.num_state_arrays
        sizes = (ctypes.c_int * len(config.hidden_sizes))(*config.hidden_sizes)
        trainer = ctypes.c_void_p()
        self._library.seqloom_trainer_new(
            kernels.encode(),
            native_core.trainer_id,
            len(sizes),
            sizes,
            config.vocabulary,
            config.embedding,
            config.prediction_heads,
            threads,
            ctypes.byref(trainer),
        )
        self._trainer = trainer

    def __del__(self) -> None:
        if hasattr(self, "_trainer"):
            self._library.seqloom_trainer_delete(self._trainer)

    def compute_gradients(
        self,
        tokens: Int64[np.ndarray, "batch time"],
        targets: Int64[np.ndarray, "heads batch time"],
        resets: Bool[np.ndarray, "batch time"] | None,
        head_weights: Float32[np.ndarray, " heads"],
        dropout: DropoutSettings,
        conditions: ConditionBiasRows | None = None,
    ) -> list[float]:
        """Read a window, starting from the carried state, and compute the gradients of the parameters.

        Args:
            tokens: ids to read.
            targets: ids that each head predicts; a negative one does not count.
            resets: True where a stream's state is zeroed before the token; None without resets.
            head_weights: weight of each head's mean loss in the objective.
            dropout: dropout of the window.
            conditions: biases that conditions add, with output arrays for the gradients of these biases; None without
                conditions.

        Returns:
            The mean loss of each head in nats.
        """
        batch_size, time = tokens.shape
        tokens, targets, head_weights = map(np.ascontiguousarray, (tokens, targets, head_weights))
        window = _Window(
            batch_size=batch_size,
            time=time,
            tokens=_address(tokens),
            targets=_address(targets),
            head_weights=_address(head_weights),
            seed=dropout.seed,
            dropout=dropout.dropout,
            weight_dropout=dropout.weight_dropout,
            variational=dropout.variational,
        )
        if resets is not None:
            resets = np.ascontiguousarray(resets)
            window.resets = _address(resets)
        if conditions is not None:
            window.set_conditions(conditions)
        losses = np.zeros(self.config.prediction_heads)
        self._library.seqloom_trainer_compute(self._trainer, ctypes.byref(window), _pointer(losses))
        return [float(loss) for loss in losses]

    def score(
        self,
        tokens: Int64[np.ndarray, "batch time"],
        targets: Int64[np.ndarray, "batch time"],
        conditions: ConditionBiasRows | None = None,
    ) -> Float64[np.ndarray, "batch time"]:
        """Read a window, starting from the carried state, and return the log-probability of each target.

        Args:
            tokens: ids to read.
            targets: id that follows each token; a negative one is not scored.
            conditions: biases that conditions add; None without conditions.

        Returns:
            The log-probabilities in nats; 0 where the target is negative.
        """
        batch_size, time = tokens.shape
        tokens, targets = map(np.ascontiguousarray, (tokens, targets))
        window = _Window(batch_size=batch_size, time=time, tokens=_address(tokens), targets=_address(targets))
        if conditions is not None:
            window.set_conditions(conditions)
        log_probs = np.zeros((batch_size, time))
        self._library.seqloom_trainer_score(self._trainer, ctypes.byref(window), _pointer(log_probs))
        return log_probs

    @property
    def parameter_names(self) -> list[str]:
        """Names of all parameters in the model."""
        return [name for name, *_ in self._parameters()]

    def gradient_norm(self) -> float:
        """Compute the Euclidean norm of all gradients together."""
        norm = ctypes.c_double()
        self._library.seqloom_trainer_gradient_norm(self._trainer, ctypes.byref(norm))
        return norm.value

    def adam(
        self, step: int, rate: float, betas: tuple[float, float], epsilon: float, decay: float, scale: float
    ) -> None:
        """Update the parameters by Adam with decoupled weight decay of the matrices (Loshchilov, Hutter 2019).

        Args:
            step: number of the update, from 1.
            rate: learning rate.
            betas: decay rates of the moments.
            epsilon: constant added to the root of the second moment.
            decay: weight decay.
            scale: factor of the gradients, which clips their norm.
        """
        beta1, beta2 = betas
        self._update(
            _OptimizerStep(
                kind=_ADAM, rate=rate, beta1=beta1, beta2=beta2, epsilon=epsilon, decay=decay, step=step, scale=scale
            )
        )

    def rmsprop(self, step: int, rate: float, alpha: float, epsilon: float, scale: float) -> None:
        """Update the parameters by RMSprop.

        Args:
            step: number of the update, from 1.
            rate: learning rate.
            alpha: decay rate of the mean square.
            epsilon: constant added to the root of the mean square.
            scale: factor of the gradients, which clips their norm.
        """
        # The library reads `alpha` from `beta2`, which in Adam is the decay rate of the mean square, too.
        self._update(_OptimizerStep(kind=_RMSPROP, rate=rate, beta2=alpha, epsilon=epsilon, step=step, scale=scale))

    def carry_state(self) -> None:
        """Let the next window start from the state at the end of the last one."""
        self._library.seqloom_trainer_keep_state(self._trainer)

    def export(self, arena: str) -> dict[str, Float32[np.ndarray, "..."]]:
        """Return copies of all arrays of an arena (one of `ARENAS`), by the model's names."""
        arrays = {}
        for name, kind, layer, shape in self._parameters():
            arrays[name] = np.zeros(shape, np.float32)
            self._copy(arena, kind, layer, arrays[name], into_trainer=False)
        return arrays

    def load(self, arena: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Copy arrays, by the model's names, into an arena (one of `ARENAS`)."""
        for name, kind, layer, shape in self._parameters():
            values = np.ascontiguousarray(arrays[name], np.float32)
            assert values.shape == shape, name
            self._copy(arena, kind, layer, values, into_trainer=True)

    def export_state(self, batch_size: int) -> list[tuple[Float32[np.ndarray, "batch hidden"], ...]]:
        """Return a copy of the carried state of each layer: hidden vectors, and cells for an LSTM."""
        state = []
        for layer, size in enumerate(self.config.hidden_sizes):
            arrays = tuple(np.zeros((batch_size, size), np.float32) for _ in range(self.num_state_arrays))
            self._copy_state(layer, batch_size, arrays, into_trainer=False)
            state.append(arrays)
        return state

    def load_state(self, state: list[tuple[np.ndarray, ...]]) -> None:
        """Set the carried state, from `export_state`."""
        for layer, layer_state in enumerate(state):
            arrays = tuple(np.ascontiguousarray(array, np.float32) for array in layer_state)
            hidden, *_ = arrays
            self._copy_state(layer, len(hidden), arrays, into_trainer=True)

    def clear_state(self, batch_size: int) -> None:
        """Set the carried state of `batch_size` streams to zero."""
        for layer in range(len(self.config.hidden_sizes)):
            self._copy_state(layer, batch_size, arrays=(), into_trainer=True)

    def _parameters(self) -> Iterator[tuple[str, int, int, tuple[int, ...]]]:
        """Yield the name, kind, layer (for heads: number of the head) and shape of every parameter."""
        config, num_gates = self.config, self._core.num_gates
        inputs = config.embedding or config.vocabulary
        if config.embedding:
            yield "embedding.weight", _EMBEDDING, 0, (config.vocabulary, config.embedding)
        for layer, size in enumerate(config.hidden_sizes):
            prefix = f"core.layers.{layer}."
            yield prefix + "weight_input", _WEIGHT_INPUT, layer, (num_gates * size, inputs)
            yield prefix + "weight_hidden", _WEIGHT_HIDDEN, layer, (num_gates * size, size)
            yield prefix + "bias", _BIAS, layer, (num_gates * size,)
            inputs = size
        for head in range(config.prediction_heads):
            prefix = f"head.ahead.{head - 1}." if head else "head."
            yield prefix + "weight", _HEAD_WEIGHT, head, (config.vocabulary, inputs)
            yield prefix + "bias", _HEAD_BIAS, head, (config.vocabulary,)

    def _update(self, step: _OptimizerStep) -> None:
        self._library.seqloom_trainer_update(self._trainer, ctypes.byref(step))

    def _copy(self, arena: str, kind: int, layer: int, values: np.ndarray, *, into_trainer: bool) -> None:
        """Copy `values` into the trainer, or fill them from the trainer."""
        self._library.seqloom_trainer_copy_parameter(
            self._trainer, ARENAS.index(arena), kind, layer, _pointer(values), int(into_trainer)
        )

    def _copy_state(self, layer: int, batch_size: int, arrays: tuple[np.ndarray, ...], *, into_trainer: bool) -> None:
        """Copy the arrays of a state (hidden, cell) into the trainer, or fill them; without arrays, zero the state."""
        hidden, cell = (*(_pointer(array) for array in arrays), None, None)[:2]
        self._library.seqloom_trainer_copy_state(self._trainer, layer, batch_size, hidden, cell, int(into_trainer))


_HANDLE, _ARRAY = ctypes.c_void_p, ctypes.c_void_p

_FUNCTIONS: Mapping[str, tuple[Any, ...]] = {
    "seqloom_trainer_new": (
        *(ctypes.c_char_p, ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.c_int)),
        *(ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.POINTER(_HANDLE)),
    ),
    "seqloom_trainer_compute": (_HANDLE, ctypes.POINTER(_Window), _ARRAY),
    "seqloom_trainer_score": (_HANDLE, ctypes.POINTER(_Window), _ARRAY),
    "seqloom_trainer_gradient_norm": (_HANDLE, ctypes.POINTER(ctypes.c_double)),
    "seqloom_trainer_update": (_HANDLE, ctypes.POINTER(_OptimizerStep)),
    "seqloom_trainer_keep_state": (_HANDLE,),
    "seqloom_trainer_copy_parameter": (_HANDLE, ctypes.c_int, ctypes.c_int, ctypes.c_int, _ARRAY, ctypes.c_int),
    "seqloom_trainer_copy_state": (_HANDLE, ctypes.c_int, ctypes.c_int, _ARRAY, _ARRAY, ctypes.c_int),
}


@cache
def _training_library() -> ctypes.CDLL:
    """Return the compiled library, with its training functions declared."""
    native = declare(
        _FUNCTIONS,
        {"Window": _Window, "OptimizerStep": _OptimizerStep},
        remedy="choose a smaller `batch_size`, `sequence_length` or `hidden_size`",
        error=TrainingError,
    )
    native.seqloom_trainer_delete.argtypes, native.seqloom_trainer_delete.restype = (_HANDLE,), None
    return native


def _address(array: np.ndarray) -> int:
    return int(array.ctypes.data)


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
