"""Settings of a critic."""

from dataclasses import dataclass

from seqloom.config.settings import setting

__all__ = ["CriticConfig"]


@dataclass(frozen=True, kw_only=True)
class CriticConfig:
    """Settings of `seqloom.critic.fit.fit_critic` beyond the source.

    Attributes:
        cut_words: words after which a text is cut at the end of a sentence; 0 is off.
        encoder: whether a convolutional network over words is trained too.
        folds: folds of cross-validation for stacking.
        seed: seed of folds, weights and order.
    """

    cut_words: int = setting(0, help="words after which a text is cut at the end of a sentence; 0 is off", at_least=0)
    encoder: bool = setting(False, help="also train convolutions over words; doubles the time")
    folds: int = setting(4, help="folds of cross-validation for stacking", at_least=2)
    seed: int = setting(0, help="seed of folds, weights and order", at_least=0)
