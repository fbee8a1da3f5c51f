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
from seqloom.gan.accuracy_controller import Balance
from seqloom.gan.checkpoint import begins_with, named, restored, tensors_of
from seqloom.gan.condition_adherence import Expression
from seqloom.gan.discriminator_trainer import DiscriminatorTrainer
from seqloom.gan.gradient_clipping import clip
from seqloom.gan.losses import GanLoss, rewarded, standardised
from seqloom.gan.mode_collapse import Variety, collapsed, variety_of
from seqloom.gan.networks import Discriminator, Recognizer, Shown
from seqloom.gan.replay_buffer import Shelf
from seqloom.gan.rollout import Drafts, told_of, write
from seqloom.gan.short_texts import Batch, Texts, joined
from seqloom.gan.vae_pretraining import Explained, explained
from seqloom.models.language_model import LanguageModel
from seqloom.registry import GAN_LOSSES, resolve
from seqloom.training.loop import Snapshot

__all__ = ["GanTrainer", "Progress", "Round"]

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
class Progress:
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
class Round:
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
        texts: Texts,
        unseen: Texts,
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
            recognizer = Recognizer(vocabulary, ratings, model.config.noise)
            discriminator = Discriminator(vocabulary, ratings, config.pack, normalised=not self.loss.penalised)
        self.recognizer, self.discriminator = recognizer.to(device), discriminator.to(device)
        self.texts, self.config, self.device = texts, config, device
        self.boundary, self.spell = boundary, spell
        self.progress, self.balance, self.expression = Progress(), Balance(*config.band), Expression()
        self.reference: Variety | None = None
        self.found: Variety | None = None
        self.gone_back: list[tuple[int, str]] = []
        self._shelf = Shelf(max(_SHELVED, config.batch), config.length, boundary)
        self._learner = torch.optim.Adam(
            [*self.model.parameters(), *self.recognizer.parameters()], config.generator_rate, (0.5, 0.99)
        )
        self._teacher = DiscriminatorTrainer(self.discriminator, unseen, self.loss, config, device)
        self._good: Snapshot | None = None

    def awaken(self) -> Explained:
        """One update by likelihood alone; the noise tells more and more.

        Raises:
            TrainingError: the gradient is not finite.
        """
        config, number = self.config, self.progress.awakened
        share = number / max(config.awakening, 1)
        batch, random = self.texts.drawn(config.seed, number, config.batch, self.device), self._random(number, 0)
        known = min(1.0, 4 * share) * config.information
        found = explained(
            self.model, self.recognizer, batch, self._told(batch, random), known, random, _UNREAD * (1 - share)
        )
        self._learner.zero_grad(set_to_none=True)
        torch.autograd.backward(found.loss)
        clip(self._learned, 1.0, "generator")
        cosine = (1 + math.cos(math.pi * share)) / 2
        self._step(config.generator_rate * (1 + 9 * cosine))
        self._average(min(config.average, (1 + number) / (10 + number)))
        self.progress.awakened += 1
        return found

    def school(self) -> float:
        """One update of the discriminator alone; gives its accuracy on what it has not seen."""
        number = self.progress.schooled
        if not number:
            self._introduce()
        random = self._random(number, 7)
        wanted = self._batch(number, 2)
        drafts = self._shelf.put(self._written(self.model, wanted, random), wanted)
        accuracy, _ = self._teacher.measured(number, drafts, self.balance.noise, random)
        self.balance.school(accuracy)
        both = joined(drafts, self._shelf.drawn(self.config.batch, random))
        self._teach(self._batch(number, 7, 2), both, number / self.config.schooling, random)
        self.progress.schooled += 1
        return accuracy

    def round(self) -> Round:
        """One round: updates of the discriminator, as the balance has it, and one of the generator.

        The discriminator is measured on the texts of the round before, which it has not learned from, and then learns
        from them; for more updates older ones are drawn too.

        Raises:
            TrainingError: texts collapsed again and again, or a gradient is not finite.
        """
        self.begin()
        config, number = self.config, self.progress.rounds
        random, drafts = self._random(number, 1), self._shelf.newest(config.batch)
        accuracy, rating = self._teacher.measured(number, drafts, self.balance.noise, random)
        loss = math.nan
        for update in range(self.balance.updates):
            older = self._shelf.drawn(config.batch * (2 if update else 1), random)
            drafts = older if update else joined(drafts, older)
            loss = self._teach(self._batch(number * 8 + update, 3, 2), drafts, 1.0, random)
        self.balance.see(accuracy)
        found, generator, credited = self._learn(number, random)
        self._average(config.average)
        self.progress.rounds += 1
        if self.progress.rounds % config.check_every == 0:
            self._look(credited)
        nats, information = (math.nan, math.nan) if found is None else (float(found.nats), float(found.information))
        return Round(accuracy, generator, loss, nats, information, rating, credited)

    def begin(self) -> Variety:
        """See how varied texts are before the rounds, which later looks are held against; again changes nothing."""
        if self.reference is None:
            if not self.progress.schooled:
                self._introduce()
            count = max(_LOOKED_AT, self.config.batch)
            wanted = self.texts.drawn(self.config.seed, 0, count, self.device)
            self._shelf.put(self._written(self.model, wanted, self._random(0, 4)), wanted)
            self.reference = self.found = variety_of(self._shelf.newest(_LOOKED_AT).ids(self.boundary), self.spell)
            self._good = self._own()
        return self.reference

    def variety(self) -> Variety:
        """How varied texts of the mean weights are."""
        wanted = self.texts.drawn(self.config.seed, 0, _LOOKED_AT, self.device)
        return variety_of(self._written(self.mean, wanted, self._random(0, 4)).ids(), self.spell)

    def snapshot(self) -> Snapshot:
        """All that training goes on from, and what it would go back to."""
        own, good = self._own(), self._good
        progress = {**own.progress, "config": self.config.to_json()}
        if good is None:
            return Snapshot(own.tensors, progress)
        tensors = {**own.tensors, **named(_GOOD, good.tensors)}
        return Snapshot(tensors, {**progress, "good": dict(good.progress)})

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to what `snapshot` gave.

        Raises:
            ConfigError, KeyError, RuntimeError, TypeError, ValueError: it is of a training with other settings.
        """
        if GanConfig.from_json(snapshot.progress["config"]) != self.config:
            raise ValueError("the state was kept with other settings")
        good = snapshot.progress.get("good")
        self._good = None if good is None else Snapshot(begins_with(_GOOD, snapshot.tensors), good)
        self._restore(snapshot)

    def _own(self) -> Snapshot:
        tensors = {**tensors_of(self._parts, self._optimizers), **named("shelf", self._shelf.state())}
        return Snapshot(
            tensors,
            {
                "progress": asdict(self.progress),
                "balance": self.balance.to_json(),
                "expression": self.expression.to_json(),
                "varied": [None if one is None else one._asdict() for one in (self.reference, self.found)],
                "gone_back": list(self.gone_back),
            },
        )

    def _restore(self, snapshot: Snapshot) -> None:
        held = snapshot.progress
        restored(self._parts, self._optimizers, snapshot.tensors)
        shelf = begins_with("shelf", snapshot.tensors)
        self._shelf.restore({key: value.to(self.device) for key, value in shelf.items()})
        self.progress, self.balance = Progress(**held["progress"]), Balance(**held["balance"])
        self.expression = Expression(**held["expression"])
        self.reference, self.found = (None if one is None else Variety(**one) for one in held["varied"])
        self.gone_back = [(int(number), str(why)) for number, why in held["gone_back"]]

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

    def _batch(self, number: int, purpose: int, times: int = 1) -> Batch:
        return self.texts.drawn(self.config.seed + 7919 * purpose, number, times * self.config.batch, self.device)

    def _told(self, batch: Batch, random: torch.Generator) -> Float[Tensor, "batch width"]:
        """The ratings of texts, some of them hidden."""
        shown = torch.rand(len(batch.ratings), generator=random, device=self.device) >= _HIDDEN_RATINGS
        return batch.ratings * shown[:, None]

    def _features(self, model: LanguageModel, batch: Batch, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """What a generator is told for texts of a batch's ratings: those, and new noise; and that noise."""
        count, noise = len(batch.ratings), self.model.config.noise
        drawn = torch.randn(count, noise, generator=random, device=self.device)
        return told_of(model, batch.ratings, drawn), drawn

    @torch.no_grad()
    def _written(self, model: LanguageModel, wanted: Batch, random: torch.Generator) -> Drafts:
        """New texts for the ratings of a batch, from which the generator does not learn."""
        features, _ = self._features(model, wanted, random)
        return write(model, features, self.config.length, self.boundary, random)

    def _teach(self, real: Batch, drafts: Batch, schooled: float, random: torch.Generator) -> float:
        """One update of the discriminator."""
        return self._teacher.teach(real, drafts, schooled, self.balance.noise, random)

    def _introduce(self) -> None:
        """The discriminator begins with what the generator knows of tokens."""
        assert self.model.embedding is not None
        self.discriminator.begin_with(self.model.embedding.weight)

    def _learn(self, number: int, random: torch.Generator) -> tuple[Explained | None, float, float]:
        """One update of the generator: by likelihood, and by what the discriminator makes of its texts."""
        config = self.config
        share = number / max(config.rounds, 1)
        played, generator, credited = self._played(self._batch(number, 5), share, random)
        pushes = [torch.autograd.grad(one, self._learned, allow_unused=True, retain_graph=True) for one in played]
        norms = [_norm(push) for push in pushes]
        weight = config.likelihood * (1 + (config.last_likelihood - 1) * share)
        found = None
        self._learner.zero_grad(set_to_none=True)
        allowed = 1.0
        if weight:
            batch = self._batch(number, 6)
            found = explained(self.model, self.recognizer, batch, self._told(batch, random), config.information, random)
            torch.autograd.backward(weight * found.loss)
            allowed = config.pressure * self.progress.pressure * _norm([one.grad for one in self._learned]) / weight
        pull, lack = self.balance.pull, self.expression.lack
        shares = (max(pull, lack), _THROUGH * pull, lack)
        for push, norm, part in zip(pushes, norms, shares[: len(pushes)], strict=True):
            for parameter, gradient in zip(self._learned, push, strict=True):
                if gradient is not None:
                    pushed = gradient * (part * allowed / max(norm, 1e-12))
                    parameter.grad = pushed if parameter.grad is None else parameter.grad + pushed
        clip(self._learned, 1.0, "generator")
        # Without likelihood beside it, only the learning rate says how far the generator goes.
        heed = 1.0 if weight else config.pressure * self.progress.pressure
        self._step(heed * config.generator_rate * (1.1 + math.cos(math.pi * share)) / 2.1)
        return found, generator, credited

    def _played(self, real: Batch, share: float, random: torch.Generator) -> tuple[list[Tensor], float, float]:
        """What the generator minimises, by rewards and through tokens; its loss; how far its credits differ."""
        config = self.config
        features, noise = self._features(self.model, real, random)
        count, calm = len(noise), len(noise) // 2 if self.loss.through_text else 0
        how: dict[str, Any] = {}
        if self.loss.through_text:
            spread = torch.ones(count + calm, 1, device=self.device)
            spread[count:] = _CALMER
            temperature = config.temperature * (config.last_temperature / config.temperature) ** share
            how = {"temperature": temperature, "spread": spread}
        both = torch.cat([features, features[:calm]])
        drafts = write(self.model, both, config.length, self.boundary, random, weighed=True, **how)
        self._shelf.put(drafts, real)
        usual, calmer = drafts.parted(count, calm)
        judged = self.discriminator.judge(usual, real.ratings, self.balance.noise, random)
        with torch.no_grad():
            shown = Shown(real.tokens, real.kept)
            of_real = self.discriminator.judge(shown, real.ratings, self.balance.noise, random)
            credits = self.discriminator.credits(judged, of_real)
            self.expression.see(real.levels, of_real.levels, judged.levels)
        generator = self.loss.generator(*map(self.discriminator.scores, (of_real, judged)))
        assert drafts.log_probs is not None
        off = (judged.levels.detach() - real.levels).square()[: len(credits)]
        rewards = self.balance.pull * standardised(credits) - _RATED * self.expression.lack * standardised(off)
        played = [rewarded(rewards, drafts.log_probs[: len(credits)])]
        if self.loss.through_text:
            mean, log_variance = self.recognizer(calmer, real.ratings[:calm])
            missed = ((noise[:calm] - mean).square() / log_variance.exp() + log_variance).sum(1).mean() / 2
            worded = self.discriminator.of_words(usual)
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
        found = variety_of(self._shelf.newest(_LOOKED_AT).ids(self.boundary), self.spell)
        assert self.reference is not None
        alike = "the discriminator credits all texts alike"
        why = alike if credited < _DEAD else collapsed(found, self.reference)
        self.found = found
        if why is None:
            self._good = self._own()
            return
        assert self._good is not None
        number, rollbacks = self.progress.rounds, self.progress.rollbacks + 1
        if rollbacks > _MOST_ROLLBACKS:
            raise TrainingError(f"{why}, for the {rollbacks}th time: try a lower --pressure or --generator-rate")
        gone_back, pressure = [*self.gone_back, (number, why)], self.progress.pressure / 2
        inside, seen = self.balance.inside, self.balance.rounds
        self._restore(self._good)
        self.gone_back, self.found = gone_back, found
        self.balance.inside, self.balance.rounds = inside, seen
        self.progress.rounds, self.progress.pressure, self.progress.rollbacks = number, pressure, rollbacks


def _norm(gradients: Sequence[Tensor | None]) -> float:
    return float(nn.utils.get_total_norm([one for one in gradients if one is not None]))
