"""A head, part 1 of 2: the torch-free specification of a softmax over logits of low rank.

Register it as `"low_rank": "examples.extensions.low_rank_head:LOW_RANK"`.
"""

from typing import Any

from seqloom.config import ModelConfig
from seqloom.kernels.cores import Weights
from seqloom.kernels.heads import HeadSpec
from seqloom.kernels.heads.softmax import sample_softmax

__all__ = ["LOW_RANK", "RANK"]

RANK = 3


def _make_logits(config: ModelConfig, weights: Weights) -> Any:
    down, up, bias = (weights[f"head.{name}"] for name in ("down", "up", "bias"))
    return lambda hidden: up @ (down @ hidden) + bias


LOW_RANK = HeadSpec(
    layer="examples.extensions.low_rank_head_layer:LowRankHead",
    shapes=lambda config, width: {"down": (RANK, width), "up": (config.vocabulary, RANK), "bias": (config.vocabulary,)},
    make_parameters=_make_logits,
    sample=sample_softmax,
)
