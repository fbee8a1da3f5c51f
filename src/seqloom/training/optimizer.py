"""The optimiser and its schedule."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from seqloom.config import TrainingConfig
from seqloom.models.conditioning import Conditioning

__all__ = ["make_optimizer", "optimizer_tensors", "restore_optimizer", "scheduled_rate", "set_rate"]


_RATING_PACE, _RATING_FLOOR = 0.6, 3e-4
"""How slowly the weights that lead from ratings into the network learn: a share of the others' rate, and what is added
to the root of their mean squared gradients.

A rating changes little of a text, and there are many rare tokens. Adam moves the weights of all tokens by steps of the
same size, so that those of rare ones would learn what is chance: unseen texts would become less likely with their true
rating than without (4.635 against 4.607 nats a token on 4,000 reviews). With gradients far below the floor, steps are
in proportion to them.
"""


def make_optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """The optimiser that `config` names; only matrices decay, and ratings are learned slowly."""
    of_ratings = {
        id(parameter)
        for module in model.modules()
        if isinstance(module, Conditioning)
        for parameter in module.parameters()
    }
    parts: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for parameter in model.parameters():
        parts.setdefault((id(parameter) in of_ratings, parameter.dim() >= 2), []).append(parameter)
    decay = config.weight_decay if config.optimizer == "adamw" else 0.0
    groups = [
        {
            "params": held,
            "weight_decay": decay if matrices else 0.0,
            **({"pace": _RATING_PACE, "eps": _RATING_FLOOR} if ratings else {"pace": 1.0}),
        }
        for (ratings, matrices), held in parts.items()
    ]
    rate = config.learning_rate
    if config.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=rate, betas=config.betas, fused=True)
    if config.optimizer == "adam":
        return torch.optim.Adam(groups, lr=rate, betas=config.betas, eps=1e-7, fused=True)
    return torch.optim.RMSprop(groups, lr=rate, alpha=0.9, eps=1e-7)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Have an optimiser of `make_optimizer` learn at a rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["pace"]


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
