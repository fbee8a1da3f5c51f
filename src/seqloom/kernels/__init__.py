"""Decoding kernels: tokens in, logits out. The compiled ones are held to the plain numpy ones."""

from seqloom.kernels.decoder import Decoder, State
from seqloom.kernels.native_decoder import NativeDecoder, native_decoder
from seqloom.kernels.plain import PlainDecoder, plain_decoder
from seqloom.kernels.told import GuidedDecoder
from seqloom.kernels.windowed import windowed_decoder

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
