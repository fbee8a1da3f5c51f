"""Settings of generation: length, sampling, and constraints on the text.

`only_draws=True` marks a setting that affects only random draws; a beam search draws nothing and refuses the setting.
`automatic=True` means: unless the user sets a value, generation chooses one for the model.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from seqloom.config.base import Check, JsonSerializable, validate
from seqloom.config.choices import DecodingPrecision
from seqloom.config.dependent_settings import checks_of_dependent_settings
from seqloom.config.settings import fields_of, is_integer, is_number, range_checks, setting, type_checks
from seqloom.config.text_grammars import GRAMMAR_SETTINGS, GrammarSetting, text_grammar_rules
from seqloom.errors import ConfigError

__all__ = ["DecodingConfig", "SamplingConfig"]

_MAX_BEAMS = 1024
_ALLOWED_WITH_BEAM: Mapping[str, tuple[Any, ...]] = {"temperature": (0,), "draft_length": (1,)}
"""Values of `only_draws` settings that a beam search accepts besides the default, because they switch draws off."""

_SPECIAL_SETTINGS = ("stop", "ban", "dry_breaker", *GRAMMAR_SETTINGS, "watermark", "bias", "transforms")
"""Settings that the rules of this module check, instead of `type_checks` and `range_checks`."""


@dataclass(frozen=True, kw_only=True)
class SamplingConfig(JsonSerializable):
    """Settings of generation.

    Attributes:
        length: largest number of generated tokens.
        min_length: smallest number of generated tokens; before that, the model cannot end the text, and stop strings
            do not count.
        temperature: softmax temperature, the divisor of the logits; 0 is greedy, infinity is uniform.
        dynatemp_range: largest deviation from the temperature, which then follows the entropy of the distribution
            (dynamic temperature); 0 is off. Without effect at temperature 0 and infinity.
        dynatemp_exponent: exponent of the relative entropy; above 1, only flat distributions get a high temperature.
        top_k: number of likeliest tokens to draw from; 0 is off.
        top_p: probability mass of the smallest set of likeliest tokens to draw from (nucleus, Holtzman et al. 2020);
            1 is off.
        min_p: smallest probability of a token, relative to the likeliest; 0 is off.
        typical_p: probability mass of the tokens nearest to the expected surprise (Meister et al. 2022); 1 is off.
        top_n_sigma: number of standard deviations of the logits that a token may lie below the likeliest (Tang et al.
            2024); 0 is off.
        xtc_probability: probability, at each token, of excluding top choices (XTC, p-e-w 2024): of the tokens from
            `xtc_threshold` up, only the least likely remains; 0 is off.
        xtc_threshold: probability from which a token is a top choice; above 0.5, no token is ever excluded.
        mirostat_tau: target of the mean surprise of the drawn tokens, in bits (Mirostat 2.0, Basu et al. 2021); 0 is
            off.
        mirostat_eta: learning rate of Mirostat.
        repetition_penalty: exponent of the probabilities of recent tokens; above 1 makes them less likely, 1 is off.
        repetition_window: number of tokens, prompt included, that count as recent, for all penalties.
        frequency_penalty: subtraction from the logit of a recent token for each of its occurrences; 0 is off.
        presence_penalty: subtraction from the logit of every recent token; 0 is off.
        dry_multiplier: penalty of a token that extends a repeat of `dry_allowed_length` recent tokens (DRY, p-e-w
            2024); 0 is off.
        dry_base: factor by which each further token of the repeat increases that penalty.
        dry_allowed_length: length of a repeat, in tokens, from which its extension is penalised.
        dry_breaker: strings that end a repeat: a token that contains one is never a part of a repeat.
        stop: strings that end the text; the text is cut before them.
        ban: strings that never appear in the text.
        bias: addition to the logit, by token id.
        transforms: settings of further transforms of the logits, by name in `registry.TRANSFORMS`.
        pattern: regular expression that the whole text must match.
        json_schema: JSON schema that the text must satisfy, as a mapping or as JSON; at most one of `pattern`,
            `json_schema` and `grammar` is set.
        grammar: grammar, in the syntax of Lark or GBNF, that the whole text must follow.
        beam: width of a beam search for the likeliest text; 0 and 1 draw instead.
        seed: seed of the draws.
        max_copy: longest run of characters copied from the corpus; 0 is off.
        draft_length: largest number of tokens per step. All but the first are drafts: guesses of the additional
            prediction heads. Speculative sampling (Leviathan et al. 2023) accepts or rejects each draft without
            changing the distribution of texts. 1 is off; None chooses a length that saves time with a model of this
            shape.
        watermark: secret key of a watermark, see `sampling.watermark`; None adds none.
    """

    length: int = setting(400, help="maximum number of tokens to generate", at_least=1)
    min_length: int = setting(0, help="minimum number of tokens before the text may end", at_least=0)
    temperature: float = setting(
        1.0,
        help="softmax temperature; 0 is greedy",
        at_least=0,
        finite=False,
        hint="0 is greedy, 1 is usual",
        only_draws=True,
    )
    dynatemp_range: float = setting(
        0.0,
        help="largest change of the temperature, which follows the entropy; 0 is off",
        at_least=0,
        at_most=100,
        hint="0 is off",
        only_draws=True,
    )
    dynatemp_exponent: float = setting(
        1.0, help="exponent of the entropy in the dynamic temperature", at_least=0, at_most=10, hint="1 is usual"
    )
    top_k: int = setting(0, help="draw from the K likeliest tokens; 0 is off", at_least=0, only_draws=True)
    top_p: float = setting(
        1.0,
        help="draw from the likeliest tokens of this total probability; 1 is off",
        above=0,
        at_most=1,
        hint="1 is off",
        only_draws=True,
    )
    min_p: float = setting(
        0.0,
        help="smallest probability relative to the likeliest token; 0 is off",
        at_least=0,
        at_most=1,
        hint="0 is off",
        only_draws=True,
    )
    typical_p: float = setting(
        1.0,
        help="draw from the most typical tokens of this total probability; 1 is off",
        above=0,
        at_most=1,
        hint="1 is off",
        only_draws=True,
    )
    top_n_sigma: float = setting(
        0.0,
        help="standard deviations that a logit may lie below the largest; 0 is off",
        at_least=0,
        hint="1 is usual, 0 is off",
        only_draws=True,
    )
    xtc_probability: float = setting(
        0.0,
        help="probability of removing all top choices but the least likely (XTC); 0 is off",
        at_least=0,
        at_most=1,
        hint="0 is off",
        only_draws=True,
    )
    xtc_threshold: float = setting(
        0.1, help="smallest probability of a top choice of XTC", above=0, at_most=1, hint="0.1 is usual"
    )
    mirostat_tau: float = setting(
        0.0,
        help="surprise of the text in bits per token, kept by Mirostat 2.0; 0 is off",
        at_least=0,
        at_most=100,
        hint="0 is off",
        only_draws=True,
    )
    mirostat_eta: float = setting(0.1, help="learning rate of Mirostat", at_least=0, at_most=10, hint="0.1 is usual")
    repetition_penalty: float = setting(
        1.0,
        help="penalty of recent tokens; above 1 repeats less",
        above=0,
        hint="above 1 repeats less, 1 is off",
        only_draws=True,
    )
    repetition_window: int = setting(64, help="number of recent tokens that are penalised", at_least=1)
    frequency_penalty: float = setting(
        0.0,
        help="subtraction from the logit for each recent occurrence; 0 is off",
        at_least=-100,
        at_most=100,
        hint="above 0 repeats less, 0 is off",
        only_draws=True,
    )
    presence_penalty: float = setting(
        0.0,
        help="subtraction from the logit of every recent token; 0 is off",
        at_least=-100,
        at_most=100,
        hint="above 0 repeats less, 0 is off",
        only_draws=True,
    )
    dry_multiplier: float = setting(
        0.0,
        help="penalty of tokens that extend a repeat of several tokens (DRY); 0 is off",
        at_least=0,
        hint="0.8 is usual, 0 is off",
        only_draws=True,
    )
    dry_base: float = setting(
        1.75, help="growth of the DRY penalty per token of the repeat", at_least=1, hint="1.75 is usual"
    )
    dry_allowed_length: int = setting(
        2, help="length of a repeat from which DRY penalises its extension", at_least=1, hint="2 is usual"
    )
    dry_breaker: tuple[str, ...] = setting(
        ("\n", ":", '"', "*"),
        help="string that ends a repeat for DRY; repeatable (line end, colon, quotation mark, asterisk)",
        metavar="TEXT",
        repeat=True,
    )
    stop: tuple[str, ...] = setting((), help="end before this string; repeatable", metavar="TEXT", repeat=True)
    ban: tuple[str, ...] = setting(
        (), help="never generate this string (the prompt may contain it); repeatable", metavar="TEXT", repeat=True
    )
    bias: Mapping[int, float] = setting(
        default_factory=dict, help="addition to the logit, by token id", on_command_line=False, only_draws=True
    )
    transforms: Mapping[str, Mapping[str, float]] = setting(
        default_factory=dict, help="settings of further transforms, by name", on_command_line=False, only_draws=True
    )
    pattern: str | None = setting(None, help="regular expression that the whole text matches")
    json_schema: str | Mapping[str, Any] | None = setting(
        None, help="file of a JSON schema that the text satisfies", metavar="FILE", from_file=True
    )
    grammar: str | None = setting(
        None, help="file of a grammar (Lark or GBNF) that the whole text follows", metavar="FILE", from_file=True
    )
    beam: int = setting(
        0, help="width of a beam search; 0 draws instead", at_least=0, at_most=_MAX_BEAMS, hint="4 is usual"
    )
    seed: int = setting(0, help="seed; the same seed gives the same texts, however many are generated", at_least=0)
    max_copy: int = setting(0, help="maximum characters copied from the corpus in one piece; 0 is off", at_least=0)
    draft_length: int | None = setting(
        None,
        help="maximum tokens per step, drafted by the prediction heads; 1 is off",
        at_least=1,
        automatic=True,
        only_draws=True,
    )
    watermark: str | None = setting(
        None, help="secret key of a watermark; 'detect watermark' recognises it", metavar="KEY", repr=False
    )

    def __post_init__(self) -> None:
        if isinstance(self.json_schema, Mapping):
            object.__setattr__(self, "json_schema", _as_json(self.json_schema))
        validate(*_type_rules(self))
        rules = (_number_rules, _string_rules, text_grammar_rules, _beam_rules, _watermark_rules)
        validate(*chain.from_iterable(rule(self) for rule in rules))
        validate(*checks_of_dependent_settings(self))

    @property
    def text_grammar(self) -> tuple[GrammarSetting, str] | None:
        """The setting that describes the whole text, and its value; None if there is none."""
        values = ((name, getattr(self, name)) for name in GRAMMAR_SETTINGS)
        return next(((name, value) for name, value in values if value is not None), None)

    def to_json(self) -> dict[str, Any]:
        """Return the fields in JSON's types; an infinite temperature, which JSON lacks, is the string "inf"."""
        stored = super().to_json()
        stored["bias"] = {str(token): value for token, value in self.bias.items()}
        if math.isinf(self.temperature):
            stored["temperature"] = "inf"
        return stored

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "SamplingConfig":
        """Return the settings from the result of `to_json`.

        Raises:
            ConfigError: a field is unknown or out of range.
        """
        fields = dict(stored)
        try:
            if "temperature" in fields:
                fields["temperature"] = float(fields["temperature"])
            fields["bias"] = {int(token): float(value) for token, value in fields.get("bias", {}).items()}
        except (AttributeError, TypeError, ValueError) as error:
            raise ConfigError(f"the stored temperature or bias is not a number: {error}") from None
        return super().from_json(fields)


