"""Training a generator and a discriminator against each other, in balance; what one round does, and going back."""

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from seqloom.config.gan import GanConfig
from seqloom.errors import TrainingError
from seqloom.gan.accuracy_controller import AccuracyController
from seqloom.gan.checkpoint import add_prefix, collect_tensors, restore_tensors, strip_prefix
from seqloom.gan.condition_adherence import ConditionAdherence
from seqloom.gan.discriminator_trainer import DiscriminatorTrainer
from seqloom.gan.gradient_clipping import clip_gradients
from seqloom.gan.losses import GanLoss, policy_gradient_loss, standardize
from seqloom.gan.mode_collapse import DiversityStats, collapse_reason, diversity_stats
from seqloom.gan.networks import Discriminator, DiscriminatorInput, Encoder
from seqloom.gan.replay_buffer import ReplayBuffer
from seqloom.gan.rollout import Rollout, generate_rollout, generator_features
from seqloom.gan.short_texts import ShortTexts, TextBatch, concatenate
from seqloom.gan.vae_pretraining import VaeLoss, vae_loss
from seqloom.models.language_model import LanguageModel
from seqloom.registry import GAN_LOSSES, resolve
from seqloom.training.loop import Snapshot

__all__ = ["AdversarialStep", "GanProgress", "GanTrainer"]

_HIDDEN_RATINGS = 0.1
"""Share of texts whose rating the generator is not told in learning by likelihood, so that guidance works."""

_UNREAD = 0.9
"""Share of the tokens before it that the generator does not read, when it begins to learn to use its noise."""

_RECOGNISED, _RATED = 0.1, 2.5
"""Weights, beside the discriminator's verdict, of recognising the noise in a text and of its rating."""

_THROUGH = 0.3
"""Norm of the gradient that goes through the texts' tokens to the verdict, beside that of the reward of whole texts."""

_CALMER = 0.5
"""Softmax temperature of the draws that noise is recognised in: it shall show in what a text says, not by chance."""

_LOOKED_AT = 256
"""Texts that a look at how varied they are takes account of."""

_SHELVED = 1024
"""Texts that the discriminator learns from more than once."""

_MOST_ROLLBACKS = 6
_DEAD = 1e-6
"""Standard deviation of what texts are credited with, below which it is rounding."""

_GOOD = "good"
"""Stands before the names of tensors that training would go back to."""

Spell = Callable[[Sequence[Sequence[int]]], list[str]]


@dataclass
class GanProgress:
    """The numbers that training carries on.

    Attributes:
        awakened: updates of the awakening that are done.
        schooled: updates of the schooling.
        rounds: that are done.
        pressure: what going back has multiplied the config's by.
        rollbacks: how often that was.
    """

    awakened: int = 0
    schooled: int = 0
    rounds: int = 0
    pressure: float = 1.0
    rollbacks: int = 0


@dataclass(frozen=True)
class AdversarialStep:
    """What happened in a round.

    Attributes:
        accuracy: of the discriminator on unseen real texts and new generated ones.
        generator: its loss.
        discriminator: its loss; NaN where it had no update.
        nats: of a text by likelihood, and NaN where that is left out.
        information: of its noise.
        rating: correlation of the ratings that were wanted and that the discriminator reads in generated texts.
        credited: standard deviation of what its texts are credited with.
    """

    accuracy: float
    generator: float
    discriminator: float
    nats: float
    information: float
    rating: float
    credited: float


