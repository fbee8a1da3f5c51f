"""The contract of a core: explicit state in, explicit state out."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["CoreLayer", "LayerConditioning", "State", "dropout_mask", "unroll"]

State = tuple[Tensor, ...]
"""What a core remembers between two tokens; the first axis of every tensor is the batch."""


class LayerConditioning(NamedTuple):
    """What a layer is told beside its inputs.

    Attributes:
        features: at every token.
        weight: from them to the pre-activations.
    """

    features: Float[Tensor, "batch time features"]
    weight: Float[Tensor, "gates features"]

    @property
    def bias(self) -> Float[Tensor, "batch time gates"]:
        """What is added to the pre-activations."""
        return self.features @ self.weight.t()


class CoreLayer(nn.Module, ABC):
    """One recurrent or convolutional layer.

    A state is never changed in place: it can be kept, copied, reordered along the batch and used again. Reading a
    sequence in one call, in pieces, or token by token gives the same outputs.

    Attributes:
        output_size: width of the outputs.
    """

    output_size: int

    @abstractmethod
    def initial_state(self, batch: int) -> State:
        """The zero state of `batch` lanes."""

    @abstractmethod
    def forward(
        self,
        inputs: Float[Tensor, "batch time features"],
        state: State,
        generator: torch.Generator | None = None,
        condition: LayerConditioning | None = None,
    ) -> tuple[Float[Tensor, "batch time hidden"], State]:
        """Read a sequence.

        Args:
            inputs: one row a token.
            state: from `initial_state` or an earlier call.
            generator: draws the weights that are dropped; None drops nothing.
            condition: what the layer is told beside that.

        Returns:
            The outputs, and the state after the last token.
        """

    @abstractmethod
    def step(
        self, inputs: Float[Tensor, "batch features"], state: State
    ) -> tuple[Float[Tensor, "batch hidden"], State]:
        """Read one token."""


def unroll(
    step: Callable[[Tensor, State], tuple[Tensor, State]], inputs: Float[Tensor, "batch time features"], state: State
) -> tuple[Float[Tensor, "batch time hidden"], State]:
    """Read a sequence one token at a time."""
    outputs = []
    for token in inputs.unbind(1):
        output, state = step(token, state)
        outputs.append(output)
    return torch.stack(outputs, 1), state


def dropout_mask(
    like: Tensor, share_dropped: float, generator: torch.Generator | None, shape: tuple[int, ...]
) -> Tensor | None:
    """A dropout mask of `shape`: 0 with probability `share_dropped`, else 1 / (1 - share_dropped).

    None where nothing is dropped. The mask has the type and device of `like`.
    """
    if share_dropped == 0 or generator is None:
        return None
    mask = torch.empty(shape, device=like.device).bernoulli_(1 - share_dropped, generator=generator)
    return mask.div_(1 - share_dropped).to(like.dtype)
