"""The contract of a head, free of torch.

A new head takes two files and one line: a module with a `HeadSpec`, a module with its torch layer (a
`models.head_layer.HeadLayer`, which owns the loss), and the spec's name in `registry.HEADS`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from seqloom.config import ModelConfig
from seqloom.kernels.cores.spec import Shapes, Weights
from seqloom.registry import HEADS, resolve

__all__ = ["HeadSpec", "head_spec"]

Vector = Float32[np.ndarray, "*streams width"]


@dataclass(frozen=True, kw_only=True)
class HeadSpec:
    """A head: the map from the core's output to the distribution of the next token.

    A head puts out logits: the log-probability of each token id, up to a constant. Training, evaluation and sampling
    all normalise them with a softmax, so a distribution of any form, such as a mixture, puts out its log-probabilities.
    The arrays of a head include `bias [vocab]`, which is added to the logits. Conditions, such as a rating, act on a
    head only by a change of this bias.

    Attributes:
        layer: location of the torch layer, as "module:Class".
        shapes: `(config, width of the core's output) -> shapes` of the head's arrays, by name without `head.`.
        make_logits: `(config, all weights) -> function` from the core's output to the logits.
        is_native: whether the compiled kernels decode and train models with this head.
    """

    layer: str
    shapes: Callable[[ModelConfig, int], Shapes]
    make_logits: Callable[[ModelConfig, Weights], Callable[[Vector], Vector]]
    is_native: bool = False


def head_spec(name: str) -> HeadSpec:
    """Return the spec of a registered head.

    Raises:
        ConfigError: no head has that name.
    """
    spec: HeadSpec = resolve("head", name, HEADS)
    return spec
