"""Choose the scorer of a model: the compiled kernels, or torch for a model that they do not cover.

Importing this module does not import torch.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from seqloom.config import ModelConfig
from seqloom.evaluation.native_scorers import ForwardScorer, NativeScorer
from seqloom.evaluation.scorer import Scorer, TokenScorer
from seqloom.kernels.condition_bias import condition_bias
from seqloom.kernels.library import BFLOAT16, chosen_kernels
from seqloom.kernels.native_weights import NativeWeights, decoding_kernels
from seqloom.kernels.trainer import is_supported

if TYPE_CHECKING:
    from seqloom.models.language_model import LanguageModel

__all__ = ["make_fast_scorer", "make_scorer"]

PRECISION = "float32"
"""Of the weights that measure: what is reported is the model, not what packing it tightly makes of it."""


def make_scorer(
    config: ModelConfig,
    weights: Mapping[str, np.ndarray],
    network: Callable[[], "LanguageModel"],
    threads: int | None = None,
) -> TokenScorer:
    """What measures, in float32: the compiled kernels where they have the model, else torch.

    Args:
        config: of the model.
        weights: its arrays by name, in float32 and of the right shapes.
        network: the same in torch; called only where torch is needed.
        threads: of the compiled kernels; None is one a processor.

    Raises:
        ConfigError: `SEQLOOM_KERNELS` names an instruction set that is not there.
    """
    kernels = decoding_kernels(config)
    if kernels is not None:
        return NativeScorer(
            NativeWeights(config, weights, kernels, PRECISION), partial(condition_bias, config, weights), threads
        )
    from seqloom.evaluation.torch_scorer import TorchScorer

    return TorchScorer(network())


def make_fast_scorer(
    config: ModelConfig,
    weights: Mapping[str, np.ndarray],
    network: Callable[[], "LanguageModel"],
    threads: int | None = None,
) -> Scorer:
    """What measures in bfloat16 where the processor multiplies that faster, else what `make_scorer` gives.

    The figures are those of float32 to within 0.0002 nats a token. The arguments are those of `make_scorer`.
    """
    kernels = chosen_kernels()
    if kernels in BFLOAT16 and is_supported(config):
        return ForwardScorer(config, weights, kernels, threads)
    return make_scorer(config, weights, network, threads)
