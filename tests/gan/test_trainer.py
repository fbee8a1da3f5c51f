"""GAN training: what it learns, exact resumption, and rollbacks."""

import numpy as np
import pytest
import torch
from tests.gan.conftest import BOUNDARY, LENGTH, NOISE, VOCABULARY

from seqloom.config.gan import GanConfig
from seqloom.errors import ConfigError, TrainingError
from seqloom.gan.mode_collapse import DiversityStats
from seqloom.gan.networks import Discriminator, DiscriminatorInput, Encoder
from seqloom.gan.rollout import generate_rollout
from seqloom.gan.short_texts import TextBatch
from seqloom.gan.vae_pretraining import _input_tokens, _moment_penalty, _token_nats


def weights(gan):
    return {name: value.clone() for name, value in gan.generator.ema_model.state_dict().items()}


def test_pretraining_learns_the_language_and_uses_the_noise(trainer, texts):
    gan = trainer(pretrain_steps=250, generator_learning_rate=2e-3, ema_decay=0.9)
    first = gan.pretrain_step()
    for _ in range(249):
        last = gan.pretrain_step()
    assert float(last.reconstruction_nats) < float(first.reconstruction_nats) / 2
    assert 1.0 < float(last.kl_nats) < 3.0
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        batch = texts.select(np.arange(0, 640, 5), torch.device("cpu"))
        rollout = generate_rollout(
            gan.generator.ema_model,
            gan.generator.draw_features(gan.generator.ema_model, batch.conditions, random)[0],
            LENGTH,
            BOUNDARY,
            random,
        )
    known = {tuple(row) for row in texts.tokens[:, :3].tolist()}
    written = [tuple(row) for row in rollout.ids()]
    assert sum(row in known for row in written) > 0.8 * len(written)
    rated = [row[2] - 8 == level for row, level in zip(written, batch.ratings.tolist(), strict=True) if len(row) == 3]
    assert sum(rated) > 0.9 * len(rated)


@pytest.mark.parametrize("loss", ["relativistic", "wasserstein", "score"])
def test_an_adversarial_step_changes_all_networks(trainer, loss):
    gan = trainer(loss=loss, likelihood_weight=0.0)
    gan.controller.accuracy = 0.7  # the generator heeds it
    gan.start_adversarial()
    before = [{name: value.clone() for name, value in part.named_parameters()} for part in gan._networks.values()]
    for _ in range(3):
        step = gan.adversarial_step()
    assert np.isfinite([step.accuracy, step.generator_loss, step.credit_std]).all()
    assert np.isnan(step.reconstruction_nats)
    for name, (old, part) in zip(gan._networks, zip(before, gan._networks.values(), strict=True), strict=True):
        if not (name == "recognizer" and loss == "score"):
            assert any(not torch.equal(old[key], value) for key, value in part.named_parameters()), name


@pytest.mark.parametrize("pretrained", [3, 8])
def test_resuming_is_exact(trainer, pretrained):
    whole, begun, resumed = (trainer(pretrain_steps=8, adversarial_steps=6, eval_every=2) for _ in range(3))
    for _ in range(8):
        whole.pretrain_step()
    for _ in range(pretrained):
        begun.pretrain_step()
    for _ in range(3 if pretrained == 8 else 0):
        begun.adversarial_step()
    resumed.restore(begun.snapshot())
    while resumed.progress.pretrain_steps < 8:
        resumed.pretrain_step()
    for gan in (whole, resumed):
        while gan.progress.adversarial_steps < 6:
            gan.adversarial_step()
    assert_same(whole, resumed)


def some_features(gan, texts, count, random):
    requested = texts.select(np.arange(count), torch.device("cpu"))
    return gan.generator.draw_features(gan.generator.model, requested.conditions, random)[0]


def assert_same(one, other):
    for name, value in weights(one).items():
        assert torch.equal(value, weights(other)[name]), name
    assert (one.controller, one.rollbacks, one.latest_diversity) == (
        other.controller,
        other.rollbacks,
        other.latest_diversity,
    )


