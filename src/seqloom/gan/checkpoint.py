"""Collect the tensors of several networks and optimizers under prefixed names, and restore them."""

from collections.abc import Mapping

from torch import Tensor, nn
from torch.optim import Optimizer

__all__ = ["add_prefix", "collect_tensors", "restore_tensors", "strip_prefix"]


def collect_tensors(networks: Mapping[str, nn.Module], optimizers: Mapping[str, Optimizer]) -> dict[str, Tensor]:
    """Return CPU copies of all tensors.

    The names are "network.weight" for weights, and "optimizer.index.moment" for the optimizer's running means (moments)
    of the gradients of the parameter with this index.
    """
    tensors: dict[str, Tensor] = {}
    for name, network in networks.items():
        tensors |= add_prefix(name, network.state_dict())
    for name, optimizer in optimizers.items():
        for index, moments in optimizer.state_dict()["state"].items():
            tensors |= add_prefix(f"{name}.{index}", moments)
    return tensors


def restore_tensors(
    networks: Mapping[str, nn.Module], optimizers: Mapping[str, Optimizer], tensors: Mapping[str, Tensor]
) -> None:
    """Load the tensors from `collect_tensors` into networks and optimizers.

    Raises:
        KeyError, RuntimeError: a tensor is missing or has another shape.
    """
    for name, network in networks.items():
        network.load_state_dict(strip_prefix(name, tensors))
    for name, optimizer in optimizers.items():
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in strip_prefix(name, tensors).items():
            index, _, moment = key.partition(".")
            state.setdefault(int(index), {})[moment] = value.clone()
        optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def add_prefix(name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return CPU copies of the tensors, with `name` and a dot before each key."""
    return {f"{name}.{key}": value.detach().cpu().clone() for key, value in tensors.items()}


def strip_prefix(name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose keys start with `name` and a dot, without that prefix."""
    return {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}
