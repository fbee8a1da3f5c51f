"""Train generator and discriminator together: the three stages, their checkpoints, and rollbacks after a collapse.

The stages are VAE pretraining, discriminator warm-up and adversarial training. A batch of requested texts is a batch of
real texts whose ratings are the generator's input. The discriminator scores packs of several texts; the credit of a
text is its contribution to the score of its pack. A replay buffer keeps the latest generated texts for the
discriminator.

The diversity of the generated texts is checked every `eval_every` adversarial steps. A check without a mode collapse
saves the last good state. A check that detects a mode collapse restores the last good state: it rolls back.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import nn

from seqloom.config.gan import GanConfig
from seqloom.config.pace import Pace
from seqloom.errors import TrainingError
from seqloom.gan.accuracy_controller import AccuracyController
from seqloom.gan.checkpoint import add_prefix, collect_tensors, restore_tensors, strip_prefix
from seqloom.gan.condition_adherence import ConditionAdherence
from seqloom.gan.discriminator_trainer import DiscriminatorTrainer
from seqloom.gan.generator_trainer import Feedback, GeneratorTrainer
from seqloom.gan.losses import GanLoss
from seqloom.gan.mode_collapse import DiversityStats, collapse_reason, diversity_stats
from seqloom.gan.networks import Discriminator, Encoder
from seqloom.gan.progress import AdversarialStep, GanProgress
from seqloom.gan.replay_buffer import ReplayBuffer
from seqloom.gan.short_texts import ShortTexts, TextBatch, concatenate
from seqloom.gan.vae_pretraining import VaeLoss
from seqloom.models.language_model import LanguageModel
from seqloom.registry import GAN_LOSSES, resolve
from seqloom.training.loop import Snapshot

__all__ = ["GanTrainer"]

_DIVERSITY_TEXTS = 256
"""Number of texts for one measurement of the diversity."""

_REPLAY_TEXTS = 1024
"""Capacity of the replay buffer."""

_MAX_ROLLBACKS = 6
_MIN_CREDIT_STD = 1e-6
"""If the standard deviation of the credits is smaller, their differences are rounding errors."""

_LAST_GOOD, _REPLAY = "good", "shelf"
"""Prefixes of the tensors of the last good state and of the replay buffer in a stored training state."""

_PRETRAINING, _ADVERSARIAL, _DIVERSITY, _WARMUP = 0, 1, 4, 7
"""Numbers of the random streams, below `_NUM_STREAMS`: each purpose has its own draws at every step."""

_NUM_STREAMS = 8

_WARMUP_REQUESTS, _DISCRIMINATOR_TEXTS, _GENERATOR_REQUESTS, _LIKELIHOOD_TEXTS, _WARMUP_TEXTS = 2, 3, 5, 6, 7
"""Numbers of the orders of the training texts: each purpose has its own shuffled order.

The generator gets the ratings of the texts in the orders named `..._REQUESTS` as input.
"""

_ORDER_SEED_DISTANCE = 7919
"""Distance between the seeds of two orders."""

_BATCH_NUMBER_STRIDE = 8
"""Distance between the discriminator's batch numbers in two adversarial steps.

