"""Patterns, JSON schemas and grammars against enumeration: of short texts, and of all characters."""

import itertools
import json
import re

import pytest
import regex

from seqloom.errors import ConfigError, SeqloomError
from seqloom.sampling import grammar_constraint as module
from seqloom.sampling.grammar_constraint import GrammarConstraint

TOKENS = ["a", "b", "1", "ab", "b1a", "ab1", "a\n", "", "a"]
TEXTS = ["".join(signs) for size in range(7) for signs in itertools.product("ab1", repeat=size)]
BYTES = [bytes([value]) for value in range(256)]


@pytest.mark.parametrize(
    "pattern", ["a?b{2}1", "(ab|b1){1,3}", "[ab]{3}1?", "a{0,2}?b{1,2}?1", "(?i)AB1{0,2}", "a|ab|ab1", "", "a."]
)
def test_a_token_may_follow_if_something_longer_matches(pattern):
    language = [text for text in TEXTS if re.fullmatch(pattern, text)]
    assert language
    constraint = GrammarConstraint("pattern", pattern, [token.encode() for token in TOKENS])
    prefixes = {text[:end] for text in language for end in range(len(text) + 1)}
    for written in prefixes:  # in no order, so that the matcher goes back and forth
        expected = [any(text.startswith(written + token) for text in language) for token in TOKENS]
        assert constraint.allowed(written.encode()).tolist() == expected, written
        assert constraint.may_end(written.encode()) == (written in language)
        assert constraint.matches(written) == (written in language)


def test_nothing_follows_a_text_that_does_not_match():
    constraint = GrammarConstraint("pattern", "[ab]+", [token.encode() for token in TOKENS])
    for text in (b"a1", b"a1b", b"1", b"ab1"):
        assert not constraint.allowed(text).any()
        assert not constraint.may_end(text)
    assert constraint.allowed(b"ab").tolist() == [True, True, False, True, False, False, False, True, True]


@pytest.mark.parametrize("pattern", ["(é|è|日本|😀|aé)a?", "日(é|😀)?|(?:ß)", "é[à-ÿ]"])
def test_bytes_of_characters_in_a_finite_language(pattern):
    signs = "éèÉ日本😀aß" + "".join(map(chr, range(0xE0, 0x100)))
    language = [
        text
        for size in range(4)
        for text in map("".join, itertools.product(signs, repeat=size))
        if re.fullmatch(pattern, text)
    ]
    spelled = [text.encode() for text in language]
    constraint = GrammarConstraint("pattern", pattern, BYTES)
    for written in {text[:end] for text in spelled for end in range(len(text) + 1)}:
        result = {value for value, allowed in enumerate(constraint.allowed(written)) if allowed}
        assert result == {text[len(written)] for text in spelled if text[: len(written)] == written and text != written}


