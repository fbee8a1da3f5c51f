"""Elementwise functions and constants that several cores share, in float32."""

import numpy as np
from jaxtyping import Float32

__all__ = ["layer_norm", "sigmoid", "zeros"]

EPSILON = 1e-5
"""Constant that layer normalisation adds to the variance; torch's default."""


def sigmoid(x: Float32[np.ndarray, "*shape"]) -> Float32[np.ndarray, "*shape"]:
    """Return the logistic function, computed by tanh, which cannot overflow."""
    half = np.float32(0.5)
    curve: Float32[np.ndarray, "*shape"] = np.tanh(x * half) * half + half
    return curve


def layer_norm(
    x: Float32[np.ndarray, "*rows width"],
    gain: Float32[np.ndarray, " width"],
    bias: Float32[np.ndarray, " width"] | None = None,
) -> Float32[np.ndarray, "*rows width"]:
    """Normalise over the last axis with the biased variance (Ba, Kiros, Hinton 2016)."""
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = np.square(centred).mean(axis=-1, keepdims=True)
    scaled: Float32[np.ndarray, "*rows width"] = centred / np.sqrt(variance + np.float32(EPSILON)) * gain
    return scaled if bias is None else scaled + bias


def zeros(*shape: int) -> Float32[np.ndarray, "..."]:
    """Return read-only zeros."""
    array = np.zeros(shape, np.float32)
    array.flags.writeable = False
    return array
