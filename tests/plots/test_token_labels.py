import pytest

from seqloom.plots.token_labels import displayable, token_label


@pytest.mark.parametrize(
    ("token", "label"),
    [
        ("e", "e"),
        (" the", "␣the"),
        ("\n", "⏎"),
        ("\t", "⇥"),
        ("日", "U+65E5"),
        ("日本", "U+65E5…"),
        ("\u0301", "U+0301"),
        ("\x00", "U+0000"),
        ("\ufffd", "\ufffd"),
        ("я", "я"),
        ("ا", "ا"),
        ("", "(end)"),
        ("unbelievable", "unbelieva…"),
    ],
)
def test_token_label(token, label):
    assert token_label(token) == label


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("a  b ", "a  b "),
        ("a 日\nb", "a U+65E5 ⏎b"),
        ("日本", "U+65E5 U+672C"),
        ("日 本, 本", "U+65E5 U+672C , U+672C"),
        ("", ""),
    ],
)
def test_drawable_keeps_what_can_be_drawn(text, drawn):
    assert displayable(text) == drawn


def test_drawable_keeps_the_end_of_a_long_prompt():
    assert displayable("abcd", max_length=4) == "abcd"
    assert displayable("abcdef", max_length=4) == "…def"
    assert displayable("日本日本", max_length=20) == "… U+65E5 U+672C"
