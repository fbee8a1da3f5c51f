"""Decoding kernels: one stream of tokens in, logits out. Faster ones are held to the plain numpy ones."""

from seqloom.kernels.decoder import Decoder, State
from seqloom.kernels.plain import PlainDecoder, plain_decoder
from seqloom.kernels.windowed import windowed_decoder

__all__ = ["Decoder", "PlainDecoder", "State", "plain_decoder", "windowed_decoder"]
