"""The C interface of native decoding: its structures and functions in ctypes.

The structures repeat those of the headers in `native/decoding`, which describe the fields. Every function of the table
returns a status, which `declare` turns into an error.
"""

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

from seqloom.kernels.library import declare

__all__ = [
    "DraftStatistics",
    "GenerationOutput",
    "LayerWeights",
    "Model",
    "NetworkInfo",
    "SamplingSettings",
    "ScoringRequest",
    "address",
    "decoding_library",
]


class _Struct(Structure):
    """A structure that refuses unknown fields, which ctypes would silently store as Python attributes."""

    def __init__(self, *values: Any, **fields: Any) -> None:
        unknown = sorted(fields.keys() - {name for name, *_ in self._fields_})
        if unknown:
            raise TypeError(f"{type(self).__name__} has no fields {', '.join(unknown)}")
        super().__init__(*values, **fields)


class LayerWeights(_Struct):
    """One layer's arrays; see `model.h`."""

    _fields_ = (
        *((name, c_int32) for name in ("inputs", "units", "taps", "dilation")),
        *((name, c_void_p) for name in ("table", "input", "bias", "hidden", "output", "output_bias", "skip")),
    )


class Model(_Struct):
    """A model: its layers, its head and its draft heads; see `model.h`."""

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
        ("num_table_rows", c_int32),
        ("num_parts", c_int32),
        ("token_rows", c_void_p),
        ("num_gaussians", c_int32),
        ("largest_step", c_int32),
    )


class NetworkInfo(_Struct):
    """Sizes of a packed model; see `model.h`."""

    _fields_ = (("weight_bytes", c_uint64), ("state_bytes", c_uint64), ("rows_per_pass", c_int32))


class SamplingSettings(_Struct):
    """How tokens are sampled; see `sampling.h`."""

    _fields_ = (
        *((name, c_double) for name in ("temperature", "top_p", "min_p", "typical_p", "repetition_penalty")),
        *((name, c_int32) for name in ("top_k", "repetition_window", "length", "min_length", "boundary")),
        ("bias", c_void_p),
        ("tokens_per_step", c_int32),
        ("watermark_width", c_int32),
        ("watermark_groups", c_int32),
        ("watermark_key", c_uint64),
        *((name, c_double) for name in ("frequency_penalty", "presence_penalty", "dry_multiplier", "dry_base")),
        ("dry_breakers", c_void_p),
        ("dry_allowed_length", c_int32),
        *((name, c_double) for name in ("top_n_sigma", "dynatemp_range", "dynatemp_exponent")),
        *((name, c_double) for name in ("xtc_probability", "xtc_threshold", "mirostat_tau", "mirostat_eta")),
    )


class DraftStatistics(_Struct):
    """Statistics of the drafts in one sample; see `streams.h`."""

    _fields_ = (*((name, c_int64) for name in ("steps", "tokens", "drafted", "accepted")), ("gain", c_double))


class GenerationOutput(_Struct):
    """The arrays that generated tokens go to; see `streams.h`."""

    _fields_ = (
        ("max_tokens", c_int32),
        *((name, c_void_p) for name in ("tokens", "log_probs", "sampling_log_probs", "counts", "endings")),
    )


class ScoringRequest(_Struct):
    """Tokens to score, and the arrays that the scores go to; see `streams.h`."""

    _fields_ = (
        ("time", c_int32),
        *((name, c_void_p) for name in ("tokens", "targets", "log_probs", "entropies", "ranks", "logits")),
    )


_HANDLE, _ARRAY = c_void_p, c_void_p

_FUNCTIONS: Mapping[str, tuple[Any, ...]] = {
    "seqloom_weights_new": (c_char_p, POINTER(Model), POINTER(c_void_p)),
    "seqloom_weights_info": (_HANDLE, POINTER(NetworkInfo)),
    "seqloom_streams_new": (_HANDLE, c_int, c_int, POINTER(c_void_p)),
    "seqloom_streams_resize": (_HANDLE, c_int),
    "seqloom_streams_clear": (_HANDLE, c_int),
    "seqloom_streams_reorder": (_HANDLE, _ARRAY, c_int),
    "seqloom_streams_read_state": (_HANDLE, c_int, _ARRAY, c_size_t),
    "seqloom_streams_write_state": (_HANDLE, c_int, _ARRAY, c_size_t),
    "seqloom_streams_logits": (_HANDLE, c_int, POINTER(POINTER(c_float))),
    "seqloom_streams_set_logits": (_HANDLE, c_int, _ARRAY),
    "seqloom_streams_set_gate_bias": (_HANDLE, c_int, _ARRAY, c_int),
    "seqloom_streams_set_logit_bias": (_HANDLE, _ARRAY),
    "seqloom_streams_set_stream_gate_bias": (_HANDLE, c_int, c_int, _ARRAY, c_int),
    "seqloom_streams_set_stream_logit_bias": (_HANDLE, c_int, _ARRAY),
    "seqloom_streams_set_guidance": (_HANDLE, c_float),
    "seqloom_streams_step": (_HANDLE, _ARRAY),
    "seqloom_streams_read": (_HANDLE, c_int, _ARRAY, c_int),
    "seqloom_streams_read_many": (_HANDLE, c_int, _ARRAY, c_int, c_int, _ARRAY),
    "seqloom_streams_score": (_HANDLE, POINTER(ScoringRequest)),
    "seqloom_streams_set_sampling": (_HANDLE, POINTER(SamplingSettings)),
    "seqloom_streams_set_stream_sampling": (_HANDLE, c_int, POINTER(SamplingSettings)),
    "seqloom_streams_begin": (_HANDLE, c_int, c_uint64, c_uint64, _ARRAY, c_int, c_uint64),
    "seqloom_streams_end": (_HANDLE, c_int),
    "seqloom_streams_generate": (_HANDLE, POINTER(GenerationOutput)),
    "seqloom_streams_distribution": (_HANDLE, c_int, _ARRAY, POINTER(c_int)),
    "seqloom_streams_draft_statistics": (_HANDLE, c_int, POINTER(DraftStatistics)),
    "seqloom_uniforms": (c_uint64, c_uint64, c_int, _ARRAY),
}

_STRUCTURES: Mapping[str, type[Structure]] = {
    "LayerWeights": LayerWeights,
    "Model": Model,
    "NetworkInfo": NetworkInfo,
    "SamplingSettings": SamplingSettings,
    "DraftStatistics": DraftStatistics,
    "GenerationOutput": GenerationOutput,
    "ScoringRequest": ScoringRequest,
}


@cache
def decoding_library() -> ctypes.CDLL:
    """Return the compiled library, with its decoding functions declared.

    Raises:
        SeqloomError: there is no library. A function that fails raises this error too.
    """
    native = declare(
        _FUNCTIONS, _STRUCTURES, remedy="generate or score fewer texts at once, or close other programs, and try again"
    )
    for name in ("seqloom_weights_delete", "seqloom_streams_delete"):
        function = getattr(native, name)
        function.argtypes, function.restype = (_HANDLE,), None
    return native


def address(array: np.ndarray | None) -> int | None:
    """Return the address of a contiguous array, which the caller keeps alive; for None, return a null pointer, None."""
    return None if array is None else array.ctypes.data
