"""The default number of tokens per step of the compiled kernels, for models whose further heads can draft tokens.

A step over several tokens reads the weights once for all of them. This is faster if reading the weights takes most of
the time and if the products of a token do not depend on earlier tokens: in convolutions with many weights, and in
output layers of large vocabularies. A recurrent layer must read its tokens one after another.
"""

from seqloom.config import ModelConfig
from seqloom.kernels.cores import core_spec

__all__ = ["MAX_DRAFT_VOCAB", "default_draft_length"]

MAX_DRAFT_VOCAB = 512
"""Number of tokens that can be drafted, the most frequent ones: a draft must be cheap compared with its check."""

_CONVOLUTION_BYTES = 2_000_000
_HEAD_BYTES, _HEAD_SHARE = 5_000_000, 0.9


def default_draft_length(config: ModelConfig, weight_bytes: int, rows_per_pass: int) -> int:
    """Return the default maximum of tokens per step; 1 for shapes that drafts do not make faster.

    Args:
        config: shape of the network.
        weight_bytes: bytes of weights that a step reads.
        rows_per_pass: tokens for which the kernels read the weights once.
    """
    core = core_spec(config.core)
    if not core.is_recurrent:
        return rows_per_pass if weight_bytes >= _CONVOLUTION_BYTES else 1
    inputs = (0, *config.hidden_sizes[:-1])  # the first layer's input product is a table
    layers = sum(
        core.num_gates * size * (size + before) for before, size in zip(inputs, config.hidden_sizes, strict=True)
    )
    head = config.vocabulary * config.hidden_sizes[-1]
    return rows_per_pass if weight_bytes >= _HEAD_BYTES and head >= _HEAD_SHARE * (head + layers) else 1
