"""Layers of one core, one on top of the other, with dropout between them."""

import itertools
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from seqloom.config import ModelConfig
from seqloom.models.recurrent_layer import Core, LayerConditioning, State, dropout_mask
from seqloom.registry import CORES, resolve

__all__ = ["Stack", "StackState", "reset_state"]

StackState = tuple[State, ...]
"""One state a layer."""


class Stack(nn.Module):
    """Cores of `config.hidden_sizes` in a row.

    Attributes:
        output_size: width of the last layer's outputs.
    """

    def __init__(self, input_size: int, config: ModelConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.config = config
        kind: type[Core] = resolve("core", config.core, CORES)
        widths = (input_size, *config.hidden_sizes)
        self.layers = nn.ModuleList(
            kind(width, size, index, config, generator)
            for index, (width, size) in enumerate(itertools.pairwise(widths))
        )
        self.output_size = config.hidden_sizes[-1]

    def initial_state(self, batch: int) -> StackState:
        """The zero states of `batch` lanes."""
        return tuple(layer.initial_state(batch) for layer in self.layers)  # type: ignore[operator]

    def forward(
        self,
        inputs: Float[Tensor, "batch time features"],
        state: StackState,
        generator: torch.Generator | None = None,
        conditions: Sequence[LayerConditioning | None] | None = None,
    ) -> tuple[Float[Tensor, "batch time hidden"], StackState]:
        """Read a sequence; every layer's outputs go through dropout where `generator` is given.

        Args:
            inputs: one row a token.
            state: of all layers.
            generator: draws what dropout drops.
            conditions: what each layer is told.
        """
        after = []
        conditions = conditions or [None] * len(state)
        for layer, before, condition in zip(self.layers, state, conditions, strict=True):
            inputs, layer_after = layer(inputs, before, generator, condition)
            inputs = self._dropped(inputs, generator)
            after.append(layer_after)
        return inputs, tuple(after)

    def _dropped(self, values: Tensor, generator: torch.Generator | None) -> Tensor:
        batch, time, hidden = values.shape
        steps = 1 if self.config.dropout_kind == "variational" else time
        mask = dropout_mask(values, self.config.dropout, generator, (batch, steps, hidden))
        return values if mask is None else values * mask


def reset_state(state: StackState, lanes: Bool[Tensor, " batch"]) -> StackState:
    """The state with `lanes` back at zero."""
    return tuple(
        tuple(part.masked_fill(lanes.view(-1, *[1] * (part.dim() - 1)), 0) for part in layer) for layer in state
    )
