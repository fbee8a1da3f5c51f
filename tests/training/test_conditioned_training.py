"""Training with ratings: the compiled kernels against torch, and what the model makes of them."""

import copy
import functools

import numpy as np
import pytest
import torch

from seqloom.config import ModelConfig, TrainingConfig
from seqloom.data.batch_conditions import ConditionSource
from seqloom.data.conditions import Conditions
from seqloom.data.contiguous_batches import ContiguousBatches
from seqloom.data.scale import fit_scale
from seqloom.data.split import Spans
from seqloom.data.store import TokenStore
from seqloom.evaluation.likelihood import full_likelihood
from seqloom.evaluation.torch_scorer import TorchScorer
from seqloom.kernels.library import available_kernels
from seqloom.models.language_model import LanguageModel
from seqloom.training.loop import Trainer

VOCABULARY, LENGTH = 8, 9


def rated_store(number: int = 600) -> TokenStore:
    """Documents between boundaries (0) that go up by their rating, 1 to 3, from token to token, from a random one."""
    random = np.random.default_rng(1)
    stars = random.integers(1, 4, number)
    steps = np.arange(LENGTH - 2) * stars[:, None] + random.integers(0, VOCABULARY - 1, (number, 1))
    records = np.pad(1 + steps % (VOCABULARY - 1), ((0, 0), (1, 1)))
    return TokenStore(
        records=records.ravel().astype(np.uint8),
        offsets=np.arange(number + 1) * LENGTH,
        conditions={"stars": stars.astype(np.float64)},
        categories={},
        groups=None,
        num_units=records.size,
        skipped={},
    )


STORE = rated_store()
STARS = Conditions((fit_scale("stars", np.array([1.0, 2, 3])),))


def make_trainer(kernels: str | None, hidden: float = 0.0, steps: int = 150, **model: object) -> Trainer:
    config = TrainingConfig(
        total_steps=steps, batch_size=16, sequence_length=16, warmup=5, patience=0, condition_dropout=hidden
    )
    settings = {"hidden_sizes": (16,), "num_condition_features": STARS.width, **model}
    network = LanguageModel(ModelConfig(vocabulary=VOCABULARY, **settings), seed=2)  # type: ignore[arg-type]
    ratings = ConditionSource(STARS, STARS.values_of(STORE), hidden, seed=config.seed)
    batches = ContiguousBatches(
        STORE, Spans.whole_documents(STORE), batch_size=16, sequence_length=16, seed=0, conditions=ratings
    )
    return Trainer(network, batches, config, kernels=kernels, threads=2)


def nats(model: LanguageModel, features: np.ndarray | None) -> float:
    characters = np.ones(VOCABULARY, np.int64)
    return full_likelihood(
        TorchScorer(model), STORE, Spans.whole_documents(STORE), characters, features=features
    ).nats_per_token


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@functools.cache
def small_weights(kernels: str | None, core: str, into: tuple[str, ...]) -> dict[str, torch.Tensor]:
    trainer = make_trainer(kernels, 0.1, 30, core=core, condition_into=into, hidden_sizes=(12, 9))
    trainer.train()
    return trainer.synced_model().state_dict()


@functools.cache
def trained_model(kernels: str | None) -> LanguageModel:
    trainer = make_trainer(kernels, 0.1, 400)
    trainer.train()
    return trainer.synced_model()


@pytest.mark.parametrize("core", ["lstm", "gru"])
@pytest.mark.parametrize("into", [("input", "state", "output"), ("state",), ("input", "output")], ids="-".join)
@pytest.mark.parametrize("kernels", [name for name in available_kernels() if name in ("portable", "avx2", "avx512")])
def test_the_kernels_train_as_torch_does(kernels: str, core: str, into: tuple[str, ...]) -> None:
    native, plain = (small_weights(path, core, into) for path in (kernels, None))
    assert list(native) == list(plain)
    for name in plain:
        assert torch.allclose(native[name], plain[name], atol=2e-3), name
        if name.startswith("condition"):
            assert native[name].abs().max() > 0.01


@pytest.mark.parametrize("kernels", [None, *available_kernels()])
def test_a_rating_is_learned_and_so_is_its_absence(kernels: str | None) -> None:
    model = trained_model(kernels)
    true = STARS.features(STARS.values_of(STORE))
    shuffled = true[np.random.default_rng(0).permutation(len(true))]
    # With the rating, only the first token of a text is uncertain; without it, the second is too.
    with_rating, without_rating, wrong_rating = nats(model, true), nats(model, None), nats(model, shuffled)
    assert with_rating < without_rating - 0.05
    assert wrong_rating > without_rating + 0.2


def test_every_place_that_a_rating_reaches_matters() -> None:
    model, true = trained_model(None), STARS.features(STARS.values_of(STORE))
    whole = nats(model, true)
    for place in ("input", "state", "output"):
        without = copy.deepcopy(model)
        assert without.condition is not None
        with torch.no_grad():
            without.condition.get_parameter(place).zero_()
        assert nats(without, true) > whole + 0.001, place


@pytest.mark.parametrize("kernels", [None, *available_kernels()])
def test_going_on_from_a_snapshot_is_exact(kernels: str | None) -> None:
    straight = make_trainer(kernels, 0.1, 20)
    straight.train()
    stopped = make_trainer(kernels, 0.1, 20)
    count = iter(range(100))
    stopped.train(lambda: next(count) >= 10)
    resumed = make_trainer(kernels, 0.1, 20)
    resumed.restore(stopped.snapshot())
    resumed.train()
    for name, value in straight.synced_model().state_dict().items():
        assert torch.equal(value, resumed.synced_model().state_dict()[name]), name
