"""The contract of a core's torch layer: explicit state in, explicit state out.

A core is a stack of layers of one kind, such as LSTM. The pre-activations of a layer are the weighted sums to which it
applies its nonlinear functions: one per unit for each of its gates.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from seqloom.models.resets import ResetSteps

__all__ = ["CoreLayer", "LayerConditioning", "State", "dropout_mask", "unroll"]

State = tuple[Tensor, ...]
"""The state of a layer between two tokens; the first axis of every tensor is the batch."""


class LayerConditioning(NamedTuple):
    """Conditions of one layer, such as the ratings of the texts; they act as a bias of the pre-activations.

    Attributes:
        features: features of the conditions at every token.
        weight: weights from the features to the pre-activations.
    """

    features: Float[Tensor, "*places features"]
    weight: Float[Tensor, "gates features"]

    @property
    def bias(self) -> Float[Tensor, "*places gates"]:
        """Bias of the pre-activations."""
        return self.features @ self.weight.t()


class CoreLayer(nn.Module, ABC):
    """One recurrent or convolutional layer; the `CoreSpec` of a core (see `kernels/cores/spec.py`) names the class.

    A state is never changed in place: it can be kept, copied, reordered along the batch and used again. Reading a
    sequence in one call, in pieces, or token by token gives the same outputs. The constructor takes the width of the
    inputs, the number of units, the index of the layer, a `ModelConfig` and the generator of the initial weights. The
    parameters are those of the spec's `layer_shapes`; among them is `bias`, which is added to the pre-activations.

    Attributes:
        output_size: width of the outputs.
        reads_resets: whether the layer has `forward_with_resets`.
    """

    output_size: int
    reads_resets: bool = False

    @abstractmethod
    def initial_state(self, batch: int) -> State:
        """Return the zero state of `batch` streams."""

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
            inputs: one row per token.
            state: state from `initial_state` or an earlier call.
            generator: random generator of the weight dropout; None drops nothing.
            condition: conditions of the layer; None without conditions.

        Returns:
            The outputs, and the state after the last token.
        """

    def forward_with_resets(
        self,
        inputs: Float[Tensor, "batch steps features"],
        state: State,
        resets: ResetSteps,
        generator: torch.Generator | None = None,
        condition: LayerConditioning | None = None,
    ) -> tuple[Float[Tensor, "batch steps hidden"], State]:
        """Read a sequence in which some steps clear or keep the state, if `reads_resets`; see `forward`."""
        raise NotImplementedError(f"{type(self).__name__} cannot read resets")

    @abstractmethod
    def step(
        self,
        inputs: Float[Tensor, "batch features"],
        state: State,
        condition_bias: Float[Tensor, "batch gates"] | None = None,
    ) -> tuple[Float[Tensor, "batch hidden"], State]:
        """Read one token.

        Args:
            inputs: one row per stream.
            state: state from `initial_state` or an earlier call.
            condition_bias: bias that conditions add to the pre-activations; None without conditions.

        Returns:
            The outputs, and the state after the token.
        """


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
    """Return a mask of `shape` with the type and device of `like`; None if the share is 0 or there is no generator.

    The values are 0 with probability `share_dropped`, else 1 / (1 - share_dropped), which keeps the mean.
    """
    if share_dropped == 0 or generator is None:
        return None
    mask = torch.empty(shape, device=like.device).bernoulli_(1 - share_dropped, generator=generator)
    return mask.div_(1 - share_dropped).to(like.dtype)
