"""A head, part 1 of 2: the torch-free specification of a mixture of softmaxes (Yang et al. 2018).

The distribution is a weighted mean of several softmaxes, which one softmax of the same width cannot express.

Register it as `"mixture": "examples.extensions.mixture_head:MIXTURE"`.
"""

from typing import Any

import numpy as np

from seqloom.config import ModelConfig
from seqloom.kernels.cores import Shapes, Weights
from seqloom.kernels.heads import HeadSpec

__all__ = ["MIXTURE", "NUM_COMPONENTS"]

NUM_COMPONENTS = 3


def _shapes(config: ModelConfig, width: int) -> Shapes:
    return {
        "gate": (NUM_COMPONENTS, width),
        "weight": (NUM_COMPONENTS, config.vocabulary, width),
        "bias": (config.vocabulary,),
    }


def _make_outputs(config: ModelConfig, weights: Weights) -> Any:
    gate, weight, bias = (weights[f"head.{name}"] for name in ("gate", "weight", "bias"))

    def logits(hidden: np.ndarray) -> np.ndarray:
        components = _log_softmax(gate @ hidden)[:, None] + _log_softmax(weight @ hidden)
        return np.logaddexp.reduce(components, axis=0) + bias

    return logits


def _log_softmax(values: np.ndarray) -> np.ndarray:
    shifted = values - values.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


MIXTURE = HeadSpec(
    layer="examples.extensions.mixture_head_layer:MixtureHead",
    shapes=_shapes,
    make_outputs=_make_outputs,
)
