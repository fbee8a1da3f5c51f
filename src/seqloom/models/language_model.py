"""Embedding, core and head: from tokens to the distribution of the next token."""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from seqloom.config import ModelConfig
from seqloom.kernels.heads import head_spec
from seqloom.kernels.token_parts import num_input_rows, rows_of_tokens
from seqloom.models.conditioning import Conditioning, ConditionInputs
from seqloom.models.core_layer import LayerConditioning
from seqloom.models.head_layer import AHEAD_WEIGHT, HeadLayer, at_least_float32
from seqloom.models.resets import ResetSteps
from seqloom.models.stack import Stack, StackState, reset_state
from seqloom.registry import import_part

__all__ = ["LanguageModel", "num_parameters"]


class LanguageModel(nn.Module):
    """Read tokens and predict the next ones.

    Args:
        config: shape of the network.
        seed: seed of the initial weights.

    Raises:
        ConfigError: the core or the head is not registered, or the head does not support a setting of the config.
    """

    def __init__(self, config: ModelConfig, seed: int = 0) -> None:
        super().__init__()
        spec = head_spec(config.head)
        spec.check(config)
        self._head_trains_in_bfloat16 = spec.trains_in_bfloat16
        generator = torch.Generator().manual_seed(seed)
        self.config = config
        self.embedding = _Embedding(config, generator) if config.embedding else None
        self.core = Stack(config.embedding or config.vocabulary, config, generator)
        head_class: type[HeadLayer] = import_part(spec.layer)
        self.head = head_class(self.core.output_size, config, generator)
        self.condition = Conditioning(config, generator) if config.num_condition_features else None

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return self.head.bias.device

    def initial_state(self, batch: int) -> StackState:
        """Return the zero state of `batch` streams."""
        return self.core.initial_state(batch)

    def forward(
        self,
        tokens: Int[Tensor, "batch time"],
        state: StackState,
        resets: Bool[Tensor, "batch time"] | None = None,
        generator: torch.Generator | None = None,
        conditions: ConditionInputs | None = None,
    ) -> tuple[Float[Tensor, "batch time hidden"], StackState]:
        """Read tokens.

        Args:
            tokens: ids.
            state: state from `initial_state` or an earlier call.
            resets: CPU tensor, True where a stream's state is zeroed before the token is read; None without resets.
            generator: random generator of dropout; None drops nothing.
            conditions: conditions of the texts; None leaves them unknown.

        Returns:
            The core's outputs, and the state after the last token.
        """
        inputs = self._inputs(tokens)
        if resets is not None and resets.any() and self.core.reads_resets:
            return self._read_with_resets(inputs, state, ResetSteps.of(resets, tokens.device), generator, conditions)
        outputs = []
        for start, stop, is_reset in _segments(resets, tokens.shape[1]):
            if is_reset is not None:
                state = reset_state(state, is_reset.to(tokens.device))
            in_segment = None if conditions is None else conditions.time_slice(start, stop)
            layer_conditions = self._layer_conditions(in_segment)
            output, state = self.core(inputs[:, start:stop], state, generator, layer_conditions)
            outputs.append(output)
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs, 1), state

    def _read_with_resets(
        self,
        inputs: Float[Tensor, "batch time features"],
        state: StackState,
        resets: ResetSteps,
        generator: torch.Generator | None,
        conditions: ConditionInputs | None,
    ) -> tuple[Float[Tensor, "batch time hidden"], StackState]:
        """Read tokens and resets in one call; see `models.resets`."""
        layer_conditions = self._layer_conditions(conditions)
        if layer_conditions is not None:
            layer_conditions = [layer._replace(features=resets.spread(layer.features)) for layer in layer_conditions]
        outputs, state = self.core(resets.spread(inputs), state, generator, layer_conditions, resets)
        return resets.gather(outputs), state

    def _layer_conditions(self, conditions: ConditionInputs | None) -> list[LayerConditioning] | None:
        if self.condition is None or conditions is None:
            return None
        num_layers = len(self.config.hidden_sizes)
        return [self.condition.layer_conditioning(layer, conditions) for layer in range(num_layers)]

    def logits(
        self, hidden: Float[Tensor, "*axes hidden"], features: Float[Tensor, "*axes features"] | None = None
    ) -> Float[Tensor, "*axes outputs"]:
        """Return the outputs of the head: the next token's logits, or the parameters of another distribution.

        Args:
            hidden: outputs of the core.
            features: features of the conditions; None leaves them unknown.
        """
        logits: Tensor = self.head(hidden, self._tied_weight)
        bias = self._logit_bias(features)
        return logits if bias is None else logits + bias

    def losses(
        self,
        hidden: Float[Tensor, "batch time hidden"],
        targets: Int[Tensor, "batch time"],
        ignored: int,
        conditions: ConditionInputs | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return the training objective, and the mean loss of the next token alone, in nats.

        The objective is the loss of the next token plus `AHEAD_WEIGHT` times the mean loss of the tokens after it, if
        the model has heads for them.

        Args:
            hidden: outputs of the core.
            targets: ids of the next tokens.
            ignored: id in `targets` of positions that do not count.
            conditions: conditions of the texts; None leaves them unknown.
        """
        bias = None if self.condition is None or conditions is None else self.condition.output_bias(conditions)
        if self._head_trains_in_bfloat16:
            next_loss, *later_losses = self.head.losses(hidden, targets, ignored, bias, self._tied_weight)
        else:
            with torch.autocast(hidden.device.type, enabled=False):
                next_loss, *later_losses = self.head.losses(
                    at_least_float32(hidden), targets, ignored, bias, self._tied_weight
                )
        if not later_losses:
            return next_loss, next_loss
        return next_loss + AHEAD_WEIGHT * torch.stack(later_losses).mean(), next_loss

    @property
    def _tied_weight(self) -> Float[Tensor, "vocab hidden"] | None:
        return self.embedding.weight if self.config.tied and self.embedding is not None else None

    def _logit_bias(self, features: Tensor | None) -> Tensor | None:
        return None if self.condition is None or features is None else self.condition.logit_bias(features)

    def _inputs(self, tokens: Tensor) -> Float[Tensor, "batch time features"]:
        if self.embedding is not None:
            vectors: Tensor = self.embedding(tokens)
            return vectors
        return nn.functional.one_hot(tokens, self.config.vocabulary).to(self.head.bias.dtype)


class _Embedding(nn.Module):
    def __init__(self, config: ModelConfig, generator: torch.Generator) -> None:
        super().__init__()
        num_rows, width = num_input_rows(config), config.embedding
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(num_rows, width), std=width**-0.5, generator=generator))
        rows = rows_of_tokens(config)
        self._has_parts = rows is not None
        if rows is not None:
            # A part that a token lacks has the number of a further row, which is zero.
            parts = torch.from_numpy(np.where(rows < 0, num_rows, rows).astype(np.int64))
            self.register_buffer("parts", parts, persistent=False)

    def forward(self, tokens: Int[Tensor, "*axes"]) -> Float[Tensor, "*axes features"]:
        if not self._has_parts:
            return nn.functional.embedding(tokens, self.weight)
        padded = torch.cat([self.weight, self.weight.new_zeros(1, self.weight.shape[1])])
        return nn.functional.embedding(self.get_buffer("parts")[tokens], padded).sum(-2)


def num_parameters(model: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(parameter.numel() for parameter in model.parameters())


def _segments(resets: Tensor | None, time: int) -> Iterator[tuple[int, int, Tensor | None]]:
    """Divide the time steps at the resets, and yield start, stop and mask of each segment.

    The mask is True for the streams whose state is zeroed before the segment; None stands for no streams.
    """
    starts = [0] if resets is None else sorted({0, *resets.any(0).nonzero().flatten().tolist()})
    for start, stop in zip(starts, [*starts[1:], time], strict=True):
        is_reset = None if resets is None else resets[:, start]
        yield start, stop, is_reset if is_reset is not None and bool(is_reset.any()) else None
