"""Settings: how a source is read, what the model is, how it is trained. Frozen, checked, and stored with every run."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Self

from seqloom.errors import ConfigError
from seqloom.registry import CORES, unknown_name

__all__ = ["ModelConfig", "ReadingConfig", "Stored", "TrainingConfig", "check", "of_kind"]

Check = tuple[bool, str]


def check(*rules: Check) -> None:
    """Raise one `ConfigError` that lists every rule that does not hold.

    Args:
        rules: whether it holds, and what to say where it does not.
    """
    faults = [said for held, said in rules if not held]
    if faults:
        raise ConfigError(*faults)


_KINDS: Mapping[type, tuple[type, str, str]] = {
    str: (str, "a name", "names"),
    bool: (bool, "True or False", "True or False"),
    int: (Integral, "a whole number", "whole numbers"),
    float: (Real, "a number", "numbers"),
}
"""Of a default: what a value must be, and what to call one and several."""


def of_kind(name: str, value: Any, usual: Any) -> Check:
    """Whether a setting is of the kind of its default: None is that of a name, and no default that of a number."""
    several = isinstance(usual, tuple)
    single = (usual or ("",))[0] if several else usual
    kind, one, more = _KINDS[int if single is dataclasses.MISSING else str if single is None else type(single)]
    values = value if several and isinstance(value, tuple | list) else [value]
    held = all(isinstance(each, kind) and (kind is bool or not isinstance(each, bool)) for each in values)
    held = held and several == isinstance(value, tuple | list)
    return held, f"--{name.replace('_', '-')} got {value!r}: give {more if several else one}"


class Stored:
    """A dataclass that goes to JSON and comes back."""

    def to_json(self) -> dict[str, Any]:
        """The fields in JSON's types."""
        return dataclasses.asdict(self)  # type: ignore[call-overload, no-any-return]

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The settings that `to_json` described.

        Raises:
            ConfigError: a field is missing, unknown or out of range.
        """
        known = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        unknown = sorted(set(stored) - known)
        if unknown:
            raise ConfigError(f"unknown settings in {cls.__name__}: {', '.join(unknown)}")
        try:
            return cls(**{name: tuple(v) if isinstance(v, list) else v for name, v in stored.items()})
        except TypeError as error:
            raise ConfigError(f"the settings of {cls.__name__} are incomplete: {error}") from None


@dataclass(frozen=True, kw_only=True)
class ReadingConfig(Stored):
    """How a source becomes documents.

    Attributes:
        encoding: the text's encoding; None detects it.
        lowercase: fold the text to lower case (`str.lower`).
        normalize: a Unicode normal form (NFC, NFD, NFKC, NFKD), or None.
        keep_newlines: leave CRLF and CR as they are instead of making them LF.
        records: where records end within a text file: "line", "blank" (a blank line), a pair of marks such as "{}", or
            None for one running text.
        text: the column (or JSON key) that holds the text; None where the source is no table.
        rating: the columns that hold numbers.
        category: the columns that hold names.
        group: the column that says which records belong together.
        pool: the part of a table that is read; None reads it all.
        cut_words: words of a record beyond which it is cut where a sentence ends; 0 is off.
        passages: read what is cut off too, in passages of that length.
        sentences: read records sentence by sentence.
    """

    encoding: str | None = None
    lowercase: bool = False
    normalize: str | None = None
    keep_newlines: bool = False
    records: str | None = None
    text: str | None = None
    rating: tuple[str, ...] = ()
    group: str | None = None
    category: tuple[str, ...] = ()
    pool: str | None = None
    cut_words: int = 0
    passages: bool = False
    sentences: bool = False

    def __post_init__(self) -> None:
        marks = self.records
        check(
            (
                self.normalize in (None, "NFC", "NFD", "NFKC", "NFKD"),
                f"--normalize got {self.normalize!r}: choose from NFC, NFD, NFKC, NFKD",
            ),
            (
                marks in (None, "line", "blank") or (marks is not None and len(marks) == 2 and marks[0] != marks[1]),
                f"--records got {marks!r}: choose line, blank, or two different marks such as '{{}}'",
            ),
            (
                self.text is not None or not (self.rating or self.group or self.category),
                "--rating, --category and --group name columns, so --text must name the column of the text",
            ),
            *[
                (
                    (*self.rating, *self.category).count(column) == 1,
                    f"the column {column!r} is named twice by --rating and --category: leave out one of the two",
                )
                for column in dict.fromkeys((*self.rating, *self.category))
            ],
            (
                self.pool is None or self.text is not None,
                "--pool divides the rows of a table, so --text must name the column of the text",
            ),
            (
                self.cut_words > 0 or not self.passages,
                "--passages divides long texts: say how long a passage may be with --cut-words",
            ),
            (self.cut_words >= 0, f"--cut-words got {self.cut_words}: choose 0 (off), or 1 or more"),
            (
                not self.cut_words or self.text is not None or marks is not None,
                "--cut-words cuts records short: give --text COLUMN or --records too",
            ),
            (
                not self.sentences or not self.cut_words,
                "--sentences reads sentences whole, and --cut-words cuts them: leave out one of the two",
            ),
            (
                not self.sentences or self.text is not None or marks is not None,
                "--sentences divides records: give --text COLUMN or --records too",
            ),
            (
                self.text is None or marks is None,
                "--text and --records contradict each other: the rows of a table are its records",
            ),
        )


@dataclass(frozen=True, kw_only=True)
class ModelConfig(Stored):
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
    sizes: tuple[int, ...] = (128,)
    embedding: int = 0
    tied: bool = False
    layer_norm: bool = False
    forget_bias: float = 1.0
    kernel_width: int = 3
    ahead: int = 1
    dropout: float = 0.0
    dropout_kind: str = "standard"
    weight_dropout: float = 0.0
    condition: int = 0
    condition_into: tuple[str, ...] = ("input", "state", "output")
    noise: int = 0
    noise_width: int = 0

    def __post_init__(self) -> None:
        check(
            (self.core in CORES, unknown_name("core", self.core, CORES)),
            (
                self.vocabulary >= 2,
                f"a vocabulary of {self.vocabulary} leaves nothing to predict: use text with more symbols",
            ),
            (
                bool(self.sizes) and all(1 <= size <= 65536 for size in self.sizes),
                f"--size got {','.join(map(str, self.sizes))}: every layer needs 1 to 65536 units",
            ),
            (self.embedding >= 0, f"--embedding got {self.embedding}: it must be 0 (one-hot) or more"),
            (
                not self.tied or self.embedding == self.sizes[-1:][0],
                f"--tied needs --embedding as wide as the last layer ({self.sizes[-1]}), got {self.embedding}",
            ),
            (math.isfinite(self.forget_bias), f"--forget-bias got {self.forget_bias}: it must be a finite number"),
            (1 <= self.kernel_width <= 64, f"--kernel-width got {self.kernel_width}: choose 1 to 64"),
            (1 <= self.ahead <= 16, f"--ahead got {self.ahead}: choose 1 to 16"),
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
                0 <= self.noise_width <= self.condition and (self.noise > 0) == (self.noise_width > 0),
                f"{self.noise} numbers of noise as {self.noise_width} features do not fit into the {self.condition} "
                "that the network is told",
            ),
        )


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(Stored):
    """How the network is trained.

    Attributes:
        total_steps: optimiser updates from the first to the last; the schedule ends there.
        lanes: sequences side by side in a batch.
        window: tokens a lane reads between two updates.
        batching: "lanes" carries state from window to window (truncated backpropagation through time), "windows" draws
            windows in random order and starts each from a zero state.
        stride: distance between the starts of two windows ("windows" only).
        loss: "all" learns from every position, "last" from a window's end alone.
        optimizer: "adamw", "adam" or "rmsprop".
        learning_rate: the schedule's peak.
        betas: decay of the gradient's first and second moment.
        weight_decay: decoupled, on weight matrices only ("adamw").
        clip: largest norm of the gradient; 0 does not clip.
        schedule: "cosine" (with warm-up, to `final_rate` of the peak) or "constant".
        warmup: steps of linear warm-up.
        final_rate: where the cosine ends, as a share of the peak.
        precision: "float32" or "bfloat16" (master weights stay in float32).
        hold_out: share of the text set aside; nothing is chosen on it.
        validation: share of the rest that best-so-far and early stopping are judged on.
        validate_every: steps between two validations.
        patience: validations without a new best before training stops early; 0 never stops.
        seed: of the weights, the order of the data and dropout.
        hide_ratings: share of readings in which a text's ratings are hidden, so that the model learns to write without
            them, and guidance has something to lead away from (Ho, Salimans 2022).
        balance: read texts of every rating as often as those of any other.
    """

    total_steps: int
    lanes: int = 32
    window: int = 32
    batching: str = "lanes"
    stride: int = 1
    loss: str = "all"
    optimizer: str = "adamw"
    learning_rate: float = 0.02
    betas: tuple[float, float] = (0.85, 0.99)
    weight_decay: float = 0.01
    clip: float = 1.0
    schedule: str = "cosine"
    warmup: int = 50
    final_rate: float = 0.03
    precision: str = "float32"
    hold_out: float = 0.0
    validation: float = 0.03
    validate_every: int = 200
    patience: int = 10
    seed: int = 0
    hide_ratings: float = 0.1
    balance: bool = False

    def __post_init__(self) -> None:
        check(
            *[
                _at_least(flag, value, least)
                for flag, value, least in (
                    ("steps", self.total_steps, 1),
                    ("lanes", self.lanes, 1),
                    ("window", self.window, 1),
                    ("stride", self.stride, 1),
                    ("warmup", self.warmup, 0),
                    ("validate-every", self.validate_every, 1),
                    ("patience", self.patience, 0),
                    ("seed", self.seed, 0),
                    ("clip", self.clip, 0),
                    ("weight-decay", self.weight_decay, 0),
                )
            ],
            *[
                _one_of(flag, value, choices)
                for flag, value, choices in (
                    ("batching", self.batching, ("lanes", "windows")),
                    ("loss", self.loss, ("all", "last")),
                    ("optimizer", self.optimizer, ("adamw", "adam", "rmsprop")),
                    ("schedule", self.schedule, ("cosine", "constant")),
                    ("precision", self.precision, ("float32", "bfloat16")),
                )
            ],
            (self.seed < 2**63, f"--seed got {self.seed}: choose below 2**63"),
            (
                len(self.betas) == 2 and all(0 <= beta < 1 for beta in self.betas),
                f"--betas got {','.join(map(str, self.betas))}: give two numbers from 0 up to, not including, 1",
            ),
            (0 <= self.final_rate <= 1, f"--final-rate got {self.final_rate}: choose a share from 0 to 1"),
            (
                math.isfinite(self.learning_rate) and self.learning_rate > 0,
                f"--learning-rate got {self.learning_rate}: it must be a number above 0",
            ),
            *[
                (0 <= share < 1, f"--{name} got {share}: choose a share from 0 up to, not including, 1")
                for name, share in (
                    ("hold-out", self.hold_out),
                    ("validation", self.validation),
                    ("hide-ratings", self.hide_ratings),
                )
            ],
            (
                not self.balance or self.batching == "lanes",
                "--balance deals texts to lanes, so it needs --batching lanes",
            ),
            (
                self.loss == "all" or self.batching == "windows",
                "--loss last learns from a window's end, so it needs --batching windows",
            ),
        )


def _at_least(flag: str, value: float, least: int) -> Check:
    return least <= value < math.inf, f"--{flag} got {value}: it must be a number from {least} up"


def _one_of(flag: str, value: str, choices: Sequence[str]) -> Check:
    return value in choices, f"--{flag} got {value!r}: choose from {', '.join(choices)}"
