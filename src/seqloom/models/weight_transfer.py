"""Carrying what one model learned into another whose vocabulary is larger."""

import torch
from torch import nn

__all__ = ["transfer_weights"]


@torch.no_grad()
def transfer_weights(old: nn.Module, new: nn.Module) -> None:
    """Copy every parameter of `old` into the same-named one of `new`, as far as it reaches along every axis.

    Rows and columns that only `new` has keep their initial values, so that old tokens mean what they meant. What only
    `old` has is left out.
    """
    targets = dict(new.named_parameters())
    for name, value in old.named_parameters():
        if name in targets:
            shared = tuple(slice(0, size) for size in value.shape)
            targets[name][shared] = value
