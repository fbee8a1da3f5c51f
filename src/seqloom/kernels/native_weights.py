"""A model's weights in the layout of the compiled decoder.

The first layer reads token ids: for each id, a table contains the product of the id's input with the input weights.
Besides the head for the next token, a model can have draft heads, which guess the tokens after it; a later step of the
model verifies these drafts.
"""

import weakref
from ctypes import byref, c_void_p

import numpy as np
from jaxtyping import Integer

from seqloom.config import ModelConfig
from seqloom.errors import ConfigError
from seqloom.kernels.cores import NativeCore, TokenInput, core_spec
from seqloom.kernels.decoding_abi import LayerWeights, Model, NetworkInfo, address, decoding_library
from seqloom.kernels.heads import head_spec
from seqloom.kernels.library import BFLOAT16_KERNELS, chosen_kernels
from seqloom.kernels.speculative import default_draft_length
from seqloom.kernels.token_parts import num_input_rows, rows_of_tokens
from seqloom.kernels.weights import DraftWeights, Weights, gate_widths, layer_weights

__all__ = ["PRECISIONS", "NativeWeights", "decoding_kernels", "default_precision"]

PRECISIONS = ("float32", "bfloat16", "int8")
"""Number formats of stored weights, in the order of `Precision` in `native/decoding/model.h`."""


class NativeWeights:
    """Packed weights, which any number of decoders can share.

    Args:
        config: shape of the network.
        weights: arrays by name, from `checked_weights`.
        kernels: instruction set, such as "avx2".
        precision: number format of the weights, one of `PRECISIONS`.
        drafts: draft heads; None without draft heads.

    Attributes:
        kernels: instruction set.
        precision: number format of the weights.
        vocabulary: number of token ids.
        num_outputs: number of outputs of the head: the logits of all tokens, or the parameters of a distribution.
        distribution: distribution whose parameters the head puts out; None if it puts out logits.
        handle: address of the packed weights in the library.
        rows_per_pass: number of tokens that share one pass over the weights; with 1, drafts cannot make a stream
            faster.
        state_bytes: size of the state of one stream.
        weight_bytes: bytes that the kernels read for every token, without the first layer's table, of which they read
            only a few rows.
        gate_widths: number of pre-activations of each layer.
        max_draft_length: largest number of tokens per step: the next token and one for each draft head.
        default_draft_length: default number of tokens per step; see `speculative.default_draft_length`.

    Raises:
        ConfigError: the kernels do not support this precision for this core.
        SeqloomError: out of memory.
    """

    def __init__(
        self, config: ModelConfig, weights: Weights, kernels: str, precision: str, drafts: DraftWeights | None = None
    ) -> None:
        library, native = decoding_library(), core_spec(config.core).native
        if native is None:
            raise ConfigError(f"the compiled kernels do not support the core {config.core}: set SEQLOOM_KERNELS=off")
        layers, arrays = _pack_layers(config, native, weights)
        head = weights["embedding.weight" if config.tied else "head.weight"]
        model = Model(
            core=native.decoder_id,
            precision=PRECISIONS.index(precision),
            vocabulary=config.vocabulary,
            num_layers=len(layers),
            layers=(LayerWeights * len(layers))(*layers),
            head=address(head),
            head_bias=address(weights["head.bias"]),
        )
        rows = rows_of_tokens(config)
        if rows is not None:
            model.num_table_rows, model.num_parts, model.token_rows = (
                num_input_rows(config),
                rows.shape[1],
                address(rows),
            )
        head_contract = head_spec(config.head)
        self.num_outputs = head_contract.num_outputs(config)
        self.distribution = None if head_contract.make_distribution is None else head_contract.make_distribution(config)
        if self.distribution is not None:
            model.num_gaussians, model.largest_step = config.mixtures, config.factors[0] // 2
        if drafts:
            model.num_drafts, model.draft_vocabulary = drafts.bias.shape
            model.drafts, model.draft_bias, model.draft_tokens = map(address, drafts)
        handle, info = c_void_p(), NetworkInfo()
        library.seqloom_weights_new(kernels.encode(), byref(model), byref(handle))
        del arrays, rows  # the library has copied them
        if handle.value is None:  # the kernels do not support the precision
            raise ConfigError(f"`precision` {precision} is not available for {config.core}: choose bfloat16 or float32")
        self.handle = handle.value
        weakref.finalize(self, library.seqloom_weights_delete, self.handle)
        library.seqloom_weights_info(self.handle, byref(info))
        self.kernels = kernels
        self.precision = precision
        self.vocabulary = config.vocabulary
        self.gate_widths = gate_widths(config)
        self.state_bytes: int = info.state_bytes
        self.weight_bytes: int = info.weight_bytes
        self.rows_per_pass: int = info.rows_per_pass
        self.max_draft_length = 1 + (len(drafts.bias) if drafts else 0)
        self.default_draft_length = min(
            self.max_draft_length, default_draft_length(config, self.weight_bytes, self.rows_per_pass)
        )

    def check_tokens(self, tokens: Integer[np.ndarray, " time"]) -> None:
        """Check that all tokens are in the vocabulary.

        Raises:
            IndexError: a token is not in the vocabulary.
        """
        outside = tokens[(tokens < 0) | (tokens >= self.vocabulary)]
        if len(outside):
            raise IndexError(f"token {outside[0]} is outside the vocabulary 0..{self.vocabulary - 1}")


def decoding_kernels(config: ModelConfig) -> str | None:
    """Return the instruction set that decodes a model; None if only the reference decoder in numpy can.

    Raises:
        ConfigError: `SEQLOOM_KERNELS` names an unavailable instruction set, or the core or the head is not registered.
    """
    is_native = core_spec(config.core).native is not None and head_spec(config.head).is_native
    kernels = chosen_kernels()
    return kernels if is_native and not config.layer_norm else None


def default_precision(config: ModelConfig, kernels: str) -> str:
    """Return the fastest precision that changes the loss by far less than 0.002 nats per token.

    It is int8 if the core supports it and the processor has a dot product of 8-bit integers. All processors with
    instructions for bfloat16 have such a dot product. Otherwise it is bfloat16.
    """
    native = core_spec(config.core).native
    return "int8" if kernels in BFLOAT16_KERNELS and native is not None and native.supports_int8 else "bfloat16"


def _pack_layers(
    config: ModelConfig, native: NativeCore, weights: Weights
) -> tuple[list[LayerWeights], list[dict[str, np.ndarray]]]:
    """Return the structures of all layers, and the arrays that they point to."""
    tokens = TokenInput(num_input_rows(config), weights.get("embedding.weight"), rows_of_tokens(config))
    widths = (config.embedding or config.vocabulary, *config.hidden_sizes)
    layers, arrays_of_layers = [], []
    for index, size in enumerate(config.hidden_sizes):
        packed = native.pack_layer(layer_weights(weights, index), index, None if index else tokens)
        arrays = {name: np.ascontiguousarray(array, np.float32) for name, array in packed.arrays.items()}
        addresses = {name: address(array) for name, array in arrays.items()}
        layers.append(
            LayerWeights(inputs=widths[index], units=size, taps=packed.taps, dilation=packed.dilation, **addresses)
        )
        arrays_of_layers.append(arrays)
    return layers, arrays_of_layers