@dataclass(frozen=True, kw_only=True)
class DecodingConfig:
    """Settings of how a run generates, apart from sampling.

    Attributes:
        stateful: whether the state is carried from token to token; False reads the last window again from a zero state
            for every token. None is False for a run that was trained on windows, and True for any other run.
        precision: precision of the compiled kernels' weights; None is the fastest that does not increase the loss.
        skip_unknown: whether symbols of the prompt outside the vocabulary are skipped.
    """

    stateful: bool | None = setting(
        None, help="carry the state from token to token (by default, unless trained on windows)"
    )
    precision: DecodingPrecision | None = setting(
        None, help="precision of the weights (the fastest with nearly the same loss)"
    )
    skip_unknown: bool = setting(False, help="skip symbols of the prompt that the run does not know")


def _type_rules(config: SamplingConfig) -> Iterator[Check]:
    yield from type_checks(config, skip=_SPECIAL_SETTINGS)
    for name in ("stop", "ban", "dry_breaker"):
        strings = getattr(config, name)
        if not isinstance(strings, str):  # `_string_rules` refuses a single string
            yield _instance_check(name, strings, Sequence, "a tuple of strings")
            for string in strings if isinstance(strings, Sequence) else ():
                yield _instance_check(name, string, str, "strings")
    for name, expected in (("pattern", "a regular expression"), ("json_schema", "a schema"), ("grammar", "a grammar")):
        value = getattr(config, name)
        if isinstance(value, Path):
            yield False, f"`{name}` got {value!r}: give its text, such as {value!r}.read_text()"
        else:
            yield _instance_check(name, "" if value is None else value, str, expected)
    yield (
        config.watermark is None or isinstance(config.watermark, str),
        "`watermark` got a key that is not a string: give a secret key",
    )
    yield _instance_check("bias", config.bias, Mapping, "numbers by token id")
    for token, value in config.bias.items() if isinstance(config.bias, Mapping) else ():
        yield is_number(value), f"`bias` got {token}={value!r}: give a number"
    yield _instance_check("transforms", config.transforms, Mapping, "settings by name of the transform")
    for name, settings in config.transforms.items() if isinstance(config.transforms, Mapping) else ():
        has_numbers = isinstance(settings, Mapping) and all(is_number(value) for value in settings.values())
        yield has_numbers, f"`transforms` got {name}={settings!r}: give numbers by name of the setting"


