"""Settings of the neural models of whole texts.

Both models predict the ordinal targets of a text: for each of several thresholds, whether its rating is above.
"""

from dataclasses import dataclass

__all__ = ["ROW_SCALE", "EncoderSettings", "NetworkSettings"]

ROW_SCALE = 4.0
"""Factor on the input of an n-gram network, the TF-IDF weights of one text.

The weights of words and those of characters have norm 1 each and are hundreds of numbers. With this factor, a typical
weight is about a tenth.
"""


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """Size and training of an n-gram network.

    Attributes:
        width: size of the hidden layer.
        epochs: passes over the texts; more if `updates` needs them.
        updates: minimal number of weight updates.
        batch: texts per update.
        learning_rate: peak learning rate; decays linearly to zero.
        dropout: dropout probability of a hidden unit.
        feature_dropout: dropout probability of an n-gram.
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
    """Size and training of a convolutional encoder.

    Attributes:
        width: size of the word embedding.
        filters: number of convolution filters of each of the widths 1 to 4.
        epochs: passes over the texts; more if `updates` needs them.
        updates: minimal number of weight updates.
        batch: texts per update.
        learning_rate: peak learning rate; decays linearly to zero.
        dropout: dropout probability of a pooled response.
        word_dropout: probability that a word is replaced by the unknown word.
        longest: largest number of words that are read of a text; further words are ignored.
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
