"""Settings of a text GAN."""

from collections.abc import Iterator
from dataclasses import dataclass

from seqloom.config.base import Check, JsonSerializable, validate
from seqloom.config.settings import range_checks, setting, type_checks
from seqloom.registry import GAN_LOSSES, unknown_name

__all__ = ["GanConfig"]

_MAX_LENGTH = 256
"""Limit on the tokens of a text: a batch stores a distribution over the vocabulary for each."""


@dataclass(frozen=True, kw_only=True)
class GanConfig(JsonSerializable):
    """Settings of a text GAN.

    Attributes:
        adversarial_steps: steps of the generator against the discriminator.
        pretrain_steps: steps of VAE pretraining before, in which the generator learns to use its noise.
        warmup_steps: steps of the discriminator alone, between the two.
        batch_size: texts of a batch.
        pack_size: texts that the discriminator judges together (Lin et al. 2018).
        max_length: tokens of the longest text, its end included.
        loss: registered name of the adversarial loss.
        target_kl_nats: KL divergence of the noise's posterior from its prior in likelihood training, in nats per text.
        generator_learning_rate: learning rate of the generator in adversarial training; pretraining starts at ten
            times this rate.
        discriminator_learning_rate: first learning rate of the discriminator; 0.3 of it in adversarial training.
        likelihood_weight: weight of the likelihood at the first adversarial step; 0 leaves it out.
        final_likelihood_share: share of that weight at the last step.
        adversarial_weight: norm of the adversarial gradient, relative to the likelihood's before weighting; without
            likelihood, factor on the learning rate.
        temperature: temperature of the straight-through draws at the first adversarial step.
        final_temperature: the same at the last step.
        accuracy_band: limits for the discriminator's accuracy on unseen texts; 0 to 1 imposes none.
        ema_decay: decay of the moving average of the generator's weights, which is the result.
        eval_every: adversarial steps between two measurements of diversity.
        seed: seed of weights, order and draws.
    """

    adversarial_steps: int = setting(help="steps of generator against discriminator", at_least=0, chosen=True)
    pretrain_steps: int = setting(help="steps of VAE pretraining", at_least=0, chosen=True)
    warmup_steps: int = setting(100, help="steps of the discriminator alone", at_least=0)
    batch_size: int = setting(64, help="texts of a batch", at_least=2)
    pack_size: int = setting(8, help="texts that the discriminator judges together")
    max_length: int = setting(
        24, help="tokens of the longest text; longer texts are left out", at_least=2, at_most=_MAX_LENGTH
    )
    loss: str = setting("relativistic", help="relativistic, wasserstein or score")
    target_kl_nats: float = setting(18.0, help="KL divergence of the noise, in nats per text", at_least=0)
    generator_learning_rate: float = setting(3e-4, help="learning rate of the generator", above=0)
    discriminator_learning_rate: float = setting(1e-3, help="first learning rate of the discriminator", above=0)
    likelihood_weight: float = setting(
        1.0, help="weight of the likelihood in adversarial training; 0 leaves it out", at_least=0
    )
    final_likelihood_share: float = setting(0.5, help="share of that weight at the last step", at_least=0, at_most=1)
    adversarial_weight: float = setting(1.0, help="weight of the adversarial gradient", at_least=0)
    temperature: float = setting(1.0, help="softmax temperature of the gradients at the first step", above=0)
    final_temperature: float = setting(0.5, help="softmax temperature at the last step", above=0)
    accuracy_band: tuple[float, float] = setting(
        (0.55, 0.85), help="limits for the discriminator's accuracy; 0,1 imposes none", metavar="LOW,HIGH"
    )
    ema_decay: float = setting(
        0.99, help="decay of the moving average of the generator's weights", at_least=0, at_most=1
    )
    eval_every: int = setting(50, help="adversarial steps between two measurements of diversity", at_least=1)
    seed: int = setting(0, help="seed of weights, order and draws", at_least=0)

    def __post_init__(self) -> None:
        validate(*type_checks(self))
        validate(*range_checks(self), *_rules(self))


def _rules(config: GanConfig) -> Iterator[Check]:
    yield config.loss in GAN_LOSSES, unknown_name("loss", config.loss, GAN_LOSSES)
    yield (
        config.batch_size < 2 or 1 <= config.pack_size <= config.batch_size // 2,
        f"`pack_size` is {config.pack_size} and `batch_size` {config.batch_size}: choose a pack of 1 to half a batch",
    )
    band = config.accuracy_band
    yield (
        len(band) == 2 and 0 <= band[0] < band[1] <= 1,
        f"`accuracy_band` got {','.join(map(str, band))}: give two accuracies from 0 to 1, the lower first",
    )
