"""The shape of a network."""

import math
from dataclasses import dataclass

from seqloom.config.base import JsonSerializable, validate
from seqloom.registry import CORES, unknown_name

__all__ = ["ModelConfig"]


@dataclass(frozen=True, kw_only=True)
class ModelConfig(JsonSerializable):
    """What the network is.

    Attributes:
        vocabulary: number of token ids.
        core: the registered name of the core.
        sizes: hidden units (channels for conv) of each layer, first to last.
        embedding: width of the token embedding; 0 feeds one-hot rows, so that the first layer's input product is a
            table of its own.
        tied: the head's weight is the embedding's.
        layer_norm: normalise the pre-activations inside each layer (Ba, Kiros, Hinton 2016).
        forget_bias: where the LSTM's forget gate starts.
        kernel_width: taps of the causal convolution.
        ahead: how many of the next tokens are predicted at once (1 is the usual next token).
        dropout: share of units dropped between layers and before the head.
        dropout_kind: "standard" draws anew at every step, "variational" keeps one mask over a window (Gal, Ghahramani
            2016).
        weight_dropout: share of recurrent weights dropped over a window (Merity et al. 2018).
        condition: features of a text's ratings that the network is told; 0 where there are none.
        condition_into: what they change: "input", the pre-activations of every layer at every token; "state", those of
            the first token, and so what a text begins from; "output", the logits.
        noise: numbers of a normal distribution that are drawn for each text; 0 where there are none.
        noise_width: how many of the features, the last ones, are made of them.
    """

    vocabulary: int
    core: str = "lstm"
    hidden_sizes: tuple[int, ...] = (128,)
    embedding: int = 0
    tied: bool = False
    layer_norm: bool = False
    forget_bias: float = 1.0
    kernel_width: int = 3
    prediction_heads: int = 1
    dropout: float = 0.0
    dropout_kind: str = "standard"
    weight_dropout: float = 0.0
    num_condition_features: int = 0
    condition_into: tuple[str, ...] = ("input", "state", "output")
    noise_size: int = 0
    noise_width: int = 0

    def __post_init__(self) -> None:
        validate(
            (self.core in CORES, unknown_name("core", self.core, CORES)),
            (
                self.vocabulary >= 2,
                f"a vocabulary of {self.vocabulary} leaves nothing to predict: use text with more symbols",
            ),
            (
                bool(self.hidden_sizes) and all(1 <= size <= 65536 for size in self.hidden_sizes),
                f"--size got {','.join(map(str, self.hidden_sizes))}: every layer needs 1 to 65536 units",
            ),
            (self.embedding >= 0, f"--embedding got {self.embedding}: it must be 0 (one-hot) or more"),
            (
                not self.tied or self.embedding == self.hidden_sizes[-1:][0],
                f"--tied needs --embedding as wide as the last layer ({self.hidden_sizes[-1]}), got {self.embedding}",
            ),
            (math.isfinite(self.forget_bias), f"--forget-bias got {self.forget_bias}: it must be a finite number"),
            (1 <= self.kernel_width <= 64, f"--kernel-width got {self.kernel_width}: choose 1 to 64"),
            (1 <= self.prediction_heads <= 16, f"--ahead got {self.prediction_heads}: choose 1 to 16"),
            *[
                (0 <= share < 1, f"--{name} got {share}: choose from 0 up to, not including, 1")
                for name, share in (("dropout", self.dropout), ("weight-dropout", self.weight_dropout))
            ],
            (
                self.dropout_kind in ("standard", "variational"),
                f"--dropout-kind got {self.dropout_kind!r}: choose standard or variational",
            ),
            (
                self.weight_dropout == 0 or self.core != "conv",
                "--weight-dropout drops recurrent weights, and the core conv has none",
            ),
            (
                bool(self.condition_into) and set(self.condition_into) <= {"input", "state", "output"},
                f"--condition-into got {','.join(self.condition_into)}: choose from input, state, output",
            ),
            (
                0 <= self.noise_width <= self.num_condition_features and (self.noise_size > 0) == (self.noise_width > 0),
                f"{self.noise_size} numbers of noise as {self.noise_width} features do not fit into the {self.num_condition_features} "
                "that the network is told",
            ),
        )
