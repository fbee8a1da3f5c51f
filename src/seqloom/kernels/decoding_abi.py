"""The C face of native decoding: its structures and functions, as ctypes knows them."""

import ctypes
from collections.abc import Mapping
from ctypes import (
    POINTER,
    Structure,
    c_char_p,
    c_double,
    c_float,
    c_int,
    c_int32,
    c_int64,
    c_size_t,
    c_uint64,
    c_void_p,
)
from functools import cache
from typing import Any

import numpy as np

from seqloom.kernels.library import library

__all__ = [
    "Drafting",
    "LayerWeights",
    "Model",
    "SamplingSettings",
    "Scored",
    "Written",
    "address",
    "decoding_library",
]


class LayerWeights(Structure):
    """One layer's arrays; see `model.h`."""

    _fields_ = (
        *((name, c_int32) for name in ("inputs", "units", "taps", "dilation")),
        *((name, c_void_p) for name in ("table", "input", "bias", "hidden", "output", "output_bias", "skip")),
    )


class Model(Structure):
    """A whole model; see `model.h`."""

    _fields_ = (
        *((name, c_int32) for name in ("core", "precision", "vocabulary", "num_layers")),
        ("layers", POINTER(LayerWeights)),
        ("head", c_void_p),
        ("head_bias", c_void_p),
        ("num_drafts", c_int32),
        ("draft_vocabulary", c_int32),
        ("drafts", c_void_p),
        ("draft_bias", c_void_p),
        ("draft_tokens", c_void_p),
    )


class SamplingSettings(Structure):
    """How tokens are drawn; see `sampling.h`."""

    _fields_ = (
        *((name, c_double) for name in ("temperature", "top_p", "min_p", "typical_p", "repetition_penalty")),
        *((name, c_int32) for name in ("top_k", "repetition_window", "length", "min_length", "boundary")),
        ("bias", c_void_p),
        ("ahead", c_int32),
        ("mark_width", c_int32),
        ("mark_groups", c_int32),
        ("mark_key", c_uint64),
    )


class Drafting(Structure):
    """How drafts served a sample; see `lanes.h`."""

    _fields_ = (*((name, c_int64) for name in ("steps", "tokens", "drafted", "accepted")), ("gain", c_double))


class Written(Structure):
    """Where to put what is written; see `lanes.h`."""

    _fields_ = (
        ("most", c_int32),
        *((name, c_void_p) for name in ("tokens", "log_probs", "sampling_log_probs", "counts", "endings")),
    )


class Scored(Structure):
    """What to read, and where to put how it was predicted; see `lanes.h`."""

    _fields_ = (
        ("time", c_int32),
        *((name, c_void_p) for name in ("tokens", "targets", "log_probs", "entropies", "ranks", "logits")),
    )


_SIGNATURES: Mapping[str, tuple[Any, tuple[Any, ...]]] = {
    "seqloom_weights_new": (c_void_p, (c_char_p, POINTER(Model))),
    "seqloom_weights_delete": (None, (c_void_p,)),
    "seqloom_weights_bytes": (c_size_t, (c_void_p,)),
    "seqloom_weights_rows_at_once": (c_int, (c_void_p,)),
    "seqloom_state_bytes": (c_size_t, (c_void_p,)),
    "seqloom_lanes_new": (c_void_p, (c_void_p, c_int, c_int)),
    "seqloom_lanes_delete": (None, (c_void_p,)),
    "seqloom_lanes_resize": (None, (c_void_p, c_int)),
    "seqloom_lanes_clear": (None, (c_void_p, c_int)),
    "seqloom_lanes_reorder": (None, (c_void_p, c_void_p)),
    "seqloom_lanes_read_state": (None, (c_void_p, c_int, c_void_p)),
    "seqloom_lanes_write_state": (None, (c_void_p, c_int, c_void_p)),
    "seqloom_lanes_logits": (POINTER(c_float), (c_void_p, c_int)),
    "seqloom_lanes_set_logits": (None, (c_void_p, c_int, c_void_p)),
    "seqloom_lanes_set_gate_bias": (None, (c_void_p, c_int, c_void_p, c_int)),
    "seqloom_lanes_set_logit_bias": (None, (c_void_p, c_void_p)),
    "seqloom_lanes_set_gate_bias_of": (None, (c_void_p, c_int, c_int, c_void_p)),
    "seqloom_lanes_set_logit_bias_of": (None, (c_void_p, c_int, c_void_p)),
    "seqloom_lanes_set_guidance": (None, (c_void_p, c_float)),
    "seqloom_lanes_step": (None, (c_void_p, c_void_p)),
    "seqloom_lanes_read": (None, (c_void_p, c_int, c_void_p, c_int)),
    "seqloom_lanes_score": (None, (c_void_p, POINTER(Scored))),
    "seqloom_lanes_read_many": (None, (c_void_p, c_int, c_void_p, c_int, c_int, c_void_p)),
    "seqloom_lanes_set_sampling": (None, (c_void_p, POINTER(SamplingSettings))),
    "seqloom_lanes_begin": (None, (c_void_p, c_int, c_uint64, c_uint64, c_void_p, c_int, c_uint64)),
    "seqloom_lanes_end": (None, (c_void_p, c_int)),
    "seqloom_lanes_write": (None, (c_void_p, POINTER(Written))),
    "seqloom_lanes_distribution": (c_int, (c_void_p, c_int, c_void_p)),
    "seqloom_lanes_drafting": (Drafting, (c_void_p, c_int)),
    "seqloom_uniforms": (None, (c_uint64, c_uint64, c_int, c_void_p)),
}


@cache
def decoding_library() -> ctypes.CDLL:
    """The compiled library, its decoding functions declared.

    Raises:
        OSError: it is not there.
    """
    found = library()
    if found is None:
        raise OSError("the compiled kernels are not there")
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(found, name)
        function.restype, function.argtypes = result, arguments
    return found


def address(array: np.ndarray | None) -> int | None:
    """Where a contiguous array lies; the caller keeps it alive. None is a null pointer."""
    return None if array is None else array.ctypes.data
