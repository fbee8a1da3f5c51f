"""One contract for every registered head, and for one that only the tests register."""

import numpy as np
import pytest
import torch
from scipy.stats import chi2

from seqloom.config import ModelConfig
from seqloom.data.batch import IGNORED
from seqloom.kernels.heads import head_spec
from seqloom.kernels.reference_decoder import reference_decoder
from seqloom.kernels.weights import expected_shapes
from seqloom.models.head_layer import HeadLayer
from seqloom.models.language_model import LanguageModel
from seqloom.registry import HEADS
from seqloom.sampling import SamplingConfig, generate

VOCABULARY, HIDDEN, BATCH, TIME = 19, 5, 3, 7
FACTORS = (3, 3, 2)

NAMES = [*HEADS, "toy"]


@pytest.fixture(params=NAMES)
def model(request: pytest.FixtureRequest) -> LanguageModel:
    settings = {}
    if head_spec(request.param).make_distribution is not None:
        settings = {"factors": FACTORS, "embedding": 4, "mixtures": 2}
    config = ModelConfig(vocabulary=VOCABULARY, hidden_sizes=(HIDDEN,), head=request.param, **settings)
    model = LanguageModel(config, seed=1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.head.parameters():
            parameter += 0.5 * torch.randn(parameter.shape, generator=generator)
    return model


def make_hidden(time: int = TIME) -> torch.Tensor:
    return torch.randn(BATCH, time, HIDDEN, generator=torch.Generator().manual_seed(3))


def make_targets(time: int = TIME) -> torch.Tensor:
    return torch.randint(0, VOCABULARY, (BATCH, time), generator=torch.Generator().manual_seed(4))


def num_outputs(model: LanguageModel) -> int:
    return head_spec(model.config.head).num_outputs(model.config)


def probabilities_of(head: HeadLayer, hidden: torch.Tensor) -> np.ndarray:
    """The probability of each token after one output of the core, by the loss."""
    with torch.no_grad():
        losses = [float(head.losses(hidden[None, None], torch.tensor([[id]]), IGNORED)[0]) for id in range(VOCABULARY)]
    return np.exp(-np.array(losses))


def test_shapes(model: LanguageModel) -> None:
    assert model.head(make_hidden()).shape == (BATCH, TIME, num_outputs(model))
    assert model.head.bias.shape == (num_outputs(model),)
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    assert expected_shapes(model.config) == shapes


def test_step_equals_forward(model: LanguageModel) -> None:
    hidden = make_hidden()
    parameters = model.head(hidden)
    for time in range(TIME):
        assert torch.allclose(model.head(hidden[:, time]), parameters[:, time], atol=1e-6)


def test_the_reference_head_equals_the_torch_head(model: LanguageModel) -> None:
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    reference = head_spec(model.config.head).make_outputs(model.config, weights)
    hidden = make_hidden()[0, 0]
    np.testing.assert_allclose(reference(hidden.numpy()), model.head(hidden).detach().numpy(), atol=1e-5)


def test_the_loss_is_of_a_distribution(model: LanguageModel) -> None:
    assert probabilities_of(model.head, make_hidden()[0, 0]).sum() == pytest.approx(1, abs=1e-5)


def test_the_loss_of_a_batch_is_the_mean_of_its_tokens(model: LanguageModel) -> None:
    hidden, targets = make_hidden(), make_targets()
    targets[1, 2] = IGNORED
    alone = [
        float(model.head.losses(hidden[row, time][None, None], targets[row, time][None, None], IGNORED)[0].detach())
        for row in range(BATCH)
        for time in range(TIME)
        if targets[row, time] != IGNORED
    ]
    assert float(model.head.losses(hidden, targets, IGNORED)[0].detach()) == pytest.approx(np.mean(alone), abs=1e-5)


def test_conditions_add_to_the_bias(model: LanguageModel) -> None:
    hidden, targets = make_hidden(), make_targets()
    bias = torch.linspace(-1, 1, num_outputs(model))
    loss = model.head.losses(hidden, targets, IGNORED, bias.expand(BATCH, TIME, -1))[0].detach()
    with torch.no_grad():
        model.head.bias += bias
    assert torch.allclose(model.head.losses(hidden, targets, IGNORED)[0].detach(), loss, atol=1e-5)


def test_gradients_equal_finite_differences(model: LanguageModel) -> None:
    """Along a random direction of outputs and parameters together; the loss is in float32."""
    hidden, targets = make_hidden().requires_grad_(), make_targets()
    changed = [hidden, *model.head.parameters()]
    generator = torch.Generator().manual_seed(5)
    direction = [torch.randn(tensor.shape, generator=generator) for tensor in changed]
    gradients = torch.autograd.grad(model.head.losses(hidden, targets, IGNORED)[0], changed)
    expected = sum(float((gradient * step).sum()) for gradient, step in zip(gradients, direction, strict=True))

    def loss_at(distance: float) -> float:
        with torch.no_grad():
            for tensor, step in zip(changed, direction, strict=True):
                tensor += distance * step
            loss = float(model.head.losses(hidden, targets, IGNORED)[0])
            for tensor, step in zip(changed, direction, strict=True):
                tensor -= distance * step
        return loss

    distance = 3e-3
    assert (loss_at(distance) - loss_at(-distance)) / (2 * distance) == pytest.approx(expected, rel=1e-2)


def test_a_head_is_computed_in_float32_unless_it_supports_bfloat16(model: LanguageModel) -> None:
    hidden, targets = make_hidden().bfloat16(), make_targets()
    with torch.no_grad():
        exact = model.head.losses(hidden.float(), targets, IGNORED)[0]
        with torch.autocast("cpu", torch.bfloat16):
            loss, _ = model.losses(hidden, targets, IGNORED)
    is_exact = float(loss) == float(exact)
    assert is_exact == (not head_spec(model.config.head).trains_in_bfloat16)


def test_the_outputs_are_of_the_same_distribution_as_the_losses(model: LanguageModel) -> None:
    """Evaluation and sampling read the outputs, training reads the losses."""
    hidden = make_hidden()[0, 0]
    outputs, make_distribution = model.head(hidden).detach(), head_spec(model.config.head).make_distribution
    if make_distribution is None:
        probabilities = outputs.double().softmax(-1).numpy()
    else:
        probabilities = np.exp(make_distribution(model.config).all_log_probs(outputs.numpy()))
    log_probs = model.head.log_probs(outputs.expand(VOCABULARY, -1), torch.arange(VOCABULARY)).detach().exp().numpy()
    np.testing.assert_allclose(log_probs, probabilities, atol=1e-5)
    np.testing.assert_allclose(probabilities, probabilities_of(model.head, hidden), atol=1e-6)


def test_samples_agree_with_the_loss(model: LanguageModel) -> None:
    """A chi-square test of 10,000 samples; another seed would give a false alarm with probability 1e-6."""
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    letters = [bytes([97 + token]) for token in range(VOCABULARY)]
    config, num_samples = SamplingConfig(length=1, seed=7), 10_000
    samples = generate(
        reference_decoder(model.config, weights), config, prompt=[1], token_bytes=letters, count=num_samples
    )
    counts = np.bincount([sample.tokens[0] for sample in samples], minlength=VOCABULARY)
    with torch.no_grad():
        hidden, _ = model(torch.tensor([[1]]), model.initial_state(1))
    expected = num_samples * probabilities_of(model.head, hidden[0, 0])
    statistic = ((counts - expected) ** 2 / expected).sum()
    assert statistic < chi2.isf(1e-6, VOCABULARY - 1)
