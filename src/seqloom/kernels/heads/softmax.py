"""The softmax head: a linear map to one logit per token."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float32

from seqloom.config import ModelConfig
from seqloom.kernels.cores.spec import Shapes, Weights
from seqloom.kernels.heads.spec import HeadSpec

__all__ = ["SPEC"]

Hidden = Float32[np.ndarray, " hidden"]
Logits = Float32[np.ndarray, " vocab"]


def _shapes(config: ModelConfig, width: int) -> Shapes:
    weight: Shapes = {} if config.tied else {"weight": (config.vocabulary, width)}
    return weight | {"bias": (config.vocabulary,)}


def _make_outputs(config: ModelConfig, weights: Weights) -> Callable[[Hidden], Logits]:
    weight, bias = weights["embedding.weight" if config.tied else "head.weight"], weights["head.bias"]

    def logits(hidden: Hidden) -> Logits:
        values: Logits = weight @ hidden + bias
        return values

    return logits


SPEC = HeadSpec(
    layer="seqloom.models.softmax_head:SoftmaxHead",
    shapes=_shapes,
    make_outputs=_make_outputs,
    can_share_embedding=True,
    can_predict_ahead=True,
    trains_in_bfloat16=True,
    is_native=True,
)
