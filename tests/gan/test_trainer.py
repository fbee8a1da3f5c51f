"""Training of both: what it learns, that it goes on exactly, and that it goes back."""

import numpy as np
import pytest
import torch
from tests.gan.conftest import BOUNDARY, LENGTH, NOISE, VOCABULARY

from seqloom.config.gan import GanConfig
from seqloom.errors import ConfigError, TrainingError
from seqloom.gan.mode_collapse import Variety
from seqloom.gan.networks import Discriminator, DiscriminatorInput, Encoder
from seqloom.gan.rollout import generate_rollout
from seqloom.gan.short_texts import TextBatch
from seqloom.gan.vae_pretraining import _before_each, _nats, _unlike_prior


def weights(trainer):
    return {name: value.clone() for name, value in trainer.mean.state_dict().items()}


def test_likelihood_learns_the_language_and_to_use_the_noise(trainer, texts):
    learner = trainer(pretrain_steps=400, generator_learning_rate=2e-3, ema_decay=0.9)
    first = learner.pretrain_step()
    for _ in range(399):
        last = learner.pretrain_step()
    assert float(last.nats) < float(first.nats) / 2
    assert 1.0 < float(last.information) < 3.0
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        batch = texts.select(np.arange(0, 640, 5), torch.device("cpu"))
        drafts = generate_rollout(
            learner.mean, learner._features(learner.mean, batch, random)[0], LENGTH, BOUNDARY, random
        )
    known = {tuple(row) for row in texts.tokens[:, :3].tolist()}
    written = [tuple(row) for row in drafts.ids()]
    assert sum(row in known for row in written) > 0.8 * len(written)
    rated = [row[2] - 8 == level for row, level in zip(written, batch.levels.tolist(), strict=True) if len(row) == 3]
    assert sum(rated) > 0.9 * len(rated)


@pytest.mark.parametrize("loss", ["relativistic", "wasserstein", "score"])
def test_a_round_changes_all_networks(trainer, loss):
    learner = trainer(loss=loss, likelihood_weight=0.0)
    learner.balance.accuracy = 0.7  # the generator heeds it
    learner.start_adversarial()
    before = [{name: value.clone() for name, value in part.named_parameters()} for part in learner._parts.values()]
    for _ in range(3):
        one = learner.adversarial_step()
    assert np.isfinite([one.accuracy, one.generator, one.credited]).all()
    assert np.isnan(one.nats)
    for name, (old, part) in zip(learner._parts, zip(before, learner._parts.values(), strict=True), strict=True):
        if not (name == "recognizer" and loss == "score"):
            assert any(not torch.equal(old[key], value) for key, value in part.named_parameters()), name


@pytest.mark.parametrize("awakened", [7, 20])
def test_it_goes_on_exactly(trainer, awakened):
    whole, begun, resumed = trainer(), trainer(), trainer()
    for _ in range(20):
        whole.pretrain_step()
    for _ in range(awakened):
        begun.pretrain_step()
    for _ in range(7 if awakened == 20 else 0):
        begun.adversarial_step()
    resumed.restore(begun.snapshot())
    while resumed.progress.awakened < 20:
        resumed.pretrain_step()
    for learner in (whole, resumed):
        while learner.progress.rounds < 12:
            learner.adversarial_step()
    assert_same(whole, resumed)


def assert_same(one, other):
    for name, value in weights(one).items():
        assert torch.equal(value, weights(other)[name]), name
    assert (one.balance, one.rollbacks, one.latest_diversity) == (
        other.balance,
        other.rollbacks,
        other.latest_diversity,
    )


@pytest.mark.parametrize("schooled", [0, 3, 6])
def test_it_goes_on_exactly_in_its_schooling(trainer, schooled):
    whole, begun, resumed = (trainer(warmup_steps=6) for _ in range(3))
    for learner, number in ((whole, 6), (begun, schooled)):
        for _ in range(number):
            learner.discriminator_warmup_step()
    resumed.restore(begun.snapshot())
    while resumed.progress.schooled < 6:
        resumed.discriminator_warmup_step()
    for learner in (whole, resumed):
        for _ in range(4):
            learner.adversarial_step()
    assert_same(whole, resumed)