def _instance_check(name: str, value: Any, expected_type: type, expected_in_words: str) -> Check:
    return isinstance(value, expected_type), f"`{name}` got {value!r}: give {expected_in_words}"


def _number_rules(config: SamplingConfig) -> Iterator[Check]:
    yield from range_checks(config, skip=_SPECIAL_SETTINGS)
    yield (
        # `range_checks` reports a `length` below 1, so `min_length` is then not compared with it.
        not is_integer(config.length, least=1) or not config.min_length > config.length,
        f"`min_length` {config.min_length} is above `length` {config.length}: lower one or raise the other",
    )
    for token, value in config.bias.items():
        yield (
            is_integer(token, least=0) and math.isfinite(value),
            f"`bias` got {token}={value}: name a token id from 0 up and a finite number",
        )
    yield not is_integer(config.seed, least=2**64), f"`seed` got {config.seed}: choose a number below 2**64"


def _string_rules(config: SamplingConfig) -> Iterator[Check]:
    for name, strings in (("stop", config.stop), ("ban", config.ban), ("dry_breaker", config.dry_breaker)):
        yield not isinstance(strings, str), f"`{name}` got one string {strings!r}: give a list of strings"
        for string in strings:
            yield string != "", f"`{name}` got an empty string: name the characters to look for"
            yield (
                _is_valid_unicode(string),
                f"`{name}` got {string!r}, which is not valid Unicode text: leave out the invalid bytes",
            )
    for stop in config.stop:
        for ban in config.ban:
            yield (
                not ban or ban not in stop,
                f"`stop` {stop!r} can never appear, since it contains `ban` {ban!r}: leave out one of the two",
            )


