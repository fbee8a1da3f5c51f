"""The contract of a core, free of torch.

A core is a kind of layer, such as an LSTM. A new core takes two files and one line: a module with a `CoreSpec`, a
module with its torch layer (a `models.core_layer.CoreLayer`), and the spec's name in `registry.CORES`. Without a
`NativeCore`, torch trains the core and the reference decoder in numpy generates with it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32

from seqloom.config import ModelConfig
from seqloom.kernels.cores.token_input import TokenInput
from seqloom.kernels.decoder import State
from seqloom.registry import CORES, resolve

__all__ = ["CoreSpec", "NativeCore", "PackedLayer", "ReferenceLayer", "Shapes", "Weights", "core_spec"]

Weights = Mapping[str, Float32[Any, "..."]]
"""Arrays by name."""

Shapes = dict[str, tuple[int, ...]]
"""Shapes of arrays by name."""


class ReferenceLayer(NamedTuple):
    """One layer in numpy.

    Attributes:
        zero_state: state before the first token.
        step: `(input, state) -> (output, state)`; the input is a token id for the first layer, else a vector.
    """

    zero_state: State
    step: Callable[[Any, State], tuple[Any, State]]


class PackedLayer(NamedTuple):
    """One layer in the layout of the compiled decoder.

    Attributes:
        arrays: float32 arrays by their names in `decoding_abi.LayerWeights`.
        taps: number of taps (kernel positions) of a convolution; 0 for recurrent layers.
        dilation: distance in tokens between two taps of a convolution.
    """

    arrays: Mapping[str, np.ndarray]
    taps: int = 0
    dilation: int = 1


@dataclass(frozen=True, kw_only=True)
class NativeCore:
    """Support of a core by the compiled kernels.

    Attributes:
        decoder_id: number of the core in `decoding/model.h`.
        trainer_id: number of the core in the compiled trainer; None if torch trains it.
        num_state_arrays: number of arrays in the state of one layer, such as 2 for hidden vector and cell.
        supports_int8: whether the weights can be stored in 8 bits, which needs bounded activations.
        pack_layer: `(weights of the layer, index of the layer, token input) -> packed layer`; the token input is None
            for all layers but the first.
    """

    decoder_id: int
    trainer_id: int | None
    num_state_arrays: int
    supports_int8: bool
    pack_layer: Callable[[Weights, int, TokenInput | None], PackedLayer]


@dataclass(frozen=True, kw_only=True)
class CoreSpec:
    """A core: the parameters and the step of its layers.

    The arrays of a layer include `bias [num_gates * size]`, which is added to the pre-activations. Conditions, such as
    a rating, act on a layer only through an addition to this bias.

    Attributes:
        layer: location of the torch layer, as "module:Class".
        num_gates: number of pre-activations per unit.
        is_recurrent: whether layers have recurrent weights, so that a layer must read its tokens one after another.
        layer_shapes: `(config, input width, size) -> shapes` of one layer's arrays.
        make_layer: `(weights of the layer, index of the layer, token input) -> reference layer`; the token input is
            None for all layers but the first.
        default_layers: number of layers of a model if the user does not set it.
        uses_forget_bias: whether `ModelConfig.forget_bias`, the initial bias of the forget gate, applies.
        steps_batches: whether the reference step accepts several streams at once, stacked on a leading axis.
        native: support by the compiled kernels; None without support.
    """

    layer: str
    num_gates: int
    is_recurrent: bool
    layer_shapes: Callable[[ModelConfig, int, int], Shapes]
    make_layer: Callable[[Weights, int, TokenInput | None], ReferenceLayer]
    default_layers: int = 1
    uses_forget_bias: bool = False
    steps_batches: bool = False
    native: NativeCore | None = None


def core_spec(name: str) -> CoreSpec:
    """Return the spec of a registered core.

    Raises:
        ConfigError: no core has that name.
    """
    spec: CoreSpec = resolve("core", name, CORES)
    return spec
