"""Decoding kernels: tokens in, logits out. The tests compare the compiled ones with the reference ones in numpy."""

from seqloom.kernels.conditional_decoders import GuidedDecoder
from seqloom.kernels.decoder import Decoder, State
from seqloom.kernels.native_decoder import NativeDecoder, native_decoder
from seqloom.kernels.reference_decoder import ReferenceDecoder, reference_decoder
from seqloom.kernels.sliding_window import sliding_window_decoder

__all__ = [
    "Decoder",
    "GuidedDecoder",
    "NativeDecoder",
    "ReferenceDecoder",
    "State",
    "native_decoder",
    "reference_decoder",
    "sliding_window_decoder",
]
