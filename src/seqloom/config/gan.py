"""Settings of a text GAN.

The generator turns a rating and Gaussian noise into a text. With the default loss it starts from the weights of a
likelihood-trained language model. The three stages that follow have their settings here: pretraining as a VAE
(variational autoencoder), warm-up of the discriminator, and adversarial training of both networks.

`automatic=True` means: unless the user sets a value, `seqloom.train_gan` chooses one that fits the budget in minutes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from seqloom.config.base import Check, JsonSerializable, validate
from seqloom.config.pace import Pace
from seqloom.config.settings import range_checks, setting, type_checks
from seqloom.errors import ConfigError
from seqloom.registry import GAN_LOSSES, unknown_name

__all__ = ["DEFAULT_MINUTES", "NO_RATING", "NO_SOURCE", "GanConfig"]

DEFAULT_MINUTES = 8.0
"""Time budget of a GAN's training for which none is set, in minutes."""

NO_RATING = "`rating`: name the column with the ratings to train on"
NO_SOURCE = "a source is required: name a table, or continue a training with `resume`"
"""Messages about a training without ratings, and without a source."""

_MAX_LENGTH = 256
"""Limit on the tokens of a text. A batch needs memory for a distribution over the vocabulary at every token."""


@dataclass(frozen=True, kw_only=True)
class GanConfig(JsonSerializable):
    """Settings of a text GAN.

    Attributes:
        adversarial_steps: steps of adversarial training.
        pretrain_steps: steps of VAE pretraining, in which the generator learns to use its noise.
        warmup_steps: steps of the warm-up, in which only the discriminator learns.
        batch_size: texts per batch.
        pack_size: texts that the discriminator judges together (Lin et al. 2018).
        max_length: largest number of tokens of a text, including the token that ends it.
        loss: registered name of the adversarial loss.
        target_kl_nats: target of the VAE's KL divergence, in nats per text. For each text the encoder predicts a
            distribution of the noise; the KL divergence is its distance from the standard normal distribution.
        generator_learning_rate: learning rate of the generator in adversarial training; VAE pretraining starts at ten
            times this rate.
        discriminator_learning_rate: learning rate at the start of the warm-up. It falls to 0.3 times this rate at the
            end of the warm-up, and stays there in adversarial training.
        likelihood_weight: weight of the VAE's loss at the first adversarial step; 0 leaves the loss out.
        final_likelihood_share: weight of the VAE's loss at the last adversarial step, as a share of
            `likelihood_weight`.
        adversarial_weight: norm to which each adversarial gradient is scaled, as a multiple of the norm of the VAE's
            unweighted gradient. If `likelihood_weight` is 0, there is no VAE gradient: `adversarial_weight` then
            multiplies the learning rate.
        temperature: softmax temperature of the straight-through gradients at the first adversarial step.
        final_temperature: the same temperature at the last adversarial step.
        accuracy_band: lower and upper limit of the discriminator's accuracy on unseen texts. Training keeps the
            accuracy between them by the number of the discriminator's steps and by noise on its inputs; 0 and 1 impose
            no limits.
        ema_decay: decay per step of the moving average of the generator's weights; the run stores this average.
        eval_every: adversarial steps between two measurements of diversity.
        seed: seed of weights, order and draws.
        pace: planned numbers of steps of VAE pretraining, warm-up and adversarial training, as
            "STEP:TOTAL,.../STEP:TOTAL,.../STEP:TOTAL,...", if the plans were revised during the training; see
            `config.pace`. A stage without steps has an empty part.
    """

    adversarial_steps: int = setting(help="steps of adversarial training", at_least=0, automatic=True)
    pretrain_steps: int = setting(help="steps of VAE pretraining", at_least=0, automatic=True)
    warmup_steps: int = setting(100, help="steps in which only the discriminator learns", at_least=0)
    batch_size: int = setting(64, help="texts per batch", at_least=2)
    pack_size: int = setting(8, help="texts that the discriminator judges together")
    max_length: int = setting(
        24, help="tokens of the longest text; longer texts are left out", at_least=2, at_most=_MAX_LENGTH
    )
    loss: str = setting("relativistic", help="adversarial loss: relativistic, wasserstein or score")
    target_kl_nats: float = setting(18.0, help="target of the KL divergence of the noise, in nats per text", at_least=0)
    generator_learning_rate: float = setting(3e-4, help="learning rate of the generator", above=0)
    discriminator_learning_rate: float = setting(1e-3, help="initial learning rate of the discriminator", above=0)
    likelihood_weight: float = setting(
        1.0, help="weight of the likelihood at the first adversarial step; 0 leaves it out", at_least=0
    )
    final_likelihood_share: float = setting(
        0.5, help="share of the likelihood weight that is left at the last step", at_least=0, at_most=1
    )
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
    pace: str = setting(
        "", help="planned numbers of steps of the three stages, as an earlier training printed them", metavar="PACE"
    )

    def __post_init__(self) -> None:
        validate(*type_checks(self))
        validate(*range_checks(self), *_rules(self))

    @property
    def stage_steps(self) -> tuple[int, int, int]:
        """Numbers of steps of VAE pretraining, warm-up and adversarial training."""
        return self.pretrain_steps, self.warmup_steps, self.adversarial_steps

    def stage_paces(self) -> list[Pace]:
        """Return the planned numbers of steps of VAE pretraining, warm-up and adversarial training."""
        parts = self.pace.split("/") if self.pace else [""] * len(self.stage_steps)
        return [
            Pace.parse(part) if part else Pace([(0, max(1, steps))])
            for part, steps in zip(parts, self.stage_steps, strict=True)
        ]

    def with_paces(self, paces: Sequence[Pace]) -> "GanConfig":
        """Return the settings with other planned numbers of steps; a stage without steps keeps having none."""
        kept = [pace if steps else None for pace, steps in zip(paces, self.stage_steps, strict=True)]
        totals = [0 if pace is None else pace.total_steps for pace in kept]
        is_revised = any(pace is not None and len(pace.revisions) > 1 for pace in kept)
        text = "/".join("" if pace is None else str(pace) for pace in kept) if is_revised else ""
        return replace(self, pace=text, pretrain_steps=totals[0], warmup_steps=totals[1], adversarial_steps=totals[2])

    def equals_but_for_steps(self, other: "GanConfig") -> bool:
        """Return whether all settings but the planned numbers of steps are equal."""
        return replace(self, pretrain_steps=0, warmup_steps=0, adversarial_steps=0, pace="") == replace(
            other, pretrain_steps=0, warmup_steps=0, adversarial_steps=0, pace=""
        )


