"""One contract for every registered core, and for one that only the tests register."""

import itertools

import jaxtyping
import numpy as np
import pytest
import torch

from seqloom.config import ModelConfig
from seqloom.kernels.cores import TokenInput, core_spec
from seqloom.kernels.weights import expected_shapes
from seqloom.models.core_layer import CoreLayer, LayerConditioning, State
from seqloom.models.language_model import LanguageModel
from seqloom.models.stack import reset_state
from seqloom.registry import CORES, import_part

INPUT, HIDDEN, BATCH, TIME = 5, 6, 3, 11

NAMES = [*CORES, "toy"]


def layer_class(name: str) -> type[CoreLayer]:
    layer: type[CoreLayer] = import_part(core_spec(name).layer)
    return layer


def make_core(name: str, *, layer_norm: bool = False, index: int = 1, weight_dropout: float = 0.0) -> CoreLayer:
    config = ModelConfig(
        vocabulary=4, core=name, hidden_sizes=(HIDDEN,), layer_norm=layer_norm, weight_dropout=weight_dropout
    )
    core = layer_class(name)(INPUT, HIDDEN, index, config, torch.Generator().manual_seed(3))
    with torch.no_grad():
        for parameter in core.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(4))
    return core.double()


def make_inputs(time: int = TIME) -> torch.Tensor:
    return torch.randn(BATCH, time, INPUT, generator=torch.Generator().manual_seed(5)).double()


VARIANTS = [*itertools.product(NAMES, (False, True))]


def variant_id(variant: tuple[str, bool]) -> str:
    return f"{variant[0]}{'-norm' if variant[1] else ''}"


@pytest.fixture(params=VARIANTS, ids=variant_id)
def core(request: pytest.FixtureRequest) -> CoreLayer:
    name, layer_norm = request.param
    return make_core(name, layer_norm=layer_norm)


def same(left: State, right: State) -> bool:
    return all(torch.allclose(a, b, atol=1e-12) for a, b in zip(left, right, strict=True))


def test_shapes(core: CoreLayer) -> None:
    outputs, state = core(make_inputs(), core.initial_state(BATCH))
    assert outputs.shape == (BATCH, TIME, core.output_size)
    assert [part.shape for part in state] == [part.shape for part in core.initial_state(BATCH)]


@pytest.mark.parametrize("variant", VARIANTS, ids=variant_id)
def test_the_spec_knows_the_shapes_of_a_model(variant: tuple[str, bool]) -> None:
    core, layer_norm = variant
    config = ModelConfig(vocabulary=9, core=core, hidden_sizes=(7, 7, 4), embedding=5, layer_norm=layer_norm)
    shapes = {name: tuple(value.shape) for name, value in LanguageModel(config).state_dict().items()}
    assert expected_shapes(config) == shapes
    spec = core_spec(core)
    assert shapes["core.layers.0.bias"] == (spec.num_gates * 7,)


def test_step_equals_forward(core: CoreLayer) -> None:
    inputs, state = make_inputs(), core.initial_state(BATCH)
    outputs, final = core(inputs, state)
    for time in range(TIME):
        output, state = core.step(inputs[:, time], state)
        assert torch.allclose(output, outputs[:, time], atol=1e-12)
    assert same(state, final)


