"""The tensors of several networks and optimisers under one roof of names, and back."""

from collections.abc import Mapping

from torch import Tensor, nn
from torch.optim import Optimizer

__all__ = ["add_prefix", "collect_tensors", "restore_tensors", "strip_prefix"]


def collect_tensors(parts: Mapping[str, nn.Module], optimizers: Mapping[str, Optimizer]) -> dict[str, Tensor]:
    """Copies of all tensors, on the CPU: "part.weight", "optimizer.number.moment"."""
    tensors: dict[str, Tensor] = {}
    for name, part in parts.items():
        tensors |= add_prefix(name, part.state_dict())
    for name, optimizer in optimizers.items():
        for place, moments in optimizer.state_dict()["state"].items():
            tensors |= add_prefix(f"{name}.{place}", moments)
    return tensors


def restore_tensors(
    parts: Mapping[str, nn.Module], optimizers: Mapping[str, Optimizer], tensors: Mapping[str, Tensor]
) -> None:
    """Put back what `tensors_of` gave.

    Raises:
        KeyError, RuntimeError: a tensor is missing, or of another shape.
    """
    for name, part in parts.items():
        part.load_state_dict(strip_prefix(name, tensors))
    for name, optimizer in optimizers.items():
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in strip_prefix(name, tensors).items():
            place, _, moment = key.partition(".")
            state.setdefault(int(place), {})[moment] = value.clone()
        optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def add_prefix(name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies on the CPU, with a name and a dot before theirs."""
    return {f"{name}.{key}": value.detach().cpu().clone() for key, value in tensors.items()}


def strip_prefix(name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with a name and a dot, without these."""
    return {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}
