"""Training a generator and a discriminator against each other, in balance; what one round does, and going back."""

import math
from collections import deque
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from seqloom.errors import TrainingError
from seqloom.gan.balance import Balance
from seqloom.gan.config import GanConfig
from seqloom.gan.likelihood import Explained, explained
from seqloom.gan.losses import GanLoss
from seqloom.gan.networks import Discriminator, Recognizer, Shown
from seqloom.gan.texts import Batch, Texts
from seqloom.gan.variety import Variety, collapsed, variety_of
from seqloom.gan.writing import Drafts, told_of, write
from seqloom.models.language_model import LanguageModel
from seqloom.registry import GAN_LOSSES, resolve
from seqloom.training.loop import Snapshot

__all__ = ["GanTrainer", "Progress", "Round"]

_HIDDEN_RATINGS = 0.1
"""Share of texts whose rating the generator is not told in learning by likelihood, so that guidance works."""

_RECOGNISED, _RATED = 0.1, 0.5
"""Weights, beside the discriminator's verdict, of recognising the noise in a text and of its rating."""

_CALMER = 0.5
"""Softmax temperature of the draws that noise is recognised in: it shall show in what a text says, not by chance."""

_PENALTY = 10.0
_LOOKED_AT = 256
_MOST_ROLLBACKS = 6
_DEAD = 1e-8

_GOOD = "good."
"""Before the names of tensors that training would go back to."""

Spell = Callable[[Sequence[Sequence[int]]], list[str]]


