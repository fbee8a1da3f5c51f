"""Choose the scorer of a model: the compiled kernels, or torch for a model that they do not support.

A scorer computes the log-probabilities of existing tokens. Importing this module does not import torch.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from seqloom.config import ModelConfig
from seqloom.evaluation.native_scorers import ForwardScorer, NativeScorer
from seqloom.evaluation.scorer import Scorer, TokenScorer
from seqloom.kernels.condition_bias import condition_bias
from seqloom.kernels.library import BFLOAT16_KERNELS, chosen_kernels
from seqloom.kernels.native_weights import NativeWeights, decoding_kernels
from seqloom.kernels.trainer import supports_native_training

if TYPE_CHECKING:
    from seqloom.models.language_model import LanguageModel

__all__ = ["make_fast_scorer", "make_scorer"]

PRECISION = "float32"
"""Precision of the weights of `make_scorer`, so that reports describe the model and not its quantisation."""


def make_scorer(
    config: ModelConfig,
    weights: Mapping[str, np.ndarray],
    network: Callable[[], "LanguageModel"],
    threads: int | None = None,
) -> TokenScorer:
    """Return a scorer in float32, on the compiled kernels if they support the model, otherwise in torch.

    Args:
        config: shape of the network.
        weights: checked arrays by name, in float32.
        network: function that returns the model in torch; called only if torch is needed.
        threads: number of threads of the compiled kernels; None starts one per processor.

    Raises:
        ConfigError: `SEQLOOM_KERNELS` names an unavailable instruction set.
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
    """Return a scorer in bfloat16 if that is faster, otherwise the scorer of `make_scorer`.

    Bfloat16 is faster if the processor has instructions for it and the compiled trainer supports the model. Its
    losses differ from those in float32 by less than 0.0002 nats per token. The arguments are the same as those of
    `make_scorer`.
    """
    kernels = chosen_kernels()
    if kernels in BFLOAT16_KERNELS and supports_native_training(config):
        return ForwardScorer(config, weights, kernels, threads)
    return make_scorer(config, weights, network, threads)
