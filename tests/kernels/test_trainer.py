"""The compiled training step against autograd."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from seqloom.config import ModelConfig
from seqloom.kernels.library import BFLOAT16_KERNELS, available_kernels
from seqloom.kernels.trainer import ConditionBiasRows, DropoutSettings, NativeTrainer, supports_native_training
from seqloom.models.head_layer import AHEAD_WEIGHT
from seqloom.models.language_model import LanguageModel
from seqloom.training.keras_optimizers import KerasRmsprop
from seqloom.training.native_step import shifted_targets

VOCABULARY = 37
pytestmark = pytest.mark.skipif(not available_kernels(), reason="the native kernels were not built")

SHAPES: dict[str, dict[str, Any]] = {
    "one-hot": {"hidden_sizes": (40,)},
    "embedding": {"hidden_sizes": (64,), "embedding": 12},
    "three layers": {"hidden_sizes": (33, 48, 16), "embedding": 8},
    "gru": {"hidden_sizes": (40, 24), "embedding": 12, "core": "gru"},
    "prediction_heads": {"hidden_sizes": (32,), "embedding": 8, "prediction_heads": 3},
}


@dataclass
class Pair:
    """A model under autograd, and the same under the compiled step."""

    model: LanguageModel
    native: NativeTrainer


def pair(kernels: str, threads: int, **shape: Any) -> Pair:
    config = ModelConfig(vocabulary=VOCABULARY, **shape)
    model = LanguageModel(config, 1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    native = NativeTrainer(config, kernels, threads)
    native.load("parameter", arrays(model))
    return Pair(model, native)


def arrays(model: LanguageModel) -> dict[str, np.ndarray]:
    return {name: value.detach().numpy().copy() for name, value in model.state_dict().items()}


def windows(lanes: int, time: int, *, resets: bool) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
    random = np.random.default_rng(0)
    for _ in range(2):
        tokens, targets = random.integers(0, VOCABULARY, (2, lanes, time))
        targets[0, 2] = -1
        yield tokens, targets, random.random((lanes, time)) < 0.1 if resets else None


def head_weights(heads: int) -> np.ndarray:
    weights = np.full(heads, AHEAD_WEIGHT / max(1, heads - 1), np.float32)
    weights[0] = 1
    return weights


def relative(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.abs(ours - theirs).max() / (np.abs(theirs).max() + 1e-9))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kernels", available_kernels())
@pytest.mark.parametrize(("lanes", "time", "resets"), [(5, 7, False), (19, 9, True), (3, 33, True)])
def test_losses_gradients_and_states_are_those_of_autograd(
    kernels: str, shape: str, threads: int, lanes: int, time: int, resets: bool
) -> None:
    both = pair(kernels, threads, **SHAPES[shape])
    bound = 0.1 if kernels in BFLOAT16_KERNELS else 2e-5
    state = both.model.initial_state(lanes)
    both.native.clear_state(lanes)
    for tokens, targets, reset in windows(lanes, time, resets=resets):
        hidden, after = both.model(torch.from_numpy(tokens), state, None if reset is None else torch.from_numpy(reset))
        objective, nats = both.model.losses(hidden, torch.from_numpy(targets), -1)
        both.model.zero_grad()
        objective.backward()
        heads = both.model.config.prediction_heads
        losses = both.native.compute_gradients(
            tokens, shifted_targets(targets, heads), reset, head_weights(heads), DropoutSettings()
        )
        both.native.carry_state()
        assert losses[0] == pytest.approx(nats.item(), abs=bound / 20)
        gradients = both.native.export("gradient")
        for name, parameter in both.model.named_parameters():
            assert parameter.grad is not None
            assert relative(gradients[name], parameter.grad.numpy()) < bound, name
        norm = torch.nn.utils.get_total_norm([p.grad for p in both.model.parameters() if p.grad is not None])
        assert both.native.gradient_norm() == pytest.approx(norm.item(), rel=bound / 2)
        for ours, theirs in zip(both.native.export_state(lanes), after, strict=True):
            for part, expected in zip(ours, theirs, strict=True):
                np.testing.assert_allclose(part, expected.detach().numpy(), atol=bound / 2)
        state = tuple(tuple(part.detach() for part in layer) for layer in after)


@pytest.mark.parametrize("kernels", available_kernels())
def test_gradients_do_not_depend_on_the_number_of_threads(kernels: str) -> None:
    found = []
    for threads in (1, 2, 3):
        both = pair(kernels, threads, hidden_sizes=(40, 24), embedding=12)
        both.native.clear_state(7)
        for tokens, targets, reset in windows(7, 11, resets=True):
            both.native.compute_gradients(
                tokens, targets[None], reset, head_weights(1), DropoutSettings(seed=3, dropout=0.4)
            )
            both.native.carry_state()
        found.append(both.native.export("gradient"))
    for other in found[1:]:
        assert all(relative(other[name], found[0][name]) < 1e-5 for name in other)


@pytest.mark.parametrize("core", ["lstm", "gru"])
@pytest.mark.parametrize("kernels", available_kernels())
def test_conditions_are_biases_of_their_lanes(kernels: str, core: str) -> None:
    """What a condition adds is what the layers' own biases would have added."""
    both = pair(kernels, 2, hidden_sizes=(24, 16), embedding=8, core=core)
    tokens, targets, _ = next(windows(4, 6, resets=False))
    gates = (4 if core == "lstm" else 3) * (24 + 16)
    random = np.random.default_rng(5)
    added = random.normal(size=(2, gates)).astype(np.float32)
    logits = random.normal(size=(2, VOCABULARY)).astype(np.float32)
    index = np.zeros((4, 6), np.int32)
    index[2:] = 1
    conditions = ConditionBiasRows(index, added, logits, np.zeros_like(added), np.zeros_like(logits))
    both.native.clear_state(4)
    (loss,) = both.native.compute_gradients(tokens, targets[None], None, head_weights(1), DropoutSettings(), conditions)
    losses, bias_gradients = [], []
    for row in range(2):
        model = LanguageModel(both.model.config)
        model.load_state_dict(both.model.state_dict())
        with torch.no_grad():
            first = added.shape[1] * 24 // 40
            model.core.layers[0].bias += torch.from_numpy(added[row, :first])  # type: ignore[operator]
            model.core.layers[1].bias += torch.from_numpy(added[row, first:])  # type: ignore[operator]
            model.head.bias += torch.from_numpy(logits[row])
        mine = index[:, 0] == row
        hidden, _ = model(torch.from_numpy(tokens[mine]), model.initial_state(int(mine.sum())))
        wanted = torch.from_numpy(targets[mine])
        nats = torch.nn.functional.cross_entropy(
            model.logits(hidden).flatten(0, 1), wanted.flatten(), ignore_index=-1, reduction="sum"
        )
        (nats / np.count_nonzero(targets >= 0)).backward()
        losses.append(nats.item() / np.count_nonzero(targets >= 0))
        parts = [layer.bias.grad.numpy() for layer in model.core.layers]  # type: ignore[union-attr]
        assert model.head.bias.grad is not None
        bias_gradients.append((np.concatenate(parts), model.head.bias.grad.numpy()))
    bound = 0.05 if kernels in BFLOAT16_KERNELS else 1e-5
    assert loss == pytest.approx(sum(losses), abs=bound)
    for row, (of_gates, of_logits) in enumerate(bias_gradients):
        assert relative(conditions.d_gate_bias[row], of_gates) < bound
        assert relative(conditions.d_logit_bias[row], of_logits) < bound