An adversarial step has fewer discriminator steps than this stride. Therefore no two discriminator steps have the same
batch number.
"""

Decode = Callable[[Sequence[Sequence[int]]], list[str]]
"""Function from the token ids of several texts to the texts."""


class GanTrainer:
    """Trainer of a generator and a discriminator.

    Args:
        model: generator, conditioned on ratings and noise; it is trained in place.
        texts: training texts.
        unseen: texts for measuring the discriminator's accuracy, which are not trained on.
        config: GAN settings.
        boundary: end-of-text id.
        decode: function from the token ids of several texts to the texts.
        device: device of all tensors.

    Attributes:
        generator: trainer of the generator; its `ema_model` is the generator with averaged weights.
        controller: control of the discriminator's accuracy.
        config: GAN settings, with the numbers of steps by the last revision.
        progress: finished steps.
        pretrain_pace, warmup_pace, adversarial_pace: planned number of steps of each stage, and its revisions.
        initial_diversity: diversity before adversarial training; None until then.
        latest_diversity: diversity at the last check; None before adversarial training.
        rollbacks: adversarial step and reason of each rollback.
    """

    def __init__(
        self,
        model: LanguageModel,
        texts: ShortTexts,
        unseen: ShortTexts,
        config: GanConfig,
        *,
        boundary: int,
        decode: Decode,
        device: torch.device,
    ) -> None:
        vocabulary, num_conditions = model.config.vocabulary, texts.conditions.shape[1]
        loss: GanLoss = resolve("loss", config.loss, GAN_LOSSES)()
        with torch.random.fork_rng([]):
            torch.manual_seed(config.seed)
            encoder = Encoder(vocabulary, num_conditions, model.config.noise_size)
            discriminator = Discriminator(vocabulary, num_conditions, config.pack_size, normalised=not loss.penalised)
        self.texts, self.config, self.device = texts, config, device
        self.boundary, self.decode = boundary, decode
        self.discriminator = discriminator.to(device)
        self.generator = GeneratorTrainer(
            model.to(device), encoder.to(device), loss, config, boundary=boundary, device=device
        )
        self.progress, self.controller = GanProgress(), AccuracyController(*config.accuracy_band)
        self.pretrain_pace, self.warmup_pace, self.adversarial_pace = config.stage_paces()
        self.initial_diversity: DiversityStats | None = None
        self.latest_diversity: DiversityStats | None = None
        self.rollbacks: list[tuple[int, str]] = []
        self._replay = ReplayBuffer(max(_REPLAY_TEXTS, config.batch_size), config.max_length, boundary)
        self._discriminator_trainer = DiscriminatorTrainer(self.discriminator, unseen, loss, config, device)
        self._last_good_state: Snapshot | None = None

    def pretrain_step(self) -> VaeLoss:
        """Run one step of the VAE pretraining.

        Raises:
            TrainingError: the gradient is not finite.
        """
        step = self.progress.pretrain_steps
        batch = self.texts.sample(self.config.seed, step, self.config.batch_size, self.device)
        random = self._random_generator(step, _PRETRAINING)
        loss = self.generator.pretrain_step(batch, step, self.pretrain_pace.share(step), random)
        self.progress.pretrain_steps += 1
        return loss

    def discriminator_warmup_step(self) -> float:
        """Run one step of the discriminator warm-up and return the accuracy on unseen texts."""
        step = self.progress.warmup_steps
        if not step:
            self._init_discriminator_embedding()
        random = self._random_generator(step, _WARMUP)
        new = self._generate_into_replay(self._batch(step, _WARMUP_REQUESTS), random)
        accuracy, _ = self._discriminator_trainer.evaluate(step, new, self.controller.noise, random)
        self.controller.observe(accuracy)
        generated = concatenate(new, self._replay.sample(self.config.batch_size, random))
        real = self._batch(step, _WARMUP_TEXTS, num_batches=2)
        self._discriminator_step(real, generated, warmup_share=self.warmup_pace.share(step), random=random)
        self.progress.warmup_steps += 1
        return accuracy

    def adversarial_step(self) -> AdversarialStep:
        """Run one adversarial step: as many discriminator steps as the controller sets, then one generator step.

        The accuracy is measured on the texts of the previous step before the discriminator learns from them. These
        texts are half of the generated texts of the first discriminator step. All other generated texts are drawn from
        the replay buffer.

        Raises:
            TrainingError: too many rollbacks, or a gradient is not finite.
        """
        self.start_adversarial()
        step = self.progress.adversarial_steps
        random, latest = self._random_generator(step, _ADVERSARIAL), self._replay.latest(self.config.batch_size)
        accuracy, correlation = self._discriminator_trainer.evaluate(step, latest, self.controller.noise, random)
        discriminator_loss = self._train_discriminator(step, latest, random)
        self.controller.update(accuracy)
        requested = self._batch(step, _GENERATOR_REQUESTS)
        generated = self.generator.adversarial_step(
            self._feedback(),
            requested,
            self._batch(step, _LIKELIHOOD_TEXTS),
            share=self.adversarial_pace.share(step),
            random=random,
        )
        self._replay.append(generated.rollout, requested)
        self.progress.adversarial_steps += 1
        if self.progress.adversarial_steps % self.config.eval_every == 0:
            self._check_diversity(generated.credit_std)
        vae = generated.vae
        reconstruction_nats, kl_nats = (
            (math.nan, math.nan) if vae is None else (float(vae.reconstruction_nats), float(vae.kl_nats))
        )
        return AdversarialStep(
            accuracy=accuracy,
            generator_loss=generated.loss,
            discriminator_loss=discriminator_loss,
            reconstruction_nats=reconstruction_nats,
            kl_nats=kl_nats,
            rating_correlation=correlation,
            credit_std=generated.credit_std,
        )

    def start_adversarial(self) -> DiversityStats:
        """Prepare adversarial training, and return the initial diversity, the reference of later checks.

        The first call generates the texts for the measurement and saves the last good state. Further calls only return
        the diversity.
        """
        if self.initial_diversity is None:
            if not self.progress.warmup_steps:
                self._init_discriminator_embedding()
            count = max(_DIVERSITY_TEXTS, self.config.batch_size)
            requested = self.texts.sample(self.config.seed, 0, count, self.device)
            self._generate_into_replay(requested, self._random_generator(0, _DIVERSITY))
            self.initial_diversity = self.latest_diversity = self._replay_diversity()
            self._last_good_state = self._current_state()
        return self.initial_diversity

    def measure_diversity(self) -> DiversityStats:
        """Generate texts with the averaged weights of the generator and return the diversity of the texts."""
        requested = self.texts.sample(self.config.seed, 0, _DIVERSITY_TEXTS, self.device)
        random = self._random_generator(0, _DIVERSITY)
        rollout = self.generator.generate(self.generator.ema_model, requested.conditions, random)
        return diversity_stats(rollout.ids(), self.decode)

    def revise(self, pace: Pace, step: int, total_steps: int) -> None:
        """Plan another number of steps for a stage, whose pace is one of the trainer's."""
        pace.revise(step, total_steps)
        self.config = self.config.with_paces([self.pretrain_pace, self.warmup_pace, self.adversarial_pace])

    def snapshot(self) -> Snapshot:
        """Return the current state and the last good state, which `restore` reads."""
        current, last_good = self._current_state(), self._last_good_state
        progress = {**current.progress, "config": self.config.to_json()}
        if last_good is None:
            return Snapshot(current.tensors, progress)
        tensors = {**current.tensors, **add_prefix(_LAST_GOOD, last_good.tensors)}
        return Snapshot(tensors, {**progress, "good": dict(last_good.progress)})

    def restore(self, snapshot: Snapshot) -> None:
        """Continue from a snapshot.

        Raises:
            ConfigError, KeyError, RuntimeError, TypeError, ValueError: the snapshot has other settings or is damaged.
        """
        config = GanConfig.from_json(snapshot.progress["config"])
        if not config.equals_but_for_steps(self.config):
            raise ValueError("the training state has other settings")
        self.config = config
        self.pretrain_pace, self.warmup_pace, self.adversarial_pace = config.stage_paces()
        last_good_progress = snapshot.progress.get("good")
        self._last_good_state = (
            None
            if last_good_progress is None
            else Snapshot(strip_prefix(_LAST_GOOD, snapshot.tensors), last_good_progress)
        )
        self._restore_state(snapshot)

    def _current_state(self) -> Snapshot:
        """Return the training state. The keys are those of the first version, so that old files can be read."""
        tensors = collect_tensors(self._networks, self._optimizers) | add_prefix(_REPLAY, self._replay.state_dict())
        diversities = (self.initial_diversity, self.latest_diversity)
        return Snapshot(
            tensors,
            {
                "progress": self.progress.to_json(),
                "balance": self.controller.to_json(),
                "expression": self.generator.adherence.to_json(),
                "varied": [None if stats is None else stats._asdict() for stats in diversities],
                "gone_back": list(self.rollbacks),
            },
        )

    def _restore_state(self, snapshot: Snapshot) -> None:
        stored = snapshot.progress
        restore_tensors(self._networks, self._optimizers, snapshot.tensors)
        replay = strip_prefix(_REPLAY, snapshot.tensors)
        self._replay.load_state_dict({key: value.to(self.device) for key, value in replay.items()})
        self.progress = GanProgress.from_json(stored["progress"])
        self.controller = AccuracyController.from_json(stored["balance"])
        self.generator.adherence = ConditionAdherence(**stored["expression"])
        self.initial_diversity, self.latest_diversity = (
            None if stats is None else DiversityStats(**stats) for stats in stored["varied"]
        )
        self.rollbacks = [(int(step), str(reason)) for step, reason in stored["gone_back"]]

    @property
    def _optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Optimizers by their names in a stored training state."""
        return {"learner": self.generator.optimizer, "critic": self._discriminator_trainer.optimizer}

    @property
    def _networks(self) -> dict[str, nn.Module]:
        """Networks by their names in a stored training state."""
        return {
            "model": self.generator.model,
            "mean": self.generator.ema_model,
            "recognizer": self.generator.encoder,
            "discriminator": self.discriminator,
        }

    def _random_generator(self, step: int, stream: int) -> torch.Generator:
        """Return the source of one step's draws, which depends on the seed, the step and the stream alone."""
        seed = ((self.config.seed * 1_000_003 + step) * _NUM_STREAMS + stream) % 2**63
        return torch.Generator(self.device).manual_seed(seed)

    def _batch(self, step: int, order: int, num_batches: int = 1) -> TextBatch:
        """Return the training texts of one step, in one of the shuffled orders, as one large batch."""
        seed = self.config.seed + _ORDER_SEED_DISTANCE * order
        return self.texts.sample(seed, step, num_batches * self.config.batch_size, self.device)

    def _feedback(self) -> Feedback:
        gradient_norm = self.config.adversarial_weight * self.progress.weight_factor
        return Feedback(
            self.discriminator,
            instance_noise=self.controller.noise,
            score_weight=self.controller.generator_weight,
            gradient_norm=gradient_norm,
        )

    def _generate_into_replay(self, requested: TextBatch, random: torch.Generator) -> TextBatch:
        """Generate one text for each condition of a batch, add the texts to the replay buffer and return them."""
        rollout = self.generator.generate(self.generator.model, requested.conditions, random)
        return self._replay.append(rollout, requested)

    def _train_discriminator(self, step: int, latest: TextBatch, random: torch.Generator) -> float:
        """Run the discriminator's steps of one adversarial step and return the last loss; NaN without steps.

        Each step learns from two batches of real and two batches of generated texts.
        """
        config, loss = self.config, math.nan
        for index in range(self.controller.discriminator_steps):
            drawn = self._replay.sample(config.batch_size * (2 if index else 1), random)
            generated = drawn if index else concatenate(latest, drawn)
            real = self._batch(step * _BATCH_NUMBER_STRIDE + index, _DISCRIMINATOR_TEXTS, num_batches=2)
            loss = self._discriminator_step(real, generated, warmup_share=1.0, random=random)
        return loss

    def _discriminator_step(
        self, real: TextBatch, generated: TextBatch, warmup_share: float, random: torch.Generator
    ) -> float:
        return self._discriminator_trainer.step(real, generated, warmup_share, self.controller.noise, random)

    def _init_discriminator_embedding(self) -> None:
        """Copy the generator's embedding to the discriminator."""
        embedding = self.generator.model.embedding
        assert embedding is not None
        self.discriminator.load_embedding(embedding.weight)

    def _replay_diversity(self) -> DiversityStats:
        return diversity_stats(self._replay.latest(_DIVERSITY_TEXTS).ids(self.boundary), self.decode)

    def _check_diversity(self, credit_std: float) -> None:
        """Measure the diversity of the latest texts. Roll back after a mode collapse; else save the last good state."""
        current = self._replay_diversity()
        assert self.initial_diversity is not None
        if credit_std < _MIN_CREDIT_STD:
            reason: str | None = "the discriminator gives all texts the same credit"
        else:
            reason = collapse_reason(current, self.initial_diversity)
        self.latest_diversity = current
        if reason is None:
            self._last_good_state = self._current_state()
        else:
            self._roll_back(reason, current)

    def _roll_back(self, reason: str, current: DiversityStats) -> None:
        """Restore the last good state with half the adversarial weight; the step counts continue.

        Raises:
            TrainingError: too many rollbacks.
        """
        assert self._last_good_state is not None
        step, count = self.progress.adversarial_steps, self.progress.rollbacks + 1
        if count > _MAX_ROLLBACKS:
            raise TrainingError(
                f"{reason}, for the {count}th time: try a lower `adversarial_weight` or `generator_learning_rate`"
            )
        # These values describe the whole training. They are kept, although the restored state has older ones.
        rollbacks, weight_factor = [*self.rollbacks, (step, reason)], self.progress.weight_factor / 2
        steps_in_band, steps = self.controller.steps_in_band, self.controller.steps
        self._restore_state(self._last_good_state)
        self.rollbacks, self.latest_diversity = rollbacks, current
        self.controller.steps_in_band, self.controller.steps = steps_in_band, steps
        self.progress.adversarial_steps, self.progress.weight_factor = step, weight_factor
        self.progress.rollbacks = count
