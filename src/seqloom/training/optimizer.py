"""The optimiser and its schedule."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from seqloom.config import TrainingConfig
from seqloom.config.pace import Pace
from seqloom.models.conditioning import Conditioning
from seqloom.training.adam import AdamW
from seqloom.training.keras_optimizers import KerasAdam, KerasRmsprop

__all__ = ["make_optimizer", "optimizer_tensors", "paced_rate", "restore_optimizer", "scheduled_rate", "set_rate"]


class _ConditionRate(NamedTuple):
    """How the weights of the conditioning learn.

    Attributes:
        factor: factor of the learning rate.
        epsilon: Adam's epsilon.
    """

    factor: float
    epsilon: float


_CONDITION_RATE = _ConditionRate(0.6, 3e-4)
"""The conditioning turns the ratings of a text into biases of the network. A rating changes little of a text, and there
are many rare tokens. With its usual epsilon, Adam moves the weights of all tokens by steps of the same size, so the
weights of rare tokens fit noise: unseen texts became less likely with their true rating than without it (4.635 against
4.607 nats per token on 4,000 reviews). With a large epsilon, steps for small gradients are proportional to the
gradients."""

_DENSITY_CONDITION_RATE = _ConditionRate(1.0, 3e-5)
"""A word changes much of a drawing. With the rate for texts, only half of the generated drawings of 344 words were
recognised that are with this one, after as much training; with the usual epsilon, unseen drawings became less likely
with their word than without it. See `benchmarks/LOG.md`."""


def make_optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """Return the optimiser of `config`; weight decay acts on matrices only, and the conditioning learns differently."""
    conditionings = [module for module in model.modules() if isinstance(module, Conditioning)]
    rate_of_condition = {
        id(parameter): _DENSITY_CONDITION_RATE if module.has_density else _CONDITION_RATE
        for module in conditionings
        for parameter in module.parameters()
    }
    parameters_of_group: dict[tuple[_ConditionRate | None, bool], list[nn.Parameter]] = {}
    for parameter in model.parameters():
        key = rate_of_condition.get(id(parameter)), parameter.dim() >= 2
        parameters_of_group.setdefault(key, []).append(parameter)
    decay = config.weight_decay if config.optimizer == "adamw" else 0.0
    groups = [
        {
            "params": parameters,
            "weight_decay": decay if is_matrix else 0.0,
            "rate_factor": 1.0 if condition is None else condition.factor,
            **({} if condition is None else {"eps": condition.epsilon}),
        }
        for (condition, is_matrix), parameters in parameters_of_group.items()
    ]
    rate = config.learning_rate
    if config.optimizer == "adamw":
        return AdamW(groups, lr=rate, betas=config.betas, fused=True)
    if config.optimizer == "adam":
        return KerasAdam(groups, lr=rate, betas=config.betas, fused=True)
    return KerasRmsprop(groups, lr=rate, alpha=0.9)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of an optimiser from `make_optimizer`."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["rate_factor"]


def scheduled_rate(step: int, share: float, config: TrainingConfig) -> float:
    """Return the learning rate of update `step`, counted from 0; `share` of the training is used before it.

    Half a cosine falls from the peak `learning_rate` at the first step to `final_rate` times the peak at the last
    (Loshchilov, Hutter 2017). During the first `warmup` updates, the rate is also multiplied by a factor that rises
    linearly to 1. The schedule "constant" has no warm-up.
    """
    if config.schedule == "constant":
        return config.learning_rate
    warmup = min(1.0, (step + 1) / config.warmup) if config.warmup else 1.0
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, share)))
    return config.learning_rate * warmup * (config.final_rate + (1 - config.final_rate) * cosine)


def paced_rate(step: int, pace: Pace, config: TrainingConfig) -> float:
    """Return the learning rate of update `step`, counted from 0, in a training with this pace; see `scheduled_rate`.

    After a restart, the rate rises linearly, within `warmup` updates, from the last one before.
    """
    rate, restart = scheduled_rate(step, pace.share(step), config), pace.last_restart(step)
    if restart is None or step - restart >= config.warmup:
        return rate
    before = scheduled_rate(restart, pace.share_before_restart(restart), config)
    return before + (rate - before) * (step - restart + 1) / config.warmup


def optimizer_tensors(optimizer: torch.optim.Optimizer, names: Mapping[Tensor, str]) -> dict[str, Tensor]:
    """Return copies of an optimiser's moments and update counts, by names `optimizer.<parameter>.<moment>`."""
    tensors: dict[str, Tensor] = {}
    for parameter, moments in optimizer.state.items():
        tensors |= {f"optimizer.{names[parameter]}.{name}": value.detach().clone() for name, value in moments.items()}
    return tensors


def restore_optimizer(
    optimizer: torch.optim.Optimizer, names: Mapping[Tensor, str], tensors: Mapping[str, Tensor]
) -> None:
    """Restore the moments and update counts from the tensors that `optimizer_tensors` returned."""
    optimizer.state.clear()
    for parameter, name in names.items():
        prefix = f"optimizer.{name}."
        by_suffix = {
            key.removeprefix(prefix): value.clone() for key, value in tensors.items() if key.startswith(prefix)
        }
        # A suffix with a dot belongs to another parameter, whose name begins with `name` and a dot.
        moments = {suffix: value for suffix, value in by_suffix.items() if "." not in suffix}
        if moments:
            optimizer.state[parameter] = moments
