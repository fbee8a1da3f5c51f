"""Decoding kernels: one stream of tokens in, logits out. Faster ones are held to the plain numpy ones."""

from seqloom.kernels.decoder import Decoder, State
from seqloom.kernels.plain import PlainDecoder, plain_decoder
from seqloom.kernels.windowed import WindowedDecoder

__all__ = ["Decoder", "PlainDecoder", "State", "WindowedDecoder", "plain_decoder"]