EVERY = "".join(chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
STARTS = (b"", b"\xc2", b"\xd9", b"\xe2\x80", b"\xe0", b"\xf0\x9f", b"\xf0\x9f\x98")
"""Beginnings of characters; `regex` knows letters of a later version of Unicode, which begin with other F0 bytes."""


@pytest.mark.parametrize("pattern", [r"\d", r"\w", r"\s", r"[^a]", "x", ".", "[[:alpha:]]"])
def test_bytes_of_whole_classes_of_characters(pattern):
    """The first bytes that may come are those of all characters that the pattern may begin with."""
    spelled = {sign.encode() for sign in regex.findall(pattern, EVERY)}
    constraint = GrammarConstraint("pattern", pattern, BYTES)
    for written in STARTS:
        expected = {sign[len(written)] for sign in spelled if sign.startswith(written) and sign != written}
        if written and not expected:
            continue
        result = {value for value, allowed in enumerate(constraint.allowed(written)) if allowed}
        assert result == expected, written


@pytest.mark.parametrize("sign", ["ё", "龥", "ก", "𝔸", "😀"])
@pytest.mark.parametrize("form", ["{}", "[{}-{}]+", r"\p{{Alphabetic}}|{}"])
def test_every_byte_of_a_named_character_may_come(form, sign):
    constraint = GrammarConstraint("pattern", form.format(sign, sign), BYTES)
    spelled = sign.encode()
    for end in range(len(spelled)):
        assert constraint.allowed(spelled[:end])[spelled[end]]


def test_tokens_that_end_within_a_character():
    tokens = ["aé".encode()[:2], b"\xa9", "é".encode()[1:] + b"b", b"a", b"\xff", b"\xff\xfe"]
    constraint = GrammarConstraint("pattern", "aéb", tokens)
    assert constraint.allowed(b"").tolist() == [True, False, False, True, False, False]
    assert constraint.allowed("aé".encode()[:2]).tolist() == [False, True, True, False, False, False]
    assert not constraint.may_end("aé".encode()[:2])


@pytest.mark.parametrize("pattern", [r"\p{L}+", r"\w+", ".+"])
def test_the_first_bytes_of_a_surrogate_never_follow(pattern):
    constraint = GrammarConstraint("pattern", pattern, [b"\xed", b"\xa0", b"\x9f"])
    assert constraint.allowed(b"").tolist() == [True, False, False]
    assert constraint.allowed(b"\xed").tolist() == [False, False, True]


def test_a_text_is_checked_by_the_package_regex_too(monkeypatch):
    constraint = GrammarConstraint("pattern", "ab", BYTES)
    assert constraint.matches("ab")
    monkeypatch.setattr(module, "_fullmatch", lambda pattern, text: False)
    assert not constraint.matches("ab")


def test_an_expression_that_takes_too_long_is_given_up(monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.05)
    with pytest.raises(SeqloomError, match="nested repetitions"):
        module._fullmatch(r"(a+)+(a+)+(a+)+\d", "a" * 5000 + "b")


SCHEMA = {
    "type": "object",
    "properties": {"name": {"enum": ["Ann", "Bo"]}, "age": {"type": "integer", "minimum": 7, "maximum": 12}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


def test_the_texts_of_a_json_schema():
    constraint = GrammarConstraint("json_schema", json.dumps(SCHEMA), BYTES)
    language = [json.dumps({"name": name, "age": age}) for name in ("Ann", "Bo") for age in range(7, 13)]
    for written in {text[:end] for text in language for end in range(len(text) + 1)}:
        result = {chr(value) for value, allowed in enumerate(constraint.allowed(written.encode())) if allowed}
        expected = {text[len(written)] for text in language if text.startswith(written) and text != written}
        expected |= {"\\"} if written.endswith('"name": "') else set()  # any sign can be written as an escape
        assert expected >= result >= expected - {"\\"}, written
        assert constraint.matches(written) == (written in language)


def test_the_spaces_of_a_json_schema_can_be_chosen():
    flexible = {**SCHEMA, "x-guidance": {"whitespace_flexible": True, "item_separator": ",", "key_separator": ":"}}
    constraint = GrammarConstraint("json_schema", json.dumps(flexible), BYTES)
    assert constraint.matches('{ "name":"Bo" ,\n "age":9}')
    assert not GrammarConstraint("json_schema", json.dumps(SCHEMA), BYTES).matches('{"name":"Bo","age":9}')


LARK = 'start: ("x" | "(" start ")") [sign]\nsign: /[!?]/\n'
GBNF = 'root ::= ("x" | "(" root ")") sign?\nsign ::= [!?]  # a comment\n'


@pytest.mark.parametrize(
    "grammar", [LARK, GBNF, f'%llguidance {{"no_forcing": false}}\n{LARK}', LARK.replace("\n", "\r\n")]
)
def test_the_texts_of_a_grammar(grammar):
    constraint = GrammarConstraint("grammar", grammar, [b"(", b"((", b"x", b")", b"!)", b"!", b"y", b"(x)"])
    assert constraint.allowed(b"").tolist() == [True, True, True, False, False, False, False, True]
    assert constraint.allowed(b"(x").tolist() == [False, False, False, True, True, True, False, False]
    for text, matches in (("x", True), ("((x!))?", True), ("(x", False), ("x)", False), ("", False), ("x!!", False)):
        assert constraint.matches(text) == matches


@pytest.mark.parametrize(
    ("written", "characters"),
    [(b"", ["a"]), (b"a", ["\u00e9", "\u65e5", "\U0001f600"]), (b"a\xc3", ["\u00e9"]), (b"a\xc3\xa9", []), (b"b", [])],
)
def test_the_characters_that_come_next(written, characters):
    constraint = GrammarConstraint("pattern", "a[\u00e9\u65e5\U0001f600]", [b"a"])
    assert constraint.next_characters(written) == characters
    assert constraint.next_characters(written, limit=1) == characters[:1]


def test_a_run_that_cannot_begin_a_text_is_refused():
    with pytest.raises(ConfigError, match=r"`json_schema` begins with '\{', which this run never writes"):
        GrammarConstraint("json_schema", json.dumps(SCHEMA), [b"a", b"b", b""]).check_start()
    with pytest.raises(ConfigError, match="begins with 'é', which this run"):
        GrammarConstraint("pattern", "é+", [b"a", b"b"]).check_start()
    GrammarConstraint("pattern", "é*", [b"a", b"b"]).check_start()
    GrammarConstraint("pattern", "é*", [b"\xc3"]).check_start()