def test_it_goes_on_exactly_when_it_has_gone_back(trainer):
    whole, begun, resumed = trainer(), trainer(), trainer()
    for learner in (whole, begun):
        learner.start_adversarial()
        learner.reference = Variety(50.0, 0.0, 0.0)  # more varied than can be
        for _ in range(7):
            learner.adversarial_step()
    assert [number for number, _ in begun.rollbacks] == [5]
    resumed.restore(begun.snapshot())
    for learner in (whole, resumed):
        for _ in range(5):
            learner.adversarial_step()
    assert_same(whole, resumed)


def test_a_discriminator_that_credits_all_texts_alike_sends_it_back(trainer):
    learner = trainer()
    learner.start_adversarial()
    learner._look(0.5)
    assert not learner.rollbacks
    learner._look(1e-7)
    assert learner.rollbacks == [(0, "the discriminator credits all texts alike")]


@pytest.mark.parametrize("of", ["generator", "discriminator"])
def test_a_network_that_diverges_is_named(trainer, of):
    learner = trainer(warmup_steps=1, **{f"{of}_learning_rate": 1e30})

    def train():
        for step in (
            learner.pretrain_step,
            learner.pretrain_step,
            learner.discriminator_warmup_step,
            learner.adversarial_step,
            learner.adversarial_step,
        ):
            step()

    with pytest.raises(
        TrainingError, match=f"the gradient of the {of} is not finite: try a lower `{of}_learning_rate`"
    ):
        train()


def test_texts_are_as_likely_as_the_model_says_of_whole_ones(trainer, texts):
    learner = trainer()
    random = torch.Generator().manual_seed(0)
    wanted = texts.select(np.arange(64), torch.device("cpu"))
    features = learner._features(learner.model, wanted, random)[0]
    drafts = generate_rollout(learner.model, features, LENGTH, BOUNDARY, random, weighed=True)
    tokens = torch.nn.functional.pad(drafts.tokens, (0, 1), value=BOUNDARY)
    kept = torch.nn.functional.pad(drafts.kept, (0, 1), value=False)
    whole = TextBatch(tokens, kept, wanted.ratings, wanted.levels)
    nats = _nats(learner.model, whole, _before_each(tokens), features)
    each = torch.stack([part.sum() for part in torch.split(nats, kept.sum(1).tolist())])
    torch.testing.assert_close(-drafts.log_probs, each, atol=1e-4, rtol=1e-4)


def test_texts_that_become_alike_send_it_back(trainer):
    learner = trainer()
    learner.start_adversarial()
    for _ in range(5):
        learner.adversarial_step()
    good, seen = weights(learner), learner.latest_diversity
    learner.reference = Variety(50.0, 0.0, 0.0)  # more varied than can be
    for _ in range(5):
        learner.adversarial_step()
    assert learner.rollbacks[0][0] == learner.balance.rounds == 10
    assert learner.latest_diversity != seen
    assert "distinct pairs fell" in learner.rollbacks[0][1]
    assert learner.progress.pressure == 0.5
    assert all(torch.equal(value, weights(learner)[name]) for name, value in good.items())
    learner.reference = Variety(50.0, 0.0, 0.0)
    learner.progress.rollbacks = 6
    for _ in range(4):
        learner.adversarial_step()
    with pytest.raises(TrainingError, match="for the 7th time"):
        learner.adversarial_step()