class GanTrainer:
    """Two networks that learn from each other, a third that recognises noise, and the mean of the first's weights.

    Args:
        model: the generator, told of ratings and noise; it is changed.
        texts: to learn from.
        unseen: others, on which the discriminator's accuracy is measured.
        config: how.
        boundary: the id that ends a text.
        spell: ids to texts.
        device: that everything is computed on.

    Attributes:
        mean: the generator with the mean of its weights; what is kept.
        reference: how varied texts were after the awakening.
        found: how varied they were at the last look.
        gone_back: why training went back, at which rounds.
    """

    def __init__(
        self,
        model: LanguageModel,
        texts: ShortTexts,
        unseen: ShortTexts,
        config: GanConfig,
        *,
        boundary: int,
        spell: Spell,
        device: torch.device,
    ) -> None:
        vocabulary, ratings = model.config.vocabulary, texts.ratings.shape[1]
        self.loss: GanLoss = resolve("loss", config.loss, GAN_LOSSES)()
        self.model = model.to(device)
        self.mean = deepcopy(self.model)
        with torch.random.fork_rng([]):
            torch.manual_seed(config.seed)
            recognizer = Encoder(vocabulary, ratings, model.config.noise_size)
            discriminator = Discriminator(vocabulary, ratings, config.pack_size, normalised=not self.loss.penalised)
        self.recognizer, self.discriminator = recognizer.to(device), discriminator.to(device)
        self.texts, self.config, self.device = texts, config, device
        self.boundary, self.spell = boundary, spell
        self.progress, self.balance, self.expression = (
            GanProgress(),
            AccuracyController(*config.accuracy_band),
            ConditionAdherence(),
        )
        self.reference: DiversityStats | None = None
        self.latest_diversity: DiversityStats | None = None
        self.rollbacks: list[tuple[int, str]] = []
        self._shelf = ReplayBuffer(max(_SHELVED, config.batch_size), config.max_length, boundary)
        self._learner = torch.optim.Adam(
            [*self.model.parameters(), *self.recognizer.parameters()], config.generator_learning_rate, (0.5, 0.99)
        )
        self._teacher = DiscriminatorTrainer(self.discriminator, unseen, self.loss, config, device)
        self._good: Snapshot | None = None

    def pretrain_step(self) -> VaeLoss:
        """One update by likelihood alone; the noise tells more and more.

        Raises:
            TrainingError: the gradient is not finite.
        """
        config, number = self.config, self.progress.awakened
        share = number / max(config.pretrain_steps, 1)
        batch, random = self.texts.sample(config.seed, number, config.batch_size, self.device), self._random(number, 0)
        known = min(1.0, 4 * share) * config.target_kl_nats
        found = vae_loss(
            self.model, self.recognizer, batch, self._told(batch, random), known, random, _UNREAD * (1 - share)
        )
        self._learner.zero_grad(set_to_none=True)
        torch.autograd.backward(found.loss)
        clip_gradients(self._learned, 1.0, "generator")
        cosine = (1 + math.cos(math.pi * share)) / 2
        self._step(config.generator_learning_rate * (1 + 9 * cosine))
        self._average(min(config.ema_decay, (1 + number) / (10 + number)))
        self.progress.awakened += 1
        return found

    def discriminator_warmup_step(self) -> float:
        """One update of the discriminator alone; gives its accuracy on what it has not seen."""
        number = self.progress.schooled
        if not number:
            self._introduce()
        random = self._random(number, 7)
        wanted = self._batch(number, 2)
        drafts = self._shelf.append(self._written(self.model, wanted, random), wanted)
        accuracy, _ = self._teacher.evaluate(number, drafts, self.balance.noise, random)
        self.balance.observe(accuracy)
        both = concatenate(drafts, self._shelf.sample(self.config.batch_size, random))
        self._teach(self._batch(number, 7, 2), both, number / self.config.warmup_steps, random)
        self.progress.schooled += 1
        return accuracy

    def adversarial_step(self) -> AdversarialStep:
        """One round: updates of the discriminator, as the balance has it, and one of the generator.

        The discriminator is measured on the texts of the round before, which it has not learned from, and then learns
        from them; for more updates older ones are drawn too.

        Raises:
            TrainingError: texts collapsed again and again, or a gradient is not finite.
        """
        self.start_adversarial()
        config, number = self.config, self.progress.rounds
        random, drafts = self._random(number, 1), self._shelf.latest(config.batch_size)
        accuracy, rating = self._teacher.evaluate(number, drafts, self.balance.noise, random)
        loss = math.nan
        for update in range(self.balance.updates):
            older = self._shelf.sample(config.batch_size * (2 if update else 1), random)
            drafts = older if update else concatenate(drafts, older)
            loss = self._teach(self._batch(number * 8 + update, 3, 2), drafts, 1.0, random)
        self.balance.update(accuracy)
        found, generator, credited = self._learn(number, random)
        self._average(config.ema_decay)
        self.progress.rounds += 1
        if self.progress.rounds % config.eval_every == 0:
            self._look(credited)
        nats, information = (math.nan, math.nan) if found is None else (float(found.nats), float(found.information))
        return AdversarialStep(accuracy, generator, loss, nats, information, rating, credited)

    def start_adversarial(self) -> DiversityStats:
        """See how varied texts are before the rounds, which later looks are held against; again changes nothing."""
        if self.reference is None:
            if not self.progress.schooled:
                self._introduce()
            count = max(_LOOKED_AT, self.config.batch_size)
            wanted = self.texts.sample(self.config.seed, 0, count, self.device)
            self._shelf.append(self._written(self.model, wanted, self._random(0, 4)), wanted)
            self.reference = self.latest_diversity = diversity_stats(
                self._shelf.latest(_LOOKED_AT).ids(self.boundary), self.spell
            )
            self._good = self._own()
        return self.reference

    def diversity(self) -> DiversityStats:
        """How varied texts of the mean weights are."""
        wanted = self.texts.sample(self.config.seed, 0, _LOOKED_AT, self.device)
        return diversity_stats(self._written(self.mean, wanted, self._random(0, 4)).ids(), self.spell)

    def snapshot(self) -> Snapshot:
        """All that training goes on from, and what it would go back to."""
        own, good = self._own(), self._good
        progress = {**own.progress, "config": self.config.to_json()}
        if good is None:
            return Snapshot(own.tensors, progress)
        tensors = {**own.tensors, **add_prefix(_GOOD, good.tensors)}
        return Snapshot(tensors, {**progress, "good": dict(good.progress)})

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to what `snapshot` gave.

        Raises:
            ConfigError, KeyError, RuntimeError, TypeError, ValueError: it is of a training with other settings.
        """
        if GanConfig.from_json(snapshot.progress["config"]) != self.config:
            raise ValueError("the state was kept with other settings")
        good = snapshot.progress.get("good")
        self._good = None if good is None else Snapshot(strip_prefix(_GOOD, snapshot.tensors), good)
        self._restore(snapshot)

    def _own(self) -> Snapshot:
        tensors = {**collect_tensors(self._parts, self._optimizers), **add_prefix("shelf", self._shelf.state_dict())}
        return Snapshot(
            tensors,
            {
                "progress": asdict(self.progress),
                "balance": self.balance.to_json(),
                "expression": self.expression.to_json(),
                "varied": [None if one is None else one._asdict() for one in (self.reference, self.latest_diversity)],
                "gone_back": list(self.rollbacks),
            },
        )

    def _restore(self, snapshot: Snapshot) -> None:
        held = snapshot.progress
        restore_tensors(self._parts, self._optimizers, snapshot.tensors)
        shelf = strip_prefix("shelf", snapshot.tensors)
        self._shelf.load_state_dict({key: value.to(self.device) for key, value in shelf.items()})
        self.progress, self.balance = GanProgress(**held["progress"]), AccuracyController(**held["balance"])
        self.expression = ConditionAdherence(**held["expression"])
        self.reference, self.latest_diversity = (
            None if one is None else DiversityStats(**one) for one in held["varied"]
        )
        self.rollbacks = [(int(number), str(why)) for number, why in held["gone_back"]]

    @property
    def _optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"learner": self._learner, "critic": self._teacher.optimizer}

    @property
    def _parts(self) -> dict[str, nn.Module]:
        return {
            "model": self.model,
            "mean": self.mean,
            "recognizer": self.recognizer,
            "discriminator": self.discriminator,
        }

    @property
    def _learned(self) -> list[nn.Parameter]:
        return [*self.model.parameters(), *self.recognizer.parameters()]

    def _random(self, number: int, purpose: int) -> torch.Generator:
        """Draws of one update, which hang on nothing else."""
        seed = ((self.config.seed * 1_000_003 + number) * 8 + purpose) % 2**63
        return torch.Generator(self.device).manual_seed(seed)

    def _batch(self, number: int, purpose: int, times: int = 1) -> TextBatch:
        return self.texts.sample(self.config.seed + 7919 * purpose, number, times * self.config.batch_size, self.device)

    def _told(self, batch: TextBatch, random: torch.Generator) -> Float[Tensor, "batch width"]:
        """The ratings of texts, some of them hidden."""
        shown = torch.rand(len(batch.ratings), generator=random, device=self.device) >= _HIDDEN_RATINGS
        return batch.ratings * shown[:, None]

    def _features(self, model: LanguageModel, batch: TextBatch, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """What a generator is told for texts of a batch's ratings: those, and new noise; and that noise."""
        count, noise = len(batch.ratings), self.model.config.noise_size
        drawn = torch.randn(count, noise, generator=random, device=self.device)
        return generator_features(model, batch.ratings, drawn), drawn

    @torch.no_grad()
    def _written(self, model: LanguageModel, wanted: TextBatch, random: torch.Generator) -> Rollout:
        """New texts for the ratings of a batch, from which the generator does not learn."""
        features, _ = self._features(model, wanted, random)
        return generate_rollout(model, features, self.config.max_length, self.boundary, random)

    def _teach(self, real: TextBatch, drafts: TextBatch, schooled: float, random: torch.Generator) -> float:
        """One update of the discriminator."""
        return self._teacher.step(real, drafts, schooled, self.balance.noise, random)

    def _introduce(self) -> None:
        """The discriminator begins with what the generator knows of tokens."""
        assert self.model.embedding is not None
        self.discriminator.load_embedding(self.model.embedding.weight)

    def _learn(self, number: int, random: torch.Generator) -> tuple[VaeLoss | None, float, float]:
        """One update of the generator: by likelihood, and by what the discriminator makes of its texts."""
        config = self.config
        share = number / max(config.adversarial_steps, 1)
        played, generator, credited = self._played(self._batch(number, 5), share, random)
        pushes = [torch.autograd.grad(one, self._learned, allow_unused=True, retain_graph=True) for one in played]
        norms = [_norm(push) for push in pushes]
        weight = config.likelihood_weight * (1 + (config.final_likelihood_share - 1) * share)
        found = None
        self._learner.zero_grad(set_to_none=True)
        allowed = 1.0
        if weight:
            batch = self._batch(number, 6)
            found = vae_loss(
                self.model, self.recognizer, batch, self._told(batch, random), config.target_kl_nats, random
            )
            torch.autograd.backward(weight * found.loss)
            allowed = (
                config.adversarial_weight * self.progress.pressure * _norm([one.grad for one in self._learned]) / weight
            )
        pull, lack = self.balance.generator_weight, self.expression.shortfall
        shares = (max(pull, lack), _THROUGH * pull, lack)
        for push, norm, part in zip(pushes, norms, shares[: len(pushes)], strict=True):
            for parameter, gradient in zip(self._learned, push, strict=True):
                if gradient is not None:
                    pushed = gradient * (part * allowed / max(norm, 1e-12))
                    parameter.grad = pushed if parameter.grad is None else parameter.grad + pushed
        clip_gradients(self._learned, 1.0, "generator")
        # Without likelihood beside it, only the learning rate says how far the generator goes.
        heed = 1.0 if weight else config.adversarial_weight * self.progress.pressure
        self._step(heed * config.generator_learning_rate * (1.1 + math.cos(math.pi * share)) / 2.1)
        return found, generator, credited

    def _played(self, real: TextBatch, share: float, random: torch.Generator) -> tuple[list[Tensor], float, float]:
        """What the generator minimises, by rewards and through tokens; its loss; how far its credits differ."""
        config = self.config
        features, noise = self._features(self.model, real, random)
        count, calm = len(noise), len(noise) // 2 if self.loss.through_text else 0
        how: dict[str, Any] = {}
        if self.loss.through_text:
            spread = torch.ones(count + calm, 1, device=self.device)
            spread[count:] = _CALMER
            temperature = config.temperature * (config.final_temperature / config.temperature) ** share
            how = {"temperature": temperature, "spread": spread}
        both = torch.cat([features, features[:calm]])
        drafts = generate_rollout(self.model, both, config.max_length, self.boundary, random, weighed=True, **how)
        self._shelf.append(drafts, real)
        usual, calmer = drafts.split(count, calm)
        judged = self.discriminator.judge(usual, real.ratings, self.balance.noise, random)
        with torch.no_grad():
            shown = DiscriminatorInput(real.tokens, real.kept)
            of_real = self.discriminator.judge(shown, real.ratings, self.balance.noise, random)
            credits = self.discriminator.credits(judged, of_real)
            self.expression.update(real.levels, of_real.levels, judged.levels)
        generator = self.loss.generator(*map(self.discriminator.scores, (of_real, judged)))
        assert drafts.log_probs is not None
        off = (judged.levels.detach() - real.levels).square()[: len(credits)]
        rewards = self.balance.generator_weight * standardize(
            credits
        ) - _RATED * self.expression.shortfall * standardize(off)
        played = [policy_gradient_loss(rewards, drafts.log_probs[: len(credits)])]
        if self.loss.through_text:
            mean, log_variance = self.recognizer(calmer, real.ratings[:calm])
            missed = ((noise[:calm] - mean).square() / log_variance.exp() + log_variance).sum(1).mean() / 2
            worded = self.discriminator.word_scores(usual)
            read = judged.levels.detach() + worded - worded.detach()
            played += [generator + _RECOGNISED * missed, (read - real.levels).square().mean()]
        return played, float(generator.detach()), float(credits.std())

    def _step(self, rate: float) -> None:
        for group in self._learner.param_groups:
            group["lr"] = rate
        self._learner.step()

    @torch.no_grad()
    def _average(self, decay: float) -> None:
        for mean, own in zip(self.mean.parameters(), self.model.parameters(), strict=True):
            mean.lerp_(own, 1 - decay)

    def _look(self, credited: float) -> None:
        """See whether the texts have become alike; go back where they have."""
        found = diversity_stats(self._shelf.latest(_LOOKED_AT).ids(self.boundary), self.spell)
        assert self.reference is not None
        alike = "the discriminator credits all texts alike"
        why = alike if credited < _DEAD else collapse_reason(found, self.reference)
        self.latest_diversity = found
        if why is None:
            self._good = self._own()
            return
        assert self._good is not None
        number, rollbacks = self.progress.rounds, self.progress.rollbacks + 1
        if rollbacks > _MOST_ROLLBACKS:
            raise TrainingError(
                f"{why}, for the {rollbacks}th time: try a lower `adversarial_weight` or `generator_learning_rate`"
            )
        gone_back, pressure = [*self.rollbacks, (number, why)], self.progress.pressure / 2
        inside, seen = self.balance.rounds_in_band, self.balance.rounds
        self._restore(self._good)
        self.rollbacks, self.latest_diversity = gone_back, found
        self.balance.rounds_in_band, self.balance.rounds = inside, seen
        self.progress.rounds, self.progress.pressure, self.progress.rollbacks = number, pressure, rollbacks


def _norm(gradients: Sequence[Tensor | None]) -> float:
    return float(nn.utils.get_total_norm([one for one in gradients if one is not None]))
