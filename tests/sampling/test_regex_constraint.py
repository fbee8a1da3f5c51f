"""Patterns against enumeration: of short texts by the standard library's engine, and of all characters."""

import itertools
import re
from types import SimpleNamespace

import pytest
import regex

from seqloom.errors import SeqloomError
from seqloom.sampling import regex_constraint as module
from seqloom.sampling.regex_constraint import RegexConstraint, matches
from seqloom.sampling.utf8_completions import completions, uses_classes_only

TOKENS = ["a", "b", "1", "ab", "b1a", "ab1", "a\n", ""]
TEXTS = ["".join(signs) for size in range(7) for signs in itertools.product("ab1", repeat=size)]


@pytest.fixture(autouse=True)
def _patience(monkeypatch):
    """Allow enough time on a busy machine."""
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 600.0)


@pytest.mark.parametrize(
    "pattern",
    ["a?b{2}1", "(ab|b1){1,3}", "[ab]{3}1?", "a(?=b)b1?", "(a|b)1\\1", "(?i)AB1{0,2}", "a|ab|ab1", "", "a."],
)
def test_a_token_may_follow_if_something_longer_matches(pattern):
    language = [text for text in TEXTS if re.fullmatch(pattern, text)]
    assert language
    constraint = RegexConstraint(pattern, [token.encode() for token in TOKENS])
    prefixes = {text[:end] for text in language for end in range(len(text) + 1)}
    for written in prefixes:
        expected = [any(text.startswith(written + token) for text in language) for token in TOKENS]
        assert constraint.allowed(written.encode()).tolist() == expected, written
        assert constraint.may_end(written.encode()) == (written in language)
        assert matches(pattern, written) == (written in language)


def test_nothing_follows_a_text_that_does_not_match():
    constraint = RegexConstraint("[ab]+", [token.encode() for token in TOKENS])
    assert not constraint.allowed(b"a1").any()
    assert not constraint.may_end(b"a1")


BYTES = [bytes([value]) for value in range(256)]


@pytest.mark.parametrize("pattern", ["(é|è|日本|😀|aé)a?", "日(é|😀)?|(?:ß)", "(?i)é😀?"])
def test_bytes_of_characters_in_a_finite_language(pattern):
    signs = "éèÉ日本😀aß"
    language = [
        text
        for size in range(4)
        for text in map("".join, itertools.product(signs, repeat=size))
        if re.fullmatch(pattern, text)
    ]
    spelled = [text.encode() for text in language]
    constraint = RegexConstraint(pattern, BYTES)
    for written in {text[:end] for text in spelled for end in range(len(text) + 1)}:
        result = {value for value, allowed in enumerate(constraint.allowed(written)) if allowed}
        expected = {text[len(written)] for text in spelled if text[: len(written)] == written and text != written}
        assert expected <= result
        # Beyond the language's own characters only case variants may turn up.
        assert result == expected or "(?i)" in pattern


EVERY = "".join(chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)


@pytest.mark.parametrize("pattern", [r"\d", r"\w", r"\s", r"\W\d", "x"])
def test_bytes_of_whole_classes_of_characters(pattern):
    """The first bytes that may come are those of all characters that the pattern may begin with."""
    assert uses_classes_only(pattern)
    spelled = {sign.encode() for sign in regex.findall(pattern.removesuffix("\\d") or pattern, EVERY)}
    constraint = RegexConstraint(pattern, BYTES)
    for written in (b"", b"\xc2", b"\xd9", b"\xe2\x80", b"\xe0", b"\xf0\x9f", b"\xf0", b"\xf0\x9f\x98"):
        expected = {sign[len(written)] for sign in spelled if sign.startswith(written) and sign != written}
        if written and not any(sign.startswith(written) for sign in spelled):
            continue
        result = {value for value, allowed in enumerate(constraint.allowed(written)) if allowed}
        assert result == expected, written


