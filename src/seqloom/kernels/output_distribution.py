"""The contract of a distribution of tokens whose parameters a head puts out, where these are not the tokens' logits.

A token is drawn in two steps. First a choice is drawn, such as a component of a mixture, from logits that are the first
outputs of the head; the sampling chain acts on these. Then the choice and the other outputs give the token.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Float64

__all__ = ["OutputDistribution", "Outputs"]

Outputs = Float32[np.ndarray, " outputs"]


@runtime_checkable
class OutputDistribution(Protocol):
    """A distribution of tokens, in numpy.

    Attributes:
        num_choices: number of choices, whose logits are the first outputs.
        end_choice: choice that ends a document; None if documents have no end.
    """

    num_choices: int
    end_choice: int | None

    def token(self, outputs: Outputs, choice: int, temperature: float, uniforms: Sequence[float]) -> int:
        """Return the token of a choice.

        Args:
            outputs: outputs of the head.
            choice: index of the choice.
            temperature: factor of all variances.
            uniforms: two uniform numbers in [0, 1).
        """
        ...

    def log_prob(
        self, outputs: Outputs, token: int, choices: Float64[np.ndarray, " choices"], temperature: float
    ) -> float:
        """Return the log-probability of a token in nats.

        Args:
            outputs: outputs of the head.
            token: id of the token.
            choices: log-probability of each choice.
            temperature: factor of all variances.
        """
        ...

    def all_log_probs(self, outputs: Outputs) -> Float64[np.ndarray, " vocab"]:
        """Return the log-probabilities of all tokens at temperature 1, in nats."""
        ...
