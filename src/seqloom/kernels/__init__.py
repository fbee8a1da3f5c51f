"""Decoding kernels: tokens in, logits out. The compiled ones are held to the plain numpy ones."""

from seqloom.kernels.conditional_decoders import GuidedDecoder
from seqloom.kernels.decoder import Decoder, State
from seqloom.kernels.native_decoder import NativeDecoder, native_decoder
from seqloom.kernels.reference_decoder import PlainDecoder, plain_decoder
from seqloom.kernels.sliding_window import windowed_decoder

__all__ = [
    "Decoder",
    "GuidedDecoder",
    "NativeDecoder",
    "PlainDecoder",
    "State",
    "native_decoder",
    "plain_decoder",
    "windowed_decoder",
]