@pytest.mark.parametrize("sign", ["ё", "龥", "ก", "𝔸", "😀"])
@pytest.mark.parametrize("form", ["{}", "[{}-{}]+", r"\p{{IsAlphabetic}}|{}", r"{}(?=.)a"])
def test_every_byte_of_a_named_character_may_come(form, sign):
    pattern = form.format(sign, sign)
    constraint = RegexConstraint(pattern, BYTES)
    spelled = sign.encode()
    for end in range(len(spelled)):
        assert constraint.allowed(spelled[:end])[spelled[end]]


def test_tokens_that_end_within_a_character():
    tokens = ["aé".encode()[:2], b"\xa9", "é".encode()[1:] + b"b", b"a", b"\xff"]
    constraint = RegexConstraint("aéb", tokens)
    assert constraint.allowed(b"").tolist() == [True, False, False, True, False]
    assert constraint.allowed("aé".encode()[:2]).tolist() == [False, True, True, False, False]
    assert not constraint.may_end("aé".encode()[:2])


@pytest.mark.parametrize(
    "pattern", ["é", r"\p{Greek}", r"(.)\1", r"\u00e9", "[[:alpha:]]", "(?i)k", r"\X", r"(?P<a>.)(?P=a)"]
)
def test_patterns_that_tell_more_than_classes_apart(pattern):
    assert not uses_classes_only(pattern)


def test_a_repeated_character_is_found_again_byte_by_byte():
    constraint = RegexConstraint(r"(.)-\1", BYTES)
    assert constraint.allowed("龥-".encode()).nonzero()[0].tolist() == ["龥".encode()[0]]


@pytest.mark.parametrize("start", [b"\xc3", b"\xe0", b"\xed", b"\xf0\x9f", b"\xf4", b"\xf0\x90\x80"])
@pytest.mark.parametrize("classes_only", [False, True])
def test_completions_begin_as_asked(start, classes_only):
    result = [sign for _, sign in completions(start, classes_only)]
    assert result
    assert all(sign.encode().startswith(start) and len(sign) == 1 for sign in result)
    if not classes_only and start == b"\xc3":
        assert len(result) == 64


def test_an_expression_that_takes_too_long_is_given_up(monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.05)
    with pytest.raises(SeqloomError, match="nested repetitions"):
        matches(r"(a+)+(a+)+(a+)+\d", "a" * 5000 + "b")


def test_many_candidates_share_the_time_of_one_token(monkeypatch):
    """Each match alone stays below the limit; all of them together do not. A clock of our own counts the matches."""
    readings = itertools.count()
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 50.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(thread_time=lambda: 10.0 * next(readings)))
    letters = [bytes([97 + number]) for number in range(20)]
    for tokens in (letters[:3], letters[3:6]):
        assert not RegexConstraint("z+", tokens).allowed(b"z").any()  # every token starts its own time
    with pytest.raises(SeqloomError, match=r"takes more than 50 seconds to match"):
        RegexConstraint("z+", letters).allowed(b"z")
    assert next(readings) == 2 * (1 + 4) + 1 + 5  # the start, then one reading per match: the text alone, each token


def test_time_in_which_other_programs_run_does_not_count():
    """The limit is one of processor time: a reading of the wall clock would end this test."""
    clock = SimpleNamespace(thread_time=module.time.thread_time)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "time", clock)
        assert RegexConstraint("z+", [b"z"]).allowed(b"z").all()


@pytest.mark.parametrize("pattern", [r"\p{L}+", r"\w+", ".+"])
def test_the_first_bytes_of_a_surrogate_never_follow(pattern):
    """Python's decoder takes them for an incomplete character."""
    constraint = RegexConstraint(pattern, [b"\xed", b"\xa0", b"\x9f"])
    assert constraint.allowed(b"").tolist() == [True, False, False]
    assert constraint.allowed(b"\xed").tolist() == [False, False, True]
    assert completions(b"\xed\xa0", False) == completions(b"\xed\xa0", True) == ()
