"""Grammars that a whole text follows: a regular expression, a JSON schema, or a grammar in the syntax of Lark or GBNF.

The package llguidance reads all of them as grammars of its own dialect of Lark.
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal

from seqloom.config.base import Check
from seqloom.config.gbnf import gbnf_to_llguidance
from seqloom.config.pattern_syntax import in_llguidance_syntax, repeated_size, unsupported_construct

__all__ = ["GRAMMAR_SETTINGS", "GrammarSetting", "grammar_fault", "llguidance_grammar", "text_grammar_rules"]

GrammarSetting = Literal["pattern", "json_schema", "grammar"]

GRAMMAR_SETTINGS: tuple[GrammarSetting, ...] = ("pattern", "json_schema", "grammar")
"""Settings that describe the whole text; at most one of them is set."""

_OPTIONS = '%llguidance {"no_forcing": true}'
"""Without this option, llguidance allows only one token where only one text can follow: the longest."""

_MAX_RULES = 1000
"""Largest number of rules or references. llguidance follows them by recursion, and its stack ends at about 2,500."""

_MAX_REPEATED = 100_000
"""Largest number of characters to which the repeats of a pattern may spell out; the package `regex` does so."""

_FILE_NAME = re.compile(r"[^\n:{}\"]*\.[A-Za-z]\w{1,7}|[^\n:{}\"]*[/\\][^\n:{}\"]*")
"""Name of a file with an extension or in a folder; no schema or grammar looks like one."""

_JSON_LAYOUT = {"item_separator": ", ", "key_separator": ": ", "whitespace_flexible": False}
"""Spaces of JSON texts as Python writes them; a schema with "x-guidance" can set others."""


def text_grammar_rules(config: Any) -> Iterator[Check]:
    """Yield the checks of those settings of a `SamplingConfig` that describe the whole text."""
    chosen = [name for name in GRAMMAR_SETTINGS if getattr(config, name) is not None]
    yield (
        len(chosen) < 2,
        f"{' and '.join(f'`{name}`' for name in chosen)} contradict each other: each describes the whole text; choose "
        "one",
    )
    for name in chosen:
        fault = grammar_fault(name, getattr(config, name))
        yield fault is None, fault or ""


@lru_cache(maxsize=64)
def grammar_fault(setting: GrammarSetting, text: str) -> str | None:
    """Return the message about a wrong pattern, schema or grammar; None if it is right."""
    if setting == "pattern" and (fault := _pattern_fault(text)) is not None:
        return fault
    if setting == "json_schema" and (fault := _json_fault(text)) is not None:
        return fault
    if setting == "grammar" and (fault := _grammar_fault(text)) is not None:
        return fault
    from llguidance import LLMatcher

    try:
        error = LLMatcher.validate_grammar(llguidance_grammar(setting, text))
    except RecursionError:
        error = "it is nested too deep"
    except ValueError as refusal:  # of a grammar in GBNF, which is translated
        error = str(refusal)
    if not error:
        return None
    reason = _reason(error)
    if setting == "pattern":
        return f"`pattern` got {text!r}, which cannot be followed token by token: {reason}"
    if setting == "json_schema":
        return f"`json_schema` cannot be followed token by token: {reason}; write the schema without it"
    return f"`grammar` is neither a grammar of Lark nor of GBNF that can be followed: {reason}"


def _pattern_fault(pattern: str) -> str | None:
    import regex

    if (size := repeated_size(pattern)) > _MAX_REPEATED:
        return (
            f"`pattern` got {pattern[:60]!r}, whose repeats spell out to {size:,} characters: use repeats of up to "
            f"{_MAX_REPEATED:,} in all"
        )
    try:
        regex.compile(pattern)
    except RecursionError:
        return f"`pattern` of {len(pattern):,} characters is nested too deep: use fewer parentheses"
    except regex.error as error:
        where = "" if error.pos is None else f" at character {error.pos}"
        return (
            f"`pattern` got {pattern!r}, which is not a regular expression{where}: {error.msg}; "
            "put a backslash before a literal sign"
        )
    except ValueError as error:  # flags that contradict each other
        return f"`pattern` got {pattern!r}, which is not a regular expression: {error}"
    construct = unsupported_construct(pattern)
    if construct is None:
        return None
    return (
        f"`pattern` got {pattern!r}, which has {construct}: it cannot be followed token by token; write the "
        "pattern without it"
    )


def _json_fault(schema: str) -> str | None:
    if _FILE_NAME.fullmatch(schema):
        return _file_name_fault("json_schema", schema)
    try:
        parsed = json.loads(schema)
    except RecursionError:
        return f"`json_schema` of {len(schema):,} characters is nested too deep: use fewer levels"
    except ValueError as error:
        return f'`json_schema` is not JSON ({error}): give a schema such as {{"type": "object"}}'
    if not isinstance(parsed, dict):
        return f'`json_schema` got {schema.strip():.40}: give a JSON object, such as {{"type": "integer"}}'
    if large := _large_number(schema):
        return (
            f"`json_schema` has the number {large:.30}, which is not exact beyond 2**53: use a smaller one, or a string"
        )
    if (number := schema.count('"$ref"')) > _MAX_RULES:
        return f"`json_schema` has {number:,} references: use up to {_MAX_RULES:,}"
    return None


def _file_name_fault(setting: GrammarSetting, name: str) -> str:
    return f"`{setting}` got {name!r}, which looks like the name of a file: give its text, Path({name!r}).read_text()"


def _grammar_fault(grammar: str) -> str | None:
    if not grammar.strip():
        return "`grammar` is empty: give a grammar in the syntax of Lark (start: ...) or GBNF (root ::= ...)"
    if _FILE_NAME.fullmatch(grammar):
        return _file_name_fault("grammar", grammar)
    if (number := len(re.findall(r'(?m)^[^\n#/"]*?:', grammar))) > _MAX_RULES:
        return f"`grammar` has {number:,} rules: use up to {_MAX_RULES:,}"
    if "%json" in grammar and (large := _large_number(grammar)):
        return f"`grammar` has the number {large:.30}, which is not exact: use one up to 2**53, or a string"
    attribute = re.search(r"\[[^\]\n]*\b(max_tokens|stop|suffix|temperature)\b[^\]\n]*\]\s*:", grammar)
    return None if attribute is None else f"`grammar` has the attribute {attribute[1]}, which is not supported: drop it"


def _large_number(text: str) -> str | None:
    """Return a number in JSON that llguidance, which reads numbers as doubles, would change; None for none."""
    without_strings = re.sub(r'"(?:\\.|[^"\\])*"', '""', text)
    numbers = re.findall(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", without_strings)
    return next((number for number in numbers if abs(Decimal(number)) > 2**53), None)


def _reason(error: str) -> str:
    """Return the reason in an error of llguidance, without the source that it quotes."""
    lines = [line.strip() for line in error.splitlines()]
    named = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return named[0] if named else lines[0].removeprefix("failed to compile JSON schema: ")


@lru_cache(maxsize=16)
def llguidance_grammar(setting: GrammarSetting, text: str) -> str:
    """Return the grammar of a pattern, a JSON schema or a grammar in the dialect of llguidance.

    Raises:
        ValueError: the grammar is neither Lark nor GBNF.
    """
    from llguidance import LLMatcher, regex_to_lark

    if setting == "pattern":
        lark = f"start: /{regex_to_lark(in_llguidance_syntax(text))}/"
    elif setting == "json_schema":
        schema = json.loads(text)
        options = schema.get("x-guidance", {})
        layout = {**_JSON_LAYOUT, **options} if isinstance(options, dict) else options
        lark = f"start: %json {json.dumps({**schema, 'x-guidance': layout})}"
    else:
        lark = _lark(text)
    return LLMatcher.grammar_from_lark(f"{lark}\n{_OPTIONS}\n")


def _lark(grammar: str) -> str:
    """Return a grammar in the syntax of Lark; one in GBNF is translated."""
    from llguidance.gbnf_to_lark import is_lark_syntax

    return grammar if is_lark_syntax(grammar) else gbnf_to_llguidance(grammar)
