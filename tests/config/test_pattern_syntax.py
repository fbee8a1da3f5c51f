import itertools

import pytest
import regex

from seqloom.config import SamplingConfig
from seqloom.config.pattern_syntax import unsupported_construct, with_greedy_repeats
from seqloom.errors import ConfigError

LAZY = [
    r"a*?b", r"a??b", r"a{1,2}?b", r"(?:ab)*?", r"(?P<n>a+?)b", r"(?<n>a+?)b", r"[ab*?]+?", r"\*?a", r"\*??a", r"a\\*?",
    r"(?i)A+?b", r"(?i:A*?)b", r"\x61+?", r"\p{Ll}+?", r"\p{Ll}{2}?", r"a}?", r"[]a]+?", r"[^]a]+?b*", r"(a)\1*?",
]  # fmt: skip


@pytest.mark.parametrize("pattern", LAZY)
def test_greedy_repeats_stand_for_the_same_texts(pattern: str) -> None:
    greedy = with_greedy_repeats(pattern)
    texts = ["".join(letters) for length in range(5) for letters in itertools.product("ab*\\}]A", repeat=length)]
    for text in texts:
        assert bool(regex.fullmatch(pattern, text)) == bool(regex.fullmatch(greedy, text)), text


@pytest.mark.parametrize(
    "pattern", [r"[a-z]+\.", r"\++", r"[+*]+", r"a\*+", r"(?P=n)", r"\bword\b", r"a{2,}", r"x{,3}"]
)
def test_what_needs_no_change_stays(pattern: str) -> None:
    assert with_greedy_repeats(pattern) == pattern
    assert unsupported_construct(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        (r"a*+a", "possessive"), (r"a{2}+", "possessive"), (r"(?=a)b", "lookahead"), (r"x(?!a)b", "lookahead"),
        (r"(?<=a)b", "lookbehind"), (r"(?<!a)b", "lookbehind"), (r"(?>a|ab)c", "atomic"), (r"(?r)ab", "reverse"),
        (r"(?ri)ab", "reverse"), (r"(?:foo){e<=1}", "fuzzy"), (r"a(?R)?b", "recursion"), (r"(a)(?1)", "recursion"),
        (r"a\Kb", "sign"),
    ],
)  # fmt: skip
def test_what_cannot_be_followed_is_refused_by_name(pattern: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        SamplingConfig(pattern=pattern)
