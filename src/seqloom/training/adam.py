"""Adam and AdamW of torch without the import of torch's compiler, which takes a second or two and is of no use here.

Torch wraps methods of its optimisers in functions that tell the compiler how to treat them, and these import the
compiler on their first call. The classes below call the methods without the wrappers.
"""

from inspect import unwrap
from typing import Any

import torch

__all__ = ["Adam", "AdamW"]


class _WithoutCompiler(torch.optim.Optimizer):
    add_param_group = unwrap(torch.optim.Optimizer.add_param_group)
    zero_grad = unwrap(torch.optim.Optimizer.zero_grad)
    step: Any = torch.no_grad()(unwrap(torch.optim.Adam.step))


class Adam(_WithoutCompiler, torch.optim.Adam):
    """`torch.optim.Adam`, with the same arguments and updates."""


class AdamW(_WithoutCompiler, torch.optim.AdamW):
    """`torch.optim.AdamW`, with the same arguments and updates."""
