"""The functions and structures of the compiled training step, as Python sees them; see `native/training/trainer.h`."""

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float32, Int32

from seqloom.errors import TrainingError
from seqloom.kernels.library import declare

__all__ = ["ConditionBiasRows", "OptimizerStep", "Window", "address", "pointer", "training_library"]


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


class Window(ctypes.Structure):
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

    def set_conditions(self, conditions: ConditionBiasRows) -> None:
        """Set the conditions of the window, which `NativeTrainer` has checked; the caller keeps their arrays alive."""
        arrays = (conditions.index, conditions.gate_bias, conditions.logit_bias)
        self.num_conditions = len(conditions.gate_bias)
        self.condition, self.gate_bias, self.logit_bias = map(address, arrays)
        if conditions.d_gate_bias is not None and conditions.d_logit_bias is not None:
            self.d_gate_bias, self.d_logit_bias = address(conditions.d_gate_bias), address(conditions.d_logit_bias)


class OptimizerStep(ctypes.Structure):
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


_HANDLE, _ARRAY = ctypes.c_void_p, ctypes.c_void_p

_FUNCTIONS: Mapping[str, tuple[Any, ...]] = {
    "seqloom_trainer_new": (
        *(ctypes.c_char_p, ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.c_int)),
        *(ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.POINTER(_HANDLE)),
    ),
    "seqloom_trainer_compute": (_HANDLE, ctypes.POINTER(Window), _ARRAY),
    "seqloom_trainer_score": (_HANDLE, ctypes.POINTER(Window), _ARRAY),
    "seqloom_trainer_gradient_norm": (_HANDLE, ctypes.POINTER(ctypes.c_double)),
    "seqloom_trainer_update": (_HANDLE, ctypes.POINTER(OptimizerStep)),
    "seqloom_trainer_keep_state": (_HANDLE,),
    "seqloom_trainer_copy_parameter": (_HANDLE, ctypes.c_int, ctypes.c_int, ctypes.c_int, _ARRAY, ctypes.c_int),
    "seqloom_trainer_copy_state": (_HANDLE, ctypes.c_int, ctypes.c_int, _ARRAY, _ARRAY, ctypes.c_int),
}


@cache
def training_library() -> ctypes.CDLL:
    """Return the compiled library, with its training functions declared."""
    native = declare(
        _FUNCTIONS,
        {"Window": Window, "OptimizerStep": OptimizerStep},
        remedy="choose a smaller `batch_size`, `sequence_length` or `hidden_size`",
        error=TrainingError,
    )
    native.seqloom_trainer_delete.argtypes, native.seqloom_trainer_delete.restype = (_HANDLE,), None
    return native


def address(array: np.ndarray) -> int:
    """Return the address of an array."""
    return int(array.ctypes.data)


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    """Return the address of an array as a pointer."""
    return ctypes.c_void_p(array.ctypes.data)