@pytest.mark.parametrize("kernels", available_kernels())
@pytest.mark.parametrize(
    "dropped", [DropoutSettings(1, 0.5), DropoutSettings(1, 0.5, 0.0, True), DropoutSettings(1, 0.0, 0.5)]
)
def test_dropout_has_the_gradient_of_its_own_loss(kernels: str, dropped: DropoutSettings) -> None:
    """Along a random direction the loss changes as the gradient says; masks are those of the seed each time."""
    if kernels in BFLOAT16_KERNELS:
        pytest.skip("differences of losses drown in the rounding of bfloat16")
    both = pair(kernels, 2, hidden_sizes=(24, 16), embedding=8)
    tokens, targets, _ = next(windows(4, 6, resets=False))
    weights = both.native.export("parameter")

    def loss_at(distance: float, direction: dict[str, np.ndarray]) -> float:
        both.native.load("parameter", {name: weights[name] + distance * direction[name] for name in weights})
        both.native.clear_state(4)
        return both.native.compute_gradients(tokens, targets[None], None, head_weights(1), dropped)[0]

    random = np.random.default_rng(8)
    direction = {name: random.normal(size=value.shape).astype(np.float32) for name, value in weights.items()}
    loss_at(0.0, direction)
    gradient = both.native.export("gradient")
    slope = sum(float((gradient[name] * direction[name]).sum()) for name in direction)
    measured = (loss_at(3e-3, direction) - loss_at(-3e-3, direction)) / 6e-3
    assert measured == pytest.approx(slope, rel=0.02, abs=0.01)
    assert loss_at(0.0, direction) == loss_at(0.0, direction)


