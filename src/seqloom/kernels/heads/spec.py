"""The contract of a head, free of torch.

A head is the last part of a model, which predicts the next token. A new head takes two files and one line: a module
with a `HeadSpec`, a module with its torch layer (a `models.head_layer.HeadLayer`, which computes the loss), and the
spec's name in `registry.HEADS`.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from seqloom.config import ModelConfig, validate
from seqloom.kernels.cores.spec import Shapes, Weights
from seqloom.kernels.output_distribution import OutputDistribution
from seqloom.registry import HEADS, resolve

__all__ = ["HeadSpec", "head_spec"]

Vector = Float32[np.ndarray, " width"]


@dataclass(frozen=True, kw_only=True)
class HeadSpec:
    """A head: the map from the core's output to the distribution of the next token.

    A head usually puts out logits: the log-probability of each token id, up to a constant. Training, evaluation and
    sampling all normalise them with a softmax. A head that computes probabilities puts out their logarithms. A head
    with `make_distribution` puts out the parameters of another distribution instead. The arrays of a head include
    `bias [outputs]`, which is added to the outputs. Conditions, such as a rating, act on a head only through an
    addition to this bias.

    Attributes:
        layer: location of the torch layer, as "module:Class".
        shapes: `(config, width of the core's output) -> shapes` of the head's arrays, by name without `head.`.
        make_outputs: `(config, all weights) -> function` from one output of the core to the outputs of the head.
        num_outputs: `config -> number of outputs`; the default is one logit for each token id.
        make_distribution: `config -> distribution` whose parameters the head puts out; None if it puts out logits.
        starts_at_frequencies: whether training starts with a bias of the log frequencies of the tokens, instead of 0.
        can_share_embedding: whether the head can use the embedding as its weight (`ModelConfig.tied`).
        can_predict_ahead: whether the head can also predict the tokens after the next (`ModelConfig.prediction_heads`).
        trains_in_bfloat16: whether a training in bfloat16 also computes the head's products in bfloat16. If False, only
            the core is computed in bfloat16, and the head in float32.
        is_native: whether the compiled kernels decode models with this head, and, if it puts out logits, train them.
    """

    layer: str
    shapes: Callable[[ModelConfig, int], Shapes]
    make_outputs: Callable[[ModelConfig, Weights], Callable[[Vector], Vector]]
    num_outputs: Callable[[ModelConfig], int] = operator.attrgetter("vocabulary")
    make_distribution: Callable[[ModelConfig], OutputDistribution] | None = None
    starts_at_frequencies: bool = True
    can_share_embedding: bool = False
    can_predict_ahead: bool = False
    trains_in_bfloat16: bool = False
    is_native: bool = False

    def check(self, config: ModelConfig) -> None:
        """Check that the head supports the settings of a config.

        Raises:
            ConfigError: the head does not support a setting.
        """
        validate(
            (
                bool(config.factors) == (self.make_distribution is not None),
                f"the head {config.head} does not fit tokens {'with' if config.factors else 'without'} parts: leave "
                "out `head`, and the level chooses it",
            ),
            (
                self.can_share_embedding or not config.tied,
                f"`tied` is not available with the head {config.head}: leave it out",
            ),
            (
                self.can_predict_ahead or config.prediction_heads == 1,
                f"`prediction_heads` is not available with the head {config.head}: leave it out",
            ),
        )


def head_spec(name: str) -> HeadSpec:
    """Return the spec of a registered head.

    Raises:
        ConfigError: no head has that name.
    """
    spec: HeadSpec = resolve("head", name, HEADS)
    return spec