@dataclass
class Progress:
    """The numbers that training carries on.

    Attributes:
        awakened: updates of the awakening that are done.
        schooled: updates of the schooling.
        rounds: that are done.
        threshold: score above which a text counts as real.
        pressure: what going back has multiplied the config's by.
        rollbacks: how often that was.
    """

    awakened: int = 0
    schooled: int = 0
    rounds: int = 0
    threshold: float = 0.0
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
        gradient: norm of the gradient that came through the texts.
    """

    accuracy: float
    generator: float
    discriminator: float
    nats: float
    information: float
    rating: float
    gradient: float


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
        torch.manual_seed(config.seed)
        vocabulary, ratings = model.config.vocabulary, texts.ratings.shape[1]
        self.loss: GanLoss = resolve("loss", config.loss, GAN_LOSSES)()
        self.model = model.to(device)
        self.mean = deepcopy(self.model)
        self.recognizer = Recognizer(vocabulary, ratings, model.config.noise).to(device)
        self.discriminator = Discriminator(vocabulary, ratings, normalised=not self.loss.penalised).to(device)
        self.texts, self.unseen, self.config, self.device = texts, unseen, config, device
        self.boundary, self.spell = boundary, spell
        self.progress, self.balance = Progress(), Balance(*config.band)
        self.reference: Variety | None = None
        self.found: Variety | None = None
        self.gone_back: list[tuple[int, str]] = []
        self._recent: deque[list[int]] = deque(maxlen=_LOOKED_AT)
        self._learner = torch.optim.Adam(
            [*self.model.parameters(), *self.recognizer.parameters()], config.generator_rate, (0.5, 0.99)
        )
        self._critic = torch.optim.Adam(self.discriminator.parameters(), config.discriminator_rate, (0.5, 0.99))
        self._good: Snapshot | None = None

    def awaken(self) -> Explained:
        """One update by likelihood alone; the noise tells more and more."""
        config, number = self.config, self.progress.awakened
        share = number / max(config.awakening, 1)
        batch, random = self.texts.drawn(config.seed, number, config.batch, self.device), self._random(number, 0)
        known = min(1.0, 2 * share) * config.information
        found = explained(self.model, self.recognizer, batch, self._told(batch, random), known, random)
        self._learner.zero_grad(set_to_none=True)
        torch.autograd.backward(found.loss)
        nn.utils.clip_grad_norm_(self._learned, 1.0)
        cosine = (1 + math.cos(math.pi * share)) / 2
        self._step(self._learner, config.generator_rate * (1 + 9 * cosine))
        self._average(min(config.average, (1 + number) / (10 + number)))
        self.progress.awakened += 1
        return found

    def school(self) -> float:
        """One update of the discriminator alone; gives its accuracy on what it has not seen."""
        number = self.progress.schooled
        random = self._random(number, 7)
        drafts, told, accuracy, _ = self._measured(number, random)
        self._teach(self._batch(number, 7), drafts, told, random)
        self.progress.schooled += 1
        return accuracy

    def round(self) -> Round:
        """One round: updates of the discriminator, as the balance has it, and one of the generator."""
        config, number = self.config, self.progress.rounds
        random = self._random(number, 1)
        loss = math.nan
        drafts, told, accuracy, rating = self._measured(number, random)
        for update in range(self.balance.updates):
            if update:
                real = self._batch(number * 8 + update, 2)
                drafts, told = self._drafts(real, random)
            loss = self._teach(self._batch(number * 8 + update, 3), drafts, told, random)
        self.balance.see(accuracy)
        self._recent.extend(drafts.ids())
        found, generator, gradient = self._learn(number, random)
        self._average(config.average)
        self.progress.rounds += 1
        if self.progress.rounds % config.check_every == 0:
            self._look(gradient)
        nats, information = (math.nan, math.nan) if found is None else (float(found.nats), float(found.information))
        return Round(accuracy, generator, loss, nats, information, rating, gradient)

    def look(self) -> Variety:
        """How varied texts of the mean weights are; the first look is what later ones are held against."""
        random, batch = self._random(0, 4), self.texts.drawn(self.config.seed, 0, _LOOKED_AT, self.device)
        with torch.no_grad():
            drafts = write(
                self.mean, self._features(self.mean, batch, random)[0], self.config.length, self.boundary, random
            )
        self.found = variety_of(drafts.ids(), self.spell)
        self.reference = self.reference or self.found
        return self.found

    def snapshot(self) -> Snapshot:
        """All that training goes on from, and what it would go back to."""
        own, good = self._own(), self._good
        if good is None:
            return own
        tensors = {**own.tensors, **{f"{_GOOD}{name}": value for name, value in good.tensors.items()}}
        return Snapshot(tensors, {**own.progress, "good": dict(good.progress)})

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to what `snapshot` gave."""
        tensors, held = dict(snapshot.tensors), dict(snapshot.progress)
        good = {name: tensors.pop(name) for name in list(tensors) if name.startswith(_GOOD)}
        progress = held.pop("good", None)
        self._good = None
        if progress is not None:
            self._good = Snapshot({name.removeprefix(_GOOD): value for name, value in good.items()}, progress)
        self._restore(Snapshot(tensors, held))

    def _own(self) -> Snapshot:
        parts = {name: part.state_dict() for name, part in self._parts.items()}
        tensors = {f"{name}.{key}": value for name, held in parts.items() for key, value in held.items()}
        for name, optimizer in self._optimizers.items():
            for place, moments in optimizer.state_dict()["state"].items():
                tensors |= {f"{name}.{place}.{key}": value for key, value in moments.items()}
        return Snapshot(
            {key: value.detach().cpu().clone() for key, value in tensors.items()},
            {
                "progress": asdict(self.progress),
                "balance": self.balance.to_json(),
                "varied": [None if one is None else one._asdict() for one in (self.reference, self.found)],
                "gone_back": list(self.gone_back),
                "recent": list(self._recent),
            },
        )

    def _restore(self, snapshot: Snapshot) -> None:
        tensors, held = snapshot.tensors, snapshot.progress
        for name, part in self._parts.items():
            part.load_state_dict({key: tensors[f"{name}.{key}"] for key in part.state_dict()})
        for name, optimizer in self._optimizers.items():
            state: dict[int, dict[str, Tensor]] = {}
            for key, value in tensors.items():
                owner, _, rest = key.partition(".")
                if owner == name:
                    place, _, moment = rest.partition(".")
                    state.setdefault(int(place), {})[moment] = value.clone()
            optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
        self.progress, self.balance = Progress(**held["progress"]), Balance(**held["balance"])
        self.reference, self.found = (None if one is None else Variety(**one) for one in held["varied"])
        self.gone_back = [(int(number), str(why)) for number, why in held["gone_back"]]
        self._recent = deque((list(one) for one in held["recent"]), maxlen=_LOOKED_AT)

    @property
    def _optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"learner": self._learner, "critic": self._critic}

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
        seed = (self.config.seed * 1_000_003 + number) * 8 + purpose
        return torch.Generator(self.device).manual_seed(seed)

    def _batch(self, number: int, purpose: int) -> Batch:
        return self.texts.drawn(self.config.seed + 7919 * purpose, number, self.config.batch, self.device)

    def _told(self, batch: Batch, random: torch.Generator) -> Float[Tensor, "batch width"]:
        """The ratings of texts, some of them hidden."""
        shown = torch.rand(len(batch.ratings), generator=random, device=self.device) >= _HIDDEN_RATINGS
        return batch.ratings * shown[:, None]

    def _features(self, model: LanguageModel, batch: Batch, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """What a generator is told for texts of a batch's ratings: those, and new noise; and that noise."""
        count, noise = len(batch.ratings), self.model.config.noise
        drawn = torch.randn(count, noise, generator=random, device=self.device)
        return told_of(model, batch.ratings, drawn), drawn

    def _drafts(self, batch: Batch, random: torch.Generator) -> tuple[Drafts, Tensor]:
        """New texts for the ratings of a batch, from which the generator does not learn."""
        with torch.no_grad():
            features, _ = self._features(self.model, batch, random)
            return write(self.model, features, self.config.length, self.boundary, random), batch.ratings

    def _measured(self, number: int, random: torch.Generator) -> tuple[Drafts, Tensor, float, float]:
        """New texts, how often the discriminator is right on them and on unseen real ones, and how it reads ratings."""
        size = min(self.config.batch, len(self.unseen))
        real = self.unseen.drawn(self.config.seed, number, size, self.device)
        wanted = self._batch(number * 8, 2)
        drafts, told = self._drafts(wanted, random)
        noise, begun = self.balance.noise, self.progress.schooled + self.progress.rounds > 0
        if not begun and self.model.embedding is not None:
            self.discriminator.begin_with(self.model.embedding.weight)
        with torch.no_grad():
            of_real = self.discriminator.judge(Shown(real.tokens, real.kept), real.ratings, noise, random).scores
            of_drafts, levels = self.discriminator.judge(drafts.shown, told, noise, random)
            rating = float(torch.corrcoef(torch.stack([levels, wanted.levels]))[0, 1])
        threshold = self.progress.threshold
        accuracy = float(((of_real > threshold).float().mean() + (of_drafts <= threshold).float().mean()) / 2)
        middle = float(of_real.mean() + of_drafts.mean()) / 2
        self.progress.threshold = threshold + 0.2 * (middle - threshold) if begun else middle
        return drafts, told, accuracy, rating

    def _teach(self, real: Batch, drafts: Drafts, told: Tensor, random: torch.Generator) -> float:
        """One update of the discriminator."""
        noise, judge = self.balance.noise, self.discriminator.judge
        shown = Shown(real.tokens, real.kept)
        of_real = judge(shown, real.ratings, noise, random)
        of_drafts = judge(drafts.shown._replace(soft=None), told, noise, random)
        loss = self.loss.discriminator(of_real.scores, of_drafts.scores)
        loss = loss + (of_real.levels - real.levels).square().mean()
        if self.loss.penalised:
            loss = loss + _PENALTY * self._slope(shown, drafts, real.ratings, random)
        self._critic.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.discriminator.parameters(), 5.0)
        self._critic.step()
        return float(loss.detach())

    def _slope(self, real: Shown, drafts: Drafts, ratings: Tensor, random: torch.Generator) -> Tensor:
        """How far the slope between real and generated texts is from 1 (Gulrajani et al. 2017)."""
        longest = min(real.tokens.shape[1], drafts.tokens.shape[1])
        cut = [
            Shown(one.tokens[:, :longest], one.kept[:, :longest]) for one in (real, drafts.shown._replace(soft=None))
        ]
        with torch.no_grad():
            rows = [self.discriminator.trunk.embedded(one) for one in cut]
        share = torch.rand(len(ratings), 1, 1, generator=random, device=self.device)
        between = (share * rows[0] + (1 - share) * rows[1]).requires_grad_()
        scores = self.discriminator(between, cut[0].kept | cut[1].kept, ratings).scores
        (slopes,) = torch.autograd.grad(scores.sum(), between, create_graph=True)
        off: Tensor = (slopes.flatten(1).norm(dim=1) - 1).square().mean()
        return off

    def _learn(self, number: int, random: torch.Generator) -> tuple[Explained | None, float, float]:
        """One update of the generator: by likelihood, and by what the discriminator makes of its texts."""
        config = self.config
        share = number / max(config.rounds, 1)
        played, generator = self._played(self._batch(number, 5), share, random)
        gradients = torch.autograd.grad(played, self._learned, allow_unused=True)
        norm = _norm(gradients)
        if not math.isfinite(norm):
            raise TrainingError("the gradient of the generator is not finite: try a lower --generator-rate")
        weight = config.likelihood * (1 + (config.last_likelihood - 1) * share)
        found = None
        self._learner.zero_grad(set_to_none=True)
        if weight:
            batch = self._batch(number, 6)
            found = explained(self.model, self.recognizer, batch, self._told(batch, random), config.information, random)
            torch.autograd.backward(weight * found.loss)
            allowed = config.pressure * self.progress.pressure * _norm([one.grad for one in self._learned]) / weight
        else:
            allowed = 1.0
        for parameter, gradient in zip(self._learned, gradients, strict=True):
            if gradient is not None:
                pushed = gradient * (allowed / max(norm, 1e-12))
                parameter.grad = pushed if parameter.grad is None else parameter.grad + pushed
        nn.utils.clip_grad_norm_(self._learned, 1.0)
        self._step(self._learner, config.generator_rate * (1.1 + math.cos(math.pi * share)) / 2.1)
        return found, generator, norm

    def _played(self, real: Batch, share: float, random: torch.Generator) -> tuple[Tensor, float]:
        """What the generator minimises, and the discriminator's part of it."""
        config = self.config
        features, noise = self._features(self.model, real, random)
        temperature = config.temperature * (config.last_temperature / config.temperature) ** share
        how = {"temperature": temperature} if self.loss.through_text else {"weighed": True}
        drafts = write(self.model, features, config.length, self.boundary, random, **how)
        judged = self.discriminator.judge(drafts.shown, real.ratings, self.balance.noise, random)
        with torch.no_grad():
            shown = Shown(real.tokens, real.kept)
            of_real = self.discriminator.judge(shown, real.ratings, self.balance.noise, random).scores
        generator = self.loss.generator(of_real, judged.scores, drafts.log_probs)
        played = generator
        if self.loss.through_text:
            half = slice(len(noise) // 2)
            calm = write(
                self.model,
                features[half],
                config.length,
                self.boundary,
                random,
                temperature=temperature,
                spread=_CALMER,
            )
            mean, log_variance = self.recognizer(calm.shown, real.ratings[half])
            missed = ((noise[half] - mean).square() / log_variance.exp() + log_variance).sum(1).mean() / 2
            off = (judged.levels - real.levels).square().mean()
            played = played + _RECOGNISED * missed + _RATED * off
        return played, float(generator.detach())

    def _step(self, optimizer: torch.optim.Optimizer, rate: float) -> None:
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()

    @torch.no_grad()
    def _average(self, decay: float) -> None:
        for mean, own in zip(self.mean.parameters(), self.model.parameters(), strict=True):
            mean.lerp_(own, 1 - decay)

    def _look(self, gradient: float) -> None:
        """See whether the texts have become alike; go back where they have."""
        found = variety_of(list(self._recent), self.spell)
        self.reference = self.reference or found
        why = "the discriminator's gradient is gone" if gradient < _DEAD else collapsed(found, self.reference)
        self.found = found
        if why is None:
            self._good = self._own()
            return
        number, rollbacks = self.progress.rounds, self.progress.rollbacks + 1
        if rollbacks > _MOST_ROLLBACKS or self._good is None:
            raise TrainingError(f"{why}, for the {rollbacks}th time: try a lower --pressure or --generator-rate")
        gone_back, pressure = [*self.gone_back, (number, why)], self.progress.pressure / 2
        self._restore(self._good)
        self.gone_back = gone_back
        self.progress.rounds, self.progress.pressure, self.progress.rollbacks = number, pressure, rollbacks


def _norm(gradients: Sequence[Tensor | None]) -> float:
    return float(nn.utils.get_total_norm([one for one in gradients if one is not None]))
