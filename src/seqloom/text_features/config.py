"""Settings of the neural models of whole texts.

There are two models: an n-gram network (`ngram_network.py`) and a convolutional encoder of words (`encoder.py`). Both
predict the ordinal targets of a text: for each of several thresholds, whether the text's rating exceeds the threshold.
"""

from dataclasses import dataclass

__all__ = ["INPUT_SCALE", "EncoderSettings", "NetworkSettings"]

INPUT_SCALE = 4.0
"""Factor on the input of an n-gram network, the TF-IDF weights of one text.

A text has hundreds of n-grams of words and hundreds of n-grams of characters. The weights of each kind have norm 1
together, so that each weight is small. The factor raises a typical weight to about a tenth.
"""


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """Size and training of an n-gram network.

    Attributes:
        width: size of the hidden layer.
        epochs: smallest number of passes over the texts; `updates` may require more.
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
        epochs: smallest number of passes over the texts; `updates` may require more.
        updates: minimal number of weight updates.
        max_updates: maximal number of weight updates, even if there are fewer passes then; None for no limit.
        batch: texts per update.
        learning_rate: peak learning rate; decays linearly to zero.
        dropout: dropout probability of a filter's response, pooled over the text.
        word_dropout: probability that training replaces a word by the unknown word.
        longest: largest number of words that the encoder reads from a text; it ignores further words.
    """

    width: int = 48
    filters: int = 32
    epochs: int = 3
    updates: int = 600
    max_updates: int | None = None
    batch: int = 32
    learning_rate: float = 3e-3
    dropout: float = 0.5
    word_dropout: float = 0.1
    longest: int = 300