@pytest.mark.parametrize("warmed_up", [0, 2, 4])
def test_resuming_in_the_discriminator_warm_up_is_exact(trainer, warmed_up):
    whole, begun, resumed = (trainer(warmup_steps=4) for _ in range(3))
    for gan, number in ((whole, 4), (begun, warmed_up)):
        for _ in range(number):
            gan.discriminator_warmup_step()
    resumed.restore(begun.snapshot())
    while resumed.progress.warmup_steps < 4:
        resumed.discriminator_warmup_step()
    for gan in (whole, resumed):
        for _ in range(2):
            gan.adversarial_step()
    assert_same(whole, resumed)


def test_resuming_after_a_rollback_is_exact(trainer):
    whole, begun, resumed = (trainer(eval_every=2) for _ in range(3))
    for gan in (whole, begun):
        gan.start_adversarial()
        gan.initial_diversity = DiversityStats(50.0, 0.0, 0.0)  # impossibly diverse
        for _ in range(3):
            gan.adversarial_step()
    assert [number for number, _ in begun.rollbacks] == [2]
    resumed.restore(begun.snapshot())
    for gan in (whole, resumed):
        for _ in range(3):
            gan.adversarial_step()
    assert_same(whole, resumed)


def test_equal_credits_cause_a_rollback(trainer):
    gan = trainer()
    gan.start_adversarial()
    gan._check_diversity(0.5)
    assert not gan.rollbacks
    gan._check_diversity(1e-7)
    assert gan.rollbacks == [(0, "the discriminator gives all texts the same credit")]


@pytest.mark.parametrize("of", ["generator", "discriminator"])
def test_a_network_that_diverges_is_named(trainer, of):
    gan = trainer(warmup_steps=1, **{f"{of}_learning_rate": 1e30})

    def train():
        for step in (
            gan.pretrain_step,
            gan.pretrain_step,
            gan.discriminator_warmup_step,
            gan.adversarial_step,
            gan.adversarial_step,
        ):
            step()

    with pytest.raises(
        TrainingError, match=f"the gradient of the {of} is not finite: try a lower `{of}_learning_rate`"
    ):
        train()


def test_rollout_log_probs_match_the_model_on_complete_texts(trainer, texts):
    gan = trainer()
    random = torch.Generator().manual_seed(0)
    requested = texts.select(np.arange(64), torch.device("cpu"))
    features = gan.generator.draw_features(gan.generator.model, requested.conditions, random)[0]
    rollout = generate_rollout(gan.generator.model, features, LENGTH, BOUNDARY, random, return_log_probs=True)
    tokens = torch.nn.functional.pad(rollout.tokens, (0, 1), value=BOUNDARY)
    kept = torch.nn.functional.pad(rollout.mask, (0, 1), value=False)
    whole = TextBatch(tokens, kept, requested.conditions, requested.ratings)
    nats = _token_nats(gan.generator.model, whole, _input_tokens(tokens), features)
    each = torch.stack([part.sum() for part in torch.split(nats, kept.sum(1).tolist())])
    torch.testing.assert_close(-rollout.log_probs, each, atol=1e-4, rtol=1e-4)


def test_a_collapse_causes_a_rollback(trainer):
    gan = trainer(eval_every=2)
    gan.start_adversarial()
    for _ in range(2):
        gan.adversarial_step()
    good, seen = weights(gan), gan.latest_diversity
    gan.initial_diversity = DiversityStats(50.0, 0.0, 0.0)  # impossibly diverse
    for _ in range(2):
        gan.adversarial_step()
    assert gan.rollbacks[0][0] == gan.controller.steps == 4
    assert gan.latest_diversity != seen
    assert "distinct bigrams fell" in gan.rollbacks[0][1]
    assert gan.progress.weight_factor == 0.5
    assert all(torch.equal(value, weights(gan)[name]) for name, value in good.items())
    gan.initial_diversity = DiversityStats(50.0, 0.0, 0.0)
    gan.progress.rollbacks = 6
    gan.adversarial_step()
    with pytest.raises(TrainingError, match="for the 7th time"):
        gan.adversarial_step()


