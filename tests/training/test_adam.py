"""Adam and AdamW are torch's, without the import of its compiler."""

import subprocess
import sys

import pytest
import torch

from seqloom.training.adam import Adam, AdamW


@pytest.mark.parametrize(("ours", "original"), [(Adam, torch.optim.Adam), (AdamW, torch.optim.AdamW)])
@pytest.mark.parametrize("fused", [False, True])
def test_updates_are_those_of_torch(
    ours: type[torch.optim.Optimizer], original: type[torch.optim.Optimizer], fused: bool
) -> None:
    weights = []
    for make in (ours, original):
        weight = torch.nn.Parameter(torch.linspace(-1, 1, 12).view(3, 4))
        optimizer = make([weight], lr=0.1, betas=(0.5, 0.99), weight_decay=0.1, fused=fused)  # type: ignore[call-arg]
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))
        for _ in range(5):
            optimizer.zero_grad()
            (weight**3).sum().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        weights.append(weight)
    assert torch.equal(*weights)
    assert not weights[0].equal(torch.linspace(-1, 1, 12).view(3, 4))


def test_the_compiler_is_not_imported() -> None:
    code = """
import sys, torch
from seqloom.training.adam import Adam
weight = torch.nn.Parameter(torch.ones(3))
optimizer = Adam([weight], 0.1, fused=True)
weight.sum().backward()
optimizer.step()
optimizer.zero_grad()
print("torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
