"""How many tokens a step of the compiled kernels is worth, for models whose further heads can draft them.

A step that reads several tokens at once reads the weights once for all. That gains where reading them is what takes the
time, and where the products of a token hang on nothing that an earlier token must give first: in convolutions of many
weights, and in output layers of large vocabularies. A recurrent layer must take its tokens in order.
"""

from seqloom.config import ModelConfig

__all__ = ["MOST_DRAFTED", "usual_ahead"]

MOST_DRAFTED = 512
"""Tokens that are ever drafted, the most frequent: a draft must cost little beside the step that checks it."""

_CONVOLUTION_BYTES = 2_000_000
_HEAD_BYTES, _HEAD_SHARE = 5_000_000, 0.9


def usual_ahead(config: ModelConfig, weight_bytes: int, rows_at_once: int) -> int:
    """Tokens that a step writes at most unless asked otherwise; 1 for shapes that do not gain.

    Args:
        config: what the network is.
        weight_bytes: what a step reads.
        rows_at_once: tokens for which the kernels read the weights once.
    """
    if config.core == "conv":
        return rows_at_once if weight_bytes >= _CONVOLUTION_BYTES else 1
    gates = 4 if config.core == "lstm" else 3
    inputs = (0, *config.hidden_sizes[:-1])  # the first layer's are a table
    layers = sum(gates * size * (size + before) for before, size in zip(inputs, config.hidden_sizes, strict=True))
    head = config.vocabulary * config.hidden_sizes[-1]
    return rows_at_once if weight_bytes >= _HEAD_BYTES and head >= _HEAD_SHARE * (head + layers) else 1