def test_the_gradient_goes_through_texts_to_the_generator(trainer, texts):
    gan = trainer()
    random = torch.Generator().manual_seed(0)
    features = some_features(gan, texts, 8, random)
    rollout = generate_rollout(gan.generator.model, features, LENGTH, BOUNDARY, random, gumbel_temperature=0.5)
    assert rollout.soft.shape == (*rollout.tokens.shape, VOCABULARY)
    judged = gan.discriminator.judge(rollout.discriminator_input(), features[:, :2])
    gan.discriminator.scores(judged).sum().backward()
    learned = [gan.generator.model.condition.get_parameter(name) for name in ("input", "state", "output")]
    assert all(one.grad is not None and one.grad.abs().sum() > 0 for one in learned)


def test_no_gradient_flows_through_the_input_token(trainer, texts):
    """The second token depends on the first by its id alone."""
    gan = trainer()
    gan.generator.model.requires_grad_(False)
    random = torch.Generator().manual_seed(0)
    features = some_features(gan, texts, 8, random)
    bias = gan.generator.model.head.bias.requires_grad_()
    rollout = generate_rollout(gan.generator.model, features, LENGTH, BOUNDARY, random, gumbel_temperature=0.5)
    (whole,) = torch.autograd.grad(rollout.soft[:, 1, 0].sum(), bias, retain_graph=True)
    probabilities = rollout.soft[:, 1]
    alone = (-probabilities[:, :1] * probabilities + torch.eye(VOCABULARY)[:1] * probabilities[:, :1]) / 0.5
    torch.testing.assert_close(whole, alone.sum(0).detach(), atol=1e-6, rtol=1e-4)


def test_a_collapse_at_the_first_check_rolls_back_to_the_start(trainer):
    gan = trainer(warmup_steps=0)
    gan.start_adversarial()
    before = weights(gan)
    embedding = gan.discriminator.trunk.embedding.clone()
    columns = gan.generator.model.embedding.weight.shape[1]
    known = gan.generator.model.embedding.weight / gan.generator.model.embedding.weight.std()
    torch.testing.assert_close(embedding[:, :columns], known)
    gan.initial_diversity = DiversityStats(50.0, 0.0, 0.0)
    for _ in range(5):
        gan.adversarial_step()
    assert gan.rollbacks[0][0] == 5
    assert all(torch.equal(value, weights(gan)[name]) for name, value in before.items())
    assert torch.equal(gan.discriminator.trunk.embedding, embedding)


def test_the_moment_penalty_is_0_for_standard_normal_noise_only():
    generator = torch.Generator().manual_seed(0)
    mean = torch.randn(20_000, 3, generator=generator)
    sharp = torch.full_like(mean, -20.0)
    levels = torch.randint(5, (len(mean),), generator=generator).float()
    assert float(_moment_penalty(mean, sharp, levels)) < 0.01
    assert float(_moment_penalty(0.6 * mean, torch.full_like(mean, np.log(0.64)), levels)) < 0.01
    assert float(_moment_penalty(mean + torch.tensor([0.5, 0.0, 0.0]), sharp, levels)) > 0.25
    assert float(_moment_penalty(mean[:, [0, 0, 1]], sharp, levels)) > 1.5
    assert float(_moment_penalty(mean, sharp, (mean[:, 0] > 0.7).float())) > 0.4


def test_texts_end_at_their_boundary(trainer, texts):
    gan = trainer()
    random = torch.Generator().manual_seed(0)
    features = some_features(gan, texts, 64, random)
    rollout = generate_rollout(gan.generator.model, features, LENGTH, BOUNDARY, random, return_log_probs=True)
    for row, kept, ids in zip(rollout.tokens.tolist(), rollout.mask.tolist(), rollout.ids(), strict=True):
        ends = row.index(BOUNDARY) if BOUNDARY in row else len(row)
        assert ids == row[:ends]
        assert kept == [place <= ends for place in range(len(row))]
    with torch.no_grad():
        again = generate_rollout(gan.generator.model, features, LENGTH, BOUNDARY, random, sampling_temperature=0.0)
    assert torch.equal(
        again.tokens,
        generate_rollout(gan.generator.model, features, LENGTH, BOUNDARY, random, sampling_temperature=0.0).tokens,
    )