def test_the_gradient_goes_through_texts_to_the_generator(trainer, texts):
    learner = trainer()
    random = torch.Generator().manual_seed(0)
    features = learner._features(learner.model, texts.select(np.arange(8), torch.device("cpu")), random)[0]
    drafts = generate_rollout(learner.model, features, LENGTH, BOUNDARY, random, temperature=0.5)
    assert drafts.soft.shape == (*drafts.tokens.shape, VOCABULARY)
    judged = learner.discriminator.judge(drafts.discriminator_input(), features[:, :2])
    learner.discriminator.scores(judged).sum().backward()
    learned = [learner.model.condition.get_parameter(name) for name in ("input", "state", "output")]
    assert all(one.grad is not None and one.grad.abs().sum() > 0 for one in learned)


def test_the_gradient_does_not_go_on_through_the_token_that_is_read(trainer, texts):
    """The probabilities of the second token are told of the first by its id alone."""
    learner = trainer()
    learner.model.requires_grad_(False)
    random = torch.Generator().manual_seed(0)
    features = learner._features(learner.model, texts.select(np.arange(8), torch.device("cpu")), random)[0]
    bias = learner.model.head.bias.requires_grad_()
    drafts = generate_rollout(learner.model, features, LENGTH, BOUNDARY, random, temperature=0.5)
    (whole,) = torch.autograd.grad(drafts.soft[:, 1, 0].sum(), bias, retain_graph=True)
    probabilities = drafts.soft[:, 1]
    alone = (-probabilities[:, :1] * probabilities + torch.eye(VOCABULARY)[:1] * probabilities[:, :1]) / 0.5
    torch.testing.assert_close(whole, alone.sum(0).detach(), atol=1e-6, rtol=1e-4)


def test_a_collapse_at_the_first_look_goes_back_to_the_beginning(trainer):
    learner = trainer(warmup_steps=0)
    learner.start_adversarial()
    before = weights(learner)
    embedding = learner.discriminator.trunk.embedding.clone()
    columns = learner.model.embedding.weight.shape[1]
    known = learner.model.embedding.weight / learner.model.embedding.weight.std()
    torch.testing.assert_close(embedding[:, :columns], known)
    learner.reference = Variety(50.0, 0.0, 0.0)
    for _ in range(5):
        learner.adversarial_step()
    assert learner.rollbacks[0][0] == 5
    assert all(torch.equal(value, weights(learner)[name]) for name, value in before.items())
    assert torch.equal(learner.discriminator.trunk.embedding, embedding)


def test_noise_that_does_not_fill_its_space_costs():
    generator = torch.Generator().manual_seed(0)
    mean = torch.randn(20_000, 3, generator=generator)
    sharp = torch.full_like(mean, -20.0)
    levels = torch.randint(5, (len(mean),), generator=generator).float()
    assert float(_unlike_prior(mean, sharp, levels)) < 0.01
    assert float(_unlike_prior(0.6 * mean, torch.full_like(mean, np.log(0.64)), levels)) < 0.01
    assert float(_unlike_prior(mean + torch.tensor([0.5, 0.0, 0.0]), sharp, levels)) > 0.25
    assert float(_unlike_prior(mean[:, [0, 0, 1]], sharp, levels)) > 1.5
    assert float(_unlike_prior(mean, sharp, (mean[:, 0] > 0.7).float())) > 0.4


def test_texts_end_at_their_boundary(trainer, texts):
    learner = trainer()
    random = torch.Generator().manual_seed(0)
    features = learner._features(learner.model, texts.select(np.arange(64), torch.device("cpu")), random)[0]
    drafts = generate_rollout(learner.model, features, LENGTH, BOUNDARY, random, weighed=True)
    for row, kept, ids in zip(drafts.tokens.tolist(), drafts.kept.tolist(), drafts.ids(), strict=True):
        ends = row.index(BOUNDARY) if BOUNDARY in row else len(row)
        assert ids == row[:ends]
        assert kept == [place <= ends for place in range(len(row))]
    with torch.no_grad():
        again = generate_rollout(learner.model, features, LENGTH, BOUNDARY, random, spread=0.0)
    assert torch.equal(
        again.tokens, generate_rollout(learner.model, features, LENGTH, BOUNDARY, random, spread=0.0).tokens
    )


