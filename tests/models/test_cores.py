"""One contract for every registered core."""

import itertools

import pytest
import torch

from seqloom.config import ModelConfig
from seqloom.models.recurrent_layer import Core, LayerConditioning, State
from seqloom.models.stack import reset_state
from seqloom.registry import CORES, resolve

INPUT, HIDDEN, BATCH, TIME = 5, 6, 3, 11


def make_core(name: str, *, layer_norm: bool = False, index: int = 1, weight_dropout: float = 0.0) -> Core:
    config = ModelConfig(
        vocabulary=4, core=name, hidden_sizes=(HIDDEN,), layer_norm=layer_norm, weight_dropout=weight_dropout
    )
    core: Core = resolve("core", name, CORES)(INPUT, HIDDEN, index, config, torch.Generator().manual_seed(3))
    with torch.no_grad():
        for parameter in core.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(4))
    return core.double()


def make_inputs(time: int = TIME) -> torch.Tensor:
    return torch.randn(BATCH, time, INPUT, generator=torch.Generator().manual_seed(5)).double()


@pytest.fixture(params=[*itertools.product(CORES, (False, True))], ids=lambda p: f"{p[0]}{'-norm' if p[1] else ''}")
def core(request: pytest.FixtureRequest) -> Core:
    name, layer_norm = request.param
    return make_core(name, layer_norm=layer_norm)


def same(left: State, right: State) -> bool:
    return all(torch.allclose(a, b, atol=1e-12) for a, b in zip(left, right, strict=True))


def test_shapes(core: Core) -> None:
    outputs, state = core(make_inputs(), core.initial_state(BATCH))
    assert outputs.shape == (BATCH, TIME, core.output_size)
    assert [part.shape for part in state] == [part.shape for part in core.initial_state(BATCH)]


def test_step_equals_forward(core: Core) -> None:
    inputs, state = make_inputs(), core.initial_state(BATCH)
    outputs, final = core(inputs, state)
    for time in range(TIME):
        output, state = core.step(inputs[:, time], state)
        assert torch.allclose(output, outputs[:, time], atol=1e-12)
    assert same(state, final)


def test_what_a_layer_is_told_adds_to_its_bias(core: Core) -> None:
    """In two stretches, each with features of its own, as if the bias had been another."""
    inputs, state = make_inputs(), core.initial_state(BATCH)
    weight = torch.randn(len(core.bias), 2, generator=torch.Generator().manual_seed(6)).double()  # type: ignore[arg-type]
    features = torch.tensor([[1.0, 0.5], [-1.0, 2.0]]).double()
    told = features.repeat_interleave(torch.tensor([4, TIME - 4]), 0).expand(BATCH, -1, -1)
    outputs, final = core(inputs, state, None, LayerConditioning(told, weight))
    bias = core.bias.detach().clone()  # type: ignore[operator]
    for row, stretch in enumerate((slice(0, 4), slice(4, TIME))):
        with torch.no_grad():
            core.bias.copy_(bias + weight @ features[row])  # type: ignore[operator]
        expected, state = core(inputs[:, stretch], state)
        assert torch.allclose(outputs[:, stretch], expected, atol=1e-12)
    assert same(state, final)


@pytest.mark.parametrize("cut", [1, 4, TIME - 1])
def test_state_carried_across_a_split_equals_no_split(core: Core, cut: int) -> None:
    inputs = make_inputs()
    outputs, final = core(inputs, core.initial_state(BATCH))
    first, state = core(inputs[:, :cut], core.initial_state(BATCH))
    second, state = core(inputs[:, cut:], state)
    assert torch.allclose(torch.cat([first, second], 1), outputs, atol=1e-12)
    assert same(state, final)


def test_a_batch_equals_its_lanes_one_by_one(core: Core) -> None:
    inputs = make_inputs()
    outputs, _ = core(inputs, core.initial_state(BATCH))
    alone = [core(lane.unsqueeze(0), core.initial_state(1))[0] for lane in inputs]
    assert torch.allclose(torch.cat(alone), outputs, atol=1e-12)


def test_no_output_depends_on_a_later_input(core: Core) -> None:
    inputs = make_inputs()
    changed = inputs.clone()
    changed[:, 6:] += 1
    outputs, _ = core(inputs, core.initial_state(BATCH))
    others, _ = core(changed, core.initial_state(BATCH))
    assert torch.equal(outputs[:, :6], others[:, :6])
    assert not torch.allclose(outputs[:, 6:], others[:, 6:])


def test_a_state_is_not_changed_in_place(core: Core) -> None:
    _, state = core(make_inputs(), core.initial_state(BATCH))
    before = [part.clone() for part in state]
    core(make_inputs(), state)
    core.step(make_inputs()[:, 0], state)
    assert all(torch.equal(a, b) for a, b in zip(before, state, strict=True))


def test_states_can_be_reordered(core: Core) -> None:
    _, state = core(make_inputs(), core.initial_state(BATCH))
    order = torch.tensor([2, 0, 0])
    moved = tuple(part[order] for part in state)
    outputs, _ = core(make_inputs(), state)
    others, _ = core(make_inputs()[order], moved)
    assert torch.allclose(others, outputs[order], atol=1e-12)


def test_gradients_equal_finite_differences(core: Core) -> None:
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


def test_a_cleared_lane_is_a_fresh_lane(core: Core) -> None:
    _, state = core(make_inputs(), core.initial_state(BATCH))
    ((mixed),) = (reset_state((state,), torch.tensor([True, False, True]))[0],)
    outputs, _ = core(make_inputs(), mixed)
    fresh, _ = core(make_inputs(), core.initial_state(BATCH))
    carried, _ = core(make_inputs(), state)
    assert torch.allclose(outputs[[0, 2]], fresh[[0, 2]], atol=1e-12)
    assert torch.allclose(outputs[1], carried[1], atol=1e-12)


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_recurrent_weights_are_dropped_once_a_window(name: str) -> None:
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
    core = resolve("core", name, CORES)(INPUT, HIDDEN, 0, config, torch.Generator().manual_seed(3))
    for gate in core.weight_hidden.detach().chunk(core.num_gates):
        assert torch.allclose(gate @ gate.t(), torch.eye(HIDDEN), atol=1e-5)


def test_forget_bias() -> None:
    config = ModelConfig(vocabulary=4, core="lstm", hidden_sizes=(HIDDEN,), forget_bias=1.5)
    core = resolve("core", "lstm", CORES)(INPUT, HIDDEN, 0, config, None)
    entry, forget, new, exposed = core.bias.detach().chunk(4)
    assert (forget == 1.5).all()
    assert not any(gate.any() for gate in (entry, new, exposed))
