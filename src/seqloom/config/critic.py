"""Settings of a critic.

A critic predicts the rating of a text. It combines several models, its members.
"""

from dataclasses import dataclass

from seqloom.config.settings import setting

__all__ = ["CriticConfig"]


@dataclass(frozen=True, kw_only=True)
class CriticConfig:
    """Settings of `seqloom.critic.fit.fit_critic` besides its source, columns and folder.

    Attributes:
        cut_words: largest number of words of a text; a longer text is cut at the end of a sentence. 0 is off.
        encoder: whether a convolutional network over words is another member.
        folds: number of cross-validation folds; the predictions for the left-out folds determine how the members are
            combined.
        seed: seed of the folds, of the members' initial weights and of the order of the texts.
        minutes: time budget of the whole command, in minutes: as many texts are used as there is time for. None uses
            all.
    """

    cut_words: int = setting(
        0, help="maximum words of a text; longer texts are cut at a sentence end; 0 is off", at_least=0
    )
    encoder: bool = setting(False, help="also train a convolutional network over words; doubles the training time")
    folds: int = setting(4, help="folds of the cross-validation that combines the models", at_least=2)
    seed: int = setting(0, help="seed of folds, weights and order", at_least=0)
    minutes: float | None = setting(
        None, help="minutes for the whole command, which uses as many texts as there is time for (no limit)", above=0
    )