@pytest.mark.parametrize("normalised", [True, False])
def test_what_stands_after_the_end_changes_nothing(normalised):
    torch.manual_seed(0)
    reader = Discriminator(VOCABULARY, 2, 1, normalised=normalised).eval()
    recognizer = Encoder(VOCABULARY, 2, NOISE).eval()
    tokens = torch.tensor([[1, 2, 3, BOUNDARY, 4, 5]])
    kept = torch.tensor([[True] * 4 + [False] * 2])
    ratings = torch.tensor([[1.0, 0.0]])
    whole, cut = DiscriminatorInput(tokens, kept), DiscriminatorInput(tokens[:, :4], kept[:, :4])
    for one, other in zip(reader.judge(whole, ratings), reader.judge(cut, ratings), strict=True):
        torch.testing.assert_close(one, other)
    for one, other in zip(recognizer(whole, ratings), recognizer(cut, ratings), strict=True):
        torch.testing.assert_close(one, other)


def test_a_pack_is_credited_to_each_of_its_texts(texts):
    """By how its score changes where a real text stands in the text's place."""
    torch.manual_seed(0)
    reader = Discriminator(VOCABULARY, 2, 4, normalised=False)
    batches = [texts.select(np.arange(begin, begin + 9), torch.device("cpu")) for begin in (0, 40)]
    with torch.no_grad():
        generated, real = (reader.judge(DiscriminatorInput(one.tokens, one.kept), one.ratings) for one in batches)
        credits = reader.credits(generated, real)
        scores = reader.scores(generated)
        assert scores.shape == (2,)
        assert credits.shape == (8,)
        hidden = generated.hidden.clone()
        hidden[5], fits = real.hidden[5], generated.fits.clone()
        fits[5] = real.fits[5]
        without = reader.scores(generated._replace(hidden=hidden, fits=fits))
    torch.testing.assert_close(credits[5], scores[1] - without[1])
    order = torch.tensor([3, 2, 1, 0])
    torch.testing.assert_close(reader.scores(generated.chosen(order)), scores[:1])


def test_a_pack_shows_whether_its_texts_are_alike(texts):
    torch.manual_seed(0)
    reader = Discriminator(VOCABULARY, 2, 4, normalised=True)
    critic = torch.optim.Adam(reader.parameters(), 3e-3)
    random = np.random.default_rng(0)

    def packs(*, alike):
        places = random.integers(0, len(texts), (16, 4))
        batch = texts.select((places[:, :1] + 0 * places if alike else places).ravel(), torch.device("cpu"))
        return reader.scores(reader.judge(DiscriminatorInput(batch.tokens, batch.kept), batch.ratings))

    for _ in range(60):
        loss = torch.nn.functional.softplus(packs(alike=True) - packs(alike=False)).mean()
        critic.zero_grad()
        loss.backward()
        critic.step()
    with torch.no_grad():
        assert (packs(alike=False).mean() > packs(alike=True)).float().mean() > 0.9


def test_each_text_comes_once_an_epoch(texts):
    device = torch.device("cpu")
    seen = [texts.sample(3, number, 64, device).tokens for number in range(10)]
    rows = sorted(map(tuple, torch.cat(seen).tolist()))
    assert rows == sorted(tuple(row[:4]) for row in texts.tokens.tolist())
    assert torch.equal(seen[4], texts.sample(3, 4, 64, device).tokens)


def test_settings_out_of_range_are_listed():
    with pytest.raises(ConfigError) as caught:
        GanConfig(
            adversarial_steps=1, pretrain_steps=1, loss="gans", accuracy_band=(0.9, 0.5), temperature=0.0, batch_size=1
        )
    assert len(caught.value.faults) == 4
    assert GanConfig.from_json(GanConfig(adversarial_steps=1, pretrain_steps=2).to_json()) == GanConfig(
        adversarial_steps=1, pretrain_steps=2
    )
