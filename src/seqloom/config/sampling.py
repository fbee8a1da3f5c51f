"""Settings of one generation: how long, how tokens are drawn, and what the text must and must not hold."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from numbers import Integral, Real
from typing import Any

from seqloom.config.base import JsonSerializable, validate
from seqloom.errors import ConfigError

__all__ = ["SamplingConfig", "is_integer", "is_number"]

Rule = tuple[bool, str]

_MOST_BEAMS = 1024

_NUMBERS = (
    "length",
    "min_length",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "typical_p",
    "repetition_penalty",
    "repetition_window",
    "beam",
    "seed",
    "max_copy",
)


@dataclass(frozen=True, kw_only=True)
class SamplingConfig(JsonSerializable):
    """How new sequences are written.

    Attributes:
        length: most tokens that are written.
        min_length: fewest tokens that are written before the model may end the text or a stop string counts.
        temperature: divides the logits; 0 takes the likeliest token, infinity draws uniformly.
        top_k: draw from the k likeliest tokens only; 0 is off.
        top_p: draw from the smallest set of tokens with at least this mass (nucleus); 1 is off.
        min_p: draw from tokens at least this share as likely as the likeliest; 0 is off.
        typical_p: draw from the tokens nearest to the expected surprise, up to this mass; 1 is off.
        repetition_penalty: power that the probability of recent tokens is raised to; 1 is off.
        repetition_window: tokens, prompt included, that count as recent.
        stop: strings that end the text; the text is cut before them.
        ban: strings that never appear in the text.
        bias: by token id, what is added to its logit.
        pattern: regular expression that the whole text must match.
        beam: width of a beam search for the likeliest text; 0 and 1 draw instead.
        seed: of the draws.
        max_copy: longest run of characters that may be copied from the corpus; 0 is off.
        ahead: most tokens that a step may write, by drafting them with the heads that the model was trained with and
            drawing by speculative sampling (Leviathan et al. 2023): the text's distribution is the same. 1 is off; None
            is as many as are worth it for the model's shape.
        watermark: a secret key by which the text can be told again, see `sampling.watermark`; the text's distribution
            over keys is the same. None marks nothing.
    """

    length: int = 400
    min_length: int = 0
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    typical_p: float = 1.0
    repetition_penalty: float = 1.0
    repetition_window: int = 64
    stop: tuple[str, ...] = ()
    ban: tuple[str, ...] = ()
    bias: Mapping[int, float] = field(default_factory=dict)
    pattern: str | None = None
    beam: int = 0
    seed: int = 0
    max_copy: int = 0
    draft_length: int | None = None
    watermark: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        validate(*_type_rules(self))
        rules = (_number_rules, _string_rules, _pattern_rules, _beam_rules, _watermark_rules)
        validate(*chain.from_iterable(rule(self) for rule in rules))

    def to_json(self) -> dict[str, Any]:
        """The fields in JSON's types; an infinite temperature, which JSON lacks, is the string "inf"."""
        stored = super().to_json()
        stored["bias"] = {str(token): value for token, value in self.bias.items()}
        if math.isinf(self.temperature):
            stored["temperature"] = "inf"
        return stored

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "SamplingConfig":
        """The settings that `to_json` described.

        Raises:
            ConfigError: a field is unknown or out of range.
        """
        fields = dict(stored)
        try:
            if "temperature" in fields:
                fields["temperature"] = float(fields["temperature"])
            fields["bias"] = {int(token): float(value) for token, value in fields.get("bias", {}).items()}
        except (AttributeError, TypeError, ValueError) as error:
            raise ConfigError(f"the stored temperature or bias is no number: {error}") from None
        return super().from_json(fields)


def _type_rules(config: SamplingConfig) -> Iterator[Rule]:
    for name in _NUMBERS:
        value = getattr(config, name)
        yield is_number(value), f"--{name.replace('_', '-')} got {value!r}: give a number"
    for name in ("stop", "ban"):
        strings = getattr(config, name)
        if not isinstance(strings, str):  # of which `_string_rules` says more
            yield _typed(name, strings, Sequence, "a tuple of strings")
            for string in strings if isinstance(strings, Sequence) else ():
                yield _typed(name, string, str, "strings")
    yield _typed("pattern", "" if config.pattern is None else config.pattern, str, "a regular expression")
    yield config.watermark is None or isinstance(config.watermark, str), "--watermark got no text: give a secret key"
    yield config.draft_length is None or is_number(config.draft_length), f"--ahead got {config.draft_length!r}: give a number"
    yield _typed("bias", config.bias, Mapping, "numbers by token id")
    for token, value in config.bias.items() if isinstance(config.bias, Mapping) else ():
        yield is_number(value), f"--bias got {token}={value!r}: give a number"


def _typed(name: str, value: Any, kind: type, wanted: str) -> Rule:
    return isinstance(value, kind), f"--{name} got {value!r}: give {wanted}"


