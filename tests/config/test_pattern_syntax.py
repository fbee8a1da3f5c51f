import itertools

import pytest
import regex

from seqloom.config import SamplingConfig
from seqloom.config.pattern_syntax import in_llguidance_syntax, unsupported_construct
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
        r"[*--]+", r"[[:alpha:]]+", r"[[:upper:][:digit:]]", r"[^[:lower:]]", r"[\]a-]*", r"\u0061", r"(?x) a b # a",
        r"[^\W\d]+", r"(?s:.)a", r"\x5b|\[", r"[[:^alpha:]]a", r"a|ab|", r"(a|ab)(b|bb)", r"",
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
        (r"(?|a|b)", "branch reset"), (r"\N{BULLET}", "token by token"),
    ],
)  # fmt: skip
def test_what_cannot_be_followed_is_refused_by_name(pattern: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        SamplingConfig(pattern=pattern)
