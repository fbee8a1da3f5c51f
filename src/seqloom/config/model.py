"""Settings of a network's shape.

A network consists of a token embedding, a core (recurrent or convolutional layers) and a head (the output layer). If
the texts have ratings, the network also reads condition features, which encode the ratings.

`automatic=True` means: unless the user sets a value, `seqloom.train` chooses one for corpus and budget. The default
below then holds only for a `ModelConfig` made directly.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from seqloom.config.base import Check, JsonSerializable, validate
from seqloom.config.choices import ConditionInput, DropoutKind, Initialization
from seqloom.config.settings import range_checks, setting, type_checks
from seqloom.registry import CORES, HEADS, check_name, resolve

__all__ = ["ModelConfig"]

_MAX_HIDDEN_UNITS = 65536


@dataclass(frozen=True, kw_only=True)
class ModelConfig(JsonSerializable):
    """Settings of a network's shape.

    Attributes:
        vocabulary: number of token ids.
        core: registered name of the core.
        head: registered name of the head.
        mixtures: number of Gaussians of the head "mixture-density".
        factors: a token below their product consists of parts, and these are their numbers of values, the part that
            changes fastest last; other tokens have no parts. Empty for tokens without parts.
        hidden_sizes: hidden units (channels for conv) of each layer, first to last.
        embedding: width of the token embedding; 0 feeds one-hot vectors instead.
        tied: whether embedding and output layer share one weight matrix.
        layer_norm: whether pre-activations are normalised inside each layer (Ba, Kiros, Hinton 2016).
        forget_bias: initial bias of the LSTM's forget gate.
        initialization: initial weights of recurrent layers. "per_gate" treats the matrix of each gate as one of its
            own, and starts the biases of the output layer at the log frequencies of the tokens; "keras" draws as Keras
            does, from the shape of the matrix of all gates, with biases of 0.
        kernel_width: taps of the causal convolution.
        prediction_heads: number of next tokens that are predicted at once, for speculative sampling; 1 predicts only
            the next token.
        dropout: share of units dropped between layers and before the output layer.
        dropout_kind: "standard" draws a dropout mask for every token; "variational" keeps one mask for a whole window
            (Gal, Ghahramani 2016).
        weight_dropout: share of recurrent weights dropped; a mask is kept for a whole window (Merity et al. 2018).
        num_condition_features: number of condition features of a text, from its ratings and its noise; 0 for neither.
        condition_into: where linear maps of the condition features are added: "input" adds them to the pre-activations
            of every layer at every token, "state" does so at the first token only, "output" adds them to the logits.
        noise_size: dimension of the Gaussian noise of a text, for the generator of a GAN; 0 for no noise.
        noise_width: number of condition features that are computed from the noise; they come last.
    """

    vocabulary: int = setting(help="number of token ids", on_command_line=False)
    core: str = setting("lstm", help="registered core, such as lstm, gru or conv")
    head: str = setting("softmax", help="registered head, the output layer", automatic=True)
    mixtures: int = setting(20, help="Gaussians of the head mixture-density", at_least=1, at_most=200)
    factors: tuple[int, ...] = setting((), help="sizes of the parts of tokens", at_least=2, on_command_line=False)
    hidden_sizes: tuple[int, ...] = setting(
        (128,), help="hidden units of each layer", at_least=1, at_most=_MAX_HIDDEN_UNITS
    )
    embedding: int = setting(0, help="width of the token embedding; 0 is one-hot", at_least=0, automatic=True)
    tied: bool = setting(False, help="share one matrix between embedding and output")
    layer_norm: bool = setting(False, help="normalise inside the layers")
    forget_bias: float = setting(1.0, help="initial bias of the LSTM's forget gate")
    initialization: Initialization = setting(
        "per_gate", help="initial recurrent weights: of each gate by itself, or of all as in Keras"
    )
    kernel_width: int = setting(3, help="taps of the convolution", at_least=1, at_most=64)
    prediction_heads: int = setting(1, help="next tokens predicted at once, for drafting", at_least=1, at_most=16)
    dropout: float = setting(0.0, help="share of units dropped", at_least=0, below=1, automatic=True)
    dropout_kind: DropoutKind = setting("standard", help="a dropout mask for every token, or one for a window")
    weight_dropout: float = setting(0.0, help="share of recurrent weights dropped", at_least=0, below=1)
    num_condition_features: int = setting(0, help="features of ratings and noise", at_least=0, on_command_line=False)
    condition_into: tuple[ConditionInput, ...] = setting(
        ("input", "state", "output"), help="where the ratings enter the network", metavar="A[,B...]"
    )
    noise_size: int = setting(0, help="dimension of the Gaussian noise", at_least=0, on_command_line=False)
    noise_width: int = setting(0, help="features computed from the noise", at_least=0, on_command_line=False)

    def __post_init__(self) -> None:
        validate(*type_checks(self))
        validate(*range_checks(self), *_rules(self))


def _rules(config: ModelConfig) -> Iterator[Check]:
    yield check_name("core", config.core, CORES)
    yield check_name("head", config.head, HEADS)
    yield (
        config.vocabulary >= 2,
        f"a vocabulary of {config.vocabulary} leaves nothing to predict: use text with more symbols",
    )
    yield bool(config.hidden_sizes), "`hidden_sizes` is empty: give the units of at least one layer"
    num_whole = config.vocabulary - math.prod(config.factors) if config.factors else 0
    yield num_whole >= 0, f"`factors` {list(config.factors)} have more combinations than the {config.vocabulary} tokens"
    yield (
        not config.factors or (config.embedding > 0 and not config.tied),
        "tokens that consist of parts need an `embedding` above 0, and `tied` is not available for them",
    )
    yield (
        not config.factors or config.core not in CORES or resolve("core", config.core, CORES).is_recurrent,
        f"the core {config.core} cannot read tokens that consist of parts: choose lstm or gru, or `level` strokes",
    )
    last_width = config.hidden_sizes[-1] if config.hidden_sizes else 0
    yield (
        not config.tied or config.embedding == last_width,
        f"`tied` needs an `embedding` of {last_width}, the width of the last layer, but it is {config.embedding}",
    )
    yield (
        config.weight_dropout == 0 or config.core not in CORES or resolve("core", config.core, CORES).is_recurrent,
        f"`weight_dropout` drops recurrent weights, and the core {config.core} has none: leave it out",
    )
    yield bool(config.condition_into), "`condition_into` is empty: choose from input, state, output"
    yield (
        (config.noise_size > 0) == (config.noise_width > 0),
        f"`noise_size` is {config.noise_size} and `noise_width` {config.noise_width}: give both, or leave both at 0",
    )
    yield (
        config.noise_width <= config.num_condition_features,
        f"`noise_width` {config.noise_width} is above `num_condition_features`, {config.num_condition_features}: the "
        "features of the noise are some of these",
    )
