"""The default number of tokens per step of the compiled kernels, for models whose further heads can draft tokens.

Besides the head for the next token, a model may have heads for the tokens after it. These draft (guess) the following
tokens, and one step of the model verifies all drafts. Such a step reads the weights once for all its tokens. This is
faster if reading the weights takes most of the time and if the products of a token do not depend on earlier tokens: in
convolutions with many weights, and in output layers of large vocabularies. A recurrent layer must read its tokens one
after another.
"""

from seqloom.config import ModelConfig
from seqloom.kernels.cores import core_spec

__all__ = ["MAX_DRAFT_VOCAB", "default_draft_length"]

MAX_DRAFT_VOCAB = 512
"""Number of tokens that can be drafted, the most frequent ones: a draft must be cheaper than its verification."""

_MIN_CONVOLUTION_BYTES = 2_000_000
"""Least size of the weights with which drafts make a convolution faster, such as six layers of 192 channels."""

_MIN_RECURRENT_BYTES, _MIN_HEAD_SHARE = 5_000_000, 0.9
"""Least size of the weights, and the output layer's least share of them, for drafts to make an LSTM or GRU faster."""


def default_draft_length(config: ModelConfig, weight_bytes: int, rows_per_pass: int) -> int:
    """Return the default maximum of tokens per step; 1 for shapes that drafts do not make faster.

    Args:
        config: shape of the network.
        weight_bytes: bytes of weights that a step reads.
        rows_per_pass: number of tokens for which the kernels read the weights once.
    """
    core = core_spec(config.core)
    if not core.is_recurrent:
        return rows_per_pass if weight_bytes >= _MIN_CONVOLUTION_BYTES else 1
    input_widths = (0, *config.hidden_sizes[:-1])  # the first layer looks up its input products in a table
    num_layer_weights = sum(
        core.num_gates * size * (size + width) for width, size in zip(input_widths, config.hidden_sizes, strict=True)
    )
    num_head_weights = config.vocabulary * config.hidden_sizes[-1]
    is_mostly_head = num_head_weights >= _MIN_HEAD_SHARE * (num_head_weights + num_layer_weights)
    return rows_per_pass if weight_bytes >= _MIN_RECURRENT_BYTES and is_mostly_head else 1
