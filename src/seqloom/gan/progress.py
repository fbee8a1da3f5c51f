"""Progress of a GAN's training, and the measurements of an adversarial step."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["AdversarialStep", "GanProgress"]

_STORED_NAMES = {
    "pretrain_steps": "awakened",
    "warmup_steps": "schooled",
    "adversarial_steps": "rounds",
    "weight_factor": "pressure",
    "rollbacks": "rollbacks",
}
"""Key of each field of `GanProgress` in a stored training state.

The keys are those of the first version, so that old files can be read.
"""


@dataclass
class GanProgress:
    """Finished steps of each stage, and the number and the effect of the rollbacks.

    Attributes:
        pretrain_steps: finished steps of the VAE pretraining.
        warmup_steps: finished steps of the discriminator warm-up.
        adversarial_steps: finished adversarial steps.
        weight_factor: factor on the setting `adversarial_weight`, halved by each rollback.
        rollbacks: number of rollbacks, which restore an earlier state after a mode collapse.
    """

    pretrain_steps: int = 0
    warmup_steps: int = 0
    adversarial_steps: int = 0
    weight_factor: float = 1.0
    rollbacks: int = 0

    @property
    def steps(self) -> int:
        """Finished steps of all stages."""
        return self.pretrain_steps + self.warmup_steps + self.adversarial_steps

    def to_json(self) -> dict[str, Any]:
        """Return the fields under their stored names."""
        return {stored: getattr(self, name) for name, stored in _STORED_NAMES.items()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "GanProgress":
        """Return the progress described by `to_json`.

        Raises:
            KeyError: a field is missing.
        """
        return cls(**{name: stored[key] for name, key in _STORED_NAMES.items()})


@dataclass(frozen=True)
class AdversarialStep:
    """Measurements of one adversarial step.

    Attributes:
        accuracy: accuracy of the discriminator on unseen real texts and new generated texts.
        generator_loss: adversarial loss of the generator, without the VAE's loss.
        discriminator_loss: loss of the discriminator; NaN if it took no step.
        reconstruction_nats: reconstruction loss of the VAE, in nats per text; NaN if `likelihood_weight` is 0, because
            the VAE's loss is then not computed.
        kl_nats: KL divergence of the encoder's posterior of the noise from the prior, in nats per text; NaN in the same
            case.
        rating_correlation: correlation of requested and predicted ratings of generated texts.
        credit_std: standard deviation of the credits. The credit of a text is its contribution to the score of its
            pack, a group of texts that the discriminator scores together.
    """

    accuracy: float
    generator_loss: float
    discriminator_loss: float
    reconstruction_nats: float
    kl_nats: float
    rating_correlation: float
    credit_std: float

    def to_log(self) -> dict[str, float]:
        """Return the measurements under their names in `log.jsonl`."""
        return {
            "accuracy": self.accuracy,
            "generator": self.generator_loss,
            "discriminator": self.discriminator_loss,
            "nats": self.reconstruction_nats,
            "information": self.kl_nats,
            "rating": self.rating_correlation,
            "credited": self.credit_std,
        }
