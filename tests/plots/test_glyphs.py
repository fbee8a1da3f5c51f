import pytest

from seqloom.plots.glyphs import drawable, token_label


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


def test_drawable_keeps_what_can_be_drawn():
    assert drawable("a 日\nb") == "a □⏎b"


def test_drawable_keeps_the_end_of_a_long_prompt():
    assert drawable("abcdef", longest=4) == "…def"
