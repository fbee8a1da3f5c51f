"""How the neural readers are built and trained."""

from dataclasses import dataclass

__all__ = ["SCALE", "EncoderSettings", "NetworkSettings"]

SCALE = 4.0
"""Factor on the rows of an n-gram network.

Rows have length 1, and the weights of hundreds of n-grams add up to it, so each weight becomes about a tenth.
"""


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """How a network of n-grams is built and trained.

    Attributes:
        width: of the hidden layer.
        epochs: readings of the texts; more where they are few.
        updates: of the weights, at least.
        batch: texts an update.
        learning_rate: at its peak; falls to zero in a straight line.
        dropout: share of the hidden units dropped.
        feature_dropout: share of the n-grams dropped.
    """

    width: int = 48
    epochs: int = 4
    updates: int = 600
    batch: int = 32
    learning_rate: float = 2e-3
    dropout: float = 0.5
    feature_dropout: float = 0.3


@dataclass(frozen=True, kw_only=True)
class EncoderSettings:
    """How an encoder is built and trained.

    Attributes:
        width: of the word embedding.
        filters: convolutions of each of the widths 1 to 4.
        epochs: readings of the texts; more where they are few.
        updates: of the weights, at least.
        batch: texts an update.
        learning_rate: at its peak; falls to zero in a straight line.
        dropout: share of the responses dropped.
        word_dropout: share of the words hidden.
        longest: words of a text that are read.
    """

    width: int = 48
    filters: int = 32
    epochs: int = 3
    updates: int = 600
    batch: int = 32
    learning_rate: float = 3e-3
    dropout: float = 0.5
    word_dropout: float = 0.1
    longest: int = 300
