"""How a text GAN is trained. Frozen, checked, and stored with its run."""

import math
from dataclasses import dataclass, fields

from seqloom.config.base import JsonSerializable, check_type, validate
from seqloom.registry import GAN_LOSSES, unknown_name

__all__ = ["GanConfig"]

_LEAST = {"rounds": 0, "awakening": 0, "schooling": 0, "batch": 2, "check_every": 1, "seed": 0}

_LONGEST = 256
"""Tokens of a text: a batch is held as so many distributions over the vocabulary."""


@dataclass(frozen=True, kw_only=True)
class GanConfig(JsonSerializable):
    """The settings of one training.

    Attributes:
        rounds: of the generator against the discriminator.
        awakening: updates by likelihood alone before them, in which the generator learns to use its noise.
        schooling: updates of the discriminator alone after those.
        batch: texts of an update.
        pack: texts that the discriminator judges together.
        length: tokens of the longest text, its end included.
        loss: registered name of what both play for.
        information: nats that the noise tells of a text, in learning by likelihood.
        generator_rate: learning rate of the generator in the rounds; the awakening begins at ten times that.
        discriminator_rate: learning rate of the discriminator at first; 0.3 of it in the rounds.
        likelihood: weight of learning by likelihood at the first round; 0 leaves it out.
        last_likelihood: the share of it that is left at the last round.
        pressure: norm of the gradient of rewarded texts beside that of the likelihood's before its weight; where that
            is left out, what the learning rate is multiplied by.
        temperature: of the straight-through draws at the first round.
        last_temperature: the same at the last.
        band: within which the discriminator's accuracy on texts that it has not seen is held; 0 to 1 leaves it alone.
        average: decay of the mean of the generator's weights, which is what is kept.
        check_every: rounds between two looks at how varied the texts are.
        seed: of weights, order and draws.
    """

    adversarial_steps: int
    pretrain_steps: int
    warmup_steps: int = 100
    batch_size: int = 64
    pack_size: int = 8
    max_length: int = 24
    loss: str = "relativistic"
    target_kl_nats: float = 18.0
    generator_learning_rate: float = 3e-4
    discriminator_learning_rate: float = 1e-3
    likelihood_weight: float = 1.0
    final_likelihood_share: float = 0.5
    adversarial_weight: float = 1.0
    temperature: float = 1.0
    final_temperature: float = 0.5
    accuracy_band: tuple[float, float] = (0.55, 0.85)
    ema_decay: float = 0.99
    eval_every: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        validate(*[check_type(field.name, getattr(self, field.name), field.default) for field in fields(self)])
        validate(
            (self.loss in GAN_LOSSES, unknown_name("loss", self.loss, GAN_LOSSES)),
            *[
                (getattr(self, name) >= least, f"{_flag(name)} got {getattr(self, name)}: choose {least} or more")
                for name, least in _LEAST.items()
            ],
            *[
                (
                    0 < getattr(self, name) < math.inf,
                    f"{_flag(name)} got {getattr(self, name)}: choose a number above 0",
                )
                for name in ("generator_rate", "discriminator_rate", "temperature", "last_temperature")
            ],
            *[
                (
                    0 <= getattr(self, name) < math.inf,
                    f"{_flag(name)} got {getattr(self, name)}: choose a number from 0",
                )
                for name in ("information", "likelihood", "pressure")
            ],
            *[
                (0 <= getattr(self, name) <= 1, f"{_flag(name)} got {getattr(self, name)}: choose from 0 to 1")
                for name in ("last_likelihood", "average")
            ],
            (2 <= self.max_length <= _LONGEST, f"--length got {self.max_length}: choose 2 to {_LONGEST} tokens"),
            (
                self.batch_size < 2 or 1 <= self.pack_size <= self.batch_size // 2,
                f"--pack is {self.pack_size} and --batch {self.batch_size}: choose a pack of 1 to half a batch",
            ),
            (
                len(self.accuracy_band) == 2 and 0 <= self.accuracy_band[0] < self.accuracy_band[1] <= 1,
                f"--band got {','.join(map(str, self.accuracy_band))}: give two accuracies from 0 to 1, the lower first",
            ),
        )


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