def _rules(config: GanConfig) -> Iterator[Check]:
    if config.pace:
        yield from _pace_rules(config)
    yield config.loss in GAN_LOSSES, unknown_name("loss", config.loss, GAN_LOSSES)
    yield (
        config.batch_size < 2 or 1 <= config.pack_size <= config.batch_size // 2,  # `range_checks` refuses a batch of 1
        f"`pack_size` is {config.pack_size} and `batch_size` is {config.batch_size}: choose a `pack_size` from 1 to "
        "half of `batch_size`",
    )
    band = config.accuracy_band
    yield (
        len(band) == 2 and 0 <= band[0] < band[1] <= 1,
        f"`accuracy_band` got {','.join(map(str, band))}: give two accuracies from 0 to 1, the lower first",
    )


def _pace_rules(config: GanConfig) -> Iterator[Check]:
    """Yield whether the setting `pace` has a part for each stage that ends at the number of its steps."""
    parts = config.pace.split("/")
    if len(parts) != len(config.stage_steps):
        yield (
            False,
            f"`pace` got {config.pace[:60]!r}: give the three parts that a training prints, with / between them",
        )
        return
    for part, steps in zip(parts, config.stage_steps, strict=True):
        try:
            total_steps = Pace.parse(part).total_steps if part else steps
        except ConfigError as error:
            yield from ((False, fault) for fault in error.faults)
        else:
            yield total_steps == steps, f"`pace` ends a stage at {total_steps:,} steps, and the stage has {steps:,}"
