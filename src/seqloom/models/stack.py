"""Layers of one core, one on top of the other, with dropout between them."""

import itertools
from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from seqloom.config import ModelConfig
from seqloom.kernels.cores import core_spec
from seqloom.models.core_layer import CoreLayer, LayerConditioning, State, dropout_mask
from seqloom.models.resets import ResetSteps
from seqloom.registry import import_part

__all__ = ["Stack", "StackState", "reset_state"]

StackState = tuple[State, ...]
"""One state per layer."""


class Stack(nn.Module):
    """One layer for each number of units in `config.hidden_sizes`, all of the core `config.core`.

    Args:
        input_size: width of the inputs.
        config: shape of the network.
        generator: generator of the initial weights.

    Attributes:
        output_size: width of the last layer's outputs.
        reads_resets: whether `forward` accepts `resets`.

    Raises:
        ConfigError: the core is not registered.
    """

    def __init__(self, input_size: int, config: ModelConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.config = config
        layer_class: type[CoreLayer] = import_part(core_spec(config.core).layer)
        widths = (input_size, *config.hidden_sizes)
        self.layers = nn.ModuleList(
            layer_class(width, size, index, config, generator)
            for index, (width, size) in enumerate(itertools.pairwise(widths))
        )
        self.output_size = config.hidden_sizes[-1]
        self.reads_resets = all(layer.reads_resets for layer in self.layers)

    def initial_state(self, batch: int) -> StackState:
        """Return the zero states of `batch` streams."""
        return tuple(layer.initial_state(batch) for layer in self.layers)  # type: ignore[operator]

    def forward(
        self,
        inputs: Float[Tensor, "batch time features"],
        state: StackState,
        generator: torch.Generator | None = None,
        conditions: Sequence[LayerConditioning | None] | None = None,
        resets: ResetSteps | None = None,
    ) -> tuple[Float[Tensor, "batch time hidden"], StackState]:
        """Read a sequence.

        Args:
            inputs: one row per token.
            state: states of all layers.
            generator: random generator of the dropout after and inside the layers; None drops nothing.
            conditions: one entry per layer; None without conditions.
            resets: steps that clear or keep the state, if `reads_resets`; None if all steps read a token.

        Returns:
            The outputs, and the states after the last token.
        """
        new_states = []
        conditions = conditions or [None] * len(state)
        for layer, layer_state, condition in zip(self.layers, state, conditions, strict=True):
            if resets is None:
                outputs, new_state = layer(inputs, layer_state, generator, condition)
            else:
                outputs, new_state = cast(CoreLayer, layer).forward_with_resets(
                    inputs, layer_state, resets, generator, condition
                )
            inputs = self._dropout(outputs, generator)
            new_states.append(new_state)
        return inputs, tuple(new_states)

    def _dropout(self, values: Tensor, generator: torch.Generator | None) -> Tensor:
        batch, time, hidden = values.shape
        num_masks = 1 if self.config.dropout_kind == "variational" else time  # variational: one mask for all time steps
        mask = dropout_mask(values, self.config.dropout, generator, (batch, num_masks, hidden))
        return values if mask is None else values * mask


def reset_state(state: StackState, is_reset: Bool[Tensor, " batch"]) -> StackState:
    """Return a copy of the state that is zero in the streams where `is_reset` is True."""
    return tuple(
        tuple(tensor.masked_fill(is_reset.view(-1, *[1] * (tensor.dim() - 1)), 0) for tensor in layer_state)
        for layer_state in state
    )