@pytest.mark.parametrize("normalised", [True, False])
def test_tokens_after_the_end_change_nothing(normalised):
    torch.manual_seed(0)
    discriminator = Discriminator(VOCABULARY, 2, 1, normalised=normalised).eval()
    encoder = Encoder(VOCABULARY, 2, NOISE).eval()
    tokens = torch.tensor([[1, 2, 3, BOUNDARY, 4, 5]])
    mask = torch.tensor([[True] * 4 + [False] * 2])
    ratings = torch.tensor([[1.0, 0.0]])
    whole, cut = DiscriminatorInput(tokens, mask), DiscriminatorInput(tokens[:, :4], mask[:, :4])
    for one, other in zip(discriminator.judge(whole, ratings), discriminator.judge(cut, ratings), strict=True):
        torch.testing.assert_close(one, other)
    for one, other in zip(encoder(whole, ratings), encoder(cut, ratings), strict=True):
        torch.testing.assert_close(one, other)


def test_credits_are_differences_of_pack_scores(texts):
    """A credit is the change of the score when a real text replaces the text."""
    torch.manual_seed(0)
    discriminator = Discriminator(VOCABULARY, 2, 4, normalised=False)
    batches = [texts.select(np.arange(begin, begin + 9), torch.device("cpu")) for begin in (0, 40)]
    with torch.no_grad():
        generated, real = (
            discriminator.judge(DiscriminatorInput(one.tokens, one.mask), one.conditions) for one in batches
        )
        credits = discriminator.credits(generated, real)
        scores = discriminator.scores(generated)
        assert scores.shape == (2,)
        assert credits.shape == (8,)
        hidden = generated.hidden.clone()
        hidden[5], scores_of_texts = real.hidden[5], generated.condition_scores.clone()
        scores_of_texts[5] = real.condition_scores[5]
        without = discriminator.scores(generated._replace(hidden=hidden, condition_scores=scores_of_texts))
    torch.testing.assert_close(credits[5], scores[1] - without[1])
    order = torch.tensor([3, 2, 1, 0])
    torch.testing.assert_close(discriminator.scores(generated.select(order)), scores[:1])


def test_a_pack_shows_whether_its_texts_are_equal(texts):
    torch.manual_seed(0)
    discriminator = Discriminator(VOCABULARY, 2, 4, normalised=True)
    optimizer = torch.optim.Adam(discriminator.parameters(), 3e-3)
    random = np.random.default_rng(0)

    def packs(*, similar):
        places = random.integers(0, len(texts), (16, 4))
        batch = texts.select((places[:, :1] + 0 * places if similar else places).ravel(), torch.device("cpu"))
        return discriminator.scores(discriminator.judge(DiscriminatorInput(batch.tokens, batch.mask), batch.conditions))

    for _ in range(60):
        loss = torch.nn.functional.softplus(packs(similar=True) - packs(similar=False)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        assert (packs(similar=False).mean() > packs(similar=True)).float().mean() > 0.9


def test_each_text_occurs_once_per_epoch(texts):
    device = torch.device("cpu")
    seen = [texts.sample(3, number, 64, device).tokens for number in range(10)]
    rows = sorted(map(tuple, torch.cat(seen).tolist()))
    assert rows == sorted(tuple(row[:4]) for row in texts.tokens.tolist())
    assert torch.equal(seen[4], texts.sample(3, 4, 64, device).tokens)


def test_all_settings_out_of_range_are_reported():
    with pytest.raises(ConfigError) as caught:
        GanConfig(
            adversarial_steps=1, pretrain_steps=1, loss="gans", accuracy_band=(0.9, 0.5), temperature=0.0, batch_size=1
        )
    assert len(caught.value.faults) == 4
    assert GanConfig.from_json(GanConfig(adversarial_steps=1, pretrain_steps=2).to_json()) == GanConfig(
        adversarial_steps=1, pretrain_steps=2
    )