def _number_rules(config: SamplingConfig) -> Iterator[Rule]:
    yield _whole("length", config.length, 1)
    yield _whole("min-length", config.min_length, 0)
    yield (
        not is_integer(config.length, 1) or not config.min_length > config.length,
        f"--min-length {config.min_length} is above --length {config.length}: lower one or raise the other",
    )
    yield (
        config.temperature >= 0,
        f"--temperature got {config.temperature}: choose 0 (always the likeliest) or more; 1 is usual",
    )
    yield _whole("top-k", config.top_k, 0)
    for flag, share in (("top-p", config.top_p), ("typical-p", config.typical_p)):
        yield 0 < share <= 1, f"--{flag} got {share}: choose above 0, up to 1 (off)"
    yield 0 <= config.min_p <= 1, f"--min-p got {config.min_p}: choose from 0 (off) to 1"
    yield (
        0 < config.repetition_penalty < math.inf,
        f"--repetition-penalty got {config.repetition_penalty}: choose above 1 to repeat less; 1 is off",
    )
    yield _whole("repetition-window", config.repetition_window, 1)
    for token, value in config.bias.items():
        yield (
            is_integer(token, 0) and math.isfinite(value),
            f"--bias got {token}={value}: name a token id from 0 up and a finite number",
        )
    yield _whole("seed", config.seed, 0)
    yield not is_integer(config.seed, 2**64), f"--seed got {config.seed}: choose below 2**64"
    yield _whole("max-copy", config.max_copy, 0)
    if config.draft_length is not None:
        yield _whole("ahead", config.draft_length, 1)


def _string_rules(config: SamplingConfig) -> Iterator[Rule]:
    for flag, strings in (("stop", config.stop), ("ban", config.ban)):
        yield not isinstance(strings, str), f"{flag} got one string {strings!r}: give a tuple of strings"
        for string in strings:
            yield string != "", f"--{flag} got an empty string: name the characters to look for"
            yield _spellable(string), f"--{flag} got {string!r}, which holds bytes that are no UTF-8 text"
    for stop in config.stop:
        for ban in config.ban:
            yield (
                not ban or ban not in stop,
                f"--stop {stop!r} can never appear, as it holds --ban {ban!r}: leave out one of the two",
            )


def _pattern_rules(config: SamplingConfig) -> Iterator[Rule]:
    if config.pattern is None:
        return
    import regex

    try:
        regex.compile(config.pattern)
    except RecursionError:
        yield False, f"--pattern of {len(config.pattern):,} characters is nested too deep: use fewer parentheses"
    except regex.error as error:
        where = "" if error.pos is None else f" at character {error.pos}"
        yield (
            False,
            f"--pattern got {config.pattern!r}, no regular expression{where}: {error.msg}; "
            "put a backslash before a sign that is meant literally",
        )


def _beam_rules(config: SamplingConfig) -> Iterator[Rule]:
    yield _whole("beam", config.beam, 0)
    yield (
        not is_integer(config.beam, _MOST_BEAMS + 1),
        f"--beam got {config.beam}: choose {_MOST_BEAMS} or less; 4 is usual",
    )
    if not config.beam > 1:
        return
    settings = (
        ("temperature", config.temperature in (0, 1)),
        ("top-k", config.top_k == 0),
        ("top-p", config.top_p == 1),
        ("min-p", config.min_p == 0),
        ("typical-p", config.typical_p == 1),
        ("repetition-penalty", config.repetition_penalty == 1),
        ("bias", not config.bias),
        ("ahead", config.draft_length in (None, 1)),
    )
    for flag, unset in settings:
        yield (
            unset,
            f"--beam and --{flag} contradict each other: a beam search draws nothing, it finds the likeliest "
            "text; leave out one of the two",
        )


def _watermark_rules(config: SamplingConfig) -> Iterator[Rule]:
    key = config.watermark
    if key is None:
        return
    yield key != "", "--watermark got an empty key: choose a long one that nobody guesses"
    yield _spellable(key), "--watermark got a key with bytes that are no UTF-8 text: choose letters and digits"
    marks = "--watermark marks what is drawn"
    yield config.beam < 2, f"{marks}, and --beam {config.beam} draws nothing: leave out one of the two"
    settings = (("temperature", config.temperature, 0), ("top-k", config.top_k, 1))
    for flag, value, least in settings:
        yield (
            value != least,
            f"{marks}, and with --{flag} {value:g} nothing is: leave out one of the two",
        )
    yield (
        config.draft_length in (None, 1),
        f"--watermark marks no drafts, and --ahead {config.draft_length} drafts tokens: leave out one of the two",
    )


def _whole(flag: str, value: Any, least: int) -> Rule:
    return is_integer(value, least), f"--{flag} got {value}: choose a whole number from {least} up"


def is_number(value: Any) -> bool:
    """Whether a value is a number: a truth value is none."""
    return isinstance(value, Real) and not isinstance(value, bool)


def is_integer(value: Any, least: int) -> bool:
    """Whether a value is a whole number from `least` up."""
    return isinstance(value, Integral) and int(value) >= least


def _spellable(string: str) -> bool:
    try:
        string.encode()
    except UnicodeEncodeError:
        return False
    return True
