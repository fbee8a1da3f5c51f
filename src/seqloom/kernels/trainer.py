"""The compiled training step of a stack of recurrent layers with softmax heads.

The library keeps parameters, gradients and the optimiser's moments in its memory. Each of these kinds has an arena: one
array for every parameter. `load` and `export` copy arenas in and out under the names and in the shapes of the torch
model. The first head predicts the next token, the second the token after it, and so on. A window is the tokens of one
step; the recurrent state can be carried from one window to the next.
"""

import ctypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from seqloom.config import ModelConfig
from seqloom.errors import ConfigError, TrainingError
from seqloom.kernels.array_checks import check_array, check_indices
from seqloom.kernels.cores import NativeCore, core_spec
from seqloom.kernels.heads import head_spec
from seqloom.kernels.training_abi import ConditionBiasRows, OptimizerStep, Window, address, pointer, training_library

__all__ = ["ARENAS", "ConditionBiasRows", "DropoutSettings", "NativeTrainer", "supports_native_training"]

ARENAS = ("parameter", "gradient", "first_moment", "second_moment")
"""Names of the arenas, in the order of `Arena` in `native/training/trainer.h`."""

_EMBEDDING, _WEIGHT_INPUT, _WEIGHT_HIDDEN, _BIAS, _HEAD_WEIGHT, _HEAD_BIAS = range(6)
"""Numbers of the kinds of parameters, as in `Part` of `native/training/trainer.h`."""

_ADAM, _RMSPROP = range(2)
"""Numbers of the optimisers, as in `native/training/trainer.h`."""


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


def supports_native_training(config: ModelConfig) -> bool:
    """Return whether the compiled training step supports a model.

    Raises:
        ConfigError: the core or the head is not registered.
    """
    native = core_spec(config.core).native
    head = head_spec(config.head)
    is_native = native is not None and native.trainer_id is not None and head.is_native
    return is_native and head.make_distribution is None and not config.layer_norm and not config.tied


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
        self._core = core_spec(config.core)
        native_core = self._core.native
        if not supports_native_training(config) or not isinstance(native_core, NativeCore):
            raise ConfigError(f"the compiled kernels cannot train this model of core {config.core}: use torch")
        self._library = training_library()
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
        num_heads = self.config.prediction_heads
        tokens = check_array("tokens", tokens, np.int64, (batch_size, time))
        targets = check_array("targets", targets, np.int64, (num_heads, batch_size, time))
        head_weights = check_array("head_weights", head_weights, np.float32, (num_heads,))
        window = Window(
            batch_size=batch_size,
            time=time,
            tokens=address(tokens),
            targets=address(targets),
            head_weights=address(head_weights),
            seed=dropout.seed,
            dropout=dropout.dropout,
            weight_dropout=dropout.weight_dropout,
            variational=dropout.variational,
        )
        if resets is not None:
            resets = check_array("resets", resets, np.bool_, (batch_size, time))
            window.resets = address(resets)
        if conditions is not None:
            conditions = self._checked_conditions(conditions, tokens.shape)
            window.set_conditions(conditions)
        losses = np.zeros(self.config.prediction_heads)
        self._library.seqloom_trainer_compute(self._trainer, ctypes.byref(window), pointer(losses))
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
        tokens = check_array("tokens", tokens, np.int64, (batch_size, time))
        targets = check_array("targets", targets, np.int64, (batch_size, time))
        window = Window(batch_size=batch_size, time=time, tokens=address(tokens), targets=address(targets))
        if conditions is not None:
            conditions = self._checked_conditions(conditions, tokens.shape)
            window.set_conditions(conditions)
        log_probs = np.zeros((batch_size, time))
        self._library.seqloom_trainer_score(self._trainer, ctypes.byref(window), pointer(log_probs))
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
            OptimizerStep(
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
        self._update(OptimizerStep(kind=_RMSPROP, rate=rate, beta2=alpha, epsilon=epsilon, step=step, scale=scale))

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
            values = check_array(name, np.asarray(arrays[name], np.float32), np.float32, shape)
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
        for layer, (size, layer_state) in enumerate(zip(self.config.hidden_sizes, state, strict=True)):
            hidden, *_ = layer_state
            if len(layer_state) != self.num_state_arrays:
                raise TrainingError(f"the state of a layer has {len(layer_state)} arrays, not {self.num_state_arrays}")
            arrays = tuple(
                check_array("states", np.asarray(array, np.float32), np.float32, (len(hidden), size))
                for array in layer_state
            )
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

    def _checked_conditions(self, conditions: ConditionBiasRows, shape: tuple[int, ...]) -> ConditionBiasRows:
        """Return the conditions of a window after checking all arrays."""
        num_rows, num_gates = len(conditions.gate_bias), self._core.num_gates * sum(self.config.hidden_sizes)
        widths = {"gate_bias": num_gates, "logit_bias": self.config.vocabulary}
        checked = {
            name: check_array(name, getattr(conditions, name), np.float32, (num_rows, width))
            for name, width in widths.items()
        }
        for name, width in widths.items():
            output = getattr(conditions, f"d_{name}")
            if output is not None and check_array(f"d_{name}", output, np.float32, (num_rows, width)) is not output:
                raise TrainingError(f"d_{name} must be contiguous, because gradients are written into it")
        index = check_array("condition indices", conditions.index, np.int32, shape)
        check_indices("condition indices", index, num_rows)
        return replace(conditions, index=index, **checked)

    def _update(self, step: OptimizerStep) -> None:
        self._library.seqloom_trainer_update(self._trainer, ctypes.byref(step))

    def _copy(self, arena: str, kind: int, layer: int, values: np.ndarray, *, into_trainer: bool) -> None:
        """Copy `values` into the trainer, or fill them from the trainer."""
        self._library.seqloom_trainer_copy_parameter(
            self._trainer, ARENAS.index(arena), kind, layer, pointer(values), int(into_trainer)
        )

    def _copy_state(self, layer: int, batch_size: int, arrays: tuple[np.ndarray, ...], *, into_trainer: bool) -> None:
        """Copy the arrays of a state (hidden, cell) into the trainer, or fill them; without arrays, zero the state."""
        hidden, cell = (*(pointer(array) for array in arrays), None, None)[:2]
        self._library.seqloom_trainer_copy_state(self._trainer, layer, batch_size, hidden, cell, int(into_trainer))
