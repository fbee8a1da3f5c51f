"""The optimiser and its schedule."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from seqloom.config import TrainingConfig

__all__ = ["make_optimizer", "optimizer_tensors", "restore_optimizer", "scheduled_rate"]


def make_optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """The optimiser that `config` names; only matrices decay."""
    matrices = [parameter for parameter in model.parameters() if parameter.dim() >= 2]
    vectors = [parameter for parameter in model.parameters() if parameter.dim() < 2]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    rate = config.learning_rate
    if config.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=rate, betas=config.betas, fused=True)
    if config.optimizer == "adam":
        return torch.optim.Adam(model.parameters(), lr=rate, betas=config.betas, eps=1e-7, fused=True)
    return torch.optim.RMSprop(model.parameters(), lr=rate, alpha=0.9, eps=1e-7)


def scheduled_rate(step: int, config: TrainingConfig) -> float:
    """The learning rate of update `step`, counted from 0.

    A linear warm-up, then half a cosine that reaches `final_rate` of the peak at the last step (Loshchilov, Hutter
    2017).
    """
    if config.schedule == "constant":
        return config.learning_rate
    warmed = min(1.0, (step + 1) / config.warmup) if config.warmup else 1.0
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / config.total_steps)))
    return config.learning_rate * warmed * (config.final_rate + (1 - config.final_rate) * cosine)


def optimizer_tensors(optimizer: torch.optim.Optimizer, names: Mapping[Tensor, str]) -> dict[str, Tensor]:
    """Copies of an optimiser's moments, by the names of its parameters."""
    found: dict[str, Tensor] = {}
    for parameter, moments in optimizer.state.items():
        found |= {f"optimizer.{names[parameter]}.{name}": value.detach().clone() for name, value in moments.items()}
    return found


def restore_optimizer(
    optimizer: torch.optim.Optimizer, names: Mapping[Tensor, str], tensors: Mapping[str, Tensor]
) -> None:
    """Go back to what `optimizer_tensors` gave."""
    optimizer.state.clear()
    for parameter, name in names.items():
        prefix = f"optimizer.{name}."
        kept = {key.removeprefix(prefix): value.clone() for key, value in tensors.items() if key.startswith(prefix)}
        moments = {moment: value for moment, value in kept.items() if "." not in moment}
        if moments:
            optimizer.state[parameter] = moments
