"""Copying weights into a model with a larger vocabulary."""

import torch
from torch import nn

__all__ = ["transfer_weights"]


@torch.no_grad()
def transfer_weights(old: nn.Module, new: nn.Module) -> None:
    """Copy every parameter of `old` into the leading rows and columns of the same-named parameter of `new`.

    The vocabulary of `new` begins with the tokens of `old`, so old tokens keep their rows. Rows and columns that only
    `new` has keep their initial values. Parameters that only `old` has are ignored.
    """
    new_parameters = dict(new.named_parameters())
    for name, value in old.named_parameters():
        if name in new_parameters:
            shared = tuple(slice(0, size) for size in value.shape)
            new_parameters[name][shared] = value