@pytest.mark.parametrize("variant", VARIANTS, ids=variant_id)
@pytest.mark.parametrize("is_first", [False, True])
def test_the_reference_layer_equals_the_torch_layer(variant: tuple[str, bool], is_first: bool) -> None:
    """As a first layer, which reads ids, and as a later one, which reads vectors."""
    name, layer_norm = variant
    layer = make_core(name, layer_norm=layer_norm).float()
    weights = {name: value.numpy() for name, value in layer.state_dict().items()}
    rows = np.random.default_rng(6).standard_normal((TIME, INPUT)).astype(np.float32)
    tokens = TokenInput(TIME, rows) if is_first else None
    reference = core_spec(name).make_layer(weights, 1, tokens)
    expected, _ = layer(torch.from_numpy(rows)[None], layer.initial_state(1))
    state = reference.zero_state
    for time in range(TIME):
        output, state = reference.step(time if is_first else rows[time], state)
        np.testing.assert_allclose(output, expected[0, time].detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_reference_layer_that_steps_batches_gives_each_stream_its_own(name: str) -> None:
    spec = core_spec(name)
    if not spec.steps_batches:
        pytest.skip("the core steps one stream at a time")
    weights = {key: value.numpy() for key, value in make_core(name).float().state_dict().items()}
    inputs = make_inputs(4).float().numpy()
    layer = spec.make_layer(weights, 1, None)
    stacked = tuple(np.stack([part] * BATCH) for part in layer.zero_state)
    alone = [layer.zero_state] * BATCH
    for time in range(4):
        outputs, stacked = layer.step(inputs[:, time], stacked)
        for stream in range(BATCH):
            output, alone[stream] = layer.step(inputs[stream, time], alone[stream])
            np.testing.assert_allclose(outputs[stream], output, atol=1e-6)


def test_conditions_add_to_the_bias(core: CoreLayer) -> None:
    """Two stretches with their own features equal two readings with changed biases, by forward and by step."""
    inputs, state = make_inputs(), core.initial_state(BATCH)
    weight = torch.randn(len(core.bias), 2, generator=torch.Generator().manual_seed(6)).double()  # type: ignore[arg-type]
    features = torch.tensor([[1.0, 0.5], [-1.0, 2.0]]).double()
    of_tokens = features.repeat_interleave(torch.tensor([4, TIME - 4]), 0).expand(BATCH, -1, -1)
    outputs, final = core(inputs, state, None, LayerConditioning(of_tokens, weight))
    bias = core.bias.detach().clone()  # type: ignore[operator]
    stepped = state
    for time in range(TIME):
        output, stepped = core.step(inputs[:, time], stepped, of_tokens[:, time] @ weight.t())
        assert torch.allclose(output, outputs[:, time], atol=1e-12)
    assert same(stepped, final)
    for row, stretch in enumerate((slice(0, 4), slice(4, TIME))):
        with torch.no_grad():
            core.bias.copy_(bias + weight @ features[row])  # type: ignore[operator]
        expected, state = core(inputs[:, stretch], state)
        assert torch.allclose(outputs[:, stretch], expected, atol=1e-12)
    assert same(state, final)


@pytest.mark.parametrize("cut", [1, 4, TIME - 1])
def test_state_carried_across_a_split_equals_no_split(core: CoreLayer, cut: int) -> None:
    inputs = make_inputs()
    outputs, final = core(inputs, core.initial_state(BATCH))
    first, state = core(inputs[:, :cut], core.initial_state(BATCH))
    second, state = core(inputs[:, cut:], state)
    assert torch.allclose(torch.cat([first, second], 1), outputs, atol=1e-12)
    assert same(state, final)


def test_a_batch_equals_its_streams_one_by_one(core: CoreLayer) -> None:
    inputs = make_inputs()
    outputs, _ = core(inputs, core.initial_state(BATCH))
    alone = [core(stream.unsqueeze(0), core.initial_state(1))[0] for stream in inputs]
    assert torch.allclose(torch.cat(alone), outputs, atol=1e-12)


def test_no_output_depends_on_a_later_input(core: CoreLayer) -> None:
    inputs = make_inputs()
    changed = inputs.clone()
    changed[:, 6:] += 1
    outputs, _ = core(inputs, core.initial_state(BATCH))
    others, _ = core(changed, core.initial_state(BATCH))
    assert torch.equal(outputs[:, :6], others[:, :6])
    assert not torch.allclose(outputs[:, 6:], others[:, 6:])


def test_a_state_is_not_changed_in_place(core: CoreLayer) -> None:
    _, state = core(make_inputs(), core.initial_state(BATCH))
    before = [part.clone() for part in state]
    core(make_inputs(), state)
    core.step(make_inputs()[:, 0], state)
    assert all(torch.equal(a, b) for a, b in zip(before, state, strict=True))


def test_states_can_be_reordered(core: CoreLayer) -> None:
    _, state = core(make_inputs(), core.initial_state(BATCH))
    order = torch.tensor([2, 0, 0])
    moved = tuple(part[order] for part in state)
    outputs, _ = core(make_inputs(), state)
    others, _ = core(make_inputs()[order], moved)
    assert torch.allclose(others, outputs[order], atol=1e-12)


def test_gradients_equal_finite_differences(core: CoreLayer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # the layer is called for each number of its input
    inputs = make_inputs(4).requires_grad_()
    state = tuple(
        torch.randn(part.shape, generator=torch.Generator().manual_seed(6)).double().requires_grad_()
        for part in core.initial_state(BATCH)
    )
    weights = list(core.parameters())

    def read(inputs: torch.Tensor, *rest: torch.Tensor) -> tuple[torch.Tensor, ...]:
        outputs, after = core(inputs, rest[: len(state)])
        return (outputs, *after)

    assert torch.autograd.gradcheck(read, (inputs, *state, *weights), atol=1e-6, rtol=1e-4)


def test_a_reset_stream_is_a_fresh_stream(core: CoreLayer) -> None:
    _, state = core(make_inputs(), core.initial_state(BATCH))
    ((mixed),) = (reset_state((state,), torch.tensor([True, False, True]))[0],)
    outputs, _ = core(make_inputs(), mixed)
    fresh, _ = core(make_inputs(), core.initial_state(BATCH))
    carried, _ = core(make_inputs(), state)
    assert torch.allclose(outputs[[0, 2]], fresh[[0, 2]], atol=1e-12)
    assert torch.allclose(outputs[1], carried[1], atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_recurrent_weights_are_dropped_once_a_window(name: str) -> None:
    if not core_spec(name).is_recurrent:
        pytest.skip("the core has no recurrent weights")
    core = make_core(name, weight_dropout=0.5)
    state = core.initial_state(BATCH)
    assert torch.equal(core(make_inputs(), state)[0], core(make_inputs(), state)[0])
    dropped, _ = core(make_inputs(), state, torch.Generator().manual_seed(1))
    again, _ = core(make_inputs(), state, torch.Generator().manual_seed(1))
    assert torch.equal(dropped, again)
    assert not torch.allclose(dropped[:, 1:], core(make_inputs(), state)[0][:, 1:])
    assert torch.allclose(dropped[:, 0], core(make_inputs(), state)[0][:, 0])


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_recurrent_weights_start_orthogonal(name: str) -> None:
    config = ModelConfig(vocabulary=4, core=name, hidden_sizes=(HIDDEN,))
    core = layer_class(name)(INPUT, HIDDEN, 0, config, torch.Generator().manual_seed(3))
    for gate in core.weight_hidden.detach().chunk(core_spec(name).num_gates):  # type: ignore[operator]
        assert torch.allclose(gate @ gate.t(), torch.eye(HIDDEN), atol=1e-5)


def test_forget_bias() -> None:
    config = ModelConfig(vocabulary=4, core="lstm", hidden_sizes=(HIDDEN,), forget_bias=1.5)
    core = layer_class("lstm")(INPUT, HIDDEN, 0, config, None)
    input_gate, forget_gate, candidate, output_gate = core.bias.detach().chunk(4)  # type: ignore[operator]
    assert (forget_gate == 1.5).all()
    assert not any(gate.any() for gate in (input_gate, candidate, output_gate))
