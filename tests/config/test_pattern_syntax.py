import itertools
import unicodedata

import pytest
import regex

from seqloom.config import SamplingConfig
from seqloom.config.pattern_syntax import (
    in_llguidance_syntax,
    normalized_pattern,
    repeated_size,
    unsupported_construct,
)
from seqloom.errors import ConfigError
from seqloom.sampling.grammar_constraint import GrammarConstraint

TEXTS = ["".join(letters) for length in range(5) for letters in itertools.product("ab*\\}]A&~[-", repeat=length)]
BYTES = [bytes([value]) for value in range(256)]


@pytest.mark.parametrize(
    "pattern",
    [
        r"a*?b", r"a??b", r"a{1,2}?b", r"(?:ab)*?", r"(?P<n>a+?)b", r"(?<n>a+?)b", r"[ab*?]+?", r"\*?a", r"\*??a",
        r"a\\*?", r"(?i)A+?b", r"(?i:A*?)b", r"\x61+?", r"\p{Ll}+?", r"\p{Ll}{2}?", r"a}?", r"[]a]+?", r"[^]a]+?b*",
        r"a{,2}b", r"a\Z", r"\Aab$", r"^a|b$", r"a}b", r"a(?#b)b", r"[[a]b?", r"[a&&b]+", r"[a~~b]+", r"[&&-a]",
        r"[*--]+", r"[[:alpha:]]+", r"[[:upper:][:digit:]]", r"[^[:lower:]]", r"[\]a-]*", r"\u0061",
        r"[^\W\d]+", r"(?s:.)a", r"\x5b|\[", r"[[:^alpha:]]a",
        r"[[:^upper:]b]", r"[[:digit:][:alnum:]]+", r"[]-a]+", r"[^]b]", r"[&-*]b",
        r"a|ab|", r"(a|ab)(b|bb)", r"",
    ],
)  # fmt: skip
def test_the_same_texts_match_in_both_dialects(pattern: str) -> None:
    constraint = GrammarConstraint("pattern", pattern, BYTES)
    assert unsupported_construct(pattern) is None
    for text in TEXTS:
        assert constraint.may_end(text.encode()) == bool(regex.fullmatch(pattern, text)), text


@pytest.mark.parametrize(
    "pattern", [r"[a-z]+\.", r"\++", r"[+*]+", r"a\*+", r"a{2,}", r"\p{Lu}{2}", r"(?i)[^\]x]", r"[\d\s-]"]
)
def test_what_needs_no_change_stays(pattern: str) -> None:
    assert in_llguidance_syntax(pattern) == pattern


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        (r"a*+a", "possessive"), (r"a{2}+", "possessive"), (r"(?=a)b", "lookahead"), (r"x(?!a)b", "lookahead"),
        (r"(?<=a)b", "lookbehind"), (r"(?<!a)b", "lookbehind"), (r"(?>a|ab)c", "atomic"), (r"(?r)ab", "reverse"),
        (r"(?ri)ab", "reverse"), (r"(?:foo){e<=1}", "fuzzy"), (r"a(?R)?b", "recursion"), (r"(a)(?1)", "recursion"),
        (r"a\Kb", "sign"), (r"\bword\b", "word boundary"), (r"(a)\1", "back-reference"), (r"(?P<n>a)(?P=n)", "back-"),
        (r"(?P<n>a)\g<n>", "back-reference"), (r"(?m)^a$", "token by token"), (r"\X", "token by token"),
        (r"(?|a|b)", "branch reset"), (r"(?x) a b # c", "verbose flag"), (r"[[:punct:]]", "the class"),
        (r"[--a]", "range from the sign -"), (r"[^--a]", "range from"), (r"(?a)(?u)b", "not a regular expression"),
        (r"a{100000000}", "100,000,000 characters"), (r"((a{1000}){1000}){1000}", "characters"),
        (r"\N{BULLET}", "token by token"),
    ],
)  # fmt: skip
def test_what_cannot_be_followed_is_refused_by_name(pattern: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        SamplingConfig(pattern=pattern)


@pytest.mark.parametrize(
    ("pattern", "size"),
    [
        ("", 0),
        ("abc", 3),
        ("a{5}b", 6),
        ("(ab{3}){2,10}c", 41),
        ("a*b+", 2),
        ("[a-z]{3}(?:x|yz){4}", 19),
        (r"\d{2,}", 2),
    ],
)
def test_the_size_of_spelled_out_repeats(pattern: str, size: int) -> None:
    assert repeated_size(pattern) == size


@pytest.mark.parametrize(
    ("form", "pattern", "expected"),
    [
        ("NFKC", "Wait\u2026", r"Wait\.\.\."),
        ("NFKC", "ok\u2474+", r"ok(?:\(1\))+"),
        ("NFD", "[\u00e9]x", "[\u00e9]x"),
        ("NFD", "caf\u00e9{2}", "caf(?:e\u0301){2}"),
        ("NFC", "cafe\u0301+", "caf\u00e9+"),
        ("NFC", r"[a-z]+\.", r"[a-z]+\."),
        ("NFKC", "[\uff41]b", "[a]b"),
    ],
)
def test_only_literals_are_transformed(form: str, pattern: str, expected: str) -> None:
    assert normalized_pattern(pattern, lambda text: unicodedata.normalize(form, text)) == expected
