"""Embedding, core and head: tokens in, a distribution over the next token out."""

from collections.abc import Iterator

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from seqloom.config import ModelConfig
from seqloom.models.conditioning import Conditioning, ConditionInputs
from seqloom.models.heads import AHEAD_WEIGHT, SoftmaxHead
from seqloom.models.stack import Stack, StackState, reset_state

__all__ = ["LanguageModel", "num_parameters"]


class LanguageModel(nn.Module):
    """Reads tokens and predicts the ones that follow.

    Args:
        config: the network's shape.
        seed: of the initial weights.
    """

    def __init__(self, config: ModelConfig, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.config = config
        self.embedding = _Embedding(config.vocabulary, config.embedding, generator) if config.embedding else None
        self.core = Stack(config.embedding or config.vocabulary, config, generator)
        tied = self.embedding.weight if config.tied and self.embedding is not None else None
        self.head = SoftmaxHead(self.core.output_size, config, tied, generator)
        self.condition = Conditioning(config, generator) if config.num_condition_features else None

    @property
    def output_weight(self) -> Float[Tensor, "vocab hidden"]:
        """The weight that makes logits of the core's outputs."""
        if self.config.tied and self.embedding is not None:
            return self.embedding.weight
        return self.head.weight

    def initial_state(self, batch: int) -> StackState:
        """The zero state of `batch` lanes."""
        return self.core.initial_state(batch)

    def forward(
        self,
        tokens: Int[Tensor, "batch time"],
        state: StackState,
        resets: Bool[Tensor, "batch time"] | None = None,
        generator: torch.Generator | None = None,
        told: ConditionInputs | None = None,
    ) -> tuple[Float[Tensor, "batch time hidden"], StackState]:
        """Read tokens.

        Args:
            tokens: ids.
            state: from `initial_state` or an earlier call.
            resets: on the CPU; True where a lane's state is zeroed before the token is read.
            generator: draws what dropout drops; None drops nothing.
            told: of the texts' ratings; None leaves them unknown.

        Returns:
            The core's outputs, and the state after the last token.
        """
        inputs = self._rows(tokens)
        outputs = []
        for start, stop, lanes in _segments(resets, tokens.shape[1]):
            if lanes is not None:
                state = reset_state(state, lanes.to(tokens.device))
            conditions = None
            if self.condition is not None and told is not None:
                part = told.during(start, stop)
                conditions = [self.condition.of_layer(layer, part) for layer in range(len(state))]
            output, state = self.core(inputs[:, start:stop], state, generator, conditions)
            outputs.append(output)
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs, 1), state

    def logits(
        self, hidden: Float[Tensor, "*axes hidden"], features: Float[Tensor, "*axes features"] | None = None
    ) -> Float[Tensor, "*axes vocab"]:
        """The next token's logits; `features` are those of the ratings, None where they are unknown."""
        logits: Tensor = self.head(hidden, self.output_weight)
        added = self._added(features)
        return logits if added is None else logits + added

    def losses(
        self,
        hidden: Float[Tensor, "batch time hidden"],
        targets: Int[Tensor, "batch time"],
        ignored: int,
        told: ConditionInputs | None = None,
    ) -> tuple[Tensor, Tensor]:
        """What training minimises, and the mean nats of the next token alone."""
        added = self._added(None if told is None else told.features)
        first, *later = self.head.losses(hidden, targets, self.output_weight, ignored, added)
        if not later:
            return first, first
        return first + AHEAD_WEIGHT * torch.stack(later).mean(), first

    def _added(self, features: Tensor | None) -> Tensor | None:
        """What ratings add to the logits."""
        return None if self.condition is None or features is None else self.condition.of_logits(features)

    def _rows(self, tokens: Tensor) -> Float[Tensor, "batch time features"]:
        if self.embedding is not None:
            return nn.functional.embedding(tokens, self.embedding.weight)
        return nn.functional.one_hot(tokens, self.config.vocabulary).to(self.head.bias.dtype)


class _Embedding(nn.Module):
    def __init__(self, vocabulary: int, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = nn.Parameter(
            nn.init.normal_(torch.empty(vocabulary, width), std=width**-0.5, generator=generator)
        )


def num_parameters(model: nn.Module) -> int:
    """How many numbers training adjusts."""
    return sum(parameter.numel() for parameter in model.parameters())


def _segments(resets: Tensor | None, time: int) -> Iterator[tuple[int, int, Tensor | None]]:
    """Stretches of time without a reset inside: where each begins and ends, and the lanes zeroed before it."""
    starts = [0] if resets is None else sorted({0, *resets.any(0).nonzero().flatten().tolist()})
    for start, stop in zip(starts, [*starts[1:], time], strict=True):
        lanes = None if resets is None else resets[:, start]
        yield start, stop, lanes if lanes is not None and bool(lanes.any()) else None
