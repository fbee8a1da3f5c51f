"""Linear map to one logit per token, and the softmax of the logits."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float32

from seqloom.config import ModelConfig
from seqloom.kernels.cores.spec import Shapes, Weights
from seqloom.kernels.heads.spec import HeadSpec

__all__ = ["SPEC", "sample_softmax"]

Hidden = Float32[np.ndarray, " hidden"]
Logits = Float32[np.ndarray, " vocab"]


def sample_softmax(logits: Logits, random: np.random.Generator) -> int:
    """Return one token from the softmax of the logits, by the inverse of its distribution function."""
    shifted = np.exp(logits.astype(np.float64) - logits.max())
    cumulative = shifted.cumsum()
    # Rounding may put the draw at the very end of the last interval.
    return min(int(np.searchsorted(cumulative, random.random() * cumulative[-1], side="right")), len(logits) - 1)


def _shapes(config: ModelConfig, width: int) -> Shapes:
    weight: Shapes = {} if config.tied else {"weight": (config.vocabulary, width)}
    return weight | {"bias": (config.vocabulary,)}


def _make_logits(config: ModelConfig, weights: Weights) -> Callable[[Hidden], Logits]:
    weight, bias = weights["embedding.weight" if config.tied else "head.weight"], weights["head.bias"]

    def logits(hidden: Hidden) -> Logits:
        values: Logits = weight @ hidden + bias
        return values

    return logits


SPEC = HeadSpec(
    layer="seqloom.models.softmax_head:SoftmaxHead",
    shapes=_shapes,
    make_parameters=_make_logits,
    sample=sample_softmax,
    is_native=True,
)