@pytest.mark.parametrize("kernels", available_kernels())
def test_dropout_drops_its_share(kernels: str) -> None:
    """With shares of .5 the loss is another at another seed, and its mean over seeds is near that without."""
    both = pair(kernels, 1, hidden_sizes=(64,), embedding=8)
    tokens, targets, _ = next(windows(8, 16, resets=False))
    both.native.clear_state(8)

    def loss(seed: int, share: float) -> float:
        return both.native.compute_gradients(
            tokens, targets[None], None, head_weights(1), DropoutSettings(seed, share)
        )[0]

    dropped = [loss(seed, 0.5) for seed in range(20)]
    assert len(set(dropped)) == 20
    assert np.mean(dropped) == pytest.approx(loss(0, 0.0), abs=0.2)


@pytest.mark.parametrize("kernels", available_kernels())
@pytest.mark.parametrize("optimizer", ["adamw", "rmsprop"])
def test_an_update_is_torchs(kernels: str, optimizer: str) -> None:
    both = pair(kernels, 2, hidden_sizes=(24,), embedding=8)
    matrices = [p for p in both.model.parameters() if p.dim() > 1]
    vectors = [p for p in both.model.parameters() if p.dim() == 1]
    if optimizer == "adamw":
        groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
        reference: torch.optim.Optimizer = torch.optim.AdamW(groups, lr=0.01, betas=(0.85, 0.99), eps=1e-8)
    else:
        reference = KerasRmsprop([{"params": list(both.model.parameters())}], lr=0.01, alpha=0.9)
    tokens, targets, _ = next(windows(4, 6, resets=False))
    for step in range(1, 4):
        both.native.clear_state(4)
        both.native.compute_gradients(tokens, targets[None], None, head_weights(1), DropoutSettings())
        for name, parameter in both.model.named_parameters():
            parameter.grad = torch.from_numpy(0.5 * both.native.export("gradient")[name])
        reference.step()
        if optimizer == "adamw":
            both.native.adam(step, 0.01, (0.85, 0.99), 1e-8, 0.1, 0.5)
        else:
            both.native.rmsprop(step, 0.01, 0.9, 1e-7, 0.5)
    ours, theirs = both.native.export("parameter"), arrays(both.model)
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-5, atol=2e-6, err_msg=name)


def test_what_it_does_not_cover() -> None:
    assert supports_native_training(ModelConfig(vocabulary=5))
    assert not supports_native_training(ModelConfig(vocabulary=5, core="conv"))
    assert not supports_native_training(ModelConfig(vocabulary=5, layer_norm=True))
    assert not supports_native_training(ModelConfig(vocabulary=5, embedding=128, tied=True))