def _beam_rules(config: SamplingConfig) -> Iterator[Check]:
    if not config.beam > 1:
        return
    for info in fields_of(SamplingConfig).values():
        if not info.setting.only_draws:
            continue
        value = getattr(config, info.name)
        yield (
            value in (info.default, *_ALLOWED_WITH_BEAM.get(info.name, ())) or value == {},
            f"`beam` and `{info.name}` contradict each other: a beam search finds the likeliest text without drawing; "
            "leave out one of the two",
        )


def _watermark_rules(config: SamplingConfig) -> Iterator[Check]:
    key = config.watermark
    if key is None:
        return
    yield key != "", "`watermark` got an empty key: choose a long one that nobody can guess"
    yield _is_valid_unicode(key), "`watermark` got a key that is not valid Unicode text: choose letters and digits"
    needs_draws = "`watermark` needs random draws"
    yield config.beam < 2, f"{needs_draws}, and `beam` {config.beam} makes none: leave out one of the two"
    for name, value, greedy_value in (("temperature", config.temperature, 0), ("top_k", config.top_k, 1)):
        yield (
            value != greedy_value,
            f"{needs_draws}, and `{name}` {value:g} makes none: leave out one of the two",
        )
    yield (
        config.draft_length in (None, 1),
        f"`watermark` and `draft_length` {config.draft_length} contradict each other: leave out one of the two",
    )


def _as_json(schema: Mapping[str, Any]) -> str:
    try:
        return json.dumps(schema)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"`json_schema` cannot be written as JSON ({error}): use names, numbers and lists") from None


def _is_valid_unicode(string: str) -> bool:
    try:
        string.encode()
    except UnicodeEncodeError:
        return False
    return True
